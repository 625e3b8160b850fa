//! The embedded store: one SQLite file in WAL mode, `synchronous = FULL`, one connection that
//! writes and a few that read.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use super::{LedgerStore, Session, StoreError};

mod accounts;
mod entries;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Transactions that read at a time; more wait.
pub const READERS_MAX: u32 = 4;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The SQLite store. Clones share the connections.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// A transaction of [`SqliteStore`].
#[derive(Debug)]
pub struct SqliteSession {
    transaction: Transaction<'static, Sqlite>,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or its schema is newer than this program.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        create_private(file).map_err(|error| StoreError::Database(error.to_string()))?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        MIGRATIONS
            .run(&writer)
            .await
            .map_err(|error| StoreError::Database(error.to_string()))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self { writer, readers })
    }

    /// Closes the connections and waits until the file is at rest.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl LedgerStore for SqliteStore {
    type Session = SqliteSession;

    async fn write(&self) -> Result<SqliteSession, StoreError> {
        let transaction = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        Ok(SqliteSession { transaction })
    }

    async fn read(&self) -> Result<SqliteSession, StoreError> {
        let transaction = self.readers.begin().await.map_err(failed)?;
        Ok(SqliteSession { transaction })
    }
}

impl Session for SqliteSession {
    async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(failed)
    }
}

/// Makes the file for its owner alone if it is not there; SQLite gives its other files the same
/// permissions. The openings in it are personal.
fn create_private(file: &Path) -> std::io::Result<()> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
        .map(drop)
}

fn failed(error: sqlx::Error) -> StoreError {
    StoreError::Database(error.to_string())
}

/// Converts for a column; the ledger's numbers stay far below the limit.
fn to_i64(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Database("a number is too large".to_owned()))
}

fn to_u64(value: i64, table: &'static str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Damaged(table))
}

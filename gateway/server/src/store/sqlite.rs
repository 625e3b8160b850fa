//! The embedded store: one SQLite file in WAL mode, `synchronous = FULL`, one connection that
//! writes and a few that read.

use std::path::Path;
use std::time::Duration;

use boop_wire::Digest;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::StoreError;

mod contexts;
mod directory;
mod streams;
mod users;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

const READERS_MAX: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The SQLite store. Clones share the connections.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or its schema is newer than this program.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
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
            .connect_with(options.create_if_missing(false).read_only(true))
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

fn failed(error: sqlx::Error) -> StoreError {
    StoreError::Database(error.to_string())
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Converts a time for a column; times stay far below the limit.
fn to_i64(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Database("a number is too large".to_owned()))
}

fn digest(bytes: Vec<u8>, table: &'static str) -> Result<Digest, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Damaged(table))?;
    Ok(Digest::new(bytes))
}

fn name<T: std::str::FromStr>(text: &str, table: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged(table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::suite;

    #[tokio::test]
    async fn the_sqlite_store_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.db");
        let store = SqliteStore::open(&file).await.unwrap();

        suite::run(&store).await;
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.db");
        let before = SqliteStore::open(&file).await.unwrap();
        let kept = suite::keep(&before).await;
        before.close().await;

        let after = SqliteStore::open(&file).await.unwrap();

        suite::check_kept(&after, &kept).await;
    }
}

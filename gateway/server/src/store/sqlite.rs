//! The embedded store: one SQLite file in WAL mode, `synchronous = FULL`, one connection that
//! writes and a few that read.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::StoreError;
use super::columns::{digest, failed, is_unique_violation, name, to_i64};

#[path = "sql/attributes.rs"]
mod attributes;
#[path = "sql/contexts.rs"]
mod contexts;
#[path = "sql/directory.rs"]
mod directory;
#[path = "sql/jobs.rs"]
mod jobs;
#[path = "sql/presence.rs"]
mod presence;
#[path = "sql/replays.rs"]
mod replays;
#[path = "sql/revocations.rs"]
mod revocations;
#[path = "sql/streams.rs"]
mod streams;
#[path = "sql/tokens.rs"]
mod tokens;
#[path = "sql/users.rs"]
mod users;

/// Whose SQL the modules above are compiled for.
type Db = sqlx::Sqlite;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

const READERS_MAX: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The store over SQLite. Clones share the connections.
#[derive(Debug, Clone)]
pub struct SqlStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqlStore {
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

#[cfg(test)]
impl SqlStore {
    /// Returns the columns of every table.
    pub(super) async fn columns(&self) -> Vec<(String, String)> {
        let rows = sqlx::query_as(
            "SELECT tables.name, columns.name FROM sqlite_master AS tables, \
             pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'",
        );
        rows.fetch_all(&self.readers).await.unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::suite;

    #[tokio::test]
    async fn the_sqlite_store_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.db");
        let store = SqlStore::open(&file).await.unwrap();

        suite::run(&store).await;
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.db");
        let before = SqlStore::open(&file).await.unwrap();
        let kept = suite::keep(&before).await;
        before.close().await;

        let after = SqlStore::open(&file).await.unwrap();

        suite::check_kept(&after, &kept).await;
    }
}

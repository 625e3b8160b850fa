//! The shared store: one PostgreSQL database for several gateways.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgPool, PgPoolOptions};

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
type Db = sqlx::Postgres;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

const CONNECTIONS_MAX: u32 = 16;
const ACQUIRE_TIME_MAX: Duration = Duration::from_secs(5);

/// The store over PostgreSQL. Clones share the connections.
#[derive(Debug, Clone)]
pub struct SqlStore {
    writer: PgPool,
    /// The same connections: a transaction that waits for a row holds up no other.
    readers: PgPool,
}

impl SqlStore {
    /// Connects to a database and brings its schema up to date. Several gateways may do that at a
    /// time: the migrations take a lock.
    ///
    /// # Errors
    /// When it cannot be reached, or its schema is newer than this program.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIME_MAX)
            .connect(url)
            .await
            .map_err(failed)?;
        MIGRATIONS
            .run(&pool)
            .await
            .map_err(|error| StoreError::Database(error.to_string()))?;
        Ok(Self {
            writer: pool.clone(),
            readers: pool,
        })
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use boop_servers::Postgres;

    use super::*;
    use crate::store::suite;

    #[tokio::test]
    async fn the_postgresql_store_keeps_the_contract() {
        let Some(server) = Postgres::start() else {
            return;
        };
        let store = SqlStore::connect(&server.database("contract"))
            .await
            .unwrap();

        suite::run(&store).await;
    }

    #[tokio::test]
    async fn what_one_gateway_writes_another_reads() {
        let Some(server) = Postgres::start() else {
            return;
        };
        let url = server.database("shared");
        let (one, other) = tokio::join!(SqlStore::connect(&url), SqlStore::connect(&url));
        let kept = suite::keep(&one.unwrap()).await;

        suite::check_kept(&other.unwrap(), &kept).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn writers_at_a_time_leave_no_hole_in_a_stream_and_change_a_thing_once() {
        let Some(server) = Postgres::start() else {
            return;
        };
        let url = server.database("writers");
        let one = SqlStore::connect(&url).await.unwrap();
        let other = SqlStore::connect(&url).await.unwrap();

        suite::race(&one, &other).await;
    }

    #[tokio::test]
    async fn both_databases_have_the_same_tables() {
        let Some(server) = Postgres::start() else {
            return;
        };
        let shared = SqlStore::connect(&server.database("tables")).await.unwrap();
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = 'public'",
        )
        .fetch_all(&shared.readers)
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.db");
        let embedded = super::super::sqlite::SqlStore::open(&file).await.unwrap();

        assert_eq!(suite::tables(rows), suite::tables(embedded.columns().await));
    }
}

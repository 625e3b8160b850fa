//! Events that are kept, through the gateway's store and as bare inserts of the same row into a
//! file with the same settings.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow};
use boop_bridge::StreamName;
use boop_server::store::{AnyStore, Post, StreamStore as _};
use futures_util::future::try_join_all;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::runtime::Runtime;

use crate::rounds::{Comparison, Effort, median, wall};
use crate::table::{Goal, Row};

/// Writers at a time.
const WRITERS: usize = 16;
const TEXT: &str = r#"{"type":"auth_result","context_id":"order-1","result":{"success":true}}"#;

/// Returns how many windows are measured, and how long each.
pub(crate) const fn windows(effort: Effort) -> Effort {
    Effort {
        rounds: effort.rounds / 20 + 1,
        batch: Duration::from_millis(500),
    }
}

/// Measures both in turn.
pub(crate) fn rows(folder: &Path, effort: Effort, runtime: &Runtime) -> Result<Vec<Row>> {
    runtime.block_on(async {
        let file = folder.join("events.sqlite");
        let store = AnyStore::open(&file.to_string_lossy()).await?;
        let bare = bare(&folder.join("bare.sqlite")).await?;
        let effort = windows(effort);
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for _ in 0..effort.rounds {
            own.push(posted(&store, effort.batch).await?);
            other.push(inserted(&bare, effort.batch).await?);
        }
        store.close().await;
        bare.close().await;
        let ratios = own.iter().zip(&other).map(|(own, other)| own / other);
        let ratio = median(ratios.collect());
        Ok(vec![Row {
            id: "durable-events".into(),
            unit: "/s",
            against: format!("bare inserts of the row, {WRITERS} writers"),
            comparison: Comparison {
                measured_us: median(own),
                reference_us: median(other),
                ratio,
            },
            goal: Goal::None,
        }])
    })
}

async fn bare(file: &Path) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options).await?;
    let table = "CREATE TABLE outbox (number INTEGER PRIMARY KEY, stream TEXT NOT NULL, \
                 text TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT";
    sqlx::query(table).execute(&pool).await?;
    Ok(pool)
}

/// Events of as many vendors as there are writers, in a second.
async fn posted(store: &AnyStore, time: Duration) -> Result<f64> {
    let until = wall() + time;
    rate(time, |writer| async move {
        let vendor = format!("ven_{writer}").parse();
        let stream = StreamName::Vendor(vendor.map_err(|_| anyhow!("a vendor's id"))?);
        let mut count = 0;
        while wall() < until {
            let post = Post {
                stream: stream.clone(),
                text: TEXT.into(),
                at_ms: 1,
            };
            store.post(&[post]).await?;
            count += 1;
        }
        Ok(count)
    })
    .await
}

async fn inserted(pool: &SqlitePool, time: Duration) -> Result<f64> {
    let until = wall() + time;
    rate(time, |writer| async move {
        let stream = format!("vendor/ven_{writer}");
        let mut count = 0;
        while wall() < until {
            sqlx::query("INSERT INTO outbox (stream, text, at_ms) VALUES ($1, $2, $3)")
                .bind(&stream)
                .bind(TEXT)
                .bind(1_i64)
                .execute(pool)
                .await?;
            count += 1;
        }
        Ok(count)
    })
    .await
}

async fn rate<F: Future<Output = Result<u32>>>(
    time: Duration,
    write: impl Fn(usize) -> F,
) -> Result<f64> {
    let counts = try_join_all((0..WRITERS).map(write)).await?;
    Ok(f64::from(counts.iter().sum::<u32>()) / time.as_secs_f64())
}

//! The messages of streams in SQLite: written with the change that they tell of, read by offset.

use boop_bridge::{Epoch, Log, Message, Page, StreamName};
use sqlx::{Sqlite, Transaction};

use super::{SqliteStore, failed, to_i64};
use crate::store::{Post, StoreError, StreamState, StreamStore};

const STREAMS: &str = "streams";
const EPOCH: &str = "epoch";
/// Messages that a stream keeps; older ones go first.
const MESSAGES_MAX: i64 = 10_000;
/// Messages that are read at a time.
const PAGE_MESSAGES_MAX: i64 = 64;

impl StreamStore for SqliteStore {
    async fn post(&self, posts: &[Post]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        insert_posts(&mut transaction, posts).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn stream(&self, name: &StreamName) -> Result<StreamState, StoreError> {
        let (epoch,): (i64,) = sqlx::query_as("SELECT value FROM epoch")
            .fetch_one(&self.readers)
            .await
            .map_err(failed)?;
        let row: Option<(i64, i64)> =
            sqlx::query_as("SELECT head, acknowledged FROM streams WHERE name = ?")
                .bind(name.key())
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        let (head, acknowledged) = row.unwrap_or_default();
        Ok(StreamState {
            epoch: Epoch(unsigned(epoch, EPOCH)?),
            head: unsigned(head, STREAMS)?,
            acknowledged: unsigned(acknowledged, STREAMS)?,
        })
    }

    async fn acknowledge(&self, news: &[(StreamName, u64)]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        for (name, offset) in news {
            sqlx::query(
                "UPDATE streams SET acknowledged = min(head, ?2) \
                 WHERE name = ?1 AND acknowledged < min(head, ?2)",
            )
            .bind(name.key())
            .bind(to_i64(*offset)?)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn forget_messages(&self, before_ms: u64) -> Result<u64, StoreError> {
        let gone = sqlx::query("DELETE FROM messages WHERE at_ms < ?")
            .bind(to_i64(before_ms)?)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(gone.rows_affected())
    }

    async fn begin_epoch(&self) -> Result<(), StoreError> {
        sqlx::query("UPDATE epoch SET value = abs(random() / 2)")
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

impl Log for SqliteStore {
    type Error = StoreError;

    async fn read(
        &self,
        stream: &StreamName,
        after: u64,
        bytes_max: usize,
    ) -> Result<Page, StoreError> {
        let key = stream.key();
        let mut messages = self.messages(&key, after).await?;
        if messages.is_empty() {
            let row: Option<(i64,)> = sqlx::query_as("SELECT head FROM streams WHERE name = ?")
                .bind(&key)
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
            let head = unsigned(row.unwrap_or_default().0, STREAMS)?;
            if head <= after {
                return Ok(Page {
                    first: after + 1,
                    messages,
                });
            }
            // Something may have come between the two questions; else all of it is forgotten.
            messages = self.messages(&key, after).await?;
            if messages.is_empty() {
                return Ok(Page {
                    first: head + 1,
                    messages,
                });
            }
        }
        let first = messages.first().map_or(after + 1, |message| message.offset);
        let mut bytes = 0;
        let fitting = messages.iter().take_while(|message| {
            bytes += message.text.len();
            bytes <= bytes_max
        });
        let count = fitting.count().max(1);
        messages.truncate(count);
        Ok(Page { first, messages })
    }
}

impl SqliteStore {
    async fn messages(&self, key: &str, after: u64) -> Result<Vec<Message>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT offset, text FROM messages WHERE stream = ? AND offset > ? \
             ORDER BY offset LIMIT ?",
        )
        .bind(key)
        .bind(to_i64(after)?)
        .bind(PAGE_MESSAGES_MAX)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|(offset, text)| {
                let offset = unsigned(offset, STREAMS)?;
                Ok(Message { offset, text })
            })
            .collect()
    }
}

/// Gives each message its offset, within the transaction of what it tells of.
pub(super) async fn insert_posts(
    transaction: &mut Transaction<'_, Sqlite>,
    posts: &[Post],
) -> Result<(), StoreError> {
    for post in posts {
        let key = post.stream.key();
        let (head,): (i64,) = sqlx::query_as(
            "INSERT INTO streams (name, head, acknowledged) VALUES (?, 1, 0) \
             ON CONFLICT (name) DO UPDATE SET head = head + 1 RETURNING head",
        )
        .bind(&key)
        .fetch_one(&mut **transaction)
        .await
        .map_err(failed)?;
        sqlx::query("INSERT INTO messages (stream, offset, text, at_ms) VALUES (?, ?, ?, ?)")
            .bind(&key)
            .bind(head)
            .bind(&post.text)
            .bind(to_i64(post.at_ms)?)
            .execute(&mut **transaction)
            .await
            .map_err(failed)?;
        sqlx::query("DELETE FROM messages WHERE stream = ? AND offset <= ?")
            .bind(&key)
            .bind(head - MESSAGES_MAX)
            .execute(&mut **transaction)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

fn unsigned(value: i64, table: &'static str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Damaged(table))
}

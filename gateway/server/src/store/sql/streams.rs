//! The messages of streams: written with the change that they tell of, read by offset.

use boop_bridge::{Epoch, Log, Message, Page, StreamName};
use sqlx::Transaction;

use super::{Db, SqlStore, failed, name, to_i64};
use crate::store::{Post, StoreError, StreamState, StreamStore};
use crate::text::random;

const STREAMS: &str = "streams";
const EPOCH: &str = "epoch";
/// Messages that a stream keeps; older ones go first.
const MESSAGES_MAX: i64 = 10_000;
/// Messages that are read at a time.
const PAGE_MESSAGES_MAX: i64 = 64;

impl StreamStore for SqlStore {
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
            sqlx::query_as("SELECT head, acknowledged FROM streams WHERE name = $1")
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
        let mut news: Vec<_> = news.iter().collect();
        // Rows are always taken in one order, so that no two gateways wait for each other.
        news.sort();
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        for (name, offset) in news {
            sqlx::query(
                "UPDATE streams SET acknowledged = CASE WHEN head < $2 THEN head ELSE $2 END \
                 WHERE name = $1 AND acknowledged < head AND acknowledged < $2",
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
        let gone = sqlx::query("DELETE FROM messages WHERE at_ms < $1")
            .bind(to_i64(before_ms)?)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(gone.rows_affected())
    }

    async fn streams_since(&self, since_ms: u64) -> Result<Vec<StreamName>, StoreError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT DISTINCT stream FROM messages WHERE at_ms >= $1")
                .bind(to_i64(since_ms)?)
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        rows.iter().map(|(key,)| name(key, STREAMS)).collect()
    }

    async fn begin_epoch(&self) -> Result<(), StoreError> {
        let epoch = u64::from_be_bytes(random().map_err(|_| no_random())?) >> 1;
        sqlx::query("UPDATE epoch SET value = $1")
            .bind(to_i64(epoch)?)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

fn no_random() -> StoreError {
    StoreError::Database("the system gives no random numbers".into())
}

impl Log for SqlStore {
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
            let row: Option<(i64,)> = sqlx::query_as("SELECT head FROM streams WHERE name = $1")
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

impl SqlStore {
    async fn messages(&self, key: &str, after: u64) -> Result<Vec<Message>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT position, text FROM messages WHERE stream = $1 AND position > $2 \
             ORDER BY position LIMIT $3",
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
    transaction: &mut Transaction<'_, Db>,
    posts: &[Post],
) -> Result<(), StoreError> {
    let mut posts: Vec<_> = posts.iter().map(|post| (post.stream.key(), post)).collect();
    // Rows are always taken in one order, so that no two gateways wait for each other.
    posts.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (key, post) in posts {
        let (head,): (i64,) = sqlx::query_as(
            "INSERT INTO streams (name, head, acknowledged) VALUES ($1, 1, 0) \
             ON CONFLICT (name) DO UPDATE SET head = streams.head + 1 RETURNING head",
        )
        .bind(&key)
        .fetch_one(&mut **transaction)
        .await
        .map_err(failed)?;
        sqlx::query("INSERT INTO messages (stream, position, text, at_ms) VALUES ($1, $2, $3, $4)")
            .bind(&key)
            .bind(head)
            .bind(&post.text)
            .bind(to_i64(post.at_ms)?)
            .execute(&mut **transaction)
            .await
            .map_err(failed)?;
        sqlx::query("DELETE FROM messages WHERE stream = $1 AND position <= $2")
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

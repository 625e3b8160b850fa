//! Requests that are answered once.

use boop_wire::Digest;

use super::{SqlStore, digest, failed, to_i64};
use crate::store::{Begun, ReplayStore, StoreError};

const REPLAYS: &str = "replays";

impl ReplayStore for SqlStore {
    async fn begin_request(
        &self,
        name: &Digest,
        content: &Digest,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<Begun, StoreError> {
        let begun = sqlx::query(
            "INSERT INTO replays (name, content, until_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET content = $2, answer = NULL, until_ms = $3 \
             WHERE replays.until_ms < $4",
        )
        .bind(&name.as_bytes()[..])
        .bind(&content.as_bytes()[..])
        .bind(to_i64(until_ms)?)
        .bind(to_i64(now_ms)?)
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        if begun.rows_affected() > 0 {
            return Ok(Begun::Now);
        }
        let row: Option<(Vec<u8>, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT content, answer FROM replays WHERE name = $1")
                .bind(&name.as_bytes()[..])
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        Ok(match row {
            Some((content, answer)) => Begun::Before {
                content: digest(content, REPLAYS)?,
                answer,
            },
            // Abandoned in between: as if it were still worked on.
            None => Begun::Before {
                content: *content,
                answer: None,
            },
        })
    }

    async fn end_request(
        &self,
        name: &Digest,
        answer: &[u8],
        until_ms: u64,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE replays SET answer = $1, until_ms = $2 WHERE name = $3")
            .bind(answer)
            .bind(to_i64(until_ms)?)
            .bind(&name.as_bytes()[..])
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn abandon_request(&self, name: &Digest) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM replays WHERE name = $1 AND answer IS NULL")
            .bind(&name.as_bytes()[..])
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn forget_requests(&self, before_ms: u64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM replays WHERE until_ms < $1")
            .bind(to_i64(before_ms)?)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

//! Which gateway holds a scanner's socket.

use boop_bridge::StreamName;

use super::{SqlStore, failed, to_i64};
use crate::store::{Holder, PresenceStore, StoreError};

impl PresenceStore for SqlStore {
    async fn take_stream(
        &self,
        stream: &StreamName,
        holder: Holder,
        until_ms: u64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO presence (stream, holder, until_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (stream) DO UPDATE SET holder = $2, until_ms = $3",
        )
        .bind(stream.key())
        .bind(&holder.0[..])
        .bind(to_i64(until_ms)?)
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn keep_stream(
        &self,
        stream: &StreamName,
        holder: Holder,
        until_ms: u64,
    ) -> Result<bool, StoreError> {
        let kept =
            sqlx::query("UPDATE presence SET until_ms = $3 WHERE stream = $1 AND holder = $2")
                .bind(stream.key())
                .bind(&holder.0[..])
                .bind(to_i64(until_ms)?)
                .execute(&self.writer)
                .await
                .map_err(failed)?;
        Ok(kept.rows_affected() > 0)
    }

    async fn leave_stream(&self, stream: &StreamName, holder: Holder) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM presence WHERE stream = $1 AND holder = $2")
            .bind(stream.key())
            .bind(&holder.0[..])
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn is_held(&self, stream: &StreamName, now_ms: u64) -> Result<bool, StoreError> {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT until_ms FROM presence WHERE stream = $1 AND until_ms > $2")
                .bind(stream.key())
                .bind(to_i64(now_ms)?)
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        Ok(row.is_some())
    }
}

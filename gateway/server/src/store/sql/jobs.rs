//! Enrolments that scanners ask for over REST.

use boop_wire::{RequestId, UserId};
use uuid::Uuid;

use super::contexts::{Row as ContextRow, context, stored};
use super::{SqlStore, digest, failed, name, to_i64};
use crate::store::{Job, JobStore, StoreError, StoredContext};

const JOBS: &str = "jobs";

/// Id, scanner, request, asked, user_id, expires_at_ms, failure.
type Row = (
    Vec<u8>,
    String,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    i64,
    Option<String>,
);

impl JobStore for SqlStore {
    async fn add_job(&self, job: &Job) -> Result<Job, StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let added = sqlx::query(
            "INSERT INTO jobs (id, scanner, request, asked, user_id, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(&job.id.as_bytes()[..])
        .bind(job.scanner.as_str())
        .bind(&job.request.as_bytes()[..])
        .bind(&job.asked.as_bytes()[..])
        .bind(&job.user.as_bytes()[..])
        .bind(to_i64(job.expires_at_ms)?)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if added.rows_affected() > 0 {
            sqlx::query(
                "INSERT INTO users (id, enrolled) VALUES ($1, FALSE) ON CONFLICT DO NOTHING",
            )
            .bind(&job.user.as_bytes()[..])
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)?;
        let kept = self.job_of_request(job.request).await?;
        kept.ok_or(StoreError::Damaged(JOBS))
    }

    async fn job(&self, id: Uuid) -> Result<Option<Job>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, scanner, request, asked, user_id, expires_at_ms, failure FROM jobs \
             WHERE id = $1",
        )
        .bind(&id.as_bytes()[..])
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(job).transpose()
    }

    async fn job_of_request(&self, request: RequestId) -> Result<Option<Job>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, scanner, request, asked, user_id, expires_at_ms, failure FROM jobs \
             WHERE request = $1",
        )
        .bind(&request.as_bytes()[..])
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(job).transpose()
    }

    async fn note_failure(&self, id: Uuid, failure: Option<&str>) -> Result<(), StoreError> {
        sqlx::query("UPDATE jobs SET failure = $1 WHERE id = $2")
            .bind(failure)
            .bind(&id.as_bytes()[..])
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn context_of_job(&self, id: Uuid) -> Result<Option<StoredContext>, StoreError> {
        let row: Option<ContextRow> = sqlx::query_as(concat!(
            "SELECT ",
            context!(),
            " FROM contexts WHERE job = $1"
        ))
        .bind(&id.as_bytes()[..])
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(stored).transpose()
    }

    async fn forget_jobs(&self, before_ms: u64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM jobs WHERE expires_at_ms < $1")
            .bind(to_i64(before_ms)?)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

fn job(
    (id, scanner, request, asked, user, expires_at_ms, failure): Row,
) -> Result<Job, StoreError> {
    let damaged = || StoreError::Damaged(JOBS);
    Ok(Job {
        id: Uuid::from_slice(&id).map_err(|_| damaged())?,
        scanner: name(&scanner, JOBS)?,
        request: RequestId::new(request.try_into().map_err(|_| damaged())?),
        asked: digest(asked, JOBS)?,
        user: UserId::new(user.try_into().map_err(|_| damaged())?),
        expires_at_ms: u64::try_from(expires_at_ms).map_err(|_| damaged())?,
        failure,
    })
}

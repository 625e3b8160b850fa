//! Contexts and the answers of requests.

use boop_wire::RequestId;
use boop_wire::api::AuthResult;
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::id::{ContextId, TransactionId, VendorId};
use boop_wire::job::AuthContext;
use sqlx::Transaction;
use uuid::Uuid;

use super::streams::insert_posts;
use super::{Db, SqlStore, digest, failed, is_unique_violation, name, to_i64};
use crate::store::{Answer, Closing, ContextStore, Opened, Post, StoreError, StoredContext};
use crate::submission::Agreed;

const CONTEXTS: &str = "contexts";
const REQUESTS: &str = "requests";

/// The columns of a [`Row`].
macro_rules! context {
    () => {
        "body, scanner, asked, transaction_id, job, agreed, result"
    };
}
pub(super) use context;

pub(super) type Row = (
    Vec<u8>,
    String,
    Vec<u8>,
    Vec<u8>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Option<String>,
);

impl ContextStore for SqlStore {
    async fn open_context(
        &self,
        context: &StoredContext,
        posts: &[Post],
    ) -> Result<Opened, StoreError> {
        let body = &context.body;
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let inserted = sqlx::query(
            "INSERT INTO contexts (vendor, context, terminal, scanner, asked, body, \
             expires_at_ms, transaction_id, job) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(body.vendor.as_str())
        .bind(body.context.as_str())
        .bind(body.terminal.as_str())
        .bind(context.scanner.as_str())
        .bind(&context.asked.as_bytes()[..])
        .bind(to_canonical(body))
        .bind(to_i64(body.expires_at_ms)?)
        .bind(&context.transaction.as_bytes()[..])
        .bind(context.job.as_ref().map(|job| &job.as_bytes()[..]))
        .execute(&mut *transaction)
        .await;
        match inserted {
            Ok(_) => {
                insert_posts(&mut transaction, posts).await?;
                transaction.commit().await.map_err(failed)?;
                Ok(Opened::Yes)
            }
            Err(error) if is_unique_violation(&error) => {
                drop(transaction);
                let same = self.context(&body.vendor, &body.context).await?;
                Ok(match same {
                    Some(_) => Opened::Exists,
                    None => Opened::TerminalBusy,
                })
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn context(
        &self,
        vendor: &VendorId,
        context: &ContextId,
    ) -> Result<Option<StoredContext>, StoreError> {
        let row: Option<Row> = sqlx::query_as(concat!(
            "SELECT ",
            context!(),
            " FROM contexts WHERE vendor = $1 AND context = $2"
        ))
        .bind(vendor.as_str())
        .bind(context.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(stored).transpose()
    }

    async fn context_of_transaction(
        &self,
        transaction: &TransactionId,
    ) -> Result<Option<StoredContext>, StoreError> {
        let row: Option<Row> = sqlx::query_as(concat!(
            "SELECT ",
            context!(),
            " FROM contexts WHERE transaction_id = $1 LIMIT 1"
        ))
        .bind(&transaction.as_bytes()[..])
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(stored).transpose()
    }

    async fn overdue_contexts(
        &self,
        before_ms: u64,
        max: u32,
    ) -> Result<Vec<StoredContext>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!(
            "SELECT ",
            context!(),
            " FROM contexts WHERE result IS NULL AND expires_at_ms < $1 \
                 ORDER BY expires_at_ms LIMIT $2"
        ))
        .bind(to_i64(before_ms)?)
        .bind(i64::from(max))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.into_iter().map(stored).collect()
    }

    async fn agree_context(
        &self,
        body: &AuthContext,
        agreed: &Agreed,
    ) -> Result<Option<Agreed>, StoreError> {
        sqlx::query(
            "UPDATE contexts SET agreed = $1 \
             WHERE vendor = $2 AND context = $3 AND agreed IS NULL AND result IS NULL",
        )
        .bind(to_canonical(agreed))
        .bind(body.vendor.as_str())
        .bind(body.context.as_str())
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        let kept = self.context(&body.vendor, &body.context).await?;
        Ok(kept.and_then(|kept| kept.agreed))
    }

    async fn close_context(
        &self,
        body: &AuthContext,
        closing: Closing,
        result: &AuthResult,
        answer: Option<&Answer>,
        posts: &[Post],
    ) -> Result<bool, StoreError> {
        let text = serde_json::to_string(result).map_err(|_| StoreError::Damaged(CONTEXTS))?;
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let closed = sqlx::query(
            "UPDATE contexts SET result = $1 \
             WHERE vendor = $2 AND context = $3 AND result IS NULL AND (agreed IS NULL OR $4)",
        )
        .bind(text)
        .bind(body.vendor.as_str())
        .bind(body.context.as_str())
        .bind(closing == Closing::Settled)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if closed.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(answer) = answer {
            insert_answer(&mut transaction, answer).await?;
        }
        insert_posts(&mut transaction, posts).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn answer(&self, request: RequestId) -> Result<Option<Answer>, StoreError> {
        let row: Option<(Vec<u8>, String)> =
            sqlx::query_as("SELECT subject, answer FROM requests WHERE id = $1")
                .bind(&request.as_bytes()[..])
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        row.map(|(subject, text)| {
            Ok(Answer {
                request,
                subject: digest(subject, REQUESTS)?,
                text,
            })
        })
        .transpose()
    }

    async fn put_answer(&self, answer: &Answer, posts: &[Post]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        insert_answer(&mut transaction, answer).await?;
        insert_posts(&mut transaction, posts).await?;
        transaction.commit().await.map_err(failed)
    }
}

pub(super) async fn insert_answer(
    transaction: &mut Transaction<'_, Db>,
    answer: &Answer,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO requests (id, subject, answer) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(&answer.request.as_bytes()[..])
    .bind(&answer.subject.as_bytes()[..])
    .bind(&answer.text)
    .execute(&mut **transaction)
    .await
    .map_err(failed)?;
    Ok(())
}

pub(super) fn stored(row: Row) -> Result<StoredContext, StoreError> {
    let (body, scanner, asked, transaction, job, agreed, result) = row;
    let damaged = || StoreError::Damaged(CONTEXTS);
    let agreed = agreed.map(|bytes| from_canonical::<Agreed>(&bytes));
    let result = result.map(|text| serde_json::from_str::<AuthResult>(&text));
    let job = job.map(|bytes| Uuid::from_slice(&bytes)).transpose();
    Ok(StoredContext {
        body: from_canonical(&body).map_err(|_| damaged())?,
        scanner: name(&scanner, CONTEXTS)?,
        asked: digest(asked, CONTEXTS)?,
        transaction: TransactionId::new(*digest(transaction, CONTEXTS)?.as_bytes()),
        job: job.map_err(|_| damaged())?,
        agreed: agreed.transpose().map_err(|_| damaged())?,
        result: result.transpose().map_err(|_| damaged())?,
    })
}

//! Users and their sessions.

use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::{Digest, UserId};

use super::contexts::insert_answer;
use super::streams::insert_posts;
use super::{SqlStore, failed, to_i64};
use crate::store::{Answer, Post, Session, StoreError, User, UserStore};
use crate::submission::Agreed;

const USERS: &str = "users";
const SESSIONS: &str = "sessions";

impl UserStore for SqlStore {
    async fn add_user(&self, session: &Session) -> Result<(), StoreError> {
        let expires_at_ms = to_i64(session.expires_at_ms)?;
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        sqlx::query("INSERT INTO users (id, enrolled) VALUES ($1, FALSE)")
            .bind(&session.user.as_bytes()[..])
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(
            "INSERT INTO sessions (token_sha256, user_id, expires_at_ms, used) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(&session.token.as_bytes()[..])
        .bind(&session.user.as_bytes()[..])
        .bind(expires_at_ms)
        .bind(session.used)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let row: Option<(bool, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT enrolled, agreed FROM users WHERE id = $1")
                .bind(&id.as_bytes()[..])
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        let Some((enrolled, agreed)) = row else {
            return Ok(None);
        };
        let agreed = agreed
            .map(|bytes| from_canonical::<Agreed>(&bytes))
            .transpose();
        Ok(Some(User {
            id,
            enrolled,
            agreed: agreed.map_err(|_| StoreError::Damaged(USERS))?,
        }))
    }

    async fn session(&self, token: &Digest) -> Result<Option<Session>, StoreError> {
        let row: Option<(Vec<u8>, i64, bool)> = sqlx::query_as(
            "SELECT user_id, expires_at_ms, used FROM sessions WHERE token_sha256 = $1",
        )
        .bind(&token.as_bytes()[..])
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        let damaged = || StoreError::Damaged(SESSIONS);
        row.map(|(user, expires_at_ms, used)| {
            Ok(Session {
                token: *token,
                user: UserId::new(user.try_into().map_err(|_| damaged())?),
                expires_at_ms: u64::try_from(expires_at_ms).map_err(|_| damaged())?,
                used,
            })
        })
        .transpose()
    }

    async fn agree_user(&self, id: UserId, agreed: &Agreed) -> Result<Option<Agreed>, StoreError> {
        sqlx::query("UPDATE users SET agreed = $1 WHERE id = $2 AND agreed IS NULL")
            .bind(to_canonical(agreed))
            .bind(&id.as_bytes()[..])
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(self.user(id).await?.and_then(|user| user.agreed))
    }

    async fn enrol_user(
        &self,
        id: UserId,
        answer: &Answer,
        posts: &[Post],
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let enrolled = "UPDATE users SET enrolled = TRUE WHERE id = $1 AND NOT enrolled";
        let enrolled = sqlx::query(enrolled)
            .bind(&id.as_bytes()[..])
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        if enrolled.rows_affected() == 0 {
            return Ok(());
        }
        sqlx::query("UPDATE sessions SET used = TRUE WHERE user_id = $1")
            .bind(&id.as_bytes()[..])
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        insert_answer(&mut transaction, answer).await?;
        insert_posts(&mut transaction, posts).await?;
        transaction.commit().await.map_err(failed)
    }
}

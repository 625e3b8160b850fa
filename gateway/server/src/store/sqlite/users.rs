//! Users and their sessions in SQLite.

use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::{Digest, UserId};

use super::contexts::insert_answer;
use super::streams::insert_posts;
use super::{SqliteStore, failed, to_i64};
use crate::store::{Answer, Post, Session, StoreError, User, UserStore};
use crate::submission::Agreed;

const USERS: &str = "users";
const SESSIONS: &str = "sessions";

impl UserStore for SqliteStore {
    async fn add_user(&self, session: &Session) -> Result<(), StoreError> {
        let expires_at_ms = to_i64(session.expires_at_ms)?;
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        sqlx::query("INSERT INTO users (id, enrolled) VALUES (?, 0)")
            .bind(&session.user.as_bytes()[..])
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(
            "INSERT INTO sessions (token_sha256, user, expires_at_ms, used) VALUES (?, ?, ?, ?)",
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
            sqlx::query_as("SELECT enrolled, agreed FROM users WHERE id = ?")
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
        let row: Option<(Vec<u8>, i64, bool)> =
            sqlx::query_as("SELECT user, expires_at_ms, used FROM sessions WHERE token_sha256 = ?")
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

    async fn agree_user(&self, id: UserId, agreed: &Agreed) -> Result<(), StoreError> {
        sqlx::query("UPDATE users SET agreed = ? WHERE id = ? AND agreed IS NULL")
            .bind(to_canonical(agreed))
            .bind(&id.as_bytes()[..])
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn enrol_user(
        &self,
        id: UserId,
        answer: &Answer,
        posts: &[Post],
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        for change in [
            "UPDATE users SET enrolled = 1 WHERE id = ?",
            "UPDATE sessions SET used = 1 WHERE user = ?",
        ] {
            sqlx::query(change)
                .bind(&id.as_bytes()[..])
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        insert_answer(&mut transaction, answer).await?;
        insert_posts(&mut transaction, posts).await?;
        transaction.commit().await.map_err(failed)
    }
}

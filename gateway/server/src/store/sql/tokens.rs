//! Keys of clients, access tokens, and what may be used once.

use boop_wire::Digest;
use boop_wire::id::VendorId;

use super::{SqlStore, digest, failed, name, to_i64};
use crate::oauth::{AccessToken, Bound, Scopes};
use crate::store::{StoreError, TokenStore};

const TOKENS: &str = "access_tokens";
const SECRETS: &str = "secrets";

/// Vendor, scopes, by_key, bound_to, expires_at_ms.
type Row = (String, String, bool, Vec<u8>, i64);

impl TokenStore for SqlStore {
    async fn put_client_keys(&self, vendor: &VendorId, keys: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO client_keys (vendor, keys) VALUES ($1, $2) \
             ON CONFLICT (vendor) DO UPDATE SET keys = $2",
        )
        .bind(vendor.as_str())
        .bind(keys)
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn client_keys(&self, vendor: &VendorId) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT keys FROM client_keys WHERE vendor = $1")
                .bind(vendor.as_str())
                .fetch_optional(&self.readers)
                .await
                .map_err(failed)?;
        Ok(row.map(|(keys,)| keys))
    }

    async fn add_token(&self, token: &AccessToken) -> Result<(), StoreError> {
        let (by_key, bound_to) = match token.bound {
            Bound::Key(key) => (true, key),
            Bound::Certificate(certificate) => (false, certificate),
        };
        sqlx::query(
            "INSERT INTO access_tokens \
             (token_sha256, vendor, scopes, by_key, bound_to, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&token.token.as_bytes()[..])
        .bind(token.vendor.as_str())
        .bind(token.scopes.to_string())
        .bind(by_key)
        .bind(&bound_to.as_bytes()[..])
        .bind(to_i64(token.expires_at_ms)?)
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn token(&self, token: &Digest) -> Result<Option<AccessToken>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT vendor, scopes, by_key, bound_to, expires_at_ms FROM access_tokens \
             WHERE token_sha256 = $1",
        )
        .bind(&token.as_bytes()[..])
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        let damaged = || StoreError::Damaged(TOKENS);
        row.map(|(vendor, scopes, by_key, bound_to, expires_at_ms)| {
            let bound_to = digest(bound_to, TOKENS)?;
            Ok(AccessToken {
                token: *token,
                vendor: name(&vendor, TOKENS)?,
                scopes: Scopes::read(&scopes).map_err(|_| damaged())?,
                bound: match by_key {
                    true => Bound::Key(bound_to),
                    false => Bound::Certificate(bound_to),
                },
                expires_at_ms: u64::try_from(expires_at_ms).map_err(|_| damaged())?,
            })
        })
        .transpose()
    }

    async fn use_once(&self, used: &Digest, until_ms: u64) -> Result<bool, StoreError> {
        let first =
            sqlx::query("INSERT INTO used (name, until_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(&used.as_bytes()[..])
                .bind(to_i64(until_ms)?)
                .execute(&self.writer)
                .await
                .map_err(failed)?;
        Ok(first.rows_affected() > 0)
    }

    async fn secret(&self, secret: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        sqlx::query("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(secret)
            .bind(&fresh[..])
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        let (value,): (Vec<u8>,) = sqlx::query_as("SELECT value FROM secrets WHERE name = $1")
            .bind(secret)
            .fetch_one(&self.readers)
            .await
            .map_err(failed)?;
        value.try_into().map_err(|_| StoreError::Damaged(SECRETS))
    }

    async fn forget_tokens(&self, before_ms: u64) -> Result<(), StoreError> {
        for old in [
            "DELETE FROM access_tokens WHERE expires_at_ms < $1",
            "DELETE FROM used WHERE until_ms < $1",
        ] {
            sqlx::query(old)
                .bind(to_i64(before_ms)?)
                .execute(&self.writer)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }
}

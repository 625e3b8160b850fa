//! What was taken away.

use boop_wire::Digest;
use boop_wire::id::{ScannerId, VendorId};
use sqlx::Transaction;

use super::{Db, SqlStore, failed, name, to_i64};
use crate::store::{RevocationStore, Revoked, StoreError};

const REVOCATIONS: &str = "revocations";

impl RevocationStore for SqlStore {
    async fn remove_vendor(&self, vendor: &VendorId, at_ms: u64) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let removed = "UPDATE vendors SET removed = TRUE WHERE id = $1 AND NOT removed";
        if !change(&mut transaction, removed, vendor.as_str()).await? {
            return Ok(false);
        }
        for also in [
            "UPDATE scanners SET removed = TRUE, terminal = id WHERE vendor = $1",
            "DELETE FROM client_keys WHERE vendor = $1",
            "DELETE FROM access_tokens WHERE vendor = $1",
        ] {
            change(&mut transaction, also, vendor.as_str()).await?;
        }
        note(&mut transaction, "vendor", vendor.as_str(), at_ms).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn remove_scanner(&self, scanner: &ScannerId, at_ms: u64) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        // Its own id is no other scanner's terminal.
        let removed =
            "UPDATE scanners SET removed = TRUE, terminal = id WHERE id = $1 AND NOT removed";
        if !change(&mut transaction, removed, scanner.as_str()).await? {
            return Ok(false);
        }
        note(&mut transaction, "scanner", scanner.as_str(), at_ms).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn replace_key(
        &self,
        vendor: &VendorId,
        key: &Digest,
        at_ms: u64,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let replaced = "UPDATE vendors SET key_sha256 = $1 WHERE id = $2 AND NOT removed";
        let replaced = sqlx::query(replaced)
            .bind(&key.as_bytes()[..])
            .bind(vendor.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        if replaced.rows_affected() == 0 {
            return Ok(false);
        }
        note(&mut transaction, "key", vendor.as_str(), at_ms).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn revoke_tokens(&self, vendor: &VendorId, at_ms: u64) -> Result<u64, StoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let gone = sqlx::query("DELETE FROM access_tokens WHERE vendor = $1")
            .bind(vendor.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        note(&mut transaction, "tokens", vendor.as_str(), at_ms).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(gone.rows_affected())
    }

    async fn revocations_since(&self, since_ms: u64) -> Result<Vec<(i64, Revoked)>, StoreError> {
        let rows: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT number, kind, name FROM revocations WHERE at_ms >= $1")
                .bind(to_i64(since_ms)?)
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        rows.into_iter()
            .map(|(number, kind, of)| Ok((number, revoked(&kind, &of)?)))
            .collect()
    }

    async fn forget_revocations(&self, before_ms: u64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM revocations WHERE at_ms < $1")
            .bind(to_i64(before_ms)?)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

async fn change(
    transaction: &mut Transaction<'_, Db>,
    change: &'static str,
    name: &str,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(change).bind(name).execute(&mut **transaction);
    Ok(changed.await.map_err(failed)?.rows_affected() > 0)
}

async fn note(
    transaction: &mut Transaction<'_, Db>,
    kind: &str,
    name: &str,
    at_ms: u64,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO revocations (kind, name, at_ms) VALUES ($1, $2, $3)")
        .bind(kind)
        .bind(name)
        .bind(to_i64(at_ms)?)
        .execute(&mut **transaction)
        .await
        .map_err(failed)?;
    Ok(())
}

fn revoked(kind: &str, of: &str) -> Result<Revoked, StoreError> {
    Ok(match kind {
        "vendor" => Revoked::Vendor(name(of, REVOCATIONS)?),
        "key" => Revoked::Key(name(of, REVOCATIONS)?),
        "tokens" => Revoked::Tokens(name(of, REVOCATIONS)?),
        "scanner" => Revoked::Scanner(name(of, REVOCATIONS)?),
        _ => return Err(StoreError::Damaged(REVOCATIONS)),
    })
}

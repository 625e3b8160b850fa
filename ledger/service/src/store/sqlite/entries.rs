//! The log's rows in SQLite.

use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::id::Digest;

use super::{SqliteSession, failed, to_i64, to_u64};
use crate::store::{EntryStore, StoreError, StoredEntry};

const TABLE: &str = "entries";

/// A row: index, leaf, opening.
pub(super) type EntryRow = (i64, Vec<u8>, Vec<u8>);

impl EntryStore for SqliteSession {
    async fn append(&mut self, entry: &StoredEntry) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO entries (entry_index, leaf, opening) VALUES (?, ?, ?)")
            .bind(to_i64(entry.index)?)
            .bind(entry.entry.leaf())
            .bind(to_canonical(&entry.opening))
            .execute(&mut *self.transaction)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn entry(&mut self, index: u64) -> Result<Option<StoredEntry>, StoreError> {
        let Ok(index) = i64::try_from(index) else {
            return Ok(None);
        };
        let row: Option<EntryRow> =
            sqlx::query_as("SELECT entry_index, leaf, opening FROM entries WHERE entry_index = ?")
                .bind(index)
                .fetch_optional(&mut *self.transaction)
                .await
                .map_err(failed)?;
        row.map(stored_entry).transpose()
    }

    async fn leaves(&mut self, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT entry_index, leaf FROM entries WHERE entry_index >= ? \
             ORDER BY entry_index LIMIT ?",
        )
        .bind(to_i64(from)?)
        .bind(limit)
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(failed)?;
        let mut leaves = Vec::with_capacity(rows.len());
        for (expected, (index, leaf)) in (from..).zip(rows) {
            if to_u64(index, TABLE)? != expected {
                return Err(StoreError::Damaged(TABLE));
            }
            leaves.push(leaf);
        }
        Ok(leaves)
    }

    async fn put_event(&mut self, id: &Digest, index: u64) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO events (id, entry_index) VALUES (?, ?)")
            .bind(&id.as_bytes()[..])
            .bind(to_i64(index)?)
            .execute(&mut *self.transaction)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn event(&mut self, id: &Digest) -> Result<Option<StoredEntry>, StoreError> {
        let row: Option<EntryRow> = sqlx::query_as(
            "SELECT entry_index, leaf, opening FROM events JOIN entries USING (entry_index) \
             WHERE id = ?",
        )
        .bind(&id.as_bytes()[..])
        .fetch_optional(&mut *self.transaction)
        .await
        .map_err(failed)?;
        row.map(stored_entry).transpose()
    }

    async fn put_checkpoint(&mut self, note: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO checkpoint (only, note) VALUES (1, ?) \
             ON CONFLICT (only) DO UPDATE SET note = excluded.note",
        )
        .bind(note)
        .execute(&mut *self.transaction)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn checkpoint(&mut self) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT note FROM checkpoint")
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(failed)
    }
}

/// Reads a row and checks that the opening is the one the leaf commits to.
pub(super) fn stored_entry((index, leaf, opening): EntryRow) -> Result<StoredEntry, StoreError> {
    let damaged = || StoreError::Damaged(TABLE);
    let entry: boop_wire::ledger::Entry = from_canonical(&leaf).map_err(|_| damaged())?;
    let opening: boop_wire::ledger::Opening = from_canonical(&opening).map_err(|_| damaged())?;
    if opening.commitment() != entry.commitment {
        return Err(damaged());
    }
    Ok(StoredEntry {
        index: to_u64(index, TABLE)?,
        entry,
        opening,
    })
}

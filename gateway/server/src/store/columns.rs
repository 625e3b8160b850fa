//! Values as columns hold them, the same in both databases.

use boop_wire::Digest;

use super::StoreError;

pub(super) fn failed(error: sqlx::Error) -> StoreError {
    StoreError::Database(error.to_string())
}

pub(super) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Converts a time for a column; times stay far below the limit.
pub(super) fn to_i64(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Database("a number is too large".to_owned()))
}

pub(super) fn digest(bytes: Vec<u8>, table: &'static str) -> Result<Digest, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Damaged(table))?;
    Ok(Digest::new(bytes))
}

pub(super) fn name<T: std::str::FromStr>(text: &str, table: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged(table))
}

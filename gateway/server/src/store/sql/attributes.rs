//! The registry of attributes.

use super::{SqlStore, failed};
use crate::store::{AttributeDef, AttributeStore, ContextFormat, DataFormat, Removed, StoreError};

const ATTRIBUTES: &str = "attributes";

/// Name, data_format, context_format, attestation_required.
type Row = (String, Option<String>, Option<String>, bool);

impl AttributeStore for SqlStore {
    async fn add_attribute(&self, attribute: &AttributeDef) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "INSERT INTO attributes \
             (name, data_format, context_format, attestation_required, fixed) \
             VALUES ($1, $2, $3, $4, FALSE) ON CONFLICT DO NOTHING",
        )
        .bind(&attribute.name)
        .bind(attribute.data_format.map(DataFormat::name))
        .bind(attribute.context_format.map(ContextFormat::name))
        .bind(attribute.attestation_required)
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(added.rows_affected() > 0)
    }

    async fn attribute(&self, name: &str) -> Result<Option<AttributeDef>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT name, data_format, context_format, attestation_required FROM attributes \
             WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(attribute).transpose()
    }

    async fn attributes(&self, after: &str, max: u32) -> Result<Vec<AttributeDef>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, data_format, context_format, attestation_required FROM attributes \
             WHERE name > $1 ORDER BY name LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(max))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.into_iter().map(attribute).collect()
    }

    async fn remove_attribute(&self, name: &str) -> Result<Removed, StoreError> {
        let removed = sqlx::query("DELETE FROM attributes WHERE name = $1 AND NOT fixed")
            .bind(name)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(if removed.rows_affected() > 0 {
            Removed::Yes
        } else if self.attribute(name).await?.is_some() {
            Removed::Fixed
        } else {
            Removed::Unknown
        })
    }
}

fn attribute((name, data, context, attestation): Row) -> Result<AttributeDef, StoreError> {
    let damaged = StoreError::Damaged(ATTRIBUTES);
    let data_format = match data {
        Some(text) => Some(DataFormat::of(&text).ok_or(damaged.clone())?),
        None => None,
    };
    let context_format = match context {
        Some(text) => Some(ContextFormat::of(&text).ok_or(damaged)?),
        None => None,
    };
    Ok(AttributeDef {
        name,
        data_format,
        context_format,
        attestation_required: attestation,
    })
}

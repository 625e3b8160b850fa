//! The registry of attributes.

use std::future::Future;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::StoreError;

/// What there is to know about people, under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AttributeDef {
    /// Lower case with hyphens.
    #[schema(pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length = 64)]
    pub name: String,
    /// What a value is; anything if left out.
    #[serde(default)]
    pub data_format: Option<DataFormat>,
    /// How an object is written.
    #[serde(default)]
    pub context_format: Option<ContextFormat>,
    /// Whether a third party must vouch for a value.
    pub attestation_required: bool,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataFormat {
    /// Text.
    String,
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer,
    /// Several values under names.
    Object,
}

impl DataFormat {
    /// Returns its published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Object => "object",
        }
    }

    /// Finds a format by its published name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::String, Self::Boolean, Self::Integer, Self::Object]
            .into_iter()
            .find(|format| format.name() == name)
    }
}

/// How an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContextFormat {
    /// RFC 8259.
    Json,
}

impl ContextFormat {
    /// Returns its published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
        }
    }

    /// Finds a format by its published name.
    pub fn of(name: &str) -> Option<Self> {
        (name == Self::Json.name()).then_some(Self::Json)
    }
}

/// What became of taking an attribute out of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Yes,
    /// There was none.
    Unknown,
    /// The network asks for it itself.
    Fixed,
}

/// The registry.
pub trait AttributeStore: Send + Sync {
    /// Adds an attribute; false if the name is taken.
    fn add_attribute(
        &self,
        attribute: &AttributeDef,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Finds an attribute.
    fn attribute(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<AttributeDef>, StoreError>> + Send;

    /// Lists so many attributes by name, those after the one that is named.
    fn attributes(
        &self,
        after: &str,
        max: u32,
    ) -> impl Future<Output = Result<Vec<AttributeDef>, StoreError>> + Send;

    /// Takes an attribute out, unless it is fixed.
    fn remove_attribute(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Removed, StoreError>> + Send;
}

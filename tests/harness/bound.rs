//! What a case of the vectors wants evidence to be bound to.

use anyhow::{Context as _, Result, anyhow, ensure};
use boop_verifier::{Expected, Rule};
use serde_json::Value;

/// Reads what the caller of a case expects to be bound: the field `expect` of its `expected.json`.
///
/// # Errors
/// If it is no object of known fields with hexadecimal digits.
pub fn expected_of(stated: &Value) -> Result<Expected> {
    let mut expected = Expected::nothing();
    let Some(fields) = stated.as_object() else {
        ensure!(stated.is_null(), "expect is no object");
        return Ok(expected);
    };
    for (field, value) in fields {
        let text = value.as_str().context("expect holds hex")?;
        let bytes = hex::decode(text).map_err(|error| anyhow!("{field}: {error}"))?;
        match field.as_str() {
            "report_data" => expected.report_data = Rule::Exactly(bytes),
            "nonce" => expected.nonce = Rule::Exactly(bytes),
            other => return Err(anyhow!("expect has an unknown field {other}")),
        }
    }
    Ok(expected)
}

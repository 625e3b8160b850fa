//! Disclosures (RFC 9901 §4.2): salt, name and value of a claim, or salt and value of an element.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use boop_jose::json;

use super::{ELEMENT, SD};

/// A disclosure as it came, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disclosure {
    /// In base64url; the digest is over this text.
    pub(super) text: String,
    /// The name of a claim; nothing for an element of an array.
    pub(super) name: Option<String>,
    pub(super) value: Value,
}

/// Why a text is no disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DisclosureError {
    /// It is not base64url of JSON.
    #[error("a disclosure is not base64url of JSON")]
    Encoding,
    /// It is not an array of salt, name and value, or of salt and value.
    #[error("a disclosure is not of two or three elements that begin with a salt (RFC 9901 §4.2)")]
    Shape,
    /// It names a claim as digests are named (§7.1 step 3c).
    #[error("a disclosure names its claim `_sd` or `...` (RFC 9901 §7.1)")]
    Name,
}

impl Disclosure {
    pub(super) fn parse(text: &str) -> Result<Self, DisclosureError> {
        let bytes = URL_SAFE_NO_PAD.decode(text);
        let bytes = bytes.map_err(|_| DisclosureError::Encoding)?;
        let value = json::read(&bytes).ok_or(DisclosureError::Encoding)?;
        let Value::Array(parts) = value else {
            return Err(DisclosureError::Shape);
        };
        let (name, value) = match <[Value; 3]>::try_from(parts) {
            Ok([Value::String(_), Value::String(name), value]) => (Some(name), value),
            Ok(_) => return Err(DisclosureError::Shape),
            Err(parts) => match <[Value; 2]>::try_from(parts) {
                Ok([Value::String(_), value]) => (None, value),
                _ => return Err(DisclosureError::Shape),
            },
        };
        if name
            .as_deref()
            .is_some_and(|name| name == SD || name == ELEMENT)
        {
            return Err(DisclosureError::Name);
        }
        Ok(Self {
            text: text.to_owned(),
            name,
            value,
        })
    }

    /// Makes one with a fresh salt of 128 bits.
    pub(super) fn make(salt: [u8; 16], name: Option<&str>, value: Value) -> Self {
        let salt = URL_SAFE_NO_PAD.encode(salt);
        let parts = match name {
            Some(name) => json!([salt, name, value]),
            None => json!([salt, value]),
        };
        Self {
            text: URL_SAFE_NO_PAD.encode(parts.to_string()),
            name: name.map(str::to_owned),
            value,
        }
    }

    /// Returns what stands for it in the claims.
    pub(super) fn digest(&self) -> String {
        digest(&self.text)
    }
}

/// Returns SHA-256 of a text in base64url.
pub(super) fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

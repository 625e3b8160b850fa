//! The JSON of requests and answers, as AWS documents it for KMS (API version 2014-11-01).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{KmsKey, Refused, invalid};

/// What comes over HTTP: always `POST /`.
#[derive(Debug, Clone)]
pub struct KmsRequest<'a> {
    /// Names, in lower case, and values.
    pub headers: BTreeMap<String, String>,
    /// JSON.
    pub body: &'a [u8],
}

/// What goes back over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsAnswer {
    /// 200, 400 or 500.
    pub status: u16,
    /// JSON.
    pub body: String,
}

impl KmsAnswer {
    pub(super) fn good(answer: &Value) -> Self {
        Self {
            status: 200,
            body: answer.to_string(),
        }
    }

    pub(super) fn error(kind: &str, message: &str) -> Self {
        Self {
            status: if kind == "KMSInternalException" {
                500
            } else {
                400
            },
            body: json!({ "__type": kind, "message": message }).to_string(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Describe,
    GenerateDataKey,
    Decrypt,
    ReEncrypt,
    ScheduleDeletion,
}

/// Bytes in base64.
#[derive(Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

/// The members of all operations; those that an operation does not have are empty.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Asked {
    pub(super) key_id: String,
    pub(super) ciphertext_blob: Bytes,
    pub(super) encryption_context: BTreeMap<String, String>,
    pub(super) recipient: Option<Recipient>,
    pub(super) source_key_id: String,
    pub(super) source_encryption_context: BTreeMap<String, String>,
    pub(super) destination_key_id: String,
    pub(super) destination_encryption_context: BTreeMap<String, String>,
    pub(super) pending_window_in_days: u8,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Recipient {
    pub(super) attestation_document: Bytes,
    pub(super) key_encryption_algorithm: String,
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text);
        bytes.map(Self).map_err(serde::de::Error::custom)
    }
}

pub(super) fn read(request: &KmsRequest<'_>) -> Result<(Operation, Asked), Refused> {
    let target = request.headers.get("x-amz-target");
    let operation = match target.and_then(|target| target.strip_prefix("TrentService.")) {
        Some("DescribeKey") => Operation::Describe,
        Some("GenerateDataKeyWithoutPlaintext") => Operation::GenerateDataKey,
        Some("Decrypt") => Operation::Decrypt,
        Some("ReEncrypt") => Operation::ReEncrypt,
        Some("ScheduleKeyDeletion") => Operation::ScheduleDeletion,
        _ => return Err(("UnknownOperationException", String::new())),
    };
    let asked = serde_json::from_slice(request.body);
    Ok((
        operation,
        asked.map_err(|error| invalid(&error.to_string()))?,
    ))
}

pub(super) fn described(key: &KmsKey) -> Value {
    json!({ "KeyMetadata": {
        "Arn": key.arn,
        "KeyState": key.state,
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "Origin": key.origin,
        "MultiRegion": key.multi_region,
    }})
}

pub(super) fn blob(name: &str, bytes: &[u8]) -> Value {
    json!({ name: STANDARD.encode(bytes) })
}

//! The three published dialects of a vendor's socket: each is read into the messages of the first
//! and written from them, so that everything behind this file knows one form.
//!
//! | | D1 | D2 | D3 |
//! |---|---|---|---|
//! | path | `/ws/vendor` | `/ws/vendor` | `/vendor/connect` |
//! | login | `authenticate` | `vendor_hello` | headers `X-Vendor-Id`, `X-API-Key` |
//! | opens | `create_context` | `create_context` | `create_auth_context` |
//! | ends | `auth_result` with `result` | `authentication_success`, … | flat `auth_result` |
//!
//! The first message decides between D1 and D2; the answer is in the dialect of the login.

use boop_wire::Refusal;
use boop_wire::api::{AuthResult, FromVendor, Resume, StreamStart, ToVendor};
use boop_wire::id::{ContextId, VendorId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::json::read;
use crate::problem::{Failure, entry};

/// How a vendor's socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Of the API reference.
    D1,
    /// Of the WebSocket guide.
    D2,
    /// Of the authentication guide.
    D3,
}

/// Who says it is there.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Login {
    pub(crate) vendor_id: VendorId,
    pub(crate) api_key: String,
    #[serde(default)]
    pub(crate) resume: Option<Resume>,
}

/// A message that was turned down, and the context that it named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) failure: Failure,
    pub(crate) context: Option<ContextId>,
}

impl Dialect {
    /// Reads the first message, which is a login and says which dialect follows.
    pub(crate) fn login(value: Value) -> Result<(Self, Login), Failure> {
        let dialect = match value.get("type").and_then(Value::as_str) {
            Some("authenticate") => Self::D1,
            Some("vendor_hello") => Self::D2,
            // A message of the socket, before its time, or none.
            _ => {
                let _: FromVendor = read(value)?;
                let detail = "the first message is authenticate or vendor_hello";
                return Err(Failure::new(Refusal::Unexpected, detail));
            }
        };
        Ok((dialect, read(value)?))
    }

    /// Reads a message that follows the login.
    pub(crate) fn read(self, value: Value) -> Result<FromVendor, Unread> {
        let context = value.get("context_id").and_then(Value::as_str);
        let context = context.and_then(|context| context.parse().ok());
        let message = match self {
            Self::D1 => read(value),
            Self::D2 => read(value).and_then(Second::message),
            Self::D3 => read(value).and_then(Third::message),
        };
        message.map_err(|failure| Unread { failure, context })
    }

    /// Writes what says that the login is good; the third dialect has no such message.
    pub(crate) fn welcome(self, stream: StreamStart) -> Option<Value> {
        match self {
            Self::D1 => serde_json::to_value(ToVendor::Authenticated { stream }).ok(),
            Self::D2 => Some(json!({
                "type": "vendor_hello_response",
                "success": true,
                "stream": stream,
            })),
            Self::D3 => None,
        }
    }

    /// Writes a refused login, where the dialect has words of its own for it.
    pub(crate) fn unwelcome(self, failure: &Failure) -> Option<Value> {
        (self == Self::D2).then(|| {
            json!({
                "type": "vendor_hello_response",
                "success": false,
                "error": entry(failure.refusal).socket,
            })
        })
    }

    /// Writes that a context is open.
    pub(crate) fn created(self, context: &ContextId, reference: &str) -> Value {
        let mut message = json!({ "type": "context_created", "context_id": context });
        if self == Self::D2 {
            put(&mut message, "qr_code", reference);
        }
        message
    }

    /// Writes a message of the stream.
    pub(crate) fn write(self, message: &ToVendor) -> Value {
        match (self, message) {
            (Self::D2, ToVendor::AuthResult { context_id, result }) => second(context_id, result),
            (Self::D3, ToVendor::AuthResult { context_id, result }) => third(context_id, result),
            _ => serde_json::to_value(message).unwrap_or_default(),
        }
    }
}

fn second(context: &ContextId, result: &AuthResult) -> Value {
    if result.success {
        let mut message = json!({
            "type": "authentication_success",
            "context_id": context,
            "user_id": result.user_id,
            "attributes": result.attributes,
        });
        with_proof(&mut message, result);
        return message;
    }
    if result.code.as_deref() == Some(Refusal::ContextExpired.code()) {
        return json!({ "type": "context_expired", "context_id": context });
    }
    let mut message = json!({
        "type": "authentication_failed",
        "context_id": context,
        "reason": error_of(result).code,
    });
    with_reason(&mut message, result);
    message
}

fn third(context: &ContextId, result: &AuthResult) -> Value {
    let mut message = json!({
        "type": "auth_result",
        "context_id": context,
        "success": result.success,
    });
    if result.success {
        put(&mut message, "user_id", json!(result.user_id));
        put(&mut message, "attributes", json!(result.attributes));
        with_proof(&mut message, result);
    } else {
        let FailedWith { code, text } = error_of(result);
        let mut error = json!({ "code": code, "message": text });
        with_reason(&mut error, result);
        put(&mut message, "error", error);
    }
    message
}

/// Adds what only we have: the payment's id and the receipt that proves the result.
fn with_proof(message: &mut Value, result: &AuthResult) {
    let ours = [
        ("transaction_id", &result.transaction_id),
        ("receipt", &result.receipt),
    ];
    for (name, value) in ours {
        if let Some(value) = value {
            put(message, name, value.as_str());
        }
    }
}

/// Adds our own code beside the published one, and what was missing.
fn with_reason(message: &mut Value, result: &AuthResult) {
    if let Some(code) = &result.code {
        put(message, "refusal", code.as_str());
    }
    if !result.missing.is_empty() {
        put(message, "missing", json!(result.missing));
    }
    put(message, "retry_allowed", result.retry_allowed);
}

fn put(message: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = message.as_object_mut() {
        members.insert(name.into(), value.into());
    }
}

struct FailedWith {
    code: &'static str,
    text: &'static str,
}

fn error_of(result: &AuthResult) -> FailedWith {
    let code = result.code.as_deref().unwrap_or_default();
    let known = Refusal::ALL.iter().find(|refusal| refusal.code() == code);
    let entry = entry(known.copied().unwrap_or(Refusal::Internal));
    FailedWith {
        code: entry.socket,
        text: entry.title,
    }
}

/// What a vendor of the second dialect sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Second {
    VendorHello {},
    CreateContext {
        context_id: ContextId,
        context_type: String,
        #[serde(default)]
        attributes: Vec<String>,
        #[serde(default)]
        metadata: Map<String, Value>,
    },
    CancelContext {
        context_id: ContextId,
    },
    Acknowledge {
        offset: u64,
    },
    Ping,
}

/// The members of `metadata` that mean something; the rest is the vendor's own.
const METADATA: [&str; 11] = [
    "terminal_id",
    "amount",
    "currency",
    "merchant_name",
    "attributes_optional",
    "venue_id",
    "event_id",
    "entrance_type",
    "require_age_verification",
    "minimum_age",
    "timeout",
];

impl Second {
    fn message(self) -> Result<FromVendor, Failure> {
        Ok(match self {
            // Where a message may not come is decided in one place, for all dialects.
            Self::VendorHello {} => return Err(Refusal::Unexpected.into()),
            Self::Ping => FromVendor::Ping,
            Self::CancelContext { context_id } => FromVendor::CancelContext { context_id },
            Self::Acknowledge { offset } => FromVendor::Acknowledge { offset },
            Self::CreateContext {
                context_id,
                context_type,
                attributes,
                mut metadata,
            } => {
                let (kind, age) = match context_type.as_str() {
                    "access" => ("entrance".into(), None),
                    "age_verification" => ("entrance".into(), Some(true)),
                    _ => (context_type, None),
                };
                metadata.retain(|name, _| METADATA.contains(&name.as_str()));
                let timeout = metadata.remove("timeout");
                let mut members = Map::from_iter([
                    ("type".to_owned(), Value::from(kind)),
                    ("attributes_required".to_owned(), json!(attributes)),
                ]);
                if let Some(age) = age {
                    members.insert("require_age_verification".into(), age.into());
                }
                members.extend(metadata);
                FromVendor::CreateContext {
                    context_id,
                    requirements: read(Value::Object(members))?,
                    timeout: timeout.map(read).transpose()?,
                }
            }
        })
    }
}

/// What a vendor of the third dialect sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Third {
    CreateAuthContext {
        context_id: ContextId,
        auth_type: String,
        requirements: Map<String, Value>,
        #[serde(default)]
        timeout: Option<u64>,
    },
    CancelContext {
        context_id: ContextId,
    },
    Acknowledge {
        offset: u64,
    },
    Ping,
}

impl Third {
    fn message(self) -> Result<FromVendor, Failure> {
        Ok(match self {
            Self::Ping => FromVendor::Ping,
            Self::CancelContext { context_id } => FromVendor::CancelContext { context_id },
            Self::Acknowledge { offset } => FromVendor::Acknowledge { offset },
            Self::CreateAuthContext {
                context_id,
                auth_type,
                mut requirements,
                timeout,
            } => {
                let inner = requirements.insert("type".into(), auth_type.as_str().into());
                if inner.is_some_and(|inner| inner != auth_type.as_str()) {
                    return Err(Failure::new(Refusal::Invalid, "type"));
                }
                FromVendor::CreateContext {
                    context_id,
                    requirements: read(Value::Object(requirements))?,
                    timeout,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;

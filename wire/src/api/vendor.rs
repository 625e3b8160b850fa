//! The vendor's socket in its first published dialect, which is also the form that streams keep.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{ErrorMessage, Resume, StreamStart};
use crate::id::{ContextId, TerminalId, VendorId};
use crate::refusal::Refusal;

/// What a vendor asks of a customer, inside `create_context`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// "payment", "entrance" or "membership".
    #[serde(rename = "type")]
    pub kind: String,
    /// Which terminal's scanner shall read the palm. A vendor with one terminal may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_id: Option<TerminalId>,
    /// Payment: amount in the smallest unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// Payment: ISO 4217 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Shown to the customer; the vendor's name if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_name: Option<String>,
    /// Attributes that must be released.
    #[serde(default)]
    pub attributes_required: Vec<String>,
    /// Attributes that would be welcome.
    #[serde(default)]
    pub attributes_optional: Vec<String>,
    /// Entrance: the vendor's own name of the place; part of what was asked, not interpreted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_id: Option<String>,
    /// Entrance: the vendor's own name of the event; part of what was asked, not interpreted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Entrance: the vendor's own kind of entry; part of what was asked, not interpreted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrance_type: Option<String>,
    /// Entrance: whether a verified age is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_age_verification: Option<bool>,
    /// Entrance: the age in years that the customer must have reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u8>,
}

impl Requirements {
    /// Returns requirements of a kind, with nothing else asked.
    pub fn of(kind: &str) -> Self {
        Self {
            kind: kind.into(),
            terminal_id: None,
            amount: None,
            currency: None,
            merchant_name: None,
            attributes_required: Vec::new(),
            attributes_optional: Vec::new(),
            venue_id: None,
            event_id: None,
            entrance_type: None,
            require_age_verification: None,
            minimum_age: None,
        }
    }

    /// Returns a payment at a terminal.
    pub fn payment(terminal: TerminalId, amount: u64, currency: &str) -> Self {
        Self {
            terminal_id: Some(terminal),
            amount: Some(amount),
            currency: Some(currency.into()),
            ..Self::of("payment")
        }
    }

    /// Returns the attributes without which the vendor refuses, each once and by its registry
    /// name: those it lists, and what its age rule needs.
    pub fn required(&self) -> Vec<String> {
        let mut names: Vec<String> = canonical(&self.attributes_required);
        let age = match (self.minimum_age, self.require_age_verification) {
            (Some(years), _) => Some(format!("age-over-{years}")),
            (None, Some(true)) => Some("age-verify".into()),
            (None, Some(false) | None) => None,
        };
        names.extend(age.filter(|age| !names.contains(age)));
        names
    }

    /// Returns the attributes that would be welcome, each once and by its registry name.
    pub fn optional(&self) -> Vec<String> {
        canonical(&self.attributes_optional)
    }
}

fn canonical(names: &[String]) -> Vec<String> {
    let mut all = Vec::with_capacity(names.len());
    for name in names.iter().map(|name| canonical_attribute(name)) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// Returns an attribute's name as the registry spells it: lower case with hyphens. The guides
/// also write `age_verified` and `loyaltyTier`.
pub fn canonical_attribute(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 2);
    for character in name.chars() {
        match character {
            '_' => kebab.push('-'),
            _ if character.is_ascii_uppercase() => {
                if !kebab.is_empty() && !kebab.ends_with('-') {
                    kebab.push('-');
                }
                kebab.push(character.to_ascii_lowercase());
            }
            _ => kebab.push(character),
        }
    }
    match kebab.as_str() {
        "age-verified" => "age-verify".into(),
        _ => kebab,
    }
}

/// From a vendor on `/ws/vendor` (dialect D1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromVendor {
    /// First message.
    Authenticate {
        /// Who.
        vendor_id: VendorId,
        /// The key.
        api_key: String,
        /// Where an earlier socket was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
    },
    /// Says that everything up to an offset is worked on; a pong to the ping that follows the last
    /// message says the same.
    Acknowledge {
        /// Of the last message.
        offset: u64,
    },
    /// Opens a context.
    CreateContext {
        /// Chosen by the vendor; used once.
        context_id: ContextId,
        /// What is asked.
        requirements: Requirements,
        /// In milliseconds, 1,000 to 120,000; 30,000 if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Closes a context that has no result yet.
    CancelContext {
        /// Which one.
        context_id: ContextId,
    },
    /// Asks for a [`ToVendor::Pong`].
    Ping,
}

/// To a vendor on `/ws/vendor` (dialect D1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToVendor {
    /// The key is good.
    Authenticated {
        /// Where the stream begins.
        stream: StreamStart,
    },
    /// Messages that were kept too long for this socket are no longer there.
    Gap {
        /// Offset of the first.
        from: u64,
        /// Offset of the last.
        to: u64,
    },
    /// The context is open and on its way to the scanner.
    ContextCreated {
        /// Which one.
        context_id: ContextId,
    },
    /// The context ended.
    AuthResult {
        /// Which one.
        context_id: ContextId,
        /// How.
        result: AuthResult,
    },
    /// Something was wrong with a message.
    Error(ErrorMessage),
    /// Answer to a ping.
    Pong,
}

/// The value of an attribute.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// `boolean` of the registry.
    Boolean(bool),
    /// `integer` of the registry.
    Integer(i64),
    /// `string` of the registry.
    Text(String),
}

/// How a context ended.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthResult {
    /// Whether the customer was recognised and, for a payment, has paid.
    pub success: bool,
    /// The vendor's own stable id for this customer: `PairwiseId::to_user_text` of whom the
    /// receipt's outcome names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What the customer lets this vendor see, by registry name.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Refusal code where `success` is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Required attributes that are not there, where that is the refusal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Whether the same request may succeed if it is repeated.
    #[serde(default)]
    pub retry_allowed: bool,
    /// The payment's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// An [`AuthReceipt`](super::AuthReceipt), base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Where the time went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

impl AuthResult {
    /// Returns the result of a context that ended without success.
    pub fn refused(refusal: Refusal) -> Self {
        Self {
            success: false,
            user_id: None,
            attributes: BTreeMap::new(),
            code: Some(refusal.code().into()),
            missing: Vec::new(),
            retry_allowed: refusal.retryable(),
            transaction_id: None,
            receipt: None,
            timing: None,
        }
    }
}

/// Where the time of one authentication went, in microseconds, as the gateway saw it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From the capture's arrival to three agreeing signatures.
    pub match_us: u64,
    /// In the ledger.
    pub ledger_us: u64,
    /// From the capture's arrival to the result.
    pub total_us: u64,
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn row_17_registry_names_are_canonical_and_the_guides_spellings_lead_to_them() {
        for (written, registry) in [
            ("age_verified", "age-verify"),
            ("age-verify", "age-verify"),
            ("loyaltyTier", "loyalty-tier"),
            ("date_of_birth", "date-of-birth"),
            ("email", "email"),
            ("loyalty_id", "loyalty-id"),
        ] {
            assert_eq!(canonical_attribute(written), registry);
            assert_eq!(canonical_attribute(registry), registry);
        }
    }

    #[test]
    fn an_age_rule_is_a_required_attribute() {
        let mut asked: Requirements = requirements();
        assert_eq!(asked.required(), vec!["age-verify", "email"]);

        asked.minimum_age = Some(21);
        assert_eq!(asked.required(), vec!["age-verify", "email", "age-over-21"]);

        asked.minimum_age = None;
        asked.attributes_required.clear();
        asked.require_age_verification = Some(true);
        assert_eq!(asked.required(), vec!["age-verify"]);
        asked.require_age_verification = Some(false);
        assert_eq!(asked.required(), Vec::<String>::new());
    }

    fn requirements() -> Requirements {
        Requirements {
            attributes_required: ["age_verified", "age-verify", "email"]
                .map(Into::into)
                .into(),
            require_age_verification: Some(true),
            ..Requirements::of("entrance")
        }
    }
}

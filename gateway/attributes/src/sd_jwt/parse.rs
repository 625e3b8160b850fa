//! Tokens in both serializations: compact (RFC 9901 §4) and JSON (§8).

use serde_json::Value;

use super::disclosure::{Disclosure, DisclosureError};
use boop_jose::Jws;
use boop_jose::json;

use super::{DISCLOSURES_MAX, TOKEN_BYTES_MAX};

/// A token whose parts were read. Nothing is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdJwt {
    pub(super) issued: Jws,
    pub(super) disclosures: Vec<Disclosure>,
    pub(super) key_binding: Option<Jws>,
}

/// Why a text is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is longer than [`TOKEN_BYTES_MAX`].
    #[error("the token has {bytes} bytes, which is too many")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It has more disclosures than [`DISCLOSURES_MAX`].
    #[error("the token has {disclosures} disclosures, which is too many")]
    TooMany {
        /// How many.
        disclosures: usize,
    },
    /// It has no `~`, or is not JSON of §8.
    #[error("not an SD-JWT in either serialization (RFC 9901 §4, §8)")]
    Shape,
    /// The issuer's part is no JWT.
    #[error("the part of the issuer is not a JWT")]
    Issued,
    /// The holder's part is no JWT.
    #[error("the key binding is not a JWT")]
    KeyBinding,
    /// A disclosure is none; they count from one.
    #[error("disclosure {0}: {1}")]
    Disclosure(usize, #[source] DisclosureError),
}

impl SdJwt {
    /// Reads a token in either serialization.
    ///
    /// # Errors
    /// [`ParseError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let bytes = text.len();
        if bytes > TOKEN_BYTES_MAX {
            return Err(ParseError::TooLong { bytes });
        }
        match text.starts_with('{') {
            true => Self::parse_json(text),
            false => Self::parse_compact(text),
        }
    }

    fn parse_compact(text: &str) -> Result<Self, ParseError> {
        let (issued, rest) = text.split_once('~').ok_or(ParseError::Shape)?;
        // What follows the last tilde is the key binding, and nothing if there is none.
        let (disclosures, key_binding) = match rest.rsplit_once('~') {
            Some((disclosures, last)) => (disclosures.split('~').collect(), last),
            None => (Vec::new(), rest),
        };
        let key_binding = Some(key_binding).filter(|text| !text.is_empty());
        Self::of_parts(issued, &disclosures, key_binding)
    }

    /// Reads the flattened form, or the first signature of the general one (§8.1).
    fn parse_json(text: &str) -> Result<Self, ParseError> {
        let value = json::read(text.as_bytes()).ok_or(ParseError::Shape)?;
        let signature = match value.get("signatures") {
            None => &value,
            Some(signatures) => signatures.get(0).ok_or(ParseError::Shape)?,
        };
        let part = |of: &Value, name: &str| {
            let text = of.get(name).and_then(Value::as_str).map(str::to_owned);
            text.ok_or(ParseError::Shape)
        };
        let issued = format!(
            "{}.{}.{}",
            part(signature, "protected")?,
            part(&value, "payload")?,
            part(signature, "signature")?
        );
        // In the header of the (first) signature; implementations of earlier drafts have them at
        // the top.
        let member = |name: &str| {
            let header = signature.get("header").and_then(|header| header.get(name));
            match (header, value.get(name)) {
                (Some(_), Some(_)) => Err(ParseError::Shape),
                (header, top) => Ok(header.or(top)),
            }
        };
        let disclosures = match member("disclosures")? {
            None => Vec::new(),
            Some(Value::Array(texts)) => {
                let texts = texts.iter().map(Value::as_str);
                texts.collect::<Option<_>>().ok_or(ParseError::Shape)?
            }
            Some(_) => return Err(ParseError::Shape),
        };
        let key_binding = match member("kb_jwt")? {
            None => None,
            Some(text) => Some(text.as_str().ok_or(ParseError::Shape)?),
        };
        Self::of_parts(&issued, &disclosures, key_binding)
    }

    fn of_parts(
        issued: &str,
        disclosures: &[&str],
        key_binding: Option<&str>,
    ) -> Result<Self, ParseError> {
        if disclosures.len() > DISCLOSURES_MAX {
            let disclosures = disclosures.len();
            return Err(ParseError::TooMany { disclosures });
        }
        let read = disclosures.iter().zip(1..).map(|(text, number)| {
            let read = Disclosure::parse(text);
            read.map_err(|error| ParseError::Disclosure(number, error))
        });
        let key_binding = key_binding.map(|text| Jws::parse(text).ok_or(ParseError::KeyBinding));
        Ok(Self {
            issued: Jws::parse(issued).ok_or(ParseError::Issued)?,
            disclosures: read.collect::<Result<_, _>>()?,
            key_binding: key_binding.transpose()?,
        })
    }

    /// Returns the compact form up to its last tilde, which a key binding is over (§4.3.1).
    pub(super) fn presented(&self) -> String {
        let mut text = self.issued.text();
        text.push('~');
        for disclosure in &self.disclosures {
            text.push_str(&disclosure.text);
            text.push('~');
        }
        text
    }

    /// Tells whether the holder bound it to an audience.
    pub const fn is_bound(&self) -> bool {
        self.key_binding.is_some()
    }
}

impl std::fmt::Display for SdJwt {
    /// Writes the compact form.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bound = self.key_binding.as_ref().map(Jws::text);
        write!(f, "{}{}", self.presented(), bound.unwrap_or_default())
    }
}

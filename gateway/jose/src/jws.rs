//! Signatures (RFC 7515) under keys that bring their algorithm along.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::json;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// Ed25519 (RFC 8037 §3.1).
    EdDsa,
}

impl Algorithm {
    /// Returns the name in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Tells whether a name is of this algorithm; that on Ed25519 has a second one (RFC 9864).
    fn is_named(self, name: &str) -> bool {
        name == self.name() || (self == Self::EdDsa && name == "Ed25519")
    }
}

/// A public key with the one algorithm it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    algorithm: Algorithm,
    /// A point of P-256 that is not compressed (SEC 1 §2.3.3), or the 32 bytes of Ed25519.
    bytes: Vec<u8>,
}

/// Why a JWK is no key here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is of another type or curve.
    #[error("not a key on P-256 or of Ed25519")]
    Type,
    /// A coordinate is missing or not of 32 bytes.
    #[error("a coordinate is missing or not of 32 bytes")]
    Coordinate,
    /// It names another algorithm than its type has.
    #[error("the key is for another algorithm")]
    Algorithm,
}

impl Key {
    /// Reads a public key (RFC 7517); a private half is not looked at.
    ///
    /// # Errors
    /// If it is of another kind, or not whole.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let coordinate = |name: &str| {
            let bytes = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            bytes
                .filter(|bytes| bytes.len() == 32)
                .ok_or(KeyError::Coordinate)
        };
        let (algorithm, bytes) = match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => {
                let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
                (Algorithm::Es256, point)
            }
            (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDsa, coordinate("x")?),
            _ => return Err(KeyError::Type),
        };
        let named = jwk.get("alg").map(|name| name.as_str().unwrap_or_default());
        if named.is_some_and(|name| !algorithm.is_named(name)) {
            return Err(KeyError::Algorithm);
        }
        Ok(Self { algorithm, bytes })
    }

    /// Returns the algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the SHA-256 thumbprint (RFC 7638 §3, RFC 8037 §2).
    pub fn thumbprint(&self) -> [u8; 32] {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let members = match self.algorithm {
            Algorithm::Es256 => {
                let (x, y) = self.bytes[1..].split_at(32);
                let (x, y) = (encode(x), encode(y));
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Algorithm::EdDsa => {
                let x = encode(&self.bytes);
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
        };
        Sha256::digest(members).into()
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self.algorithm {
            Algorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.bytes)
                .verify(message, signature),
            Algorithm::EdDsa => {
                UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

/// Signs; where the private key is, is its own business.
pub trait Signer {
    /// Returns how it signs.
    fn algorithm(&self) -> Algorithm;

    /// Signs, in the form of RFC 7518 §3.4 or RFC 8037 §3.1.
    ///
    /// # Errors
    /// If the key is not there, or what holds it fails.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed>;
}

/// A signature was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no signature was made")]
pub struct SignFailed;

/// A signed token, its parts read and its signature not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jws {
    /// Header and payload as they were signed.
    signed: String,
    signature: String,
    /// What the header says; nothing in it is believed before [`Self::verifies`].
    pub header: Map<String, Value>,
    /// What is claimed.
    pub payload: Map<String, Value>,
}

impl Jws {
    /// Reads `header.payload.signature`.
    pub fn parse(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self {
            signed: signed.to_owned(),
            signature: signature.to_owned(),
            header: object(header)?,
            payload: object(payload)?,
        })
    }

    /// Signs a payload.
    ///
    /// # Errors
    /// If the signer gives no signature.
    pub fn sign(
        header: Map<String, Value>,
        payload: Map<String, Value>,
        signer: &impl Signer,
    ) -> Result<Self, SignFailed> {
        let mut named = Map::new();
        named.insert("alg".into(), signer.algorithm().name().into());
        named.extend(header);
        let encode = |part: &Map<String, Value>| {
            URL_SAFE_NO_PAD.encode(Value::Object(part.clone()).to_string())
        };
        let signed = format!("{}.{}", encode(&named), encode(&payload));
        let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes())?);
        Ok(Self {
            signed,
            signature,
            header: named,
            payload,
        })
    }

    /// Tells whether the header names the key's algorithm and the signature is the key's.
    pub fn verifies(&self, key: &Key) -> bool {
        let named = self.header.get("alg").and_then(Value::as_str);
        // Nothing here understands an extension that must be understood (RFC 7515 §4.1.11).
        let plain = !self.header.contains_key("crit");
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).unwrap_or_default();
        plain
            && named.is_some_and(|name| key.algorithm().is_named(name))
            && key.verifies(self.signed.as_bytes(), &signature)
    }

    /// Returns `header.payload.signature`.
    pub fn text(&self) -> String {
        format!("{}.{}", self.signed, self.signature)
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match json::read(&URL_SAFE_NO_PAD.decode(part).ok()?)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_rfc_8037_appendix_a_3() {
        let jwk = json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });

        let thumbprint = Key::from_jwk(&jwk).unwrap().thumbprint();

        assert_eq!(
            URL_SAFE_NO_PAD.encode(thumbprint),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn a_key_takes_either_name_of_its_algorithm_and_no_other() {
        let jwk = |alg: &str| {
            json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "alg": alg,
            })
        };

        for name in ["EdDSA", "Ed25519"] {
            assert!(Key::from_jwk(&jwk(name)).is_ok(), "{name}");
        }
        for name in ["ES256", "HS256", "none", ""] {
            assert_eq!(
                Key::from_jwk(&jwk(name)),
                Err(KeyError::Algorithm),
                "{name}"
            );
        }
    }
}

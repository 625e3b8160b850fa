//! The keys that a vendor registered for itself, as a JWK set (RFC 7517 §5). Several are good at a
//! time, so that one can follow another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_jose::{Key, KeyError, json};
use boop_wire::Digest;
use boop_wire::codec::plain_digest;
use serde_json::Value;

/// Keys of one vendor.
const KEYS_MAX: usize = 8;
/// Bytes of a set.
const KEYS_BYTES_MAX: usize = 16 * 1024;
/// Members that only a private or a symmetric key has (RFC 7518 §6).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// Why a set is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeysError {
    /// It is no JWK set of one to eight keys.
    #[error("not a JWK set of 1 to {KEYS_MAX} keys")]
    Shape,
    /// A key has no name, or one that another has.
    #[error("key {0} has no kid, or that of another key")]
    Name(usize),
    /// A private key is in it.
    #[error("key {0} is private: keep it, and make a new one")]
    Private(usize),
    /// A key is of no use here.
    #[error("key {0}: {1}")]
    Key(usize, KeyError),
    /// A certificate does not read.
    #[error("key {0}: x5c is not base64 of certificates")]
    Certificate(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ClientKey {
    name: String,
    key: Key,
    certificate: Option<Digest>,
}

/// A vendor's public keys, each with its name, and certificates of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKeys(Vec<ClientKey>);

impl ClientKeys {
    /// Reads a JWK set; each key has a `kid`, and may have an `x5c` for mutual TLS.
    ///
    /// # Errors
    /// If it is none, or a key of it may not be here.
    pub fn read(bytes: &[u8]) -> Result<Self, ClientKeysError> {
        let set = Some(bytes).filter(|bytes| bytes.len() <= KEYS_BYTES_MAX);
        let set = set.and_then(json::read).ok_or(ClientKeysError::Shape)?;
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.filter(|keys| (1..=KEYS_MAX).contains(&keys.len()));
        let mut read: Vec<ClientKey> = Vec::new();
        for (number, jwk) in keys.ok_or(ClientKeysError::Shape)?.iter().enumerate() {
            let key = client_key(number, jwk)?;
            if read.iter().any(|other| other.name == key.name) {
                return Err(ClientKeysError::Name(number));
            }
            read.push(key);
        }
        Ok(Self(read))
    }

    /// Finds a key by its name; without a name, the only one.
    pub(super) fn find(&self, name: Option<&str>) -> Option<&Key> {
        let found = match (name, &self.0[..]) {
            (Some(name), keys) => keys.iter().find(|key| key.name == name),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        found.map(|found| &found.key)
    }

    /// Tells whether a certificate is one of the vendor's.
    pub(super) fn has_certificate(&self, certificate: &Digest) -> bool {
        let mut keys = self.0.iter();
        keys.any(|key| key.certificate.as_ref() == Some(certificate))
    }
}

fn client_key(number: usize, jwk: &Value) -> Result<ClientKey, ClientKeysError> {
    if PRIVATE.iter().any(|member| jwk.get(member).is_some()) {
        return Err(ClientKeysError::Private(number));
    }
    let name = jwk.get("kid").and_then(Value::as_str);
    let name = name.filter(|name| (1..=128).contains(&name.len()));
    let key = Key::from_jwk(jwk).map_err(|error| ClientKeysError::Key(number, error))?;
    let certificate = jwk.get("x5c").map(|chain| {
        let first = chain.get(0).and_then(Value::as_str);
        let der = first.and_then(|first| STANDARD.decode(first).ok());
        der.map(|der| plain_digest(&der))
            .ok_or(ClientKeysError::Certificate(number))
    });
    Ok(ClientKey {
        name: name.ok_or(ClientKeysError::Name(number))?.to_owned(),
        key,
        certificate: certificate.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn jwk(kid: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": kid })
    }

    fn read(keys: &[Value]) -> Result<ClientKeys, ClientKeysError> {
        ClientKeys::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn keys_are_found_by_name_or_alone() {
        let two = read(&[jwk("one"), jwk("two")]).unwrap();
        assert!(two.find(Some("two")).is_some());
        assert!(two.find(Some("three")).is_none());
        assert!(two.find(None).is_none());

        assert!(read(&[jwk("one")]).unwrap().find(None).is_some());
    }

    #[test]
    fn a_certificate_is_known_by_its_hash() {
        let mut key = jwk("one");
        key["x5c"] = json!([STANDARD.encode("certificate")]);

        let keys = read(&[key]).unwrap();

        assert!(keys.has_certificate(&plain_digest(b"certificate")));
        assert!(!keys.has_certificate(&plain_digest(b"another")));
    }

    #[test]
    fn what_is_no_set_of_public_named_keys_is_refused() {
        let with = |member: &str, value: Value| {
            let mut key = jwk("one");
            key[member] = value;
            key
        };
        let nine: Vec<Value> = (0..9).map(|number| jwk(&number.to_string())).collect();
        for (keys, error) in [
            (vec![], ClientKeysError::Shape),
            (nine, ClientKeysError::Shape),
            (vec![jwk("one"), jwk("one")], ClientKeysError::Name(1)),
            (vec![jwk("")], ClientKeysError::Name(0)),
            (vec![with("kid", Value::Null)], ClientKeysError::Name(0)),
            (
                vec![with("d", "secret".into())],
                ClientKeysError::Private(0),
            ),
            (
                vec![with("x5c", json!(["%"]))],
                ClientKeysError::Certificate(0),
            ),
            (
                vec![with("crv", "P-256".into())],
                ClientKeysError::Key(0, KeyError::Type),
            ),
            (
                vec![with("alg", "none".into())],
                ClientKeysError::Key(0, KeyError::Algorithm),
            ),
        ] {
            assert_eq!(read(&keys), Err(error));
        }
        assert_eq!(ClientKeys::read(b"{"), Err(ClientKeysError::Shape));
        let long = vec![b' '; KEYS_BYTES_MAX + 1];
        assert_eq!(ClientKeys::read(&long), Err(ClientKeysError::Shape));
    }
}

//! Keys of signed notes (C2SP signed-note): a name, a type and an Ed25519 key.
//!
//! A log signs with [`KeyType::Ed25519`]; a party or witness cosigns with
//! [`KeyType::Cosignature`] (C2SP tlog-cosignature), which adds the time of signing.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::text::{from_base64, to_base64};

/// Bytes of a key id.
pub const KEY_ID_BYTES: usize = 4;
/// Bytes of the longest key name this crate takes.
pub const KEY_NAME_BYTES_MAX: usize = 255;

const PUBLIC_KEY_BYTES: usize = 32;
const TIMESTAMP_BYTES: usize = 8;

/// Name of a key: not empty, without spaces, control characters and `+`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// What a key's signatures mean, by the assigned byte of the signed-note text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// `0x01`: Ed25519 over the text.
    Ed25519,
    /// `0x04`: Ed25519 over a time and the checkpoint, by someone other than the log.
    Cosignature,
}

/// Why a key or its name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyParseError {
    /// The name is empty, too long or has a character that a name cannot have.
    #[error("the key name is empty, too long or has a forbidden character")]
    Name,
    /// The text is not `name+hexid+base64`.
    #[error("a verifier key reads name+hexid+base64")]
    Shape,
    /// The key id is not eight hexadecimal digits.
    #[error("the key id is not eight hexadecimal digits")]
    Id,
    /// The last part is not base64 of a type byte and a key.
    #[error("the key is not base64 of a type byte and a key")]
    Encoding,
    /// The type byte is none that this crate verifies.
    #[error("key type {0:#04x} is not known")]
    Type(u8),
    /// The bytes are no Ed25519 key, or one that anybody could sign for.
    #[error("the bytes are no usable Ed25519 key")]
    Point,
    /// The key id belongs to another key or name.
    #[error("the key id does not belong to the name and the key")]
    IdMismatch,
}

/// A public key under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyType,
    id: [u8; KEY_ID_BYTES],
    key: VerifyingKey,
}

/// A private key under a name. Wiped when dropped; never printed.
pub struct SignerKey {
    public: VerifierKey,
    key: SigningKey,
}

impl KeyName {
    /// Checks a name (C2SP signed-note, "Format").
    ///
    /// # Errors
    /// [`KeyParseError::Name`] if a note could not carry it.
    pub fn new(name: &str) -> Result<Self, KeyParseError> {
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > KEY_NAME_BYTES_MAX || name.chars().any(forbidden) {
            return Err(KeyParseError::Name);
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyType {
    /// Returns the assigned byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, KeyParseError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::Cosignature),
            other => Err(KeyParseError::Type(other)),
        }
    }
}

impl VerifierKey {
    /// Builds a key from its parts.
    ///
    /// # Errors
    /// [`KeyParseError::Point`] if the bytes are no key, or one of the few weak ones.
    pub fn new(
        name: KeyName,
        kind: KeyType,
        key: &[u8; PUBLIC_KEY_BYTES],
    ) -> Result<Self, KeyParseError> {
        match VerifyingKey::from_bytes(key) {
            Ok(key) if !key.is_weak() => Ok(Self::of(name, kind, key)),
            Ok(_) | Err(_) => Err(KeyParseError::Point),
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Returns the type.
    pub fn kind(&self) -> KeyType {
        self.kind
    }

    /// Returns the key id: the start of `SHA-256(name || 0x0A || type || key)`.
    pub fn id(&self) -> [u8; KEY_ID_BYTES] {
        self.id
    }

    /// Returns the bytes of the Ed25519 key.
    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        self.key.as_bytes()
    }

    /// Checks a signature over `text`. Returns the time of a cosignature, in seconds.
    pub(crate) fn verify(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, BadSignature> {
        match self.kind {
            KeyType::Ed25519 => {
                self.verify_bytes(text.as_bytes(), signature)?;
                Ok(None)
            }
            KeyType::Cosignature => {
                let (time, signature) = signature
                    .split_first_chunk::<TIMESTAMP_BYTES>()
                    .ok_or(BadSignature)?;
                let time_s = u64::from_be_bytes(*time);
                if i64::try_from(time_s).is_err() {
                    return Err(BadSignature);
                }
                self.verify_bytes(cosigned_message(time_s, text).as_bytes(), signature)?;
                Ok(Some(time_s))
            }
        }
    }

    /// Checks a signature over bytes that no note has.
    pub(crate) fn verify_bytes(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let signature = Signature::from_slice(signature).map_err(|_| BadSignature)?;
        self.key
            .verify_strict(message, &signature)
            .map_err(|_| BadSignature)
    }

    fn of(name: KeyName, kind: KeyType, key: VerifyingKey) -> Self {
        let digest = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', kind.byte()])
            .chain_update(key.as_bytes())
            .finalize();
        let id = [digest[0], digest[1], digest[2], digest[3]];
        Self {
            name,
            kind,
            id,
            key,
        }
    }
}

/// A signature does not verify under the key that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadSignature;

impl FromStr for VerifierKey {
    type Err = KeyParseError;

    /// Reads `name+hexid+base64(type || key)` and checks that the id belongs to the rest.
    fn from_str(text: &str) -> Result<Self, KeyParseError> {
        let (name, rest) = text.split_once('+').ok_or(KeyParseError::Shape)?;
        let (id, key) = rest.split_once('+').ok_or(KeyParseError::Shape)?;
        let name = KeyName::new(name)?;
        if id.len() != 2 * KEY_ID_BYTES || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(KeyParseError::Id);
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| KeyParseError::Id)?;
        let bytes = from_base64(key).ok_or(KeyParseError::Encoding)?;
        let (kind, key) = bytes.split_first().ok_or(KeyParseError::Encoding)?;
        let kind = KeyType::from_byte(*kind)?;
        let key = key.try_into().map_err(|_| KeyParseError::Encoding)?;
        let parsed = Self::new(name, kind, key)?;
        if parsed.id == id.to_be_bytes() {
            Ok(parsed)
        } else {
            Err(KeyParseError::IdMismatch)
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = Vec::from([self.kind.byte()]);
        key.extend_from_slice(self.key.as_bytes());
        let id = u32::from_be_bytes(self.id);
        write!(f, "{}+{id:08x}+{}", self.name, to_base64(&key))
    }
}

impl SignerKey {
    /// Builds the key of `seed`, which the caller draws from a good source and keeps secret.
    pub fn from_seed(name: KeyName, kind: KeyType, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let public = VerifierKey::of(name, kind, key.verifying_key());
        Self { public, key }
    }

    /// Returns the public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs bytes that no note has.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// Signs `text`; `time_s` goes into a cosignature and is not looked at otherwise.
    pub(crate) fn sign(&self, text: &str, time_s: u64) -> Vec<u8> {
        match self.public.kind {
            KeyType::Ed25519 => self.key.sign(text.as_bytes()).to_vec(),
            KeyType::Cosignature => {
                let signature = self.key.sign(cosigned_message(time_s, text).as_bytes());
                let mut bytes = Vec::from(time_s.to_be_bytes());
                bytes.extend_from_slice(&signature.to_bytes());
                bytes
            }
        }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({}, [secret])", self.public)
    }
}

/// Returns what an Ed25519 cosigner signs (C2SP tlog-cosignature, "Ed25519 signed message").
fn cosigned_message(time_s: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const KNOWN: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn a_verifier_key_reads_and_prints_the_same() {
        let key: VerifierKey = KNOWN.parse().unwrap();

        assert_eq!(key.name().as_str(), "example.com/foo");
        assert_eq!(key.id(), [0x53, 0x0d, 0x90, 0x3a]);
        assert_eq!(key.to_string(), KNOWN);
    }

    #[test]
    fn a_verifier_key_is_refused_with_the_reason() {
        let cases = [
            ("example.com/foo", KeyParseError::Shape),
            ("example.com/foo+530d903a", KeyParseError::Shape),
            ("+530d903a+AekyeRrm", KeyParseError::Name),
            ("exa mple+530d903a+AekyeRrm", KeyParseError::Name),
            ("example.com/foo+530d903+AekyeRrm", KeyParseError::Id),
            ("example.com/foo+530d90+a+AekyeRrm", KeyParseError::Id),
            ("example.com/foo+530d903a+Aeky_Rrm", KeyParseError::Encoding),
            ("example.com/foo+530d903a+", KeyParseError::Encoding),
            ("example.com/foo+530d903a+AekyeRrm", KeyParseError::Encoding),
            ("example.com/foo+530d903a+AukyeRrm", KeyParseError::Type(2)),
        ];

        for (text, expected) in cases {
            assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{text}");
        }
        let renamed = KNOWN.replace("foo", "fox").parse::<VerifierKey>();
        assert_eq!(renamed, Err(KeyParseError::IdMismatch));
    }

    #[test]
    fn a_key_that_anybody_can_sign_for_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;

        let refused = VerifierKey::new(name("weak"), KeyType::Ed25519, &identity);

        assert_eq!(refused, Err(KeyParseError::Point));
    }

    #[test]
    fn a_name_that_a_note_cannot_carry_is_refused() {
        let long = "n".repeat(KEY_NAME_BYTES_MAX + 1);

        for refused in ["", "a+b", "a b", "a\u{2003}b", "a\nb", "a\u{7f}", &long] {
            assert_eq!(
                KeyName::new(refused),
                Err(KeyParseError::Name),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn the_two_types_of_one_key_have_different_ids() {
        let log = SignerKey::from_seed(name("n"), KeyType::Ed25519, &[1; 32]);
        let witness = SignerKey::from_seed(name("n"), KeyType::Cosignature, &[1; 32]);

        assert_ne!(log.verifier().id(), witness.verifier().id());
        let printed = witness.verifier().to_string();
        assert_eq!(printed.parse().as_ref(), Ok(witness.verifier()));
    }

    #[test]
    fn a_signer_key_does_not_print_its_seed() {
        let key = SignerKey::from_seed(name("n"), KeyType::Ed25519, &[0xab; 32]);

        let printed = format!("{key:?}");

        assert!(printed.ends_with(", [secret])") && !printed.contains("abab"));
    }

    fn name(name: &str) -> KeyName {
        KeyName::new(name).unwrap()
    }
}

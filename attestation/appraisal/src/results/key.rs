//! Keys that sign attestation results: ECDSA on P-256 (ES256) or P-384 (ES384), and Ed25519.
//!
//! The algorithm belongs to the key. A token's header is compared with it and never asked.

use core::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use zeroize::Zeroizing;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Names an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// Gives the name in a JWS header.
    pub(super) fn jose(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Gives the number in a COSE header.
    pub(super) fn cose(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::Es384 => -35,
            Self::EdDsa => -8,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::EdDsa => &ED25519,
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not one PEM block of the expected label.
    #[error("the key is no pem text with one block {label:?}")]
    Pem {
        /// The label that is expected.
        label: &'static str,
    },
    /// The key is of another kind than those that sign results.
    #[error("the key is neither on p-256, on p-384 nor on ed25519, or is broken")]
    Kind,
    /// The key did not sign.
    #[error("the key did not sign")]
    Signing,
}

/// A private key that signs results; it prints as `[secret]`.
pub struct EarKey(Inner);

enum Inner {
    Ecdsa(Algorithm, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for EarKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl EarKey {
    /// Reads a private key: PKCS#8 in PEM, label `PRIVATE KEY`.
    ///
    /// # Errors
    ///
    /// Returns a [`KeyError`] when the text is no such key, or of a kind that signs no results.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let der = from_pem(text, "PRIVATE KEY")?;
        let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
        let p384 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &der);
        let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        if let Ok(pair) = p256() {
            return Ok(Self(Inner::Ecdsa(Algorithm::Es256, pair)));
        }
        if let Ok(pair) = p384() {
            return Ok(Self(Inner::Ecdsa(Algorithm::Es384, pair)));
        }
        ed25519()
            .map(|pair| Self(Inner::Ed25519(pair)))
            .map_err(|_| KeyError::Kind)
    }

    /// Gives the public key that verifies what this key signs.
    pub fn public_key(&self) -> EarPublicKey {
        let bytes = match &self.0 {
            Inner::Ecdsa(_, pair) => pair.public_key().as_ref().to_vec(),
            Inner::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        };
        EarPublicKey {
            algorithm: self.algorithm(),
            bytes,
        }
    }

    /// Gives the public key as PEM, label `PUBLIC KEY`.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError::Kind`] when the library cannot write the key.
    pub fn public_key_pem(&self) -> Result<String, KeyError> {
        let der = match &self.0 {
            Inner::Ecdsa(_, pair) => pair.public_key().as_der(),
            Inner::Ed25519(pair) => pair.public_key().as_der(),
        };
        let der = der.map_err(|_| KeyError::Kind)?;
        let body = STANDARD.encode(der.as_ref());
        let (lines, rest) = body.as_bytes().as_chunks::<64>();
        let lines = lines.iter().map(<[u8; 64]>::as_slice).chain([rest]);
        let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
        for line in lines.filter(|line| !line.is_empty()) {
            text.extend(line.iter().map(|byte| char::from(*byte)));
            text.push('\n');
        }
        text.push_str("-----END PUBLIC KEY-----\n");
        Ok(text)
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Inner::Ecdsa(algorithm, _) => *algorithm,
            Inner::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = match &self.0 {
            Inner::Ecdsa(_, pair) => pair.sign(&SystemRandom::new(), message),
            Inner::Ed25519(pair) => pair.try_sign(message),
        };
        signature
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| KeyError::Signing)
    }
}

/// A public key that verifies results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarPublicKey {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl EarPublicKey {
    /// Reads a public key: `SubjectPublicKeyInfo` in PEM, label `PUBLIC KEY`.
    ///
    /// # Errors
    ///
    /// Returns a [`KeyError`] when the text is no such key, or of a kind that signs no results.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = from_pem(text, "PUBLIC KEY")?;
        let info = SubjectPublicKeyInfoRef::from_der(&der).map_err(|_| KeyError::Kind)?;
        let curve = info.algorithm.parameters_oid().ok();
        let algorithm = match (info.algorithm.oid, curve) {
            (EC_PUBLIC_KEY, Some(P256)) => Algorithm::Es256,
            (EC_PUBLIC_KEY, Some(P384)) => Algorithm::Es384,
            (ED25519_KEY, None) => Algorithm::EdDsa,
            _ => return Err(KeyError::Kind),
        };
        let bytes = info.subject_public_key.as_bytes().ok_or(KeyError::Kind)?;
        Ok(Self {
            algorithm,
            bytes: bytes.to_vec(),
        })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.algorithm.verification(), &self.bytes)
            .verify(message, signature)
            .is_ok()
    }
}

/// Decodes one PEM block. It may be a private key, so the copies made here are wiped.
fn from_pem(text: &str, label: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let error = KeyError::Pem { label };
    let body: Zeroizing<String> = text
        .trim()
        .strip_prefix(&format!("-----BEGIN {label}-----"))
        .and_then(|text| text.strip_suffix(&format!("-----END {label}-----")))
        .ok_or(error)?
        .split_ascii_whitespace()
        .collect::<String>()
        .into();
    STANDARD
        .decode(body.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| error)
}

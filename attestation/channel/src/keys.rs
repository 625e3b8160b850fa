//! The keys a measured process makes inside itself at boot, and never shows.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use boop_wire::Digest;
use boop_wire::binding::BoundKeys;
use boop_wire::codec::domain_separated;
use boop_wire::session::Signature;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::seal::{self, OpeningKey};

/// PKCS#8 of an Ed25519 key is this prefix, then the 32-byte seed (RFC 8410 §7).
const ED25519_PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Why a TLS key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are not a PKCS#8 key of a kind that TLS 1.3 signs with.
    #[error("not a TLS signing key")]
    NotATlsKey,
}

/// Identity, TLS and HPKE keys of one instance.
pub struct LocalKeys {
    identity: SigningKey,
    tls: Arc<CertifiedKey>,
    tls_spki: Digest,
    opening: OpeningKey,
}

impl LocalKeys {
    /// Makes keys from randomness: Ed25519 for identity and TLS, X25519 for HPKE.
    ///
    /// # Errors
    /// Never in practice; the TLS library is asked to read back the key just made.
    pub fn generate(random: &mut dyn FnMut(&mut [u8])) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        random(&mut *seed);
        let pkcs8 = Zeroizing::new([&ED25519_PKCS8_PREFIX[..], &seed[..]].concat());
        Self::with_tls_key(&pkcs8, random)
    }

    /// Makes identity and HPKE keys from randomness, beside a TLS key given as PKCS#8. A gateway
    /// uses this, since browsers do not take Ed25519.
    ///
    /// # Errors
    /// If `pkcs8` is not a TLS signing key.
    pub fn with_tls_key(pkcs8: &[u8], random: &mut dyn FnMut(&mut [u8])) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        random(&mut *seed);
        let identity = SigningKey::from_bytes(&seed);
        random(&mut *seed);
        let opening = OpeningKey::from_seed(&seed);

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec()));
        let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|_| KeyError::NotATlsKey)?;
        let spki = key.public_key().ok_or(KeyError::NotATlsKey)?.to_vec();
        let tls_spki = Digest::new(Sha256::digest(&spki).into());
        let tls = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key));
        Ok(Self {
            identity,
            tls,
            tls_spki,
            opening,
        })
    }

    /// Returns the public keys as a binding names them, with no setup key.
    pub fn bound(&self) -> BoundKeys {
        BoundKeys {
            identity: self.identity.verifying_key().to_bytes(),
            tls_spki: self.tls_spki,
            hpke: *self.opening.public(),
            setup: None,
        }
    }

    /// Signs `bytes` with the identity key under the domain of `purpose`.
    pub fn sign(&self, purpose: &str, bytes: &[u8]) -> Signature {
        self.sign_separated(&domain_separated(purpose, bytes))
    }

    /// Signs bytes that carry their domain already.
    pub fn sign_separated(&self, separated: &[u8]) -> Signature {
        Signature(self.identity.sign(separated).to_bytes())
    }

    /// Opens what was sealed to the HPKE key (RFC 9180, base mode, no associated data).
    ///
    /// # Errors
    /// If it was sealed to another key, with another `info`, or was changed.
    pub fn open(
        &self,
        info: &[u8],
        enc: &[u8; 32],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, seal::OpenError> {
        self.opening.open(info, enc, ciphertext)
    }

    pub(crate) fn tls(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.tls)
    }
}

impl core::fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LocalKeys([secret])")
    }
}

/// Checks an Ed25519 signature over bytes that carry their domain (RFC 8032, strict).
pub fn verify_signature(key: &[u8; 32], separated: &[u8], signature: &Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(separated, &signature).is_ok())
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

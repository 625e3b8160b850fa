//! Sealing to a public key: HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM. The one place that knows the HPKE library.

use alloc::vec::Vec;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::SeedableRng;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

/// Why something could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The recipient's key is not a point that X25519 accepts.
    #[error("the recipient's public key is not valid")]
    RecipientKey,
}

/// Why a box did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed to another key, in another context, or changed")]
pub struct OpenError;

/// A box: the encapsulated key and the ciphertext with its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Encapsulated key.
    pub enc: [u8; 32],
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
}

/// A private HPKE key. It opens boxes and is never shown.
pub struct OpeningKey {
    private: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: [u8; 32],
}

impl OpeningKey {
    /// Derives a key pair from 32 random bytes (RFC 9180 §7.1.3).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let (private, public) = X25519HkdfSha256::derive_keypair(seed);
        Self {
            private,
            public: public.to_bytes().into(),
        }
    }

    /// Returns the public key.
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Opens a box.
    ///
    /// # Errors
    /// If it was sealed to another key, with another `info`, or was changed.
    pub fn open(
        &self,
        info: &[u8],
        enc: &[u8; 32],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let enc = Deserializable::from_bytes(enc).map_err(|_| OpenError)?;
        let plaintext = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &enc,
            info,
            ciphertext,
            &[],
        );
        plaintext.map(Zeroizing::new).map_err(|_| OpenError)
    }
}

impl core::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OpeningKey([secret])")
    }
}

/// Seals `plaintext` to `recipient`; `seed` is 32 fresh random bytes.
///
/// # Errors
/// If the recipient's key is not valid.
pub fn seal(
    recipient: &[u8; 32],
    info: &[u8],
    plaintext: &[u8],
    seed: [u8; 32],
) -> Result<Sealed, SealError> {
    let recipient = Deserializable::from_bytes(recipient).map_err(|_| SealError::RecipientKey)?;
    let mut rng = ChaCha20Rng::from_seed(seed);
    let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<
        AesGcm256,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &recipient, info, plaintext, &[], &mut rng)
    .map_err(|_| SealError::RecipientKey)?;
    Ok(Sealed {
        enc: enc.to_bytes().into(),
        ciphertext,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_opens_for_its_recipient_in_its_context_alone() {
        let key = OpeningKey::from_seed(&[1; 32]);
        let other = OpeningKey::from_seed(&[2; 32]);
        let sealed = seal(key.public(), b"context", b"secret", [3; 32]).unwrap();

        assert_eq!(
            &*key
                .open(b"context", &sealed.enc, &sealed.ciphertext)
                .unwrap(),
            b"secret"
        );
        assert_eq!(
            other.open(b"context", &sealed.enc, &sealed.ciphertext),
            Err(OpenError)
        );
        assert_eq!(
            key.open(b"another", &sealed.enc, &sealed.ciphertext),
            Err(OpenError)
        );
        let mut changed = sealed.ciphertext.clone();
        changed[0] ^= 1;
        assert_eq!(key.open(b"context", &sealed.enc, &changed), Err(OpenError));
        assert_eq!(key.open(b"context", &sealed.enc, b"short"), Err(OpenError));
    }

    #[test]
    fn a_low_order_key_is_refused() {
        assert_eq!(
            seal(&[0; 32], b"", b"", [3; 32]),
            Err(SealError::RecipientKey)
        );
    }
}

//! Signature checks by the RustCrypto crates, which need nothing but `alloc`.
//!
//! RSA is used with public keys alone: the timing weakness of the crate `rsa`
//! (RUSTSEC-2023-0071) is one of private keys.

use p384::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use rsa::{BoxedUint, RsaPublicKey, pss};
use sha2::Sha384;

use super::{Crypto, P384Signature, RsaKey, is_p384_point};

/// Bits of an RSA modulus.
const RSA_MODULUS_BITS: u32 = 4096;
/// Bits of an RSA exponent, as it is stored.
const RSA_EXPONENT_BITS: u32 = 24;
/// Bytes of an RSA signature.
const RSA_SIGNATURE_BYTES: usize = 512;
/// Bytes of the salt.
const SALT_BYTES: usize = 48;

/// Signature checks by the RustCrypto crates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RustCrypto;

impl Crypto for RustCrypto {
    fn verify_p384(&self, public_key: &[u8], message: &[u8], signature: P384Signature<'_>) -> bool {
        if !is_p384_point(public_key) {
            return false;
        }
        let signature = match signature {
            P384Signature::Fixed(bytes) => Signature::from_slice(bytes),
            P384Signature::Asn1(bytes) => Signature::from_der(bytes),
        };
        let key = VerifyingKey::from_sec1_bytes(public_key);
        let (Ok(key), Ok(signature)) = (key, signature) else {
            return false;
        };
        key.verify(message, &signature).is_ok()
    }

    fn verify_pss_sha384(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let Some(key) = RsaKey::read(public_key).and_then(public_key_of) else {
            return false;
        };
        if signature.len() != RSA_SIGNATURE_BYTES {
            return false;
        }
        let Ok(signature) = pss::Signature::try_from(signature) else {
            return false;
        };
        let key = pss::VerifyingKey::<Sha384>::new_with_salt_len(key, SALT_BYTES);
        key.verify(message, &signature).is_ok()
    }
}

fn public_key_of(key: RsaKey<'_>) -> Option<RsaPublicKey> {
    let modulus = BoxedUint::from_be_slice(key.modulus, RSA_MODULUS_BITS).ok()?;
    let exponent = BoxedUint::from_be_slice(key.exponent, RSA_EXPONENT_BITS).ok()?;
    RsaPublicKey::new(modulus, exponent).ok()
}

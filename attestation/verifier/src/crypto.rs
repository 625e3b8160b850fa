//! The two signature checks that evidence needs, behind a trait.
//!
//! Two implementations stand side by side: AWS-LC (feature `aws-lc`, the default) and the
//! RustCrypto crates (feature `rust-crypto`). They accept exactly the same keys and signatures,
//! which a differential test holds them to. The form of keys is read here, once for both.

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(feature = "rust-crypto")]
mod rust_crypto;

use der::{Decode, Reader, SliceReader, asn1::UintRef};

#[cfg(feature = "aws-lc")]
pub use aws_lc::AwsLc;
#[cfg(feature = "rust-crypto")]
pub use rust_crypto::RustCrypto;

/// Bytes of a P-384 point that is not compressed.
pub(crate) const P384_POINT_BYTES: usize = 97;
/// Bytes of the modulus of an RSA key.
const RSA_MODULUS_BYTES: usize = 512;
/// The one public exponent that keys have: 65537.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];

/// Checks signatures.
pub trait Crypto {
    /// Says whether an ECDSA P-384 signature with SHA-384 verifies.
    ///
    /// The key is the uncompressed point of SEC 1: 97 bytes that begin with 4. A key of another
    /// form, or no point of the curve, verifies nothing.
    fn verify_p384(&self, public_key: &[u8], message: &[u8], signature: P384Signature<'_>) -> bool;

    /// Says whether an RSASSA-PSS signature with SHA-384 and a salt of 48 bytes verifies.
    ///
    /// The key is the DER of an `RSAPublicKey` of 4096 bits with the exponent 65537. A key of
    /// another form verifies nothing.
    fn verify_pss_sha384(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool;
}

/// The two encodings of an ECDSA P-384 signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum P384Signature<'a> {
    /// R and S, 48 bytes each, big-endian.
    Fixed(&'a [u8]),
    /// A DER sequence of two integers, as in certificates.
    Asn1(&'a [u8]),
}

/// Says whether a key has the form of a P-384 point that is not compressed.
pub(crate) fn is_p384_point(key: &[u8]) -> bool {
    key.len() == P384_POINT_BYTES && key.first() == Some(&4)
}

/// Numbers of an RSA key, big-endian and without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RsaKey<'a> {
    pub(crate) modulus: &'a [u8],
    pub(crate) exponent: &'a [u8],
}

impl<'a> RsaKey<'a> {
    /// Reads an `RSAPublicKey` of the one kind that chains have.
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let key = Self::read_any(der).ok()?;
        let is_full = key.modulus.first().is_some_and(|byte| byte & 0x80 != 0);
        let is_odd = key.modulus.last().is_some_and(|byte| byte & 1 != 0);
        let fits = key.modulus.len() == RSA_MODULUS_BYTES && is_full && is_odd;
        (fits && key.exponent == RSA_EXPONENT).then_some(key)
    }

    fn read_any(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let key = reader.sequence(|numbers| {
            let modulus = UintRef::decode(numbers)?.as_bytes();
            let exponent = UintRef::decode(numbers)?.as_bytes();
            Ok::<_, der::Error>(Self { modulus, exponent })
        })?;
        reader.finish()?;
        Ok(key)
    }
}

//! The two signature checks that evidence needs, behind a trait, and the one implementation.

use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED, RSA_PSS_2048_8192_SHA384, UnparsedPublicKey,
    VerificationAlgorithm,
};

/// Checks signatures.
pub trait Crypto {
    /// Says whether an ECDSA P-384 signature with SHA-384 verifies.
    ///
    /// The key is the uncompressed point of SEC 1: 97 bytes that begin with 4.
    fn verify_p384(&self, public_key: &[u8], message: &[u8], signature: P384Signature<'_>) -> bool;

    /// Says whether an RSASSA-PSS signature with SHA-384 and a salt of 48 bytes verifies.
    ///
    /// The key is the DER of an `RSAPublicKey`.
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

/// Signature checks by AWS-LC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AwsLc;

impl Crypto for AwsLc {
    fn verify_p384(&self, public_key: &[u8], message: &[u8], signature: P384Signature<'_>) -> bool {
        match signature {
            P384Signature::Fixed(bytes) => {
                verify(&ECDSA_P384_SHA384_FIXED, public_key, message, bytes)
            }
            P384Signature::Asn1(bytes) => {
                verify(&ECDSA_P384_SHA384_ASN1, public_key, message, bytes)
            }
        }
    }

    fn verify_pss_sha384(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        verify(&RSA_PSS_2048_8192_SHA384, public_key, message, signature)
    }
}

fn verify(
    algorithm: &'static dyn VerificationAlgorithm,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, public_key)
        .verify(message, signature)
        .is_ok()
}

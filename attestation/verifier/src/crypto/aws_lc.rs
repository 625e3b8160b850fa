//! Signature checks by AWS-LC.

use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED, RSA_PSS_2048_8192_SHA384, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::{Crypto, P384Signature, RsaKey, is_p384_point};

/// Signature checks by AWS-LC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AwsLc;

impl Crypto for AwsLc {
    fn verify_p384(&self, public_key: &[u8], message: &[u8], signature: P384Signature<'_>) -> bool {
        // The library reads other encodings of a key as well.
        is_p384_point(public_key)
            && match signature {
                P384Signature::Fixed(bytes) => {
                    verify(&ECDSA_P384_SHA384_FIXED, public_key, message, bytes)
                }
                P384Signature::Asn1(bytes) => {
                    verify(&ECDSA_P384_SHA384_ASN1, public_key, message, bytes)
                }
            }
    }

    fn verify_pss_sha384(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        RsaKey::read(public_key).is_some()
            && verify(&RSA_PSS_2048_8192_SHA384, public_key, message, signature)
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

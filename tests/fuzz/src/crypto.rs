//! Signature checks for fuzzing: one that believes everything, so that inputs get past it.

use boop_verifier::{Crypto, P384Signature};

/// Says that every signature verifies. Behind it lies the code that no fuzzer would ever reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credulous;

impl Crypto for Credulous {
    fn verify_p384(&self, _: &[u8], _: &[u8], _: P384Signature<'_>) -> bool {
        true
    }

    fn verify_pss_sha384(&self, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }
}

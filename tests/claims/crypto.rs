//! Signature checks around the real ones: one that remembers, and one that believes everything.

use std::collections::BTreeSet;
use std::sync::Mutex;

use boop_verifier::{AwsLc, Crypto, P384Signature};

/// Key, message and signature of a check, told apart by their kind.
type Check = (u8, Vec<u8>, Vec<u8>, Vec<u8>);

/// Notes the checks that passed.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    passed: Mutex<BTreeSet<Check>>,
}

impl Recorder {
    /// Gives checks that spare those which passed here.
    pub(crate) fn remember(self) -> Remembering {
        let passed = self.passed.into_inner();
        Remembering {
            passed: passed.unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    fn note(&self, check: Check, passed: bool) -> bool {
        if passed {
            let mut checks = self.passed.lock();
            let checks = checks.as_mut();
            checks.map(|checks| checks.insert(check)).ok();
        }
        passed
    }
}

impl Crypto for Recorder {
    fn verify_p384(&self, public_key: &[u8], message: &[u8], signature: P384Signature<'_>) -> bool {
        let passed = AwsLc.verify_p384(public_key, message, signature);
        self.note(p384(public_key, message, signature), passed)
    }

    fn verify_pss_sha384(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let passed = AwsLc.verify_pss_sha384(public_key, message, signature);
        self.note(pss(public_key, message, signature), passed)
    }
}

/// The real checks, except that what passed before, byte for byte, is not computed again: links
/// of a chain that a change leaves alone.
#[derive(Debug)]
pub(crate) struct Remembering {
    passed: BTreeSet<Check>,
}

impl Crypto for Remembering {
    fn verify_p384(&self, public_key: &[u8], message: &[u8], signature: P384Signature<'_>) -> bool {
        self.passed.contains(&p384(public_key, message, signature))
            || AwsLc.verify_p384(public_key, message, signature)
    }

    fn verify_pss_sha384(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        self.passed.contains(&pss(public_key, message, signature))
            || AwsLc.verify_pss_sha384(public_key, message, signature)
    }
}

/// Says that every signature verifies: the verifier with its signature checks switched off.
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

fn p384(key: &[u8], message: &[u8], signature: P384Signature<'_>) -> Check {
    let (kind, signature) = match signature {
        P384Signature::Fixed(bytes) => (0, bytes),
        P384Signature::Asn1(bytes) => (1, bytes),
    };
    (kind, key.to_vec(), message.to_vec(), signature.to_vec())
}

fn pss(key: &[u8], message: &[u8], signature: &[u8]) -> Check {
    (2, key.to_vec(), message.to_vec(), signature.to_vec())
}

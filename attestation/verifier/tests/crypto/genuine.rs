//! Genuine checks to spoil.

use crate::cases::vectors;
use crate::encoding::{positive, sequence};
use boop_verifier::{AwsLc, Crypto as _, P384Signature, RustCrypto};
use std::fs;

/// Signatures, keys and messages with random bytes changed, per kind of check.
pub(crate) const CHANGED_CHECKS: usize = 1500;

/// A signature with its key and message.
#[derive(Clone)]
pub(crate) struct Genuine {
    pub(crate) key: Vec<u8>,
    pub(crate) message: Vec<u8>,
    pub(crate) fixed: Vec<u8>,
}

impl Genuine {
    /// Checks with both, which must agree.
    pub(crate) fn verify(&self, der: &[u8]) -> bool {
        self.p384(P384Signature::Asn1(der))
    }

    pub(crate) fn verify_fixed(&self, fixed: &[u8]) -> bool {
        self.p384(P384Signature::Fixed(fixed))
    }

    pub(crate) fn p384(&self, signature: P384Signature<'_>) -> bool {
        let one = AwsLc.verify_p384(&self.key, &self.message, signature);
        let other = RustCrypto.verify_p384(&self.key, &self.message, signature);
        assert_eq!(one, other, "key {:x?} {signature:x?}", self.key);
        one
    }

    pub(crate) fn verify_pss(&self) -> bool {
        let one = AwsLc.verify_pss_sha384(&self.key, &self.message, &self.fixed);
        let other = RustCrypto.verify_pss_sha384(&self.key, &self.message, &self.fixed);
        assert_eq!(one, other, "key {:x?} {:x?}", self.key, self.fixed);
        one
    }

    pub(crate) fn der(&self, r: &[u8], s: &[u8]) -> Vec<u8> {
        sequence(&[&positive(r), &positive(s)])
    }
}

/// The signature of a genuine report.
pub(crate) fn genuine_p384() -> Option<Genuine> {
    let folder = vectors()?.join("snp/genoa-v3-vcek-a-aci");
    let leaf = fs::read(folder.join("vek.der")).expect("case has a certificate");
    let report = fs::read(folder.join("report.bin")).expect("case has a report");
    let place = leaf
        .windows(5)
        .position(|bytes| bytes == [3, 0x62, 0, 4, leaf_x(&leaf)]);
    let place = place.expect("a point that is not compressed") + 3;
    let scalar = |at: usize| report[at..at + 48].iter().rev().copied();
    Some(Genuine {
        key: leaf[place..place + 97].to_vec(),
        message: report[..0x2a0].to_vec(),
        fixed: scalar(0x2a0).chain(scalar(0x2e8)).collect(),
    })
}

/// First byte of the point's coordinate in a leaf.
pub(crate) fn leaf_x(leaf: &[u8]) -> u8 {
    let head = leaf.windows(4).position(|bytes| bytes == [3, 0x62, 0, 4]);
    leaf[head.expect("leaf has a point") + 4]
}

/// The signature of a genuine intermediate.
pub(crate) fn genuine_pss() -> Option<Genuine> {
    let roots = vectors()?.join("snp/roots");
    let root = fs::read(roots.join("genoa-ark.der")).expect("root is there");
    let child = fs::read(roots.join("genoa-ask.der")).expect("intermediate is there");
    let key = root
        .windows(9)
        .position(|bytes| bytes[..5] == [0x30, 0x82, 2, 0x0a, 2] && bytes[5..] == [0x82, 2, 1, 0]);
    let key = key.expect("root has a key of 4096 bits");
    let length = usize::from(child[6]) << 8 | usize::from(child[7]);
    Some(Genuine {
        key: root[key..key + 4 + 0x20a].to_vec(),
        message: child[4..8 + length].to_vec(),
        fixed: child[child.len() - 512..].to_vec(),
    })
}

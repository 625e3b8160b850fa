//! Evidence with bytes changed: nothing of it is accepted, and nothing panics.
//!
//! Works on genuine evidence of the attestation vectors, and says so when they are not here.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use boop_verifier::{
    Endorsements, Expected, Policy, Roots, UnixTime, Verdict, authenticate, parse, verify,
};

/// 2026-06-01T00:00:00Z, at which the certificates of the report are valid.
const SNP_TIME: UnixTime = UnixTime(1_780_272_000);
/// 2025-04-15T02:25:53Z, at which the document was made.
const NITRO_TIME: UnixTime = UnixTime(1_744_683_953);
/// Random changes per kind of evidence.
const RANDOM_CHANGES: u64 = 500;
/// One byte in so many of a document is changed: checking its chain takes a while.
const DOCUMENT_STEP: usize = 3;

#[test]
fn a_report_with_any_byte_changed_is_refused() {
    let Some(case) = snp_case() else { return };
    assert!(case.verdict().accepted);

    for offset in 0..case.evidence.len() {
        let mut changed = case.clone();
        changed.evidence[offset] ^= 1;

        assert!(!changed.verdict().accepted, "byte {offset:#x}");
    }
}

#[test]
fn a_certificate_with_any_byte_changed_is_refused() {
    let Some(case) = snp_case() else { return };
    let length = case.endorsements.leaf.as_ref().map_or(0, Vec::len);

    for offset in 0..length {
        let mut changed = case.clone();
        if let Some(leaf) = &mut changed.endorsements.leaf {
            leaf[offset] ^= 1;
        }

        assert!(!changed.verdict().accepted, "byte {offset:#x}");
    }
}

#[test]
fn a_document_with_a_byte_changed_is_refused() {
    let Some(case) = nitro_case() else { return };
    assert!(case.verdict().accepted);

    for offset in (0..case.evidence.len()).step_by(DOCUMENT_STEP) {
        let mut changed = case.clone();
        changed.evidence[offset] ^= 1;

        assert!(!changed.verdict().accepted, "byte {offset:#x}");
    }
}

#[test]
fn evidence_cut_anywhere_is_refused() {
    for case in [snp_case(), nitro_case()].into_iter().flatten() {
        for length in 0..case.evidence.len() {
            assert!(parse(&case.evidence[..length]).is_err(), "{length} bytes");
        }
    }
}

#[test]
fn random_changes_and_random_bytes_never_panic() {
    let seed = 0x0b00_95ee_d000_0001;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    for case in [snp_case(), nitro_case()].into_iter().flatten() {
        for _ in 0..RANDOM_CHANGES {
            let mut changed = case.clone();
            let leaf = changed.endorsements.leaf.get_or_insert_default();
            for bytes in [&mut changed.evidence, leaf] {
                random.change(bytes);
            }

            assert!(!changed.verdict().accepted);
        }
    }
    for _ in 0..RANDOM_CHANGES {
        let length = random.below(600);
        let mut bytes: Vec<u8> = (0..length).map(|_| random.byte()).collect();
        if let Some(first) = bytes.first_mut() {
            *first = [0x84, 0x9f, 0xd2, 3][random.below(4)];
        }

        assert!(parse(&bytes).is_err());
    }
}

#[test]
fn authentication_goes_on_after_the_first_failure() {
    let Some(mut case) = nitro_case() else { return };
    let last = case.evidence.len() - 1;
    case.evidence[last] ^= 1;
    let evidence = parse(&case.evidence).expect("only the signature is changed");
    let late = UnixTime(NITRO_TIME.0 + 86_400);

    let authenticated = authenticate(&evidence, &case.endorsements, &Roots::empty(), late);

    let failed = authenticated
        .steps()
        .iter()
        .filter(|step| !step.reasons.is_empty());
    let names: Vec<_> = failed.map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["root", "validity", "signature"]);
    assert!(!authenticated.is_authentic());
}

#[derive(Clone)]
struct Case {
    evidence: Vec<u8>,
    endorsements: Endorsements,
    now: UnixTime,
}

impl Case {
    fn verdict(&self) -> Verdict {
        let (roots, policy) = (Roots::vendor(), Policy::p0());
        let expected = Expected::nothing();
        verify(
            &self.evidence,
            &self.endorsements,
            &roots,
            self.now,
            &policy,
            &expected,
        )
    }
}

/// A genuine report; its intermediate is the one compiled in.
fn snp_case() -> Option<Case> {
    let folder = vectors()?.join("snp/genoa-v3-vcek-a-aci");
    let leaf = fs::read(folder.join("vek.der")).expect("case has a certificate");
    let evidence = fs::read(folder.join("report.bin")).expect("case has a report");
    let endorsements = Endorsements {
        leaf: Some(leaf),
        ..Endorsements::default()
    };
    Some(Case {
        evidence,
        endorsements,
        now: SNP_TIME,
    })
}

fn nitro_case() -> Option<Case> {
    let folder = vectors()?.join("nitro/prod-2025-04-pcr3");
    let evidence = fs::read(folder.join("document.cbor")).expect("case has a document");
    Some(Case {
        evidence,
        endorsements: Endorsements::default(),
        now: NITRO_TIME,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the vectors are is a matter of the machine"
)]
fn vectors() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var("BOOP_VECTORS")
        .map_or(beside, PathBuf::from)
        .join("attestation");
    let found = folder.is_dir();
    assert!(found || env::var("CI").is_err(), "CI runs with the vectors");
    if !found {
        println!("attestation vectors are not here: nothing was changed");
    }
    found.then_some(folder)
}

/// A small generator (xorshift), enough to pick places and values.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("limit fits");
        usize::try_from(self.next() % limit).expect("a small number fits")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Sets a few bytes to other values than they have.
    fn change(&mut self, bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        for _ in 0..=self.below(4) {
            let place = self.below(bytes.len());
            bytes[place] = bytes[place].wrapping_add(self.byte() | 1);
        }
    }
}

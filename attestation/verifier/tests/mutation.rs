//! Evidence with bytes changed: nothing of it is accepted, and nothing panics.
//!
//! Works on what simulated hardware signed and, where the attestation vectors are, on genuine
//! evidence. `cargo xtask prove attestation` changes every bit of more of it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use boop_verifier::{
    Endorsements, Expected, Policy, Product, Roots, SimulatedEvidence, SimulatedRoots, UnixTime,
    Verdict, authenticate, parse, verify,
};

/// 2026-06-01T00:00:00Z, at which the certificates of the report are valid.
const SNP_TIME: UnixTime = UnixTime(1_780_272_000);
/// 2025-04-15T02:25:53Z, at which the document was made.
const NITRO_TIME: UnixTime = UnixTime(1_744_683_953);
/// 2026-06-01T12:00:30Z, at which everything simulated is valid.
const SIMULATED_TIME: UnixTime = UnixTime(1_780_315_230);
/// Random changes per kind of evidence.
const RANDOM_CHANGES: u64 = 500;
/// One byte in so many of a document is changed: checking its chain takes a while.
const DOCUMENT_STEP: usize = 3;

#[test]
fn a_report_with_any_byte_changed_is_refused() {
    for case in snp_cases() {
        assert!(case.verdict().accepted);

        for offset in 0..case.evidence.len() {
            let mut changed = case.clone();
            changed.evidence[offset] ^= 1;

            assert!(!changed.verdict().accepted, "byte {offset:#x}");
        }
    }
}

#[test]
fn a_certificate_with_any_byte_changed_is_refused() {
    for case in snp_cases() {
        let length = case.endorsements.leaf.as_ref().map_or(0, Vec::len);

        for offset in 0..length {
            let mut changed = case.clone();
            if let Some(leaf) = &mut changed.endorsements.leaf {
                leaf[offset] ^= 1;
            }

            assert!(!changed.verdict().accepted, "byte {offset:#x}");
        }
    }
}

#[test]
fn a_document_with_a_byte_changed_is_refused() {
    for case in nitro_cases() {
        assert!(case.verdict().accepted);

        for offset in (0..case.evidence.len()).step_by(DOCUMENT_STEP) {
            let mut changed = case.clone();
            changed.evidence[offset] ^= 1;

            assert!(!changed.verdict().accepted, "byte {offset:#x}");
        }
    }
}

#[test]
fn evidence_cut_anywhere_is_refused() {
    for case in snp_cases().into_iter().chain(nitro_cases()) {
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
    for case in snp_cases().into_iter().chain(nitro_cases()) {
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
    let mut case = simulated_document();
    let last = case.evidence.len() - 1;
    case.evidence[last] ^= 1;
    let evidence = parse(&case.evidence).expect("only the signature is changed");
    let late = UnixTime(SIMULATED_TIME.0 + 86_400);

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
    roots: Roots,
    now: UnixTime,
}

impl Case {
    fn verdict(&self) -> Verdict {
        let policy = Policy {
            simulated: SimulatedEvidence::Allow,
            ..Policy::p0()
        };
        let expected = Expected::nothing();
        verify(
            &self.evidence,
            &self.endorsements,
            &self.roots,
            self.now,
            &policy,
            &expected,
        )
    }
}

fn snp_cases() -> Vec<Case> {
    let mut cases = vec![simulated_report()];
    // The intermediate of the genuine one is compiled in.
    cases.extend(vectors().map(|vectors| {
        let folder = vectors.join("snp/genoa-v3-vcek-a-aci");
        Case {
            evidence: read(&folder, "report.bin"),
            endorsements: Endorsements {
                leaf: Some(read(&folder, "vek.der")),
                ..Endorsements::default()
            },
            roots: Roots::vendor(),
            now: SNP_TIME,
        }
    }));
    cases
}

fn nitro_cases() -> Vec<Case> {
    let mut cases = vec![simulated_document()];
    cases.extend(vectors().map(|vectors| {
        let folder = vectors.join("nitro/prod-2025-04-pcr3");
        Case {
            evidence: read(&folder, "document.cbor"),
            endorsements: Endorsements::default(),
            roots: Roots::vendor(),
            now: NITRO_TIME,
        }
    }));
    cases
}

fn simulated_report() -> Case {
    let folder = simulated().join("snp");
    let authorities = folder.join("roots/synthetic");
    let case = folder.join("genuine-genoa-v3");
    let root = (Product::Genoa, read(&authorities, "genoa-ark.der"));
    Case {
        evidence: read(&case, "report.bin"),
        endorsements: Endorsements {
            leaf: Some(read(&case, "vek.der")),
            intermediate: Some(read(&authorities, "genoa-ask.der")),
            crl: None,
        },
        roots: Roots::empty().with_simulated(SimulatedRoots {
            snp: vec![root],
            nitro: vec![],
        }),
        now: SIMULATED_TIME,
    }
}

fn simulated_document() -> Case {
    let folder = simulated().join("nitro");
    let root = read(&folder.join("roots"), "synthetic-root.der");
    Case {
        evidence: read(&folder.join("genuine"), "document.cbor"),
        endorsements: Endorsements::default(),
        roots: Roots::empty().with_simulated(SimulatedRoots {
            snp: vec![],
            nitro: vec![root],
        }),
        now: SIMULATED_TIME,
    }
}

/// The vectors of simulated hardware, which the repository holds.
fn simulated() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/attestation")
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).expect("a file of the vectors can be read")
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
        println!("attestation vectors are not here: no genuine evidence was changed");
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

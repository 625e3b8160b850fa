//! The cases of the vectors.

use boop_verifier::snp::VerifiedChain;
use boop_verifier::{
    Crypto, Endorsements, Expected, Policy, Product, Roots, SimulatedEvidence, SimulatedRoots,
    UnixTime, Verdict, appraise, snp, verify, verify_with,
};
use serde_json::Value;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// One folder of the vectors with everything that its verification needs.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) evidence: Vec<u8>,
    pub(crate) endorsements: Endorsements,
    pub(crate) roots: Roots,
    pub(crate) now: UnixTime,
    pub(crate) policy: Policy,
}

impl Case {
    pub(crate) fn verdict(&self, crypto: &impl Crypto) -> Verdict {
        verify_with(
            crypto,
            &self.evidence,
            &self.endorsements,
            &self.roots,
            self.now,
            &self.policy,
            &Expected::nothing(),
        )
    }

    pub(crate) fn verdict_under(&self, chain: &VerifiedChain) -> Verdict {
        match snp::Report::parse(&self.evidence) {
            Ok(report) => {
                let authenticated = chain.authenticate(&report, self.now);
                appraise(&authenticated, &self.policy, &Expected::nothing())
            }
            // Nothing of a chain is looked at.
            Err(_) => verify(
                &self.evidence,
                &Endorsements::default(),
                &self.roots,
                self.now,
                &self.policy,
                &Expected::nothing(),
            ),
        }
    }
}

pub(crate) fn cases(kind: &str) -> Option<Vec<Case>> {
    let folder = vectors()?.join(kind);
    let index = fs::read(folder.join("index.json")).expect("vectors have an index");
    let index: Value = serde_json::from_slice(&index).expect("index is json");
    let ids = index.as_array().expect("index is a list").iter();
    let cases = ids.map(|entry| case(&folder, entry["id"].as_str().expect("a case has an id")));
    Some(cases.collect())
}

pub(crate) fn case(folder: &Path, id: &str) -> Case {
    let own = folder.join(id);
    let stated = fs::read(own.join("expected.json")).expect("a case says what it expects");
    let stated: Value = serde_json::from_slice(&stated).expect("expected is json");
    let file = |field: &str| {
        let name = stated[field].as_str()?;
        Some(fs::read(own.join(name)).expect("a named file exists"))
    };
    let evidence = file("report").or_else(|| file("document"));
    let synthetic = ["trusted_roots", "trusted_root"].map(|field| &stated[field]);
    let synthetic = synthetic.iter().any(|text| {
        let text = text.as_str().unwrap_or_default();
        text.contains("configure as trusted")
    });
    let mut policy = Policy::p0();
    let mut roots = Roots::vendor();
    if synthetic {
        policy.simulated = SimulatedEvidence::Allow;
        roots = roots.with_simulated(synthetic_roots(folder));
    }
    Case {
        id: id.to_owned(),
        evidence: evidence.expect("a case has evidence"),
        endorsements: Endorsements {
            leaf: file("endorsement_key"),
            intermediate: file("intermediate"),
            crl: file("crl"),
        },
        roots,
        now: UnixTime(unix_seconds(stated["verify_time"].as_str())),
        policy,
    }
}

pub(crate) fn synthetic_roots(folder: &Path) -> SimulatedRoots {
    let read = |name: &str| fs::read(folder.join("roots").join(name)).ok();
    let products = [
        (Product::Milan, "synthetic/milan-ark.der"),
        (Product::Genoa, "synthetic/genoa-ark.der"),
        (Product::Turin, "synthetic/turin-ark.der"),
    ];
    let snp = products.into_iter();
    SimulatedRoots {
        snp: snp
            .filter_map(|(product, name)| Some((product, read(name)?)))
            .collect(),
        nitro: read("synthetic-root.der").into_iter().collect(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the vectors are is a matter of the machine"
)]
pub(crate) fn vectors() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var("BOOP_VECTORS")
        .map_or(beside, PathBuf::from)
        .join("attestation");
    let found = folder.is_dir();
    assert!(found || env::var("CI").is_err(), "CI runs with the vectors");
    if !found {
        println!("attestation vectors are not here: nothing was compared");
    }
    found.then_some(folder)
}

/// Seconds since 1970 of a time such as `2026-06-01T12:00:30Z`, or of that day without one.
pub(crate) fn unix_seconds(text: Option<&str>) -> u64 {
    let text = text.unwrap_or("2026-06-01T00:00:00Z");
    let numbers: Vec<u64> = text
        .split(|character: char| !character.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().expect("digits are a number"))
        .collect();
    let [year, month, day, hour, minute, second] =
        numbers.try_into().expect("a time has six numbers");
    // Days since 1970 in the proleptic Gregorian calendar, years counted from March.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    (days - 719_469) * 86_400 + hour * 3_600 + minute * 60 + second
}

//! Verdicts of both implementations, and of chains that were kept.

use crate::cases::cases;
use crate::random::Random;
use boop_verifier::snp::VerifiedChain;
use boop_verifier::{AwsLc, Endorsements, Evidence, Reason, Roots, RustCrypto, UnixTime, parse};

/// Pieces of evidence with random bytes changed, per platform.
const CHANGED_EVIDENCE: usize = 400;

#[test]
fn both_implementations_give_every_vector_the_same_verdict() {
    for kind in ["snp", "nitro"] {
        let Some(cases) = cases(kind) else { return };
        for case in &cases {
            assert_eq!(
                case.verdict(&AwsLc),
                case.verdict(&RustCrypto),
                "{}",
                case.id
            );
        }
        println!("{kind}: {} cases, both alike", cases.len());
    }
}

#[test]
fn both_implementations_give_changed_evidence_the_same_verdict() {
    let seed = 0x0b00_95ee_d000_0002;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    for kind in ["snp", "nitro"] {
        let Some(cases) = cases(kind) else { return };
        for _ in 0..CHANGED_EVIDENCE {
            let mut case = cases[random.below(cases.len())].clone();
            let parts = [
                Some(&mut case.evidence),
                case.endorsements.leaf.as_mut(),
                case.endorsements.intermediate.as_mut(),
                case.endorsements.crl.as_mut(),
            ];
            let mut parts: Vec<_> = parts.into_iter().flatten().collect();
            let part = random.below(parts.len());
            random.change(parts[part]);

            assert_eq!(
                case.verdict(&AwsLc),
                case.verdict(&RustCrypto),
                "{}",
                case.id
            );
        }
    }
}

#[test]
fn a_chain_followed_once_gives_the_verdict_of_its_certificates() {
    let Some(cases) = cases("snp") else { return };
    let mut kept = 0;
    for case in &cases {
        let full = case.verdict(&AwsLc);
        match VerifiedChain::follow(&case.endorsements, &case.roots) {
            Ok(chain) => {
                kept += 1;
                assert!(chain.is_of(&case.endorsements));
                assert_eq!(case.verdict_under(&chain), full, "{}", case.id);
                for now in [UnixTime(0), UnixTime(u64::MAX)] {
                    let mut other = case.clone();
                    other.now = now;
                    let full = other.verdict(&AwsLc);
                    assert_eq!(other.verdict_under(&chain), full, "{}", case.id);
                }
            }
            Err(error) => {
                assert!(!full.accepted, "{}", case.id);
                if let Ok(Evidence::Snp(_)) = parse(&case.evidence) {
                    let stated = |reason| full.reasons.contains(reason);
                    assert!(error.reasons.iter().all(stated), "{}: {error}", case.id);
                }
            }
        }
    }
    println!("{kept} of {} chains can be kept", cases.len());
    assert!(kept > 30, "{kept}");
}

#[test]
fn a_chain_followed_once_serves_other_reports_of_the_same_chip_alone() {
    let Some(cases) = cases("snp") else { return };
    let of = |id: &str| cases.iter().find(|case| case.id == id).expect("case");
    let (own, other) = (of("genoa-v3-vcek-a-aci"), of("genoa-v3-vcek-b"));
    let chain = VerifiedChain::follow(&own.endorsements, &own.roots).expect("genuine chain");

    assert!(own.verdict_under(&chain).accepted);
    assert!(!chain.is_of(&other.endorsements));
    let refused = other.verdict_under(&chain);
    assert!(refused.reasons.contains(&Reason::ReportSignatureInvalid));
    assert!(!refused.authentic);
}

#[test]
fn a_chain_without_a_pinned_root_cannot_be_kept() {
    let Some(cases) = cases("snp") else { return };
    let case = cases.iter().find(|case| case.id == "genoa-v3-vcek-a-aci");
    let case = case.expect("vectors have the case");
    let follow = |endorsements: &Endorsements, roots: &Roots| {
        VerifiedChain::follow(endorsements, roots).map_err(|error| error.reasons)
    };

    let untrusted = follow(&case.endorsements, &Roots::empty());
    let missing = follow(&Endorsements::default(), &case.roots);

    assert_eq!(untrusted, Err(vec![Reason::UntrustedRoot]));
    assert_eq!(missing, Err(vec![Reason::EndorsementKeyMissing]));
}

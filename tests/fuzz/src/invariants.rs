//! What must hold of every verdict, whatever the bytes were.

use std::sync::LazyLock;

use boop_verifier::snp::{Report, VerifiedChain};
use boop_verifier::{
    Authenticated, AwsLc, Endorsements, Evidence, Expected, Outcome, Policy, Reason, Roots,
    RustCrypto, SimulatedEvidence, Verdict, appraise, authenticate_with,
};

use crate::crypto::Credulous;
use crate::fixture::{NOW, all_roots, simulated_roots};

static VENDOR: LazyLock<Roots> = LazyLock::new(Roots::vendor);
static SIMULATED: LazyLock<Roots> = LazyLock::new(simulated_roots);
static ALL: LazyLock<Roots> = LazyLock::new(all_roots);
static LENIENT: LazyLock<Policy> = LazyLock::new(|| policy(SimulatedEvidence::Allow));
static STRICT: LazyLock<Policy> = LazyLock::new(|| policy(SimulatedEvidence::Refuse));

/// One in so many inputs goes through the real signature checks although nothing speaks for it.
const SAMPLED: u64 = 256;
/// Of those that go through them, one in so many goes through the second implementation.
const COMPARED: u64 = 64;

/// Judges evidence by checks that believe every signature, and whatever gets past them by real
/// ones under every set of roots; holds what must hold.
///
/// `is_fixture` says whether the evidence is one that a simulated chip signed: no other may be
/// accepted, and nothing at all may be accepted under the vendors' roots.
pub(crate) fn judge(evidence: &Evidence, endorsements: &Endorsements, is_fixture: bool) {
    let credulous = authenticate_with(&Credulous, evidence, endorsements, &ALL, NOW);
    let believed = judge_both(&credulous).accepted;
    let number = fingerprint(evidence.as_bytes(), endorsements);
    if believed || is_fixture || number.is_multiple_of(SAMPLED) {
        judge_really(evidence, endorsements, is_fixture, number);
    }
}

/// Judges a report under certificates that stay the same from input to input.
pub(crate) fn judge_report(report: &Report, chain: &VerifiedChain, is_fixture: bool) {
    let credulous = chain.authenticate_with(&Credulous, report, NOW);
    let believed = judge_both(&credulous).accepted;
    let endorsements = chain.endorsements();
    let number = fingerprint(report.as_bytes(), endorsements);
    if believed || is_fixture || number.is_multiple_of(SAMPLED) {
        let evidence = Evidence::Snp(report.clone());
        let followed = authenticate_with(&Credulous, &evidence, endorsements, &ALL, NOW);
        assert_eq!(
            followed, credulous,
            "a chain that is kept says something else"
        );
        judge_really(&evidence, endorsements, is_fixture, number);
    }
}

/// Follows a chain of the simulated vendor, for reports to be judged under.
pub(crate) fn chain_of(endorsements: &Endorsements) -> Option<VerifiedChain> {
    VerifiedChain::follow_with(&Credulous, endorsements, &ALL).ok()
}

fn judge_really(evidence: &Evidence, endorsements: &Endorsements, is_fixture: bool, number: u64) {
    let found = authenticate_with(&AwsLc, evidence, endorsements, &SIMULATED, NOW);
    let accepted = judge_both(&found).accepted;
    assert!(is_fixture || !accepted, "forged evidence passes");
    if number.is_multiple_of(COMPARED) {
        let other = authenticate_with(&RustCrypto, evidence, endorsements, &SIMULATED, NOW);
        assert_eq!(found, other, "two implementations disagree");
    }
    let found = authenticate_with(&AwsLc, evidence, endorsements, &VENDOR, NOW);
    let verdict = judge_both(&found);
    assert!(!verdict.accepted, "forged evidence passes for a vendor's");
    assert!(!verdict.simulated, "vendors' roots are not simulated");
}

/// Appraises with and without permission for simulated evidence; gives the first verdict.
fn judge_both(authenticated: &Authenticated) -> Verdict {
    let verdict = appraise(authenticated, &LENIENT, &Expected::nothing());
    hold(&verdict);
    assert_eq!(authenticated.is_authentic(), verdict.authentic);
    let strict = appraise(authenticated, &STRICT, &Expected::nothing());
    hold(&strict);
    assert!(
        !(strict.simulated && strict.accepted),
        "simulated evidence passes for genuine"
    );
    verdict
}

/// Panics unless a verdict agrees with its own steps.
pub(crate) fn hold(verdict: &Verdict) {
    let failed = verdict.first_failure().is_some();
    assert!(!verdict.bound, "nothing was expected, so nothing is bound");
    assert!(!(verdict.accepted && failed));
    assert!(!verdict.accepted || (verdict.authentic && verdict.acceptable));
    assert_eq!(verdict.accepted, verdict.tier.is_some());
    assert_eq!(verdict.reasons.is_empty(), !failed);
    for step in &verdict.steps {
        assert_eq!(step.outcome == Outcome::Fail, !step.reasons.is_empty());
        for reason in &step.reasons {
            assert!(verdict.reasons.contains(reason));
        }
    }
    for reason in &verdict.reasons {
        let known = Reason::from_code(reason.as_str());
        assert_eq!(known.as_ref(), Some(reason), "a code leads back");
        assert!(!reason.meaning().is_empty());
    }
    let words = verdict.summary();
    assert!(words.starts_with(if verdict.accepted {
        "accepted"
    } else {
        "refused"
    }));
    assert!(
        !words.contains(char::is_control),
        "a summary is one plain line"
    );
}

fn policy(simulated: SimulatedEvidence) -> Policy {
    Policy {
        simulated,
        ..Policy::p0()
    }
}

/// A number that inputs have at random (FNV-1a), so that a sample of them is always the same.
fn fingerprint(evidence: &[u8], endorsements: &Endorsements) -> u64 {
    let Endorsements {
        leaf,
        intermediate,
        crl,
    } = endorsements;
    let parts = [leaf, intermediate, crl];
    let bytes = evidence.iter().chain(parts.into_iter().flatten().flatten());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

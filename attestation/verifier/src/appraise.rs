//! Third step: hold authenticated facts against a policy and against what the caller expects.

use alloc::{vec, vec::Vec};

use crate::{
    authenticate::{Authenticated, authenticate_with},
    crypto::Crypto,
    evidence::{Endorsements, EvidenceKind, UnixTime, parse},
    facts::Facts,
    nitro,
    policy::{Demand, Expected, Platform, Policy, SimulatedEvidence},
    reason::Reason,
    record::Record,
    roots::Roots,
    rule::Rule,
    snp,
    step::{Level, Outcome, StepName},
    text::hex_short,
    verdict::Verdict,
};

/// Holds authenticated evidence against a policy and against what the caller expects.
pub fn appraise(authenticated: &Authenticated, policy: &Policy, expected: &Expected) -> Verdict {
    let facts = &authenticated.facts;
    let mut record = authenticated.record.clone();

    appraise_origin(&mut record, facts, policy);
    match facts.kind {
        EvidenceKind::Snp => match &policy.snp {
            Platform::Accepted(rules) => snp::appraise::appraise(&mut record, facts, rules),
            Platform::Refused => refuse_platform(&mut record, "sev-snp"),
        },
        EvidenceKind::Nitro => match &policy.nitro {
            Platform::Accepted(rules) => nitro::appraise::appraise(&mut record, facts, rules),
            Platform::Refused => refuse_platform(&mut record, "nitro"),
        },
    }
    compare_report_data(&mut record, facts, &expected.report_data);
    compare_nonce(&mut record, facts, expected);
    demand_binding(&mut record, policy.binding);

    conclude(authenticated, record, policy)
}

/// Parses, authenticates and appraises in one call.
#[cfg(feature = "aws-lc")]
pub fn verify(
    bytes: &[u8],
    endorsements: &Endorsements,
    roots: &Roots,
    now: UnixTime,
    policy: &Policy,
    expected: &Expected,
) -> Verdict {
    let crypto = crate::crypto::AwsLc;
    verify_with(&crypto, bytes, endorsements, roots, now, policy, expected)
}

/// Parses, authenticates with a given implementation of the signature checks, and appraises.
#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of `verify` and the implementation"
)]
pub fn verify_with(
    crypto: &impl Crypto,
    bytes: &[u8],
    endorsements: &Endorsements,
    roots: &Roots,
    now: UnixTime,
    policy: &Policy,
    expected: &Expected,
) -> Verdict {
    match parse(bytes) {
        Ok(evidence) => {
            let authenticated = authenticate_with(crypto, &evidence, endorsements, roots, now);
            appraise(&authenticated, policy, expected)
        }
        Err(error) => Verdict::unreadable(&error),
    }
}

fn conclude(authenticated: &Authenticated, record: Record, policy: &Policy) -> Verdict {
    let nothing_else_expected = record.none_failed(Level::Bound);
    let acceptable = record.none_failed(Level::Acceptable);
    let accepted =
        authenticated.authentic && acceptable && nothing_else_expected && record.reasons.is_empty();
    Verdict {
        authentic: authenticated.authentic,
        acceptable,
        bound: nothing_else_expected && was_compared(&record),
        accepted,
        tier: policy.tier_of(&authenticated.facts).filter(|_| accepted),
        simulated: authenticated.facts.simulated,
        steps: record.steps,
        reasons: record.reasons,
        flags: record.flags,
        facts: Some(authenticated.facts.clone()),
    }
}

/// Says whether something that the caller named was compared and found so.
fn was_compared(record: &Record) -> bool {
    let mut bound = record
        .steps
        .iter()
        .filter(|step| step.name.level() == Level::Bound);
    bound.any(|step| step.outcome == Outcome::Pass)
}

fn demand_binding(record: &mut Record, demand: Demand) {
    // What was named and found otherwise has given its own reason already.
    let named = was_compared(record) || !record.none_failed(Level::Bound);
    let name = StepName::BindingDemand;
    match (named, demand) {
        (true, _) => record.conclude(name, "you named something to compare with", vec![]),
        (false, Demand::Open) => record.skip(name, "the policy asks for no binding"),
        (false, Demand::Required) => {
            let detail = "you named neither report data nor a nonce";
            record.require(name, detail, false, Reason::BindingMissing);
        }
    }
}

fn appraise_origin(record: &mut Record, facts: &Facts, policy: &Policy) {
    let name = StepName::Simulation;
    match (facts.simulated, policy.simulated) {
        (false, _) if !record.all_pass(&[StepName::Root]) => {
            record.skip(name, "the chain ends at no root");
        }
        (false, _) => record.conclude(name, "the chain ends at a root of the vendor", vec![]),
        (true, SimulatedEvidence::Allow) => {
            record.conclude(name, "simulated root, which the policy allows", vec![]);
        }
        (true, SimulatedEvidence::Refuse) => {
            let detail = "simulated root, which the policy refuses";
            record.require(name, detail, false, Reason::SimulatedEvidence);
        }
    }
}

fn refuse_platform(record: &mut Record, name: &str) {
    let detail = alloc::format!("policy refuses {name}");
    record.require(
        StepName::PlatformKind,
        detail,
        false,
        Reason::PlatformRefused,
    );
}

fn compare_report_data(record: &mut Record, facts: &Facts, rule: &Rule<Vec<u8>>) {
    if rule.is_any() {
        record.skip(StepName::ReportData, "you named no report data to expect");
        return;
    }
    let found = match facts.kind {
        EvidenceKind::Snp => facts.report_data.map(|data| data.to_vec()),
        EvidenceKind::Nitro => facts.user_data.clone(),
    };
    let found = found.filter(|data| !data.is_empty());
    let detail = alloc::format!(
        "evidence carries {}",
        hex_short(found.as_deref().unwrap_or(&[]))
    );
    let holds = rule.accepts_option(found.as_ref());
    record.require(
        StepName::ReportData,
        detail,
        holds,
        Reason::ReportDataMismatch,
    );
}

fn compare_nonce(record: &mut Record, facts: &Facts, expected: &Expected) {
    match (facts.kind, &expected.nonce) {
        (_, Rule::Any) => record.skip(StepName::Nonce, "you named no nonce to expect"),
        (EvidenceKind::Snp, _) => {
            let detail = "a report has no nonce of its own: it can only answer in its report data";
            record.require(StepName::Nonce, detail, false, Reason::NonceMismatch);
        }
        (EvidenceKind::Nitro, rule) => {
            let found = facts.nonce.as_deref().unwrap_or(&[]);
            let detail = alloc::format!("document carries nonce {}", hex_short(found));
            // An empty nonce answers no question, even when it was the one asked.
            let holds = !found.is_empty() && rule.accepts_option(facts.nonce.as_ref());
            record.require(StepName::Nonce, detail, holds, Reason::NonceMismatch);
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::facts::tests::{good_nitro, good_snp};
    use crate::policy::Tier;

    fn judge(facts: Facts, policy: &Policy, expected: &Expected) -> Verdict {
        let authenticated = Authenticated {
            authentic: true,
            facts,
            record: Record::default(),
        };
        appraise(&authenticated, policy, expected)
    }

    fn expecting(report_data: Rule<Vec<u8>>, nonce: Rule<Vec<u8>>) -> Expected {
        Expected { report_data, nonce }
    }

    #[test]
    fn evidence_bound_to_what_was_expected_says_so() {
        let data = Rule::Exactly(vec![4; 64]);
        let cases = [
            (good_snp(), expecting(data.clone(), Rule::Any)),
            (good_nitro(), expecting(data, Rule::Exactly(vec![5; 32]))),
        ];
        for (facts, expected) in cases {
            let verdict = judge(facts, &Policy::p0(), &expected);

            assert!(verdict.accepted && verdict.bound);
            assert_eq!(verdict.summary(), "accepted: authentic, allowed and bound");
        }
    }

    #[test]
    fn evidence_without_expectation_is_accepted_but_not_bound() {
        let verdict = judge(good_snp(), &Policy::p0(), &Expected::nothing());

        assert!(verdict.accepted && !verdict.bound);
        assert_eq!(
            verdict.summary(),
            "accepted: authentic and allowed, bound to nothing"
        );
    }

    #[test]
    fn evidence_of_another_conversation_is_refused() {
        let other_data = expecting(Rule::Exactly(vec![9; 64]), Rule::Any);
        let other_nonce = expecting(Rule::Any, Rule::Exactly(vec![9; 32]));
        let both_data = [good_snp(), good_nitro()].map(|facts| (facts, &other_data));
        for (facts, expected) in both_data {
            let verdict = judge(facts, &Policy::p0(), expected);

            assert_eq!(verdict.reasons, [Reason::ReportDataMismatch]);
            assert!(!verdict.accepted && !verdict.bound && verdict.acceptable);
        }
        for facts in [good_snp(), good_nitro()] {
            let verdict = judge(facts, &Policy::p0(), &other_nonce);

            assert_eq!(verdict.reasons, [Reason::NonceMismatch]);
            assert!(!verdict.accepted && !verdict.bound);
        }
    }

    #[test]
    fn a_document_without_the_expected_fields_is_refused() {
        let expected = expecting(Rule::Exactly(vec![4; 64]), Rule::Exactly(vec![5; 32]));
        let mut facts = good_nitro();
        facts.user_data = None;
        facts.nonce = None;

        let verdict = judge(facts, &Policy::p0(), &expected);

        assert_eq!(
            verdict.reasons,
            [Reason::ReportDataMismatch, Reason::NonceMismatch]
        );
    }

    #[test]
    fn a_report_answers_no_nonce_even_with_the_right_data() {
        let expected = expecting(Rule::Exactly(vec![4; 64]), Rule::Exactly(vec![5; 32]));

        let verdict = judge(good_snp(), &Policy::p0(), &expected);

        assert_eq!(verdict.reasons, [Reason::NonceMismatch]);
        assert!(!verdict.bound && !verdict.accepted);
    }

    #[test]
    fn an_empty_nonce_binds_nothing() {
        let mut facts = good_nitro();
        facts.nonce = Some(vec![]);

        let verdict = judge(
            facts,
            &Policy::p0(),
            &expecting(Rule::Any, Rule::Exactly(vec![])),
        );

        assert_eq!(verdict.reasons, [Reason::NonceMismatch]);
        assert!(!verdict.bound);
    }

    #[test]
    fn a_demanded_binding_needs_something_to_compare_with() {
        let mut policy = Policy::p0();
        policy.binding = Demand::Required;
        let report_data = expecting(Rule::Exactly(vec![4; 64]), Rule::Any);
        let other_data = expecting(Rule::Exactly(vec![9; 64]), Rule::Any);
        for facts in [good_snp(), good_nitro()] {
            let alone = judge(facts.clone(), &policy, &Expected::nothing());
            let bound = judge(facts.clone(), &policy, &report_data);
            let other = judge(facts, &policy, &other_data);

            assert_eq!(alone.reasons, [Reason::BindingMissing]);
            assert!(alone.acceptable && !alone.bound && !alone.accepted);
            assert!(bound.bound && bound.accepted);
            assert_eq!(other.reasons, [Reason::ReportDataMismatch]);
            assert!(!other.bound);
        }
    }

    #[test]
    fn the_tier_is_given_to_accepted_evidence_alone() {
        let mut policy = Policy::p0();
        policy.simulated = SimulatedEvidence::Allow;
        let mut simulated = good_snp();
        simulated.simulated = true;
        let mut debug = good_nitro();
        debug.debug = true;
        let tier = |facts| judge(facts, &policy, &Expected::nothing()).tier;

        assert_eq!(tier(good_snp()), Some(Tier::Affirming));
        assert_eq!(tier(good_nitro()), Some(Tier::Affirming));
        assert_eq!(tier(simulated), Some(Tier::Warning));
        assert_eq!(tier(debug), None);
    }

    #[test]
    fn evidence_without_a_root_is_not_called_real_hardware() {
        let verdict = judge(good_snp(), &Policy::p0(), &Expected::nothing());

        let mut steps = verdict.steps.iter();
        let step = steps.find(|step| step.name == StepName::Simulation);
        assert_eq!(step.map(|step| step.outcome), Some(Outcome::NotChecked));
    }

    #[test]
    fn simulated_evidence_needs_a_written_permission() {
        let mut facts = good_nitro();
        facts.simulated = true;
        let mut policy = Policy::p0();

        let refused = judge(facts.clone(), &policy, &Expected::nothing());
        policy.simulated = SimulatedEvidence::Allow;
        let accepted = judge(facts, &policy, &Expected::nothing());

        assert_eq!(refused.reasons, [Reason::SimulatedEvidence]);
        assert!(refused.simulated && !refused.accepted);
        assert!(accepted.simulated && accepted.accepted);
    }

    #[test]
    fn a_refused_platform_is_refused_whatever_it_says() {
        let mut policy = Policy::p0();
        policy.snp = Platform::Refused;
        policy.nitro = Platform::Refused;
        for facts in [good_snp(), good_nitro()] {
            let verdict = judge(facts, &policy, &Expected::nothing());

            assert_eq!(verdict.reasons, [Reason::PlatformRefused]);
            assert!(!verdict.acceptable && !verdict.accepted);
        }
    }

    #[test]
    fn evidence_that_is_not_authentic_is_never_accepted() {
        let facts = good_snp();
        let record = Record::default();
        let authenticated = Authenticated {
            authentic: false,
            facts,
            record,
        };

        let verdict = appraise(&authenticated, &Policy::p0(), &Expected::nothing());

        assert!(!verdict.accepted && verdict.acceptable);
        assert_eq!(verdict.summary(), "refused: a check was left out");
    }
}

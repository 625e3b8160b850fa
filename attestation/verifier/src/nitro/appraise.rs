//! Appraisal of a Nitro document: its facts against the rules of a policy.

use alloc::{format, vec::Vec};

use crate::{
    facts::Facts,
    policy::{AgeLimit, NitroPolicy, PcrSet, Permission},
    reason::Reason,
    record::Record,
    rule::Rule,
    snp::is_zero,
    step::StepName,
    text::hex_short,
};

/// Registers that make up an image: all of it, kernel with command line, application.
const IMAGE_PCRS: [u8; 3] = [0, 1, 2];
/// Milliseconds in a second.
const SECOND_MS: u64 = 1000;

/// Holds a document's facts against the rules.
pub(crate) fn appraise(record: &mut Record, facts: &Facts, policy: &NitroPolicy) {
    appraise_debug(record, facts, policy.debug);
    appraise_pcrs(record, facts, policy);
    appraise_module(record, facts, &policy.module_id);
    appraise_age(record, facts, policy);
}

fn appraise_debug(record: &mut Record, facts: &Facts, permission: Permission) {
    let holds = !facts.debug || permission == Permission::Allow;
    let detail = if facts.debug {
        "pcr0 to pcr2 are zero"
    } else {
        "pcr0 to pcr2 are not zero"
    };
    record.require(StepName::Debug, detail, holds, Reason::DebugMode);
}

fn appraise_pcrs(record: &mut Record, facts: &Facts, policy: &NitroPolicy) {
    let mut reasons = Vec::new();
    if !policy.is_complete() {
        reasons.push(Reason::PolicyIncomplete);
    }
    let absent = IMAGE_PCRS
        .iter()
        .filter(|index| pcr(facts, **index).is_none());
    reasons.extend(absent.map(|index| absence(facts, *index)));
    let mut image = IMAGE_PCRS.iter().filter_map(|index| pcr(facts, *index));
    if !facts.debug && image.any(|pcr| is_zero(pcr)) {
        reasons.push(Reason::Pcr0To2PartlyZero);
    }
    let mut fitting = policy
        .pcr_sets
        .iter()
        .filter(|set| fits(facts, set))
        .peekable();
    if fitting.peek().is_none() && !policy.pcr_sets.is_empty() {
        reasons.push(Reason::PcrNotAllowed);
    }
    let names_program = fitting.any(PcrSet::names_program);
    let sets = policy.pcr_sets.len();
    let detail = format!(
        "pcr0 {} of {} pcrs, held against {sets} set{}",
        hex_short(pcr(facts, 0).map_or(&[], |pcr| pcr)),
        facts.pcrs.len(),
        if sets == 1 { "" } else { "s" },
    );
    if reasons.is_empty() && !names_program {
        let detail = format!("{detail}; the policy leaves the program open");
        record.skip(StepName::Measurement, detail);
    } else {
        record.conclude(StepName::Measurement, detail, reasons);
    }
}

fn fits(facts: &Facts, PcrSet(rules): &PcrSet) -> bool {
    let mut rules = rules.iter();
    rules.all(|(index, rule)| rule.accepts_option(pcr(facts, *index)))
}

fn pcr(facts: &Facts, index: u8) -> Option<&[u8; 48]> {
    facts
        .pcrs
        .iter()
        .find(|(found, _)| *found == index)
        .map(|(_, pcr)| pcr)
}

/// Says why a PCR has no value: it has another length than a digest, or it is not there.
fn absence(facts: &Facts, index: u8) -> Reason {
    let refused = facts.nitro.iter().flat_map(|nitro| &nitro.refused_pcrs);
    let mut here = refused.filter(|(found, _)| *found == index);
    here.next()
        .map_or(Reason::Pcr0To2Missing, |(_, reason)| reason.clone())
}

fn appraise_module(record: &mut Record, facts: &Facts, rule: &Rule<alloc::string::String>) {
    if rule.is_any() {
        record.skip(StepName::ModuleId, "policy accepts any module");
        return;
    }
    let name = facts.module_id.as_deref().unwrap_or("none");
    let holds = rule.accepts_option(facts.module_id.as_ref());
    record.require(
        StepName::ModuleId,
        format!("module {name}"),
        holds,
        Reason::ModuleIdNotAllowed,
    );
}

fn appraise_age(record: &mut Record, facts: &Facts, policy: &NitroPolicy) {
    let Some(timestamp_ms) = facts.timestamp_ms.filter(|timestamp| *timestamp != 0) else {
        record.require(
            StepName::Age,
            "no timestamp",
            false,
            Reason::TimestampInvalid,
        );
        return;
    };
    let now_ms = facts.checked_at.0.saturating_mul(SECOND_MS);
    let ahead_ms = timestamp_ms.saturating_sub(now_ms);
    let age_ms = now_ms.saturating_sub(timestamp_ms);
    let mut reasons = Vec::new();
    if ahead_ms > policy.ahead_seconds_max.saturating_mul(SECOND_MS) {
        reasons.push(Reason::TimestampInFuture);
    }
    match policy.age {
        AgeLimit::Seconds(limit) if age_ms > limit.saturating_mul(SECOND_MS) => {
            reasons.push(Reason::DocumentTooOld);
        }
        AgeLimit::Seconds(_) | AgeLimit::Any => {}
    }
    let detail = if ahead_ms > 0 {
        format!(
            "the document is {} s ahead of this time",
            ahead_ms.div_ceil(SECOND_MS)
        )
    } else {
        format!("the document is {} s old", age_ms / SECOND_MS)
    };
    record.conclude(StepName::Age, detail, reasons);
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{facts::tests::good_nitro, step::Outcome};

    type Spoil = fn(&mut Facts, &mut NitroPolicy);

    fn reasons(spoil: Spoil) -> Vec<Reason> {
        let (mut facts, mut policy) = (good_nitro(), NitroPolicy::n0());
        spoil(&mut facts, &mut policy);
        let mut record = Record::default();
        appraise(&mut record, &facts, &policy);
        record.reasons
    }

    #[test]
    fn a_good_document_gives_no_reason() {
        assert_eq!(reasons(|_, _| {}), []);
        assert_eq!(
            reasons(|_, policy| policy.pcr_sets[0].0[0].1 = Rule::Exactly([1; 48])),
            []
        );
        assert_eq!(reasons(|_, policy| policy.age = AgeLimit::Seconds(10)), []);
        assert_eq!(reasons(|_, policy| policy.ahead_seconds_max = 0), []);
    }

    #[test]
    fn a_document_fits_one_whole_set_and_no_mixture() {
        let set = |image, kernel| {
            let registers = [(0, image), (1, kernel), (2, [3; 48])];
            PcrSet(
                registers
                    .map(|(index, pcr)| (index, Rule::Exactly(pcr)))
                    .to_vec(),
            )
        };
        let (older, newer) = (set([1; 48], [2; 48]), set([7; 48], [8; 48]));
        let mixed = [set([1; 48], [8; 48]), set([7; 48], [2; 48])];
        let judge = |sets: &[PcrSet]| {
            let (facts, mut policy) = (good_nitro(), NitroPolicy::n0());
            policy.pcr_sets = sets.to_vec();
            let mut record = Record::default();
            appraise(&mut record, &facts, &policy);
            record.reasons
        };

        assert_eq!(judge(&[newer, older]), []);
        assert_eq!(judge(&mixed), [Reason::PcrNotAllowed]);
    }

    #[test]
    fn a_set_that_leaves_the_image_open_does_not_name_the_program() {
        let outcome = |closed: &[u8]| {
            let (facts, mut policy) = (good_nitro(), NitroPolicy::n0());
            for (index, rule) in &mut policy.pcr_sets[0].0 {
                if closed.contains(index) {
                    *rule = Rule::Exactly([*index + 1; 48]);
                }
            }
            let mut record = Record::default();
            appraise(&mut record, &facts, &policy);
            let mut steps = record.steps.into_iter();
            steps
                .find(|step| step.name == StepName::Measurement)
                .map(|step| step.outcome)
        };

        assert_eq!(outcome(&[0]), Some(Outcome::Pass));
        assert_eq!(outcome(&[1, 2]), Some(Outcome::Pass));
        assert_eq!(outcome(&[2]), Some(Outcome::NotChecked));
        assert_eq!(outcome(&[]), Some(Outcome::NotChecked));
    }

    #[test]
    fn each_rule_of_the_policy_refuses_with_its_own_reason() {
        let cases: [(Spoil, Reason); 15] = [
            (
                |_, policy| policy.pcr_sets.clear(),
                Reason::PolicyIncomplete,
            ),
            (
                |_, policy| drop(policy.pcr_sets[0].0.remove(1)),
                Reason::PolicyIncomplete,
            ),
            (
                |_, policy| policy.pcr_sets[0].0[2].1 = Rule::Exactly([9; 48]),
                Reason::PcrNotAllowed,
            ),
            (
                |_, policy| policy.pcr_sets[0].0[2].1 = Rule::OneOf(vec![]),
                Reason::PcrNotAllowed,
            ),
            (
                |_, policy| policy.pcr_sets[0].0.push((8, Rule::Exactly([0; 48]))),
                Reason::PcrNotAllowed,
            ),
            (|facts, _| facts.pcrs.truncate(2), Reason::Pcr0To2Missing),
            (
                |facts, _| facts.pcrs[1].1 = [0; 48],
                Reason::Pcr0To2PartlyZero,
            ),
            (|facts, _| facts.debug = true, Reason::DebugMode),
            (
                |_, policy| policy.module_id = Rule::Exactly("other".into()),
                { Reason::ModuleIdNotAllowed },
            ),
            (
                |facts, policy| {
                    facts.module_id = None;
                    policy.module_id = Rule::Exactly("i-0-enc0".into());
                },
                Reason::ModuleIdNotAllowed,
            ),
            (
                |_, policy| policy.age = AgeLimit::Seconds(9),
                Reason::DocumentTooOld,
            ),
            (
                |facts, _| facts.timestamp_ms = Some(1_000_060_001),
                Reason::TimestampInFuture,
            ),
            (
                |facts, _| facts.timestamp_ms = Some(u64::MAX),
                Reason::TimestampInFuture,
            ),
            (
                |facts, _| facts.timestamp_ms = None,
                Reason::TimestampInvalid,
            ),
            (
                |facts, _| facts.timestamp_ms = Some(0),
                Reason::TimestampInvalid,
            ),
        ];
        for (number, (spoil, reason)) in cases.into_iter().enumerate() {
            assert_eq!(reasons(spoil), [reason], "case {number}");
        }
    }

    #[test]
    fn debug_mode_can_be_allowed_in_writing() {
        let allowed: Spoil = |facts, policy| {
            facts.debug = true;
            policy.debug = Permission::Allow;
        };

        assert_eq!(reasons(allowed), []);
    }
}

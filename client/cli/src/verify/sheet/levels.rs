//! The three results, which are never merged.

use boop_verifier::{EvidenceKind, Level, Outcome, Reason};

use super::{LevelPart, StepPart, Tone, steps};
use crate::verify::case::Case;

/// Lays out the three results with their steps, numbered through.
pub(super) fn of(case: &Case) -> Vec<LevelPart> {
    let mut parts = vec![authentic(case), acceptable(case), bound(case)];
    let levels = [Level::Authentic, Level::Acceptable, Level::Bound];
    let mut number = 0;
    for (part, wanted) in parts.iter_mut().zip(levels) {
        let steps = steps(case).filter(|(level, _)| *level == wanted);
        part.steps = steps
            .map(|(_, step)| {
                number += 1;
                StepPart { number, ..step }
            })
            .collect();
    }
    parts
}

fn authentic(case: &Case) -> LevelPart {
    let verdict = &case.verdict;
    let vendor = match verdict.facts.as_ref().map(|facts| facts.kind) {
        Some(EvidenceKind::Snp) => "AMD",
        Some(EvidenceKind::Nitro) => "AWS",
        None => "the vendor",
    };
    let (result, tone, meaning) = match (verdict.authentic, verdict.simulated) {
        (true, false) => (
            "yes",
            Tone::Good,
            format!(
                "Signatures lead from this evidence to the root of {vendor} that is built into \
                 boop. Its values are what genuine hardware stated."
            ),
        ),
        (true, true) => (
            "simulated",
            Tone::Open,
            "Signatures lead to a root of simulated hardware that you named. A simulator \
             protects nothing from whoever runs it."
                .into(),
        ),
        (false, _) => (
            "no",
            Tone::Bad,
            "Not shown to come from genuine hardware. Treat each value below as a claim that \
             anybody could have written."
                .into(),
        ),
    };
    LevelPart {
        name: "Authentic",
        question: "Did genuine hardware make it?",
        result,
        tone,
        meaning,
        steps: vec![],
    }
}

fn acceptable(case: &Case) -> LevelPart {
    let verdict = &case.verdict;
    let policy = &case.conditions.policy_name;
    let (result, tone, meaning) = match (verdict.acceptable, verdict.authentic) {
        _ if verdict.facts.is_none() => (
            "not asked",
            Tone::Open,
            "The evidence could not be read, so there is nothing to hold against the policy."
                .into(),
        ),
        (true, true) => (
            "yes",
            Tone::Good,
            format!("The policy {policy} allows everything that the evidence says."),
        ),
        (true, false) => (
            "yes",
            Tone::Open,
            format!(
                "The policy {policy} would allow what the evidence says, if genuine hardware \
                 had said it."
            ),
        ),
        (false, _) => (
            "no",
            Tone::Bad,
            format!("The policy {policy} refuses something that the evidence says."),
        ),
    };
    LevelPart {
        name: "Acceptable",
        question: "Does the policy allow what it says?",
        result,
        tone,
        meaning,
        steps: vec![],
    }
}

fn bound(case: &Case) -> LevelPart {
    let authentic = case.verdict.authentic;
    let unasked = case.verdict.reasons.contains(&Reason::BindingMissing);
    let failed =
        steps(case).any(|(level, step)| level == Level::Bound && step.outcome == Outcome::Fail);
    let (result, tone, meaning) = match (failed, case.verdict.bound) {
        (true, _) if unasked => (
            "not asked",
            Tone::Bad,
            "The policy demands that the evidence is compared with something of yours. Give a \
             nonce (--nonce) or the data that it must carry (--report-data).",
        ),
        (true, _) => (
            "no",
            Tone::Bad,
            "The evidence was made for another occasion than the one you named.",
        ),
        (false, true) if authentic => (
            "yes",
            Tone::Good,
            "The evidence carries what you said it must carry, so it was made for this occasion.",
        ),
        (false, true) => (
            "yes",
            Tone::Open,
            "The evidence carries what you said it must carry, but anybody could have put it \
             there.",
        ),
        (false, false) => (
            "not asked",
            Tone::Open,
            "Nothing was given to compare with (--nonce or --report-data), so this may be old \
             evidence shown again, or that of another machine.",
        ),
    };
    LevelPart {
        name: "Bound",
        question: "Does it belong to this conversation?",
        result,
        tone,
        meaning: meaning.into(),
        steps: vec![],
    }
}

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
    let bundle = case.input.bundle.is_some();
    let missing = case.verdict.reasons.contains(&Reason::BindingMissing);
    let failed =
        steps(case).any(|(level, step)| level == Level::Bound && step.outcome == Outcome::Fail);
    let (result, tone, meaning) = match (failed, case.bound()) {
        (true, _) if missing && case.extras_hold() => ("not asked", Tone::Bad, demanded(bundle)),
        (true, _) => ("no", Tone::Bad, another(case)),
        (false, true) if case.verdict.authentic => ("yes", Tone::Good, fits(case)),
        (false, true) => (
            "yes",
            Tone::Open,
            "The evidence carries what you said it must carry, but anybody could have put it \
             there.",
        ),
        (false, false) if bundle => (
            "not asked",
            Tone::Open,
            "The evidence covers the binding beside it, and nothing of yours was compared with \
             either (--nonce), so this may be an old bundle shown again, or that of another \
             machine.",
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

/// Says that the policy demands what the caller did not give.
const fn demanded(bundle: bool) -> &'static str {
    if bundle {
        "The policy demands that the evidence is compared with something of yours. What a bundle \
         says of itself is no such thing: give the nonce that you asked with (--nonce)."
    } else {
        "The policy demands that the evidence is compared with something of yours. Give a nonce \
         (--nonce) or the data that it must carry (--report-data)."
    }
}

/// Says what it does not belong to.
fn another(case: &Case) -> &'static str {
    let mut failed = case.extras.iter().filter(|extra| !extra.holds);
    match failed.next().map(|extra| extra.name) {
        Some("binding-consistent") => {
            "The evidence and the binding beside it do not belong together."
        }
        Some("network") => "The evidence is not that of a member of the network that you named.",
        Some("tls-key" | "session-proof") => {
            "The evidence does not belong to the connection that it came over."
        }
        Some(_) | None => "The evidence was made for another occasion than the one you named.",
    }
}

/// Says what it belongs to.
const fn fits(case: &Case) -> &'static str {
    match (&case.input.bundle, &case.conditions.nonce) {
        (Some(_), None) => {
            "The key that the evidence covers signed this very connection, so the machine at its \
             other end made it."
        }
        (Some(_), Some(_)) => {
            "The evidence covers a binding that answers your nonce, so it was made for this \
             occasion."
        }
        (None, _) => {
            "The evidence carries what you said it must carry, so it was made for this occasion."
        }
    }
}

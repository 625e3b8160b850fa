//! What a verdict lets a reader conclude, and what it does not.

use boop_verifier::{EvidenceKind, Facts, Outcome, Product, SignedBy, StepName};

use super::outcome;
use crate::verify::case::Case;
use crate::verify::rfc3339;

/// Lists what follows from the verdict.
pub(super) fn proves(case: &Case) -> Vec<String> {
    let verdict = &case.verdict;
    let Some(facts) = verdict.facts.as_ref().filter(|_| verdict.authentic) else {
        return vec!["Nothing. No decision may rest on this evidence.".into()];
    };
    let mut lines = vec![origin(facts)];
    if !case.accepted() {
        lines.push(
            "Nothing more: the evidence is genuine, and it is refused for the reasons above."
                .into(),
        );
        return lines;
    }
    lines.push(match facts.kind {
        EvidenceKind::Snp if facts.debug => {
            "Debug is on: the host can read the memory, and the policy puts up with it.".into()
        }
        EvidenceKind::Snp => "The guest's memory is encrypted, and its launch policy keeps the \
             host from debugging it."
            .into(),
        EvidenceKind::Nitro if facts.debug => {
            "Debug mode is on: the parent instance can read the console, and no program is \
             measured. The policy puts up with it."
                .into()
        }
        EvidenceKind::Nitro => {
            "The enclave is closed to its parent instance: it is not in debug mode.".into()
        }
    });
    if outcome(case, StepName::Measurement) == Some(Outcome::Pass) {
        lines.push("The program that was started is one that the policy names.".into());
    }
    if outcome(case, StepName::FirmwareFloor) == Some(Outcome::Pass) && has_floor(case) {
        lines.push("The firmware is at or above the floor of the policy.".into());
    }
    if case.bound() {
        lines.push(occasion(case).into());
    }
    for extra in case.extras.iter().filter(|extra| extra.holds) {
        lines.push(format!("Shown as well: {}.", extra.title));
    }
    lines
}

/// Says what the evidence was compared with.
fn occasion(case: &Case) -> &'static str {
    match (&case.input.bundle, &case.conditions.nonce) {
        (Some(_), None) => {
            "It belongs to this connection: the key that the evidence covers signed it."
        }
        (Some(_), Some(_)) => "It was made for this occasion: its binding answers your nonce.",
        (None, _) => "It was made for this occasion: it carries what you said it must.",
    }
}

fn origin(facts: &Facts) -> String {
    let signer = match &facts.signed_by {
        SignedBy::Vcek => format!(
            "One AMD EPYC processor ({})",
            facts.product.map_or("product unknown", Product::as_str)
        ),
        SignedBy::Vlek { provider } => format!(
            "An AMD EPYC processor in the fleet of {}",
            provider.as_deref().unwrap_or("a provider")
        ),
        SignedBy::NitroEnclave => "The AWS Nitro hypervisor".into(),
        SignedBy::Unknown => "The holder of the key".into(),
    };
    let when = facts.timestamp_ms.map_or_else(String::new, |made_at_ms| {
        format!(" at {}", rfc3339(made_at_ms / 1000))
    });
    let simulated = if facts.simulated {
        " Simulated: the one who runs the simulator decided on every value."
    } else {
        ""
    };
    format!("{signer} signed exactly these values{when}.{simulated}")
}

/// Lists what a reader might think follows, and does not.
pub(super) fn proves_not(case: &Case) -> Vec<String> {
    let verdict = &case.verdict;
    let mut lines = Vec::new();
    let Some(facts) = verdict.facts.as_ref().filter(|_| verdict.authentic) else {
        return vec![
            "That somebody attacks: a wrong or missing certificate, or a wrong time, \
             looks the same. The reasons say where to look."
                .into(),
        ];
    };
    match outcome(case, StepName::Measurement) {
        Some(Outcome::Pass) => {}
        Some(Outcome::Fail) => {
            lines.push("WHICH program runs: it is none that the policy names.".into());
        }
        Some(Outcome::NotChecked) | None => lines.push(
            "WHICH program runs. The policy leaves the measurement open; any program on genuine \
             hardware passes."
                .into(),
        ),
    }
    if !case.bound() {
        lines.push(
            "That it is fresh, or that the machine you talk to made it. Evidence that is bound \
             to nothing can be copied and shown by anybody."
                .into(),
        );
    }
    if facts.kind == EvidenceKind::Snp {
        lines.extend(unproven_of_snp(case, facts));
    } else {
        lines.push(
            "That AWS kept its part: the Nitro hypervisor and the keys that sign documents are \
             AWS's own."
                .into(),
        );
    }
    lines.push(
        "That the program is free of mistakes, or that its keys stay inside from now on.".into(),
    );
    lines
}

fn unproven_of_snp(case: &Case, facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    if !has_floor(case) {
        lines.push(
            "That the firmware has no published holes. The policy sets no floor for it.".into(),
        );
    }
    if !facts.snp.as_ref().is_some_and(|snp| snp.revocation_checked) {
        lines.push("That the issuer still stands: no revocation list was checked.".into());
    }
    if facts.product == Some(Product::Milan) {
        lines.push(
            "That the chip's key is still its own. For Milan, research of 2026 claims that the \
             root seed can be extracted in software; trust only chips whose ids you list."
                .into(),
        );
    }
    lines.push(
        "That nobody put a device between processor and memory, or extracted this chip's key. \
         Attacks with physical access leave no trace in a report."
            .into(),
    );
    lines
}

/// Says whether the policy asks for any firmware level of the product at the time of the check.
fn has_floor(case: &Case) -> bool {
    case.conditions.floor(&case.verdict).is_some()
}

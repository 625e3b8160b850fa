//! The verdict in words, for a reader who may never have seen a report.

use boop_verifier::{EvidenceKind, Facts, Level, Outcome, SignedBy};

use super::case::{Case, Extra};
use super::rfc3339;
use crate::console::{Console, Mark};

/// Prints the verdict and the facts behind it.
pub(super) fn summarise(case: &Case, console: &Console) {
    headline(case, console);
    console.field("evidence", &case.input.origin);
    if let Some(facts) = &case.verdict.facts {
        print_facts(facts, console);
    }
    print_binding(case, console);
    let at = rfc3339(case.conditions.at.0);
    let given = if case.conditions.at_given {
        "as asked"
    } else {
        "now"
    };
    console.field(
        "judged",
        format_args!("by {} at {at} ({given})", case.conditions.policy_name),
    );
    print_remarks(case, console);
}

/// Prints every check: what was compared, how it ended, and why it matters.
pub(super) fn explain(case: &Case, console: &Console) {
    headline(case, console);
    console.field("evidence", &case.input.origin);
    for (level, title) in [
        (Level::Authentic, "Authentic: did genuine hardware make it?"),
        (
            Level::Acceptable,
            "Acceptable: does the policy allow what it says?",
        ),
        (Level::Bound, "Bound: does it belong to this conversation?"),
    ] {
        console.line(format_args!("\n{title}"));
        let steps = case.verdict.steps.iter();
        for step in steps.filter(|step| step.name.level() == level) {
            let mark = mark(step.outcome);
            console.line(format_args!(
                "  {}  {}",
                console.word(mark),
                step.name.title()
            ));
            console.line(format_args!("        compared: {}", step.detail));
            console.line(format_args!("        why:      {}", step.why));
            for reason in &step.reasons {
                let meaning = reason.meaning();
                console.line(format_args!("        reason:   {reason} - {meaning}"));
            }
        }
        if level == Level::Bound {
            case.extras
                .iter()
                .for_each(|extra| explain_extra(extra, console));
        }
    }
    console.line("\nFacts");
    if let Some(facts) = &case.verdict.facts {
        print_facts(facts, console);
    }
    print_binding(case, console);
    print_remarks(case, console);
    console.line(
        "\npass: compared and found so. FAIL: compared and found otherwise. \
         open: nothing to compare with, or\nleft open by the policy.",
    );
}

fn headline(case: &Case, console: &Console) {
    console.line(console.headline(case.accepted(), &case.summary()));
}

fn explain_extra(extra: &Extra, console: &Console) {
    let mark = if extra.holds { Mark::Pass } else { Mark::Fail };
    console.line(format_args!("  {}  {}", console.word(mark), extra.title));
    console.line(format_args!("        compared: {}", extra.detail));
    console.line(format_args!("        why:      {}", extra.why));
}

const fn mark(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Pass => Mark::Pass,
        Outcome::Fail => Mark::Fail,
        Outcome::NotChecked => Mark::Open,
    }
}

fn print_facts(facts: &Facts, console: &Console) {
    match facts.kind {
        EvidenceKind::Snp => {
            let version = facts.snp.as_ref().map_or(0, |snp| snp.version);
            console.field(
                "platform",
                format_args!("AMD SEV-SNP, report version {version}"),
            );
        }
        EvidenceKind::Nitro => console.field("platform", "AWS Nitro Enclaves"),
    }
    if let Some(product) = facts.product {
        console.field("product", product.as_str());
    }
    console.field("signed by", signed_by(&facts.signed_by));
    if facts.simulated {
        console.field("hardware", console.warning("simulated: protects nothing"));
    }
    if let Some(tcb) = facts.tcb {
        console.field("firmware", tcb);
    }
    if let Some(measurement) = facts.measurement {
        console.field("measurement", hex::encode(measurement));
    }
    if let Some(chip) = facts.chip_id {
        console.field("chip id", short(&chip));
    }
    if let Some(module) = &facts.module_id {
        console.field("module", module);
    }
    if let Some(made_at_ms) = facts.timestamp_ms {
        console.field("made at", rfc3339(made_at_ms / 1000));
    }
    if let Some(data) = facts.report_data {
        console.field("report data", hex::encode(data));
    }
    if let Some(data) = &facts.user_data {
        console.field("user data", long(data));
    }
    if let Some(nonce) = &facts.nonce {
        console.field("nonce", long(nonce));
    }
    let debug = if facts.debug {
        console.warning("on: the host can read the memory")
    } else {
        "off".into()
    };
    console.field("debug", debug);
}

fn print_binding(case: &Case, console: &Console) {
    let Some(binding) = &case.binding else {
        return;
    };
    let party = binding
        .party
        .map_or_else(String::new, |party| format!(" {party}"));
    let role = format!("{:?}", binding.role).to_lowercase();
    console.field("role", format_args!("{role}{party}"));
    console.field("network", binding.network);
    console.field("manifest", binding.manifest);
    console.field("asked for at", rfc3339(binding.made_at_ms / 1000));
}

fn print_remarks(case: &Case, console: &Console) {
    for reason in &case.verdict.reasons {
        console.field("reason", format_args!("{reason} - {}", reason.meaning()));
    }
    for extra in case.extras.iter().filter(|extra| !extra.holds) {
        console.field("reason", format_args!("{} - {}", extra.name, extra.detail));
    }
    for flag in &case.verdict.flags {
        console.field("flag", format_args!("{flag} - {}", flag.meaning()));
    }
    for note in &case.input.notes {
        console.field("note", note);
    }
    if let Some(seconds) = case.better_time() {
        let time = rfc3339(seconds);
        console.field(
            "note",
            format_args!(
                "refused for its time alone: a Nitro document lives 3 hours; \
                 this one holds with --at {time}"
            ),
        );
    }
}

fn signed_by(signer: &SignedBy) -> String {
    match signer {
        SignedBy::Unknown => "a key of which nothing is known".into(),
        SignedBy::Vcek => "VCEK, the key of one chip".into(),
        SignedBy::Vlek { provider } => {
            let provider = provider.as_deref().unwrap_or("a provider");
            format!("VLEK, a key that {provider} holds for its fleet")
        }
        SignedBy::NitroEnclave => "the key of one Nitro enclave".into(),
    }
}

/// Returns the first bytes, which tell one chip from another.
fn short(bytes: &[u8]) -> String {
    format!("{}..", hex::encode(&bytes[..8.min(bytes.len())]))
}

/// Returns up to 64 bytes.
fn long(bytes: &[u8]) -> String {
    match bytes {
        [] => "(empty)".into(),
        bytes if bytes.len() <= 64 => hex::encode(bytes),
        bytes => format!("{}.. ({} bytes)", hex::encode(&bytes[..64]), bytes.len()),
    }
}

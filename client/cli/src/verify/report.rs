//! The verdict in words, for a reader who may never have seen a report.

use boop_verifier::{Evidence, EvidenceKind, Facts};

use super::case::Case;
use super::rfc3339;
use super::sheet::{late_note, signed_by, tier_meaning};
use super::text::{long_hex, plain};
use crate::console::Console;

/// Prints the verdict and the facts behind it.
pub(super) fn summarise(case: &Case, console: &Console) {
    headline(case, console);
    console.field(
        "evidence",
        plain(&format!("{} ({})", case.input.origin, case.input.form)),
    );
    if let Some(facts) = &case.verdict.facts {
        print_facts(case, facts, console);
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
        format_args!(
            "by {} at {at} ({given})",
            plain(&case.conditions.policy_name)
        ),
    );
    if let Some(tier) = case.tier() {
        console.field("trust tier", tier_meaning(tier));
    }
    print_remarks(case, console);
}

fn headline(case: &Case, console: &Console) {
    console.line(console.headline(case.accepted(), &plain(&case.summary())));
}

fn print_facts(case: &Case, facts: &Facts, console: &Console) {
    match facts.kind {
        EvidenceKind::Snp => {
            let version = match &case.input.evidence {
                Ok(Evidence::Snp(report)) => format!(", report version {}", report.version()),
                Ok(Evidence::Nitro(_)) | Err(_) => String::new(),
            };
            console.field("platform", format_args!("AMD SEV-SNP{version}"));
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
        console.field("module", plain(module));
    }
    if let Some(made_at_ms) = facts.timestamp_ms {
        console.field("made at", rfc3339(made_at_ms / 1000));
    }
    if let Some(data) = facts.report_data {
        console.field("report data", hex::encode(data));
    }
    if let Some(data) = &facts.user_data {
        console.field("user data", long_hex(data));
    }
    if let Some(nonce) = &facts.nonce {
        console.field("nonce", long_hex(nonce));
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
        let line = format!("{reason} - {}", reason.meaning());
        console.field("reason", plain(&line));
    }
    for extra in case.extras.iter().filter(|extra| !extra.holds) {
        let line = format!("{} - {} {}", extra.name, extra.meaning(), extra.detail);
        console.field("reason", plain(&line));
    }
    for flag in &case.verdict.flags {
        console.field("flag", format_args!("{flag} - {}", flag.meaning()));
    }
    for note in &case.input.notes {
        console.field("note", plain(note));
    }
    if let Some(note) = late_note(case) {
        console.field("note", note);
    }
}

/// Returns the first bytes, which tell one chip from another.
fn short(bytes: &[u8]) -> String {
    format!("{}..", hex::encode(&bytes[..8.min(bytes.len())]))
}

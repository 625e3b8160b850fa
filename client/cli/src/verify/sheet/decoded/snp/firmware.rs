//! Firmware levels, component by component, with the policy's floor beside them.

use boop_verifier::snp::SnpFacts;
use boop_verifier::{Facts, Floor, Rule, Tcb, TcbRules, UnixTime};

use super::{Field, Group, field};
use crate::verify::rfc3339;
use crate::verify::text::plain;

/// Decodes the four firmware levels.
pub(super) fn levels(facts: &Facts, snp: &SnpFacts, floor: Option<&Floor>) -> Group {
    let mut fields = vec![match floor {
        Some(floor) => field(
            "Floor of the policy",
            format!("counts since {}", date(floor.since)),
            match floor.bulletins.as_slice() {
                [] => "The policy names no bulletin for it.".to_owned(),
                bulletins => format!("Called for by {}.", plain(&bulletins.join(", "))),
            },
        ),
        None => field(
            "Floor of the policy",
            "none",
            "The policy accepts every level, also those with published holes.",
        ),
    }];
    let levels = [
        (
            "Reported (REPORTED_TCB)",
            facts.tcb,
            floor.map(|floor| &floor.reported),
            "The signing key belongs to this level, so an old level cannot pass for a new one.",
        ),
        (
            "Running (CURRENT_TCB)",
            Some(snp.current_tcb),
            None,
            "What runs at this moment.",
        ),
        (
            "Committed (COMMITTED_TCB)",
            Some(snp.committed_tcb),
            floor.map(|floor| &floor.committed),
            "The host can go back no further than this.",
        ),
        (
            "At launch (LAUNCH_TCB)",
            Some(snp.launch_tcb),
            floor.map(|floor| &floor.launch),
            "What ran when the guest was started; holes of that level may have been used.",
        ),
    ];
    for (name, tcb, rules, meaning) in levels {
        let Some(tcb) = tcb else { continue };
        fields.push(level(name, tcb, rules, meaning));
    }
    for (name, bits) in [
        (
            "Mitigations at launch (LAUNCH_MIT_VECTOR)",
            snp.launch_mitigations,
        ),
        (
            "Mitigations now (CURRENT_MIT_VECTOR)",
            snp.current_mitigations,
        ),
    ] {
        if let Some(bits) = bits {
            let meaning = "One bit per closed hole; AMD publishes the bits per bulletin.";
            fields.push(field(name, format!("{bits:#x}"), meaning));
        }
    }
    Group {
        title: "Firmware",
        about: "Five parts with a version number each: fmc (Turin alone) and boot loader start \
                the secure processor, its operating system (tee) runs the SNP firmware (snp), and \
                microcode belongs to the CPU cores. Higher is newer. Each part is compared alone.",
        fields,
    }
}

fn level(name: &str, tcb: Tcb, rules: Option<&TcbRules>, meaning: &str) -> Field {
    let parts = [
        ("fmc", tcb.fmc, rules.map(|rules| &rules.fmc)),
        (
            "boot loader",
            Some(tcb.bootloader),
            rules.map(|rules| &rules.bootloader),
        ),
        ("tee", Some(tcb.tee), rules.map(|rules| &rules.tee)),
        ("snp", Some(tcb.snp), rules.map(|rules| &rules.snp)),
        (
            "microcode",
            Some(tcb.microcode),
            rules.map(|rules| &rules.microcode),
        ),
    ];
    let shown = parts.into_iter().filter_map(|(part, value, rule)| {
        let value = value?;
        Some(format!(
            "{part} {value}{}",
            rule.map_or_else(String::new, demand)
        ))
    });
    field(name, shown.collect::<Vec<_>>().join(", "), meaning)
}

fn date(since: UnixTime) -> String {
    let time = rfc3339(since.0);
    time.split_once('T')
        .map_or(time.clone(), |(date, _)| date.to_owned())
}

fn demand(rule: &Rule<u8>) -> String {
    match rule {
        Rule::AtLeast(floor) => format!(" (at least {floor})"),
        Rule::Exactly(value) => format!(" (must be {value})"),
        Rule::OneOf(values) => format!(" (one of {values:?})"),
        Rule::Any => " (any)".into(),
    }
}

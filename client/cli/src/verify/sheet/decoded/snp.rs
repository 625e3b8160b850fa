//! The fields of an SEV-SNP report.

mod bits;
mod firmware;

use boop_verifier::snp::Report;
use boop_verifier::{Facts, Floor, Product};

use super::{Field, Group, bytes, field, signed_by};

/// Decodes a report.
pub(super) fn groups(facts: &Facts, report: &Report, floor: Option<&Floor>) -> Vec<Group> {
    let mut groups = vec![origin(facts, report), program(report)];
    // A version 2 report alone does not say how its firmware levels are to be read.
    if let Some(snp) = &facts.snp {
        groups.push(firmware::levels(facts, snp, floor));
    }
    groups.push(bits::guest_policy(report.policy()));
    groups.push(bits::platform(report.platform_info()));
    groups
}

fn origin(facts: &Facts, report: &Report) -> Group {
    let mut fields = vec![
        field(
            "Report version",
            report.version().to_string(),
            "Layout of the report; 2 to 5 are known.",
        ),
        field(
            "Product",
            facts.product.map_or("unknown", Product::as_str),
            "Generation of the processor. Trust is given per product.",
        ),
        field(
            "Signed by",
            signed_by(&facts.signed_by),
            "A VCEK belongs to one chip at one firmware level; a VLEK is kept by the provider.",
        ),
        field(
            "Chip id (CHIP_ID)",
            chip(report.chip_id()),
            "Names one processor. A policy can list the chips that it trusts.",
        ),
    ];
    if let Some([family, model, stepping]) = report.cpuid() {
        fields.push(field(
            "Processor (CPUID)",
            format!("family {family:#x}, model {model:#x}, stepping {stepping:#x}"),
            "What the processor calls itself; it must fit the certificate.",
        ));
    }
    fields.push(field(
        "Privilege level (VMPL)",
        report.vmpl().to_string(),
        "Who in the guest asked: 0 is its most privileged software, above 3 is the host.",
    ));
    Group {
        title: "Where it comes from",
        about: "The secure processor inside the CPU signs with a key that AMD certified.",
        fields,
    }
}

fn chip(id: [u8; 64]) -> String {
    // Turin's ids have 8 bytes; the rest of the field is zero.
    let (first, rest) = id.split_at(8);
    let zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    match (zero(first), zero(rest)) {
        (true, true) => "hidden (all zero)".into(),
        (false, true) => hex::encode(first),
        (_, false) => hex::encode(id),
    }
}

fn program(report: &Report) -> Group {
    let mut fields = vec![
        field(
            "Launch measurement (MEASUREMENT)",
            bytes(&report.measurement()),
            "SHA-384 over the memory that the guest started with. boop measure computes it from \
             firmware, kernel and settings.",
        ),
        field(
            "Host data (HOST_DATA)",
            bytes(&report.host_data()),
            "The host set it before launch; often the digest of a configuration.",
        ),
        field(
            "Report data (REPORT_DATA)",
            bytes(&report.report_data()),
            "The guest chose it when it asked. Compared with --report-data.",
        ),
        field(
            "Report id (REPORT_ID)",
            bytes(&report.report_id()),
            "Names this guest for as long as it runs.",
        ),
    ];
    fields.extend(owner(report));
    Group {
        title: "What runs",
        about: "What was started, and what it says about itself.",
        fields,
    }
}

fn owner(report: &Report) -> Vec<Field> {
    if report.id_key_digest().iter().all(|byte| *byte == 0) {
        return vec![field(
            "Owner's id block",
            "none",
            "No owner signed for this guest; it names no family, image or version.",
        )];
    }
    vec![
        field(
            "Owner's key (ID_KEY_DIGEST)",
            bytes(&report.id_key_digest()),
            "SHA-384 of the key that signed the id block: who stands behind the guest.",
        ),
        field(
            "Author key (AUTHOR_KEY_DIGEST)",
            bytes(&report.author_key_digest()),
            "SHA-384 of the key that signed the owner's key, if one did.",
        ),
        field(
            "Family (FAMILY_ID)",
            bytes(&report.family_id()),
            "Chosen by the owner.",
        ),
        field(
            "Image (IMAGE_ID)",
            bytes(&report.image_id()),
            "Chosen by the owner.",
        ),
        field(
            "Guest version (GUEST_SVN)",
            report.guest_svn().to_string(),
            "Chosen by the owner; a floor in the policy keeps old versions out.",
        ),
    ]
}

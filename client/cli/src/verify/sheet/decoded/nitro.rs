//! The fields of a Nitro document.

use boop_verifier::Facts;

use super::{Field, Group, Tone, bytes, field, signed_by, toned};
use crate::verify::rfc3339;
use crate::verify::text::{long_hex, plain};

/// What each PCR covers.
const PCRS: [(u8, &str); 5] = [
    (
        0,
        "The whole enclave image: kernel, boot arguments and every ramdisk.",
    ),
    (1, "The kernel, its boot arguments and the first ramdisk."),
    (2, "The application: the ramdisks after the first."),
    (3, "The IAM role of the parent instance."),
    (4, "The id of the parent instance."),
];
/// The PCR of the signer of the image.
const PCR_SIGNER: u8 = 8;
/// The first PCR that the application fills itself.
const PCR_FIRST_OF_APPLICATION: u8 = 16;

/// Decodes a document.
pub(super) fn groups(facts: &Facts) -> Vec<Group> {
    vec![origin(facts), program(facts), data(facts)]
}

fn origin(facts: &Facts) -> Group {
    let mut fields = vec![
        field(
            "Signed by",
            signed_by(&facts.signed_by),
            "AWS issues it for three hours to one enclave.",
        ),
        field(
            "Module id (module_id)",
            facts
                .module_id
                .as_deref()
                .map_or_else(|| "absent".into(), plain),
            "Instance and enclave. AWS chooses it.",
        ),
    ];
    if let Some(made_at_ms) = facts.timestamp_ms {
        fields.push(field(
            "Made at (timestamp)",
            rfc3339(made_at_ms / 1000),
            "Clock of the hypervisor when it signed.",
        ));
    }
    let nitro = facts.nitro.as_ref();
    if let Some(until) = nitro.and_then(|nitro| nitro.leaf_not_after) {
        fields.push(field(
            "Key valid until",
            rfc3339(until),
            "After this the document is refused, unless an earlier time is asked about.",
        ));
    }
    if let Some(root) = nitro.and_then(|nitro| nitro.root_name.as_ref()) {
        let meaning = "Name of the root that the chain begins with.";
        fields.push(field("Root", plain(root), meaning));
    }
    Group {
        title: "Where it comes from",
        about: "The hypervisor signs with a key that AWS certified.",
        fields,
    }
}

fn program(facts: &Facts) -> Group {
    let debug = if facts.debug {
        toned(
            field(
                "Debug mode",
                "on",
                "PCR0 to PCR2 are zero: the parent reads the console, no program is measured.",
            ),
            Tone::Bad,
        )
    } else {
        field(
            "Debug mode",
            "off",
            "The parent instance cannot look inside.",
        )
    };
    let mut fields = vec![debug];
    let mut unused = Vec::new();
    for (index, value) in &facts.pcrs {
        if *index <= 4 || value.iter().any(|byte| *byte != 0) {
            fields.push(pcr(*index, value));
        } else {
            unused.push(format!("PCR{index}"));
        }
    }
    if !unused.is_empty() {
        let value = format!("all zero: {}", unused.join(", "));
        fields.push(field("Unused PCRs", value, "Nothing was put in."));
    }
    if let Some(nitro) = &facts.nitro {
        fields.extend(nitro.refused_pcrs.iter().map(|(index, reason)| {
            let unreadable = field(&format!("PCR{index}"), "not readable", reason.meaning());
            toned(unreadable, Tone::Bad)
        }));
    }
    Group {
        title: "What runs",
        about: "PCRs are SHA-384 digests over what was started. Compare PCR0, PCR1 and PCR2 with \
                those that the build printed, or that boop measure computes from the image.",
        fields,
    }
}

fn pcr(index: u8, value: &[u8; 48]) -> Field {
    let covers = PCRS.iter().find(|(known, _)| *known == index);
    let meaning = match (covers, index) {
        (Some((_, covers)), _) => *covers,
        (None, PCR_SIGNER) => "The certificate that signed the image.",
        (None, PCR_FIRST_OF_APPLICATION..) => "Filled by the application itself at run time.",
        (None, _) => "Reserved by AWS.",
    };
    field(&format!("PCR{index}"), bytes(value), meaning)
}

fn data(facts: &Facts) -> Group {
    let shown = |value: &Option<Vec<u8>>| {
        let value = value.as_deref();
        value.map_or_else(|| "absent".into(), long_hex)
    };
    Group {
        title: "What the enclave put in",
        about: "The enclave chooses these bytes freely when it asks for a document.",
        fields: vec![
            field(
                "User data (user_data)",
                shown(&facts.user_data),
                "Compared with --report-data.",
            ),
            field(
                "Nonce (nonce)",
                shown(&facts.nonce),
                "Compared with --nonce. A nonce that you chose shows that the document is new.",
            ),
            field(
                "Public key (public_key)",
                shown(&facts.public_key),
                "Key that others may encrypt to, often for AWS KMS.",
            ),
        ],
    }
}

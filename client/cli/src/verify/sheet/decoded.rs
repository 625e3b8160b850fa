//! What the evidence says, each field by its name in words, with its value and its meaning.

mod nitro;
mod snp;

use boop_verifier::{Evidence, EvidenceKind, SignedBy};

use super::{Field, Group, Tone};
use crate::verify::case::Case;
use crate::verify::rfc3339;
use crate::verify::text::plain;

/// Says in a few words what was judged.
pub(super) fn subject(case: &Case) -> String {
    let Some(facts) = &case.verdict.facts else {
        return "Evidence that could not be read".into();
    };
    match facts.kind {
        EvidenceKind::Snp => {
            let product = facts
                .product
                .map_or("unknown product", |product| product.as_str());
            format!("AMD SEV-SNP report of {product}")
        }
        EvidenceKind::Nitro => "AWS Nitro Enclaves attestation document".into(),
    }
}

/// Decodes the evidence into groups of fields.
pub(super) fn groups(case: &Case) -> Vec<Group> {
    let mut groups = match (&case.verdict.facts, &case.input.evidence) {
        (Some(facts), Ok(Evidence::Snp(report))) => {
            let floor = case.conditions.floor(&case.verdict);
            snp::groups(facts, report, floor)
        }
        (Some(facts), Ok(Evidence::Nitro(_))) => nitro::groups(facts),
        (None, _) | (_, Err(_)) => vec![],
    };
    groups.extend(binding(case));
    groups
}

fn binding(case: &Case) -> Option<Group> {
    let binding = case.binding.as_ref()?;
    let role = format!("{:?}", binding.role).to_lowercase();
    let party = binding
        .party
        .map_or_else(String::new, |party| format!(" {party}"));
    Some(Group {
        title: "Binding",
        about: "What the process says about itself. The evidence must carry its digest.",
        fields: vec![
            field(
                "Role",
                format!("{role}{party}"),
                "Part that the process plays in the network.",
            ),
            field(
                "Network",
                binding.network.to_string(),
                "Network that it belongs to.",
            ),
            field(
                "Manifest",
                binding.manifest.to_string(),
                "Digest of the signed list of machines and programs that it runs under.",
            ),
            field(
                "TLS key",
                binding.keys.tls_spki.to_string(),
                "SHA-256 of the key that ends its TLS connections.",
            ),
            field(
                "Asked for at",
                rfc3339(binding.made_at_ms / 1000),
                "Clock of the process when it asked for the evidence.",
            ),
        ],
    })
}

/// Says which key signed the evidence.
pub(in crate::verify) fn signed_by(signer: &SignedBy) -> String {
    match signer {
        SignedBy::Unknown => "a key of which nothing is known".into(),
        SignedBy::Vcek => "VCEK, the key of one chip".into(),
        SignedBy::Vlek { provider } => {
            let provider = provider.as_deref().unwrap_or("a provider");
            format!("VLEK, a key that {} holds for its fleet", plain(provider))
        }
        SignedBy::NitroEnclave => "the key of one Nitro enclave".into(),
    }
}

fn field(name: &str, value: impl Into<String>, meaning: impl Into<String>) -> Field {
    Field {
        name: name.into(),
        value: value.into(),
        meaning: meaning.into(),
        tone: Tone::Plain,
    }
}

fn toned(field: Field, tone: Tone) -> Field {
    Field { tone, ..field }
}

/// Shows bytes, or that they are all zero.
fn bytes(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) {
        format!("all zero ({} bytes)", bytes.len())
    } else {
        hex::encode(bytes)
    }
}

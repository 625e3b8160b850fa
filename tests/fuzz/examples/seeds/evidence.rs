//! Seeds from simulated chips, genuine and forged.

use std::collections::BTreeSet;

use anyhow::Result;
use boop_tee::forge::{Fault, Forge, ForgeRequest};
use boop_tee::{Authority, Chip, ChipModel, Launch};

use crate::files::{self, corpus, fixture};
use crate::{around, der, signatures};

/// Faults that make no seeds: targets refuse to see anything accepted but the fixtures, and a
/// policy without rules lets the first six through; the last makes a document of 32 KiB.
const LEFT_OUT: [Fault; 7] = [
    Fault::WrongMeasurement,
    Fault::WrongHostData,
    Fault::WrongReportData,
    Fault::ReplayedNonce,
    Fault::WrongChip,
    Fault::MissingNonce,
    Fault::Oversized,
];

/// Faults of a report that leave its signed part as it is.
const OF_SIGNATURES: [Fault; 4] = [
    Fault::SignatureFlipped,
    Fault::SignaturePadding,
    Fault::SwappedKey,
    Fault::Truncated,
];
const SIGNED_BYTES: usize = 0x2a0;

/// The time of the fixtures, in milliseconds: 2026-06-01T00:00:00Z.
pub(crate) const NOW_MS: u64 = 1_780_272_000_000;

pub(crate) fn snp(authority: &Authority, name: &str, model: ChipModel, root: &[u8]) -> Result<()> {
    let chip = Chip::provision(authority, model, name, NOW_MS)?;
    let ForgeRequest {
        launch,
        user_data,
        nonce,
        now_ms,
    } = request();
    let report = chip.attest(&launch, &user_data, &nonce, now_ms)?.evidence;
    let endorsements = chip.endorsements();
    let [leaf, intermediate] = endorsements.as_slice() else {
        anyhow::bail!("a chip has two certificates");
    };
    fixture(&format!("{name}-report.bin"), &report)?;
    corpus("snp-report", &format!("{name}.bin"), &report)?;
    let parts = [
        ("vcek", leaf.as_slice()),
        ("ask", intermediate.as_slice()),
        ("ark", root),
    ];
    for (part, certificate) in parts {
        fixture(&format!("{name}-{part}.der"), certificate)?;
        corpus("certificate", &format!("{name}-{part}.der"), certificate)?;
    }
    let forge = Forge::new(authority);
    let mut signed = BTreeSet::from([report[..SIGNED_BYTES].to_vec()]);
    for fault in faults(model) {
        let forged = forge.forge(&chip, fault, &request())?;
        // Faults of certificates leave the report as it is.
        let part = forged.evidence.get(..SIGNED_BYTES).unwrap_or_default();
        if !signed.insert(part.to_vec()) && !OF_SIGNATURES.contains(&fault) {
            continue;
        }
        let file = format!("{name}-{}.bin", fault.as_str());
        corpus("snp-report", &file, &forged.evidence)?;
    }
    corpus("crl", &format!("{name}.der"), &der::empty_list(root)?)?;
    corpus(
        "crl",
        &format!("{name}-revoked.der"),
        &der::list_of(root, intermediate)?,
    )?;
    corpus(
        "certificate-table",
        &format!("{name}.bin"),
        &files::table(&parts),
    )?;
    let pem = files::table_of_pem(&parts);
    corpus("certificate-table", &format!("{name}-pem.bin"), &pem)?;
    around::of_report(name, &report, leaf, &files::table(&parts[..1]))?;
    signatures::of_report(name, &report, leaf)?;
    signatures::of_certificate(name, intermediate, root)
}

pub(crate) fn nitro(authority: &Authority, root: &[u8]) -> Result<()> {
    let chip = Chip::provision(authority, ChipModel::Nitro, "nitro", NOW_MS)?;
    let ForgeRequest {
        launch,
        user_data,
        nonce,
        now_ms,
    } = request();
    let document = chip.attest(&launch, &user_data, &nonce, now_ms)?.evidence;
    fixture("nitro-document.cbor", &document)?;
    fixture("nitro-root.der", root)?;
    corpus("nitro-document", "genuine.cbor", &document)?;
    corpus("certificate", "nitro-root.der", root)?;
    around::of_document(&document)?;
    around::images(root, &document)?;
    let tagged = [&[0xd2][..], &document].concat();
    corpus("nitro-document", "tagged.cbor", &tagged)?;
    let forge = Forge::new(authority);
    for fault in faults(ChipModel::Nitro) {
        let forged = forge.forge(&chip, fault, &request())?;
        let file = format!("{}.cbor", fault.as_str());
        corpus("nitro-document", &file, &forged.evidence)?;
    }
    Ok(())
}

fn faults(model: ChipModel) -> impl Iterator<Item = Fault> {
    let faults = Fault::ALL.iter().copied();
    faults.filter(move |fault| fault.applies_to(model) && !LEFT_OUT.contains(fault))
}

fn request() -> ForgeRequest {
    ForgeRequest {
        launch: Launch {
            measurement: [1; 48],
            config_hash: [2; 32],
            instance: [3; 32],
        },
        user_data: [4; 64],
        nonce: [5; 32],
        now_ms: NOW_MS,
    }
}

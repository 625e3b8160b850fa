//! The network manifest of a simulated network: measured, put together, approved, written.

use std::fs;

use boop_tee::measure;
use boop_wire::binding::{PlatformKind, Role};
use boop_wire::codec::{domain_separated, from_canonical, plain_digest, to_canonical};
use boop_wire::manifest::{
    Approval, ApproverEntry, ApproverKind, Delays, LedgerEntry, Machine, Manifest, MatchProfile,
    Matching, Measurement, PartyEntry, Release, SignedManifest, TcbFloor,
};
use boop_wire::template::THRESHOLD;
use boop_wire::{Digest, NetworkId, PartyIndex};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;

use super::configs::{ORIGIN, platform};
use super::{Binaries, OPERATORS, OTHER_APPROVERS};
use crate::layout::Layout;

/// How the simulated network starts its measured programs beside the parties.
pub(crate) const MEMBER_ARGUMENTS: [&str; 1] = ["--danger-simulated-tee"];
/// Oldest evidence that opens a session.
const EVIDENCE_AGE_MAX_S: u32 = 60 * 60;
/// Lowest capture quality.
const QUALITY_MIN: u8 = 80;

/// What the manifest is put together from.
#[derive(Default)]
pub(super) struct ManifestParts {
    pub(super) approvers: Vec<SigningKey>,
    pub(super) machine_ids: Vec<Vec<u8>>,
    pub(super) custodians: Vec<[u8; 32]>,
    pub(super) ledger_key: [u8; 32],
    pub(super) now_ms: u64,
    /// Gateways beside the first.
    pub(super) gateways: Vec<String>,
}

/// Writes the manifest if it is new or anything in it changed, and returns its version.
pub(super) fn write(
    layout: &Layout,
    binaries: &Binaries,
    parts: &ManifestParts,
) -> anyhow::Result<u64> {
    let genesis = put_together(layout, binaries, parts)?;
    let file = layout.path("manifest.cbor");
    let manifest = if file.exists() {
        let signed: SignedManifest = from_canonical(&fs::read(&file)?)?;
        let current: Manifest = from_canonical(&signed.manifest)?;
        let network = fs::read_to_string(layout.path("network-id"))?
            .trim()
            .parse()?;
        match successor(&genesis, &current, signed.digest(), network) {
            Some(manifest) => manifest,
            None => return Ok(current.version),
        }
    } else {
        genesis
    };
    let signed = approve(&manifest, parts);
    if manifest.version == 1 {
        fs::write(layout.path("network-id"), signed.digest().to_string())?;
    }
    fs::write(layout.path("manifest.json"), readable(&manifest, &signed))?;
    fs::write(&file, to_canonical(&signed))?;
    Ok(manifest.version)
}

/// Returns the next version, if `wanted` differs from `current` in anything but its lineage.
fn successor(
    wanted: &Manifest,
    current: &Manifest,
    digest: Digest,
    network: NetworkId,
) -> Option<Manifest> {
    let unchanged = Manifest {
        version: current.version,
        previous: current.previous,
        network: current.network,
        created_ms: current.created_ms,
        ..wanted.clone()
    };
    if unchanged == *current {
        return None;
    }
    Some(Manifest {
        version: current.version + 1,
        previous: Some(digest),
        network: Some(network),
        created_ms: wanted.created_ms.max(current.created_ms.saturating_add(1)),
        ..wanted.clone()
    })
}

fn put_together(
    layout: &Layout,
    binaries: &Binaries,
    parts: &ManifestParts,
) -> anyhow::Result<Manifest> {
    let machine = |party: PartyIndex, config: &std::path::Path| -> anyhow::Result<Machine> {
        Ok(Machine {
            platform: platform(party),
            chip: parts.machine_ids[party.as_usize()].clone(),
            config: plain_digest(&fs::read(config)?),
        })
    };
    let [first, second, _] = PartyIndex::ALL;
    let parties = PartyIndex::ALL
        .into_iter()
        .map(|party| {
            let index = party.as_usize();
            let machine = machine(party, &layout.machine(party, "party.cbor"))?;
            let custodian = parts.custodians[index];
            Ok(PartyEntry::self_run(OPERATORS[index], machine, custodian))
        })
        .collect::<anyhow::Result<_>>()?;
    let ledger = LedgerEntry {
        machine: machine(second, &layout.path("ledger/ledger.toml"))?,
        origin: ORIGIN.to_owned(),
        key: parts.ledger_key,
    };
    let names = std::iter::once("gateway").chain(parts.gateways.iter().map(String::as_str));
    let gateways = names.map(|name| machine(first, &layout.config(name)));
    Ok(Manifest {
        name: "boop on this machine".to_owned(),
        simulated: true,
        created_ms: parts.now_ms,
        delays: Delays::NONE,
        gateways: gateways.collect::<anyhow::Result<_>>()?,
        releases: releases(binaries)?,
        tcb_floors: tcb_floors(),
        evidence_age_max_s: EVIDENCE_AGE_MAX_S,
        threshold: THRESHOLD,
        quality_min: QUALITY_MIN,
        ..Manifest::genesis(parties, ledger, approvers(parts))
    })
}

/// The operators in order, then the others, as their keys stand in the parts.
fn approvers(parts: &ManifestParts) -> Vec<ApproverEntry> {
    let kinds = PartyIndex::ALL
        .into_iter()
        .map(ApproverKind::Operator)
        .chain([ApproverKind::ReleaseSigner, ApproverKind::Reviewer]);
    let names = OPERATORS.iter().chain(&OTHER_APPROVERS);
    let entries = parts.approvers.iter().zip(names).zip(kinds);
    entries
        .map(|((key, name), kind)| ApproverEntry {
            name: (*name).to_owned(),
            key: key.verifying_key().to_bytes(),
            kind,
        })
        .collect()
}

fn releases(binaries: &Binaries) -> anyhow::Result<Vec<Release>> {
    let release = |role, platform, binary: &str, arguments: &[&str]| -> anyhow::Result<Release> {
        let measurement = Measurement(measure(&binaries.read(binary)?, arguments));
        Ok(Release::unlimited(role, platform, measurement))
    };
    Ok(vec![
        release(Role::Party, PlatformKind::Snp, "boop-party-sim", &[])?,
        release(Role::Party, PlatformKind::Nitro, "boop-party-sim", &[])?,
        release(
            Role::Gateway,
            PlatformKind::Snp,
            "boop-gateway",
            &MEMBER_ARGUMENTS,
        )?,
        release(
            Role::Ledger,
            PlatformKind::Snp,
            "boop-ledger",
            &MEMBER_ARGUMENTS,
        )?,
    ])
}

/// The levels at which chips were seen in the field in 2025 and 2026.
fn tcb_floors() -> Vec<TcbFloor> {
    let floor = |product: &str, fmc, bootloader, tee, snp, microcode| TcbFloor {
        product: product.to_owned(),
        fmc,
        bootloader,
        tee,
        snp,
        microcode,
    };
    vec![
        floor("Genoa", 0, 10, 0, 25, 84),
        floor("Turin", 1, 1, 1, 4, 81),
    ]
}

fn approve(manifest: &Manifest, parts: &ManifestParts) -> SignedManifest {
    let manifest = to_canonical(manifest);
    let bytes = domain_separated("manifest-approval", &manifest);
    let approvals = parts
        .approvers
        .iter()
        .map(|key| Approval {
            key: key.verifying_key().to_bytes(),
            signature: key.sign(&bytes).to_bytes(),
        })
        .collect();
    SignedManifest {
        manifest,
        approvals,
    }
}

/// The readable twin of the manifest, for people; nothing reads it.
fn readable(manifest: &Manifest, signed: &SignedManifest) -> String {
    let machine = |machine: &Machine| {
        json!({
            "platform": format!("{:?}", machine.platform),
            "chip": hex::encode(&machine.chip),
            "config_sha256": machine.config.to_string(),
        })
    };
    let approver = |entry: &ApproverEntry| {
        let (key, kind) = (hex::encode(entry.key), format!("{:?}", entry.kind));
        json!({ "name": entry.name, "key": key, "kind": kind })
    };
    let parties = manifest.parties.iter().map(|party| {
        json!({
            "operator": party.operator,
            "machine": machine(&party.machine),
            "custodian_key": hex::encode(party.custodian),
            "physical_custodian": party.physical_custodian,
            "hsm_administrator": party.hsm_administrator,
            "recoveries": party.recoveries,
        })
    });
    let releases = manifest.releases.iter().map(|release| {
        json!({
            "role": format!("{:?}", release.role),
            "platform": format!("{:?}", release.platform),
            "measurement": release.measurement.to_string(),
        })
    });
    let value = json!({
        "digest": signed.digest().to_string(),
        "version": manifest.version,
        "name": manifest.name,
        "simulated": manifest.simulated,
        "parties": parties.collect::<Vec<_>>(),
        "gateways": manifest.gateways.iter().map(machine).collect::<Vec<_>>(),
        "ledger": {
            "machine": machine(&manifest.ledger.machine),
            "origin": manifest.ledger.origin,
            "key": hex::encode(manifest.ledger.key),
        },
        "releases": releases.collect::<Vec<_>>(),
        "evidence_age_max_s": manifest.evidence_age_max_s,
        "threshold": manifest.threshold,
        "quality_min": manifest.quality_min,
        "matching": match manifest.matching {
            Matching::SemiHonest => "semi-honest",
            Matching::Abort => "abort",
        },
        "profile": match manifest.profile {
            MatchProfile::Exact => "exact",
            MatchProfile::Sixteen => "sixteen",
        },
        "created_ms": manifest.created_ms,
        "approvers": manifest.approvers.iter().map(approver).collect::<Vec<_>>(),
        "approvals": signed.approvals.iter().map(|a| hex::encode(a.key)).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

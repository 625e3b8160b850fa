//! Values of a manifest in words that cannot be taken for one another.

use alloc::format;
use alloc::string::{String, ToString};

use boop_wire::binding::{PlatformKind, Role};
use boop_wire::manifest::{Cloud, Machine, MatchProfile, Matching, PartyEntry, Release, TcbFloor};

/// A text in quotes, with everything escaped that could end it or hide in it.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

pub(super) fn optional(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".into(), |value| value.to_string())
}

pub(super) const fn platform(platform: PlatformKind) -> &'static str {
    match platform {
        PlatformKind::Snp => "snp",
        PlatformKind::Nitro => "nitro",
    }
}

pub(super) const fn matching(matching: Matching) -> &'static str {
    match matching {
        Matching::SemiHonest => "semi-honest",
        Matching::Abort => "abort",
    }
}

pub(super) const fn profile(profile: MatchProfile) -> &'static str {
    match profile {
        MatchProfile::Exact => "exact",
        MatchProfile::Sixteen => "sixteen",
    }
}

pub(super) const fn cloud(cloud: Option<Cloud>) -> &'static str {
    match cloud {
        None => "none",
        Some(Cloud::Aws) => "aws",
        Some(Cloud::Azure) => "azure",
        Some(Cloud::Google) => "google",
        Some(Cloud::Other) => "other",
    }
}

pub(super) fn machine(machine: &Machine) -> String {
    format!(
        "{} chip {} config {}",
        platform(machine.platform),
        hex::encode(&machine.chip),
        machine.config
    )
}

pub(super) fn party(party: &PartyEntry) -> String {
    format!(
        "operator {} on {} with custodian {}, physical custodian {}, cloud {}, \
         HSM administrator {}, recoveries {}",
        quoted(&party.operator),
        machine(&party.machine),
        hex::encode(party.custodian),
        quoted(&party.physical_custodian),
        cloud(party.cloud),
        quoted(&party.hsm_administrator),
        party.recoveries
    )
}

pub(super) fn release(release: &Release) -> String {
    let role = match release.role {
        Role::Party => "party",
        Role::Gateway => "gateway",
        Role::Ledger => "ledger",
        Role::Custodian => "custodian",
        Role::Client => "client",
    };
    format!(
        "{role} on {} with measurement {} from {} to {} of {}",
        platform(release.platform),
        release.measurement,
        release.not_before_ms,
        optional(release.not_after_ms),
        quoted(&release.source)
    )
}

pub(super) fn floor(floor: &TcbFloor) -> String {
    format!(
        "{}: fmc {}, bootloader {}, tee {}, snp {}, microcode {}",
        quoted(&floor.product),
        floor.fmc,
        floor.bootloader,
        floor.tee,
        floor.snp,
        floor.microcode
    )
}

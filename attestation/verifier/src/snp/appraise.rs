//! Appraisal of an SEV-SNP report: its facts against the rules of a policy.

use alloc::{format, string::String, vec, vec::Vec};

use super::{GuestPolicy, PlatformInfo, SigningKey, SnpFacts, is_zero, product::Product, tcb::Tcb};
use crate::{
    facts::{Facts, SignedBy},
    policy::{
        Floor, GuestPolicyRules, Mitigations, Permission, PlatformRules, ProductPolicy, Revocation,
        SnpPolicy, TcbRules, Vlek,
    },
    reason::Reason,
    record::Record,
    rule::{Rule, RuleValue},
    step::StepName,
    text::{date, hex_short},
};

/// Greatest privilege level number of a guest; the host's own reports carry others.
const VMPL_MAX: u32 = 3;

/// Holds a report's facts against the rules.
pub(crate) fn appraise(record: &mut Record, facts: &Facts, policy: &SnpPolicy) {
    let Some(snp) = &facts.snp else {
        let detail = "the product is not known, so nothing further can be read";
        let reason = Reason::ProductUnknown;
        record.require(StepName::ProductTrust, detail, false, reason);
        return;
    };
    appraise_product(record, facts, snp, policy);
    appraise_firmware_order(record, facts, snp, policy);
    appraise_signing_key(record, facts, snp, policy);
    appraise_guest_policy(record, snp.policy, policy);
    appraise_platform(record, snp.platform_info, &policy.platform);
    appraise_privilege(record, facts, &policy.vmpl);
    appraise_program(record, facts, snp, policy);
}

fn appraise_product(record: &mut Record, facts: &Facts, snp: &SnpFacts, policy: &SnpPolicy) {
    let rules = facts.product.and_then(|product| policy.product(product));
    let Some(rules) = rules else {
        let (detail, reason) = match facts.product {
            Some(product) => (
                format!("the policy does not list {}", product.as_str()),
                Reason::ProductNotAllowed,
            ),
            None => ("the product is not known".into(), Reason::ProductUnknown),
        };
        record.require(StepName::ProductTrust, detail, false, reason);
        return;
    };
    if is_ambiguous(snp, rules, policy) {
        let detail = "a version 2 report does not say whether it is of Genoa or of Siena/Bergamo, \
                      and the policy treats them differently";
        record.require(
            StepName::ProductTrust,
            detail,
            false,
            Reason::ProductNotAllowed,
        );
        return;
    }
    appraise_chip(record, facts, snp, rules, policy.masked_chip_id);
    appraise_floors(record, facts, snp, rules);
    appraise_mitigations(record, snp, rules);
}

/// Says whether the report could be of another product under the same chain, to which other rules
/// apply: version 2 does not name the processor.
fn is_ambiguous(snp: &SnpFacts, rules: &ProductPolicy, policy: &SnpPolicy) -> bool {
    let mut others = Product::ALL
        .iter()
        .filter(|other| **other != rules.product && other.chain() == rules.product.chain());
    snp.version == 2
        && !others.all(|other| {
            policy
                .product(*other)
                .is_some_and(|other| other.asks_as(rules))
        })
}

/// Says whether the report is, or claims to be, under a provider's fleet key.
fn is_fleet_report(facts: &Facts, snp: &SnpFacts) -> bool {
    match facts.signed_by {
        SignedBy::Vlek { .. } => true,
        SignedBy::Vcek => false,
        SignedBy::Unknown | SignedBy::NitroEnclave => snp.signing_key == SigningKey::Vlek,
    }
}

fn appraise_chip(
    record: &mut Record,
    facts: &Facts,
    snp: &SnpFacts,
    rules: &ProductPolicy,
    masked_chip_id: Permission,
) {
    let name = rules.product.as_str();
    if is_fleet_report(facts, snp) {
        let holds = rules.fleet_keys == Permission::Allow;
        let detail = format!("{name} under a fleet key, which names no chip");
        record.require(
            StepName::ProductTrust,
            detail,
            holds,
            Reason::VlekNotAllowed,
        );
        return;
    }
    let chip_id = facts.chip_id.unwrap_or([0; 64]);
    let masked = is_zero(&chip_id);
    let mut reasons = Vec::new();
    if masked && facts.signed_by == SignedBy::Vcek && masked_chip_id == Permission::Refuse {
        reasons.push(Reason::ChipIdMasked);
    }
    // A hidden chip id is never a listed chip, even when somebody lists zeros.
    if !rules.chips.is_any() && (masked || !rules.chips.accepts(&chip_id)) {
        reasons.push(Reason::ChipNotAllowed);
    }
    let trust = if rules.chips.is_any() {
        "policy accepts any chip of it"
    } else {
        "policy lists its chips"
    };
    let detail = format!("{name}, chip {}; {trust}", hex_short(&chip_id));
    record.conclude(StepName::ProductTrust, detail, reasons);
}

fn appraise_floors(record: &mut Record, facts: &Facts, snp: &SnpFacts, rules: &ProductPolicy) {
    let reported = facts.tcb.map_or_else(String::new, |tcb| format!("{tcb}"));
    let detail = format!(
        "reported {reported}, committed {}, at launch {}",
        snp.committed_tcb, snp.launch_tcb
    );
    let floor = match rules.floors.at(facts.checked_at) {
        Ok(Some(floor)) if !floor.is_open() => floor,
        Ok(_) => {
            record.skip(
                StepName::FirmwareFloor,
                format!("{detail}; policy accepts any"),
            );
            return;
        }
        Err(error) => {
            let detail = format!("{detail}; {error}");
            record.require(
                StepName::FirmwareFloor,
                detail,
                false,
                Reason::PolicyIncomplete,
            );
            return;
        }
    };
    let levels = [
        (facts.tcb, &floor.reported, Reason::ReportedTcbBelowMinimum),
        (
            Some(snp.committed_tcb),
            &floor.committed,
            Reason::CommittedTcbBelowMinimum,
        ),
        (
            Some(snp.launch_tcb),
            &floor.launch,
            Reason::LaunchTcbBelowMinimum,
        ),
    ];
    let below = levels
        .into_iter()
        .filter(|(tcb, rules, _)| !tcb.is_some_and(|tcb| reaches(tcb, rules)));
    let reasons = below.map(|(_, _, reason)| reason).collect();
    let detail = format!("{detail}; floor since {}", floor_origin(floor));
    record.conclude(StepName::FirmwareFloor, detail, reasons);
}

/// Says from when a floor counts and which bulletins ask for it.
fn floor_origin(floor: &Floor) -> String {
    let day = date(floor.since);
    if floor.bulletins.is_empty() {
        return day;
    }
    format!("{day} ({})", floor.bulletins.join(", "))
}

fn reaches(tcb: Tcb, rules: &TcbRules) -> bool {
    rules.fmc.accepts_option(tcb.fmc.as_ref())
        && rules.bootloader.accepts(&tcb.bootloader)
        && rules.tee.accepts(&tcb.tee)
        && rules.snp.accepts(&tcb.snp)
        && rules.microcode.accepts(&tcb.microcode)
}

fn appraise_mitigations(record: &mut Record, snp: &SnpFacts, rules: &ProductPolicy) {
    let demands = [
        (
            rules.launch_mitigations,
            snp.launch_mitigations,
            Reason::LaunchMitigationMissing,
        ),
        (
            rules.current_mitigations,
            snp.current_mitigations,
            Reason::CurrentMitigationMissing,
        ),
    ];
    if demands
        .iter()
        .all(|(demand, _, _)| *demand == Mitigations::Any)
    {
        record.skip(StepName::Mitigations, "policy demands none");
        return;
    }
    let missing = demands
        .into_iter()
        .filter(|(demand, active, _)| match demand {
            Mitigations::Any => false,
            Mitigations::All(bits) => !active.is_some_and(|active| active & bits == *bits),
        });
    let reasons = missing.map(|(_, _, reason)| reason).collect();
    let show = |active: Option<u64>| active.map_or_else(|| "-".into(), |bits| format!("{bits:#x}"));
    let detail = format!(
        "at launch {}, now {}",
        show(snp.launch_mitigations),
        show(snp.current_mitigations)
    );
    record.conclude(StepName::Mitigations, detail, reasons);
}

fn appraise_firmware_order(record: &mut Record, facts: &Facts, snp: &SnpFacts, policy: &SnpPolicy) {
    let current = snp.current_tcb;
    let mut reasons = Vec::new();
    if facts.tcb.is_none_or(|reported| reported.exceeds(current)) {
        reasons.push(Reason::ReportedTcbAboveCurrent);
    }
    if snp.committed_tcb.exceeds(current) {
        reasons.push(Reason::CommittedTcbAboveCurrent);
    }
    let reported_differs = facts.tcb != Some(current);
    if reported_differs && policy.reported_below_current == Permission::Refuse {
        reasons.push(Reason::ReportedTcbBelowCurrent);
    }
    let provisional = snp.committed_tcb != current;
    if provisional && policy.provisional_firmware == Permission::Refuse {
        reasons.push(Reason::ProvisionalFirmware);
    }
    let detail = format!("running {current}, committed {}", snp.committed_tcb);
    record.conclude(StepName::FirmwareOrder, detail, reasons);
}

fn appraise_signing_key(record: &mut Record, facts: &Facts, snp: &SnpFacts, policy: &SnpPolicy) {
    let claims_vlek = snp.signing_key == SigningKey::Vlek;
    match (&facts.signed_by, &policy.vlek) {
        (SignedBy::Vlek { provider }, Vlek::Provider { names, .. }) => {
            let name = provider.as_deref().unwrap_or("an unnamed provider");
            let detail = format!("fleet key of {name}");
            let holds = names.accepts_option(provider.as_ref());
            record.require(
                StepName::SigningKey,
                detail,
                holds,
                Reason::VlekProviderNotAllowed,
            );
        }
        (SignedBy::Vlek { .. }, Vlek::Refused) => {
            let detail = "fleet key, which the policy refuses";
            record.require(StepName::SigningKey, detail, false, Reason::VlekNotAllowed);
        }
        (SignedBy::Vcek | SignedBy::Unknown | SignedBy::NitroEnclave, vlek) => {
            let holds = !(claims_vlek && *vlek == Vlek::Refused);
            let detail = "not a fleet key, by its certificate";
            record.require(StepName::SigningKey, detail, holds, Reason::VlekNotAllowed);
        }
    }
    match policy.revocation {
        Revocation::Required => {
            let detail = "policy demands a revocation list";
            let holds = snp.revocation_checked;
            record.require(
                StepName::RevocationDemand,
                detail,
                holds,
                Reason::CrlMissing,
            );
        }
        Revocation::WhenGiven => {
            record.skip(
                StepName::RevocationDemand,
                "policy checks a list when one is given",
            );
        }
    }
}

fn appraise_guest_policy(record: &mut Record, bits: GuestPolicy, policy: &SnpPolicy) {
    let debug_holds = !bits.debug() || policy.debug == Permission::Allow;
    record.require(
        StepName::Debug,
        format!("bit 19 of the guest policy is {}", u8::from(bits.debug())),
        debug_holds,
        Reason::PolicyDebugAllowed,
    );
    let agent = bits.migration_agent();
    record.require(
        StepName::Migration,
        format!("bit 18 of the guest policy is {}", u8::from(agent)),
        !agent || policy.migration_agent == Permission::Allow,
        Reason::PolicyMigrationAgentAllowed,
    );

    let mut reasons = Vec::new();
    if !bits.reserved_one() {
        reasons.push(Reason::PolicyBit17NotOne);
    }
    if bits.reserved_bits() != 0 {
        reasons.push(Reason::PolicyReservedBits);
    }
    let named = guest_policy_bits(bits, &policy.guest_policy);
    let differing = differing(&named);
    if !differing.is_empty() {
        reasons.push(Reason::GuestPolicyNotAllowed);
    }
    let detail = format!("guest policy {:#x}{}", bits.0, listed(&differing));
    record.conclude(StepName::GuestPolicy, detail, reasons);
}

/// A bit by the name that its rule has in a policy, with its value.
type NamedBit<'a> = (&'static str, bool, &'a Rule<bool>);

fn guest_policy_bits(bits: GuestPolicy, rules: &GuestPolicyRules) -> [NamedBit<'_>; 7] {
    [
        ("smt_allowed", bits.smt_allowed(), &rules.smt_allowed),
        ("single_socket", bits.single_socket(), &rules.single_socket),
        ("cxl_allowed", bits.cxl_allowed(), &rules.cxl_allowed),
        (
            "mem_aes_256_xts",
            bits.mem_aes_256_xts(),
            &rules.mem_aes_256_xts,
        ),
        ("rapl_disabled", bits.rapl_disabled(), &rules.rapl_disabled),
        (
            "ciphertext_hiding",
            bits.ciphertext_hiding(),
            &rules.ciphertext_hiding,
        ),
        (
            "page_swap_disabled",
            bits.page_swap_disabled(),
            &rules.page_swap_disabled,
        ),
    ]
}

fn platform_bits(bits: PlatformInfo, rules: &PlatformRules) -> [NamedBit<'_>; 7] {
    [
        ("smt_enabled", bits.smt_enabled(), &rules.smt_enabled),
        ("tsme_enabled", bits.tsme_enabled(), &rules.tsme_enabled),
        ("ecc_enabled", bits.ecc_enabled(), &rules.ecc_enabled),
        ("rapl_disabled", bits.rapl_disabled(), &rules.rapl_disabled),
        (
            "ciphertext_hiding_enabled",
            bits.ciphertext_hiding_enabled(),
            &rules.ciphertext_hiding_enabled,
        ),
        (
            "alias_check_complete",
            bits.alias_check_complete(),
            &rules.alias_check_complete,
        ),
        ("tio_enabled", bits.tio_enabled(), &rules.tio_enabled),
    ]
}

/// Gives the bits that are not as their rules ask.
fn differing<'a>(bits: &'a [NamedBit<'a>]) -> Vec<&'a NamedBit<'a>> {
    let refused = bits.iter().filter(|(_, value, rule)| !rule.accepts(value));
    refused.collect()
}

/// Names the bits that are not as asked, or nothing.
fn listed(bits: &[&NamedBit<'_>]) -> String {
    if bits.is_empty() {
        return String::new();
    }
    let named = bits
        .iter()
        .map(|(name, value, _)| format!("{name} is {value}"));
    let named: Vec<String> = named.collect();
    format!("; the policy asks otherwise: {}", named.join(", "))
}

fn appraise_platform(record: &mut Record, bits: PlatformInfo, rules: &PlatformRules) {
    let unknown = bits.bit6() || bits.unknown_bits() != 0;
    let unknown_refused = unknown && rules.unknown_bits == Permission::Refuse;
    let named = platform_bits(bits, rules);
    let differing = differing(&named);
    let extra = if unknown_refused {
        "; it has bits without a published meaning"
    } else {
        ""
    };
    let detail = format!(
        "platform information {:#x}{}{extra}",
        bits.0,
        listed(&differing)
    );
    record.require(
        StepName::PlatformState,
        detail,
        differing.is_empty() && !unknown_refused,
        Reason::PlatformInfoNotAllowed,
    );
}

fn appraise_privilege(record: &mut Record, facts: &Facts, rule: &Rule<u32>) {
    let reasons = match facts.vmpl {
        Some(vmpl) if vmpl > VMPL_MAX => vec![Reason::VmplNotAGuestVmpl],
        Some(vmpl) if rule.accepts(&vmpl) => vec![],
        Some(_) if *rule == Rule::Exactly(0) => vec![Reason::VmplNotZero],
        Some(_) | None => vec![Reason::VmplNotAllowed],
    };
    let detail = facts
        .vmpl
        .map_or_else(String::new, |vmpl| format!("asked for at vmpl {vmpl}"));
    record.conclude(StepName::Privilege, detail, reasons);
}

fn appraise_program(record: &mut Record, facts: &Facts, snp: &SnpFacts, policy: &SnpPolicy) {
    let measurement = facts.measurement.as_ref();
    compare(
        record,
        StepName::Measurement,
        &policy.measurement,
        measurement,
        Reason::MeasurementNotAllowed,
    );
    let host_data = facts.host_data.as_ref();
    compare(
        record,
        StepName::HostData,
        &policy.host_data,
        host_data,
        Reason::HostDataNotAllowed,
    );

    let open = policy.family_id.is_any()
        && policy.image_id.is_any()
        && policy.guest_svn.is_any()
        && policy.id_key_digest.is_any()
        && policy.author_key_digest.is_any();
    if open {
        record.skip(StepName::IdBlock, "policy names no id block");
        return;
    }
    let holds = policy.family_id.accepts(&snp.family_id)
        && policy.image_id.accepts(&snp.image_id)
        && policy.guest_svn.accepts(&snp.guest_svn)
        && policy.id_key_digest.accepts(&snp.id_key_digest)
        && policy.author_key_digest.accepts(&snp.author_key_digest);
    let detail = format!(
        "guest version {}, id key {}",
        snp.guest_svn,
        hex_short(&snp.id_key_digest)
    );
    record.require(StepName::IdBlock, detail, holds, Reason::IdBlockNotAllowed);
}

/// Compares a byte string with its rule; an open rule is listed as not checked.
fn compare<const N: usize>(
    record: &mut Record,
    name: StepName,
    rule: &Rule<[u8; N]>,
    found: Option<&[u8; N]>,
    reason: Reason,
) where
    [u8; N]: RuleValue,
{
    let detail = format!(
        "evidence says {}",
        hex_short(found.map_or(&[], |bytes| bytes))
    );
    if rule.is_any() {
        record.skip(name, format!("{detail}; policy accepts any"));
    } else {
        record.require(name, detail, rule.accepts_option(found), reason);
    }
}

#[cfg(test)]
mod tests;

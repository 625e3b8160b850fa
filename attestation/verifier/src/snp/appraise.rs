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
mod tests {
    use super::*;
    use crate::{
        evidence::UnixTime,
        facts::tests::{TCB, good_snp},
        policy::{Floors, Tier},
        step::Outcome,
    };

    type Spoil = fn(&mut Facts, &mut SnpFacts, &mut SnpPolicy);

    fn reasons(spoil: Spoil) -> Vec<Reason> {
        let (mut facts, mut policy) = (good_snp(), SnpPolicy::p0());
        let mut snp = facts.snp.clone().expect("good facts are of sev-snp");
        spoil(&mut facts, &mut snp, &mut policy);
        facts.snp = Some(snp);
        let mut record = Record::default();
        appraise(&mut record, &facts, &policy);
        record.reasons
    }

    fn vlek(provider: Option<&str>) -> SignedBy {
        SignedBy::Vlek {
            provider: provider.map(String::from),
        }
    }

    fn provider_a() -> Vlek {
        Vlek::Provider {
            names: Rule::Exactly("CN=a".into()),
            tier: Tier::Warning,
        }
    }

    /// Puts an open floor that counts now into the policy, for a test to raise.
    fn floor(policy: &mut SnpPolicy) -> &mut Floor {
        let floors = &mut policy.products[1].floors;
        *floors = Floors::Dated(vec![open_floor(0)]);
        match floors {
            Floors::Dated(floors) => &mut floors[0],
            Floors::Any => unreachable!("floors were just set"),
        }
    }

    fn open_floor(since: u64) -> Floor {
        Floor {
            since: UnixTime(since),
            bulletins: vec!["AMD-SB-0".into()],
            reported: TcbRules::any(),
            committed: TcbRules::any(),
            launch: TcbRules::any(),
        }
    }

    #[test]
    fn a_report_that_does_not_name_its_processor_must_fit_each_that_it_could_be() {
        let same: Spoil = |_, snp, _| snp.version = 2;
        let unlisted: Spoil = |_, snp, policy| {
            snp.version = 2;
            policy.products.remove(2);
        };
        let stricter: Spoil = |_, snp, policy| {
            snp.version = 2;
            policy.products[2].chips = Rule::OneOf(vec![]);
        };
        let named: Spoil = |_, _, policy| drop(policy.products.remove(2));

        assert_eq!(reasons(same), []);
        assert_eq!(reasons(unlisted), [Reason::ProductNotAllowed]);
        assert_eq!(reasons(stricter), [Reason::ProductNotAllowed]);
        assert_eq!(reasons(named), []);
    }

    #[test]
    fn a_floor_that_names_no_level_is_no_floor() {
        let (facts, mut policy) = (good_snp(), SnpPolicy::p0());
        floor(&mut policy);
        let mut record = Record::default();

        appraise(&mut record, &facts, &policy);

        let mut steps = record.steps.iter();
        let step = steps.find(|step| step.name == StepName::FirmwareFloor);
        assert_eq!(step.map(|step| step.outcome), Some(Outcome::NotChecked));
    }

    #[test]
    fn the_newest_floor_that_has_begun_counts() {
        // The facts were checked at 1 000 000 s.
        let judge = |since: [u64; 2]| {
            let (facts, mut policy) = (good_snp(), SnpPolicy::p0());
            let mut strict = open_floor(since[1]);
            strict.reported.snp = Rule::AtLeast(25);
            policy.products[1].floors = Floors::Dated(vec![open_floor(since[0]), strict]);
            let mut record = Record::default();
            appraise(&mut record, &facts, &policy);
            record.reasons
        };

        assert_eq!(judge([1, 1_000_001]), []);
        assert_eq!(judge([1, 1_000_000]), [Reason::ReportedTcbBelowMinimum]);
        assert_eq!(judge([1_000_001, 1_000_002]), [Reason::PolicyIncomplete]);
    }

    #[test]
    fn a_fleet_key_is_trusted_only_for_products_that_say_so() {
        let spoil: Spoil = |facts, _, policy| {
            facts.signed_by = vlek(Some("CN=a"));
            facts.chip_id = Some([0; 64]);
            policy.products[1].chips = Rule::OneOf(vec![]);
            policy.products[1].fleet_keys = Permission::Refuse;
        };
        let listed: Spoil = |facts, _, policy| {
            facts.signed_by = vlek(Some("CN=a"));
            facts.chip_id = Some([0; 64]);
            policy.products[1].chips = Rule::OneOf(vec![]);
        };

        assert_eq!(reasons(spoil), [Reason::VlekNotAllowed]);
        assert_eq!(reasons(listed), []);
    }

    #[test]
    fn the_tier_is_the_worse_of_product_and_provider() {
        let mut policy = SnpPolicy::p0();
        policy.vlek = provider_a();
        let mut facts = good_snp();

        assert_eq!(policy.tier_of(&facts), Some(Tier::Affirming));
        facts.signed_by = vlek(Some("CN=a"));
        assert_eq!(policy.tier_of(&facts), Some(Tier::Warning));
        facts.product = None;
        assert_eq!(policy.tier_of(&facts), None);
    }

    #[test]
    fn a_good_report_gives_no_reason() {
        assert_eq!(reasons(|_, _, _| {}), []);
        assert_eq!(
            reasons(|_, _, policy| policy.products[1].chips = Rule::Exactly([3; 64])),
            []
        );
        assert_eq!(
            reasons(|_, _, policy| policy.measurement = Rule::Exactly([1; 48])),
            []
        );
    }

    #[test]
    fn facts_refuse_with_their_own_reason() {
        let cases: [(Spoil, Reason); 14] = [
            (|facts, _, _| facts.product = None, Reason::ProductUnknown),
            (
                |facts, _, _| facts.chip_id = Some([0; 64]),
                Reason::ChipIdMasked,
            ),
            (
                |_, snp, _| snp.policy.0 |= 1 << 19,
                Reason::PolicyDebugAllowed,
            ),
            (
                |_, snp, _| snp.policy.0 |= 1 << 18,
                Reason::PolicyMigrationAgentAllowed,
            ),
            (
                |_, snp, _| snp.policy.0 &= !(1 << 17),
                Reason::PolicyBit17NotOne,
            ),
            (
                |_, snp, _| snp.policy.0 |= 1 << 26,
                Reason::PolicyReservedBits,
            ),
            (
                |_, snp, _| snp.policy.0 |= 1 << 63,
                Reason::PolicyReservedBits,
            ),
            (|facts, _, _| facts.vmpl = Some(1), Reason::VmplNotZero),
            (
                |facts, _, _| facts.vmpl = Some(u32::MAX),
                Reason::VmplNotAGuestVmpl,
            ),
            (
                |facts, _, policy| {
                    facts.vmpl = Some(u32::MAX);
                    policy.vmpl = Rule::Any;
                },
                Reason::VmplNotAGuestVmpl,
            ),
            (
                |_, snp, _| snp.committed_tcb.snp = 25,
                Reason::CommittedTcbAboveCurrent,
            ),
            (
                |facts, _, _| facts.tcb = Some(Tcb { tee: 1, ..TCB }),
                Reason::ReportedTcbAboveCurrent,
            ),
            (
                |facts, _, policy| {
                    facts.signed_by = vlek(None);
                    policy.vlek = provider_a();
                },
                Reason::VlekProviderNotAllowed,
            ),
            (|facts, _, _| facts.vmpl = None, Reason::VmplNotAllowed),
        ];
        for (number, (spoil, reason)) in cases.into_iter().enumerate() {
            assert_eq!(reasons(spoil), [reason], "case {number}");
        }
    }

    #[test]
    fn each_rule_about_product_and_firmware_refuses_with_its_own_reason() {
        let cases: [(Spoil, Reason); 11] = [
            (
                |_, _, policy| policy.products.clear(),
                Reason::ProductNotAllowed,
            ),
            (
                |_, _, policy| drop(policy.products.remove(1)),
                Reason::ProductNotAllowed,
            ),
            (
                |_, _, p| p.products[1].chips = Rule::Exactly([9; 64]),
                Reason::ChipNotAllowed,
            ),
            (
                |_, _, p| floor(p).reported.microcode = Rule::AtLeast(85),
                Reason::ReportedTcbBelowMinimum,
            ),
            (
                |_, _, p| floor(p).reported.fmc = Rule::AtLeast(0),
                Reason::ReportedTcbBelowMinimum,
            ),
            (
                |_, _, p| floor(p).committed.snp = Rule::AtLeast(25),
                Reason::CommittedTcbBelowMinimum,
            ),
            (
                |_, _, p| floor(p).launch.bootloader = Rule::AtLeast(11),
                Reason::LaunchTcbBelowMinimum,
            ),
            (
                |_, _, p| p.products[1].launch_mitigations = Mitigations::All(3),
                Reason::LaunchMitigationMissing,
            ),
            (
                |_, snp, p| {
                    snp.current_mitigations = None;
                    p.products[1].current_mitigations = Mitigations::All(0);
                },
                Reason::CurrentMitigationMissing,
            ),
            (
                |facts, _, p| {
                    facts.tcb = Some(Tcb { snp: 23, ..TCB });
                    p.reported_below_current = Permission::Refuse;
                },
                Reason::ReportedTcbBelowCurrent,
            ),
            (
                |_, snp, p| {
                    snp.committed_tcb.snp = 23;
                    p.provisional_firmware = Permission::Refuse;
                },
                Reason::ProvisionalFirmware,
            ),
        ];
        for (number, (spoil, reason)) in cases.into_iter().enumerate() {
            assert_eq!(reasons(spoil), [reason], "case {number}");
        }
    }

    #[test]
    fn each_rule_about_bits_refuses_with_its_own_reason() {
        let cases: [(Spoil, Reason); 5] = [
            (
                |_, _, p| p.guest_policy.smt_allowed = Rule::Exactly(false),
                { Reason::GuestPolicyNotAllowed },
            ),
            (
                |_, _, p| p.guest_policy.ciphertext_hiding = Rule::Exactly(true),
                { Reason::GuestPolicyNotAllowed },
            ),
            (|_, _, p| p.platform.smt_enabled = Rule::Exactly(false), {
                Reason::PlatformInfoNotAllowed
            }),
            (
                |_, snp, p| {
                    snp.platform_info.0 = 1;
                    p.platform.alias_check_complete = Rule::Exactly(true);
                },
                Reason::PlatformInfoNotAllowed,
            ),
            (
                |_, snp, p| {
                    snp.platform_info.0 |= 1 << 20;
                    p.platform.unknown_bits = Permission::Refuse;
                },
                Reason::PlatformInfoNotAllowed,
            ),
        ];
        for (number, (spoil, reason)) in cases.into_iter().enumerate() {
            assert_eq!(reasons(spoil), [reason], "case {number}");
        }
    }

    #[test]
    fn each_rule_about_caller_and_program_refuses_with_its_own_reason() {
        let cases: [(Spoil, Reason); 11] = [
            (
                |_, _, p| p.vmpl = Rule::OneOf(vec![1, 2]),
                Reason::VmplNotAllowed,
            ),
            (
                |_, _, p| p.measurement = Rule::Exactly([9; 48]),
                Reason::MeasurementNotAllowed,
            ),
            (
                |_, _, p| p.measurement = Rule::OneOf(vec![]),
                Reason::MeasurementNotAllowed,
            ),
            (
                |_, _, p| p.host_data = Rule::Exactly([9; 32]),
                Reason::HostDataNotAllowed,
            ),
            (
                |_, _, p| p.family_id = Rule::Exactly([9; 16]),
                Reason::IdBlockNotAllowed,
            ),
            (
                |_, _, p| p.image_id = Rule::Exactly([9; 16]),
                Reason::IdBlockNotAllowed,
            ),
            (
                |_, _, p| p.guest_svn = Rule::AtLeast(8),
                Reason::IdBlockNotAllowed,
            ),
            (
                |_, _, p| p.id_key_digest = Rule::Exactly([9; 48]),
                Reason::IdBlockNotAllowed,
            ),
            (
                |_, _, p| p.author_key_digest = Rule::Exactly([9; 48]),
                Reason::IdBlockNotAllowed,
            ),
            (
                |_, _, p| p.revocation = Revocation::Required,
                Reason::CrlMissing,
            ),
            (
                |facts, _, p| {
                    facts.signed_by = vlek(Some("CN=cc-us-east-2.amazonaws.com"));
                    p.vlek = Vlek::Refused;
                },
                Reason::VlekNotAllowed,
            ),
        ];
        for (number, (spoil, reason)) in cases.into_iter().enumerate() {
            assert_eq!(reasons(spoil), [reason], "case {number}");
        }
    }

    #[test]
    fn a_fleet_key_is_accepted_from_a_named_provider_alone() {
        let named: Spoil = |facts, _, policy| {
            facts.signed_by = vlek(Some("CN=a"));
            policy.vlek = provider_a();
        };
        let other: Spoil = |facts, _, policy| {
            facts.signed_by = vlek(Some("CN=b"));
            policy.vlek = provider_a();
        };

        assert_eq!(reasons(named), []);
        assert_eq!(reasons(other), [Reason::VlekProviderNotAllowed]);
    }

    #[test]
    fn a_hidden_chip_is_never_a_listed_chip() {
        let listed_zero: Spoil = |facts, _, policy| {
            facts.chip_id = Some([0; 64]);
            policy.masked_chip_id = Permission::Allow;
            policy.products[1].chips = Rule::Exactly([0; 64]);
        };

        assert_eq!(reasons(listed_zero), [Reason::ChipNotAllowed]);
    }

    #[test]
    fn a_report_whose_product_is_unknown_is_refused() {
        let mut facts = good_snp();
        facts.snp = None;
        let mut record = Record::default();

        appraise(&mut record, &facts, &SnpPolicy::p0());

        assert_eq!(record.reasons, [Reason::ProductUnknown]);
    }
}

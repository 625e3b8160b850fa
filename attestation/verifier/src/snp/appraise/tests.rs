//! Each rule refuses with its own reason.

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

//! Each kind of change with its effect, and what counts as a restriction.

use alloc::vec;

use boop_wire::Digest;
use boop_wire::NetworkId;
use boop_wire::binding::{PlatformKind, Role};
use boop_wire::manifest::{ApproverKind, ChipId, Cloud, MatchProfile, Measurement};

use super::*;
use crate::manifest::samples::{genesis, machine as a_machine};

#[test]
fn nothing_differs_from_itself() {
    assert_eq!(changes(Some(&genesis()), &genesis()), []);
}

/// A field, what its change does, and the change.
type Edit = (&'static str, Effect, fn(&mut Manifest));

#[test]
fn every_change_of_who_and_what_is_believed_is_told() {
    use Effect::{AddsTrust, Lineage, Neutral, RemovesTrust};
    let edits: &[Edit] = &[
        ("version", Lineage, |m| m.version = 2),
        ("previous", Lineage, |m| {
            m.previous = Some(Digest::new([1; 32]))
        }),
        ("network", Lineage, |m| {
            m.network = Some(NetworkId::new([1; 32]))
        }),
        ("name", Neutral, |m| m.name.push('!')),
        ("simulated", AddsTrust, |m| m.simulated = true),
        ("parties[1].operator", AddsTrust, |m| {
            m.parties[1].operator.clear()
        }),
        ("parties[0].machine.platform", AddsTrust, |m| {
            m.parties[0].machine.platform = PlatformKind::Nitro;
        }),
        ("parties[2].machine.chip", AddsTrust, |m| {
            m.parties[2].machine.chip[0] = 0
        }),
        ("parties[2].machine.config", AddsTrust, |m| {
            m.parties[2].machine.config = Digest::new([1; 32]);
        }),
        ("parties[0].custodian", AddsTrust, |m| {
            m.parties[0].custodian[31] = 0
        }),
        ("old.parties[2]", RemovesTrust, |m| m.parties.truncate(2)),
        ("parties[3]", AddsTrust, |m| {
            m.parties.push(m.parties[0].clone())
        }),
        ("gateways[1].config", AddsTrust, |m| {
            m.gateways[1].config = Digest::new([1; 32])
        }),
        ("gateways[2]", AddsTrust, |m| {
            m.gateways.push(a_machine(PlatformKind::Snp, 9))
        }),
        ("old.gateways[0]", RemovesTrust, |m| {
            drop(m.gateways.remove(0))
        }),
        ("gateways.order", Neutral, |m| m.gateways.reverse()),
        ("ledger.machine.chip", AddsTrust, |m| {
            m.ledger.machine.chip[0] = 0
        }),
        ("ledger.origin", AddsTrust, |m| m.ledger.origin.push('x')),
        ("ledger.key", AddsTrust, |m| m.ledger.key[0] = 0),
        ("old.releases[1]", RemovesTrust, |m| m.releases.truncate(1)),
        ("releases[0]", AddsTrust, |m| {
            m.releases.insert(0, a_release())
        }),
    ];
    tells(edits);
}

#[test]
fn every_change_of_who_approves_and_what_is_revoked_is_told() {
    use Effect::{AddsTrust, Lineage, Neutral, RemovesTrust};
    let edits: &[Edit] = &[
        ("parties[1].physical_custodian", AddsTrust, |m| {
            m.parties[1].physical_custodian.push('x')
        }),
        ("parties[1].hsm_administrator", AddsTrust, |m| {
            m.parties[1].hsm_administrator.push('x')
        }),
        ("parties[1].cloud", AddsTrust, |m| {
            m.parties[1].cloud = Some(Cloud::Azure)
        }),
        ("releases[0].not_before_ms", RemovesTrust, |m| {
            m.releases[0].not_before_ms = 1
        }),
        ("releases[1].not_after_ms", RemovesTrust, |m| {
            m.releases[1].not_after_ms = Some(1)
        }),
        ("releases[1].source", Neutral, |m| {
            m.releases[1].source.push('x')
        }),
        ("profile", Neutral, |m| m.profile = MatchProfile::Sixteen),
        ("created_ms", Lineage, |m| m.created_ms += 1),
        ("approvers[0].name", Neutral, |m| {
            m.approvers[0].name.clear()
        }),
        ("approvers[4].kind", AddsTrust, |m| {
            m.approvers[4].kind = ApproverKind::ReleaseSigner
        }),
        ("old.approvers[4]", RemovesTrust, |m| {
            m.approvers.truncate(4)
        }),
        ("approvers[5]", AddsTrust, |m| {
            let mut more = m.approvers[4].clone();
            more.key = [9; 32];
            m.approvers.push(more);
        }),
        ("thresholds.operators", AddsTrust, |m| {
            m.thresholds.operators -= 1
        }),
        ("thresholds.release_signers", RemovesTrust, |m| {
            m.thresholds.release_signers += 1
        }),
        ("thresholds.reviewers", AddsTrust, |m| {
            m.thresholds.reviewers = 0
        }),
        ("thresholds.restriction", RemovesTrust, |m| {
            m.thresholds.restriction += 1
        }),
        ("thresholds.governance", AddsTrust, |m| {
            m.thresholds.governance -= 1
        }),
        ("delays.ordinary_s", AddsTrust, |m| m.delays.ordinary_s -= 1),
        ("delays.restriction_s", RemovesTrust, |m| {
            m.delays.restriction_s += 1
        }),
        ("delays.governance_s", AddsTrust, |m| {
            m.delays.governance_s = 0
        }),
        ("revoked.measurements[0]", RemovesTrust, |m| {
            m.revoked.measurements.push(Measurement([7; 48]))
        }),
        ("revoked.chips[0]", RemovesTrust, |m| {
            m.revoked.chips.push(ChipId(vec![7; 64]))
        }),
        ("banned_products[0]", RemovesTrust, |m| {
            m.banned_products.push("Milan".into())
        }),
    ];
    tells(edits);
}

#[test]
fn a_recovery_is_told() {
    let recovers: Edit = ("parties[1].recoveries", Effect::Neutral, |m| {
        m.parties[1].recoveries += 1
    });
    tells(&[recovers]);
}

#[test]
fn what_is_revoked_no_more_adds_trust() {
    let mut old = genesis();
    old.revoked.measurements.push(Measurement([7; 48]));
    old.revoked.chips.push(ChipId(vec![7; 64]));
    old.banned_products.push("Milan".into());

    let found = changes(Some(&old), &genesis());

    let told: Vec<_> = found.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(
        told,
        [
            "old.revoked.measurements[0]",
            "old.revoked.chips[0]",
            "old.banned_products[0]"
        ]
    );
    assert!(found.iter().all(|it| it.effect == Effect::AddsTrust));
}

#[test]
fn an_end_that_comes_later_or_never_adds_trust() {
    let mut old = genesis();
    old.releases[0].not_after_ms = Some(10);
    for end in [Some(11), None] {
        let mut new = old.clone();
        new.releases[0].not_after_ms = end;

        let found = changes(Some(&old), &new);

        assert_eq!(found.len(), 1);
        assert_eq!(found[0].field, "releases[0].not_after_ms");
        assert_eq!(found[0].effect, Effect::AddsTrust);
    }
}

#[test]
fn every_change_of_a_limit_is_told() {
    use Effect::{AddsTrust, RemovesTrust};
    let edits: &[Edit] = &[
        ("tcb_floors[0].fmc", RemovesTrust, |m| {
            m.tcb_floors[0].fmc += 1
        }),
        ("tcb_floors[0].bootloader", AddsTrust, |m| {
            m.tcb_floors[0].bootloader -= 1
        }),
        ("tcb_floors[1].tee", RemovesTrust, |m| {
            m.tcb_floors[1].tee += 1
        }),
        ("tcb_floors[1].snp", AddsTrust, |m| m.tcb_floors[1].snp -= 1),
        ("tcb_floors[1].microcode", RemovesTrust, |m| {
            m.tcb_floors[1].microcode += 1
        }),
        ("evidence_age_max_s", AddsTrust, |m| {
            m.evidence_age_max_s += 1
        }),
        ("evidence_age_max_s", RemovesTrust, |m| {
            m.evidence_age_max_s -= 1
        }),
        ("threshold", AddsTrust, |m| m.threshold -= 1),
        ("quality_min", RemovesTrust, |m| m.quality_min += 1),
        ("matching", AddsTrust, |m| m.matching = Matching::SemiHonest),
    ];
    tells(edits);
}

#[test]
fn the_way_back_has_the_opposite_effect() {
    let mut weak = genesis();
    weak.simulated = true;
    weak.matching = Matching::SemiHonest;
    weak.threshold -= 1;
    weak.releases.push(a_release());

    let there = changes(Some(&genesis()), &weak);
    let back = changes(Some(&weak), &genesis());

    assert_eq!((there.len(), back.len()), (4, 4));
    assert!(there.iter().all(|it| it.effect == Effect::AddsTrust));
    assert!(back.iter().all(|it| it.effect == Effect::RemovesTrust));
}

#[test]
fn an_exchanged_entry_is_one_removed_and_one_added() {
    let mut new = genesis();
    new.tcb_floors[0].product = "Milan".into();

    let found = changes(Some(&genesis()), &new);

    let told = found
        .iter()
        .map(|it| (it.field.as_str(), it.kind, it.effect));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (
                "old.tcb_floors[0]",
                ChangeKind::Removed,
                Effect::RemovesTrust
            ),
            ("tcb_floors[0]", ChangeKind::Added, Effect::AddsTrust),
        ]
    );
    assert_eq!(
        found[1].after.as_deref(),
        Some(r#""Milan": fmc 1, bootloader 10, tee 2, snp 25, microcode 84"#)
    );
}

#[test]
fn an_entry_that_is_listed_once_more_is_added() {
    let mut new = genesis();
    new.gateways.push(new.gateways[0].clone());

    let found = changes(Some(&genesis()), &new);

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].field, "gateways[2]");
}

#[test]
fn a_moved_and_changed_entry_is_told_as_both() {
    let mut new = genesis();
    new.gateways.reverse();
    new.gateways[0].config = Digest::new([1; 32]);

    let found = changes(Some(&genesis()), &new);

    let fields: Vec<_> = found.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["gateways.order", "gateways[0].config"]);
    assert_eq!(found[0].before.as_deref(), Some("1, 0"));
    assert_eq!(found[0].after.as_deref(), Some("0, 1"));
}

#[test]
fn all_of_a_genesis_is_added() {
    let found = changes(None, &genesis());

    assert!(
        found
            .iter()
            .all(|it| it.kind == ChangeKind::Added && it.before.is_none())
    );
    let fields: Vec<_> = found.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "version",
            "previous",
            "network",
            "name",
            "simulated",
            "parties[0]",
            "parties[1]",
            "parties[2]",
            "gateways[0]",
            "gateways[1]",
            "ledger.machine",
            "ledger.origin",
            "ledger.key",
            "releases[0]",
            "releases[1]",
            "tcb_floors[0]",
            "tcb_floors[1]",
            "evidence_age_max_s",
            "threshold",
            "quality_min",
            "matching",
            "profile",
            "created_ms",
            "approvers[0]",
            "approvers[1]",
            "approvers[2]",
            "approvers[3]",
            "approvers[4]",
            "thresholds",
            "delays",
        ]
    );
    assert!(!is_restriction(&found));
}

#[test]
fn a_restriction_only_removes() {
    let mut new = genesis();
    new.version = 2;
    let lineage = changes(Some(&genesis()), &new);
    new.releases.pop();
    new.quality_min += 1;
    let restriction = changes(Some(&genesis()), &new);
    new.name.push('!');
    let neutral = changes(Some(&genesis()), &new);
    new.name.pop();
    new.evidence_age_max_s += 1;
    let adding = changes(Some(&genesis()), &new);

    assert!(is_restriction(&restriction));
    for changes in [&[][..], &lineage, &neutral, &adding] {
        assert!(!is_restriction(changes), "{changes:?}");
    }
}

#[test]
fn a_text_cannot_pass_for_another_field() {
    let mut new = genesis();
    new.parties.push(new.parties[0].clone());
    new.parties[3].operator = "x\" on snp\nparties[0]".into();

    let found = changes(Some(&genesis()), &new);

    let after = found[0].after.as_deref().unwrap();
    assert!(after.starts_with(r#"operator "x\" on snp\nparties[0]" on snp chip 0101"#));
}

fn a_release() -> Release {
    Release::unlimited(Role::Gateway, PlatformKind::Snp, Measurement([9; 48]))
}

#[track_caller]
fn tells(edits: &[Edit]) {
    for (field, effect, edit) in edits {
        let mut new = genesis();
        edit(&mut new);

        let changes = changes(Some(&genesis()), &new);

        let told: Vec<_> = changes
            .iter()
            .map(|it| (it.field.as_str(), it.effect))
            .collect();
        assert_eq!(told, [(*field, *effect)]);
    }
}

//! Whether a version may follow another: who must agree, and from when on it counts [EVI-5].
//!
//! Approvers, thresholds and delays are those of the version before, never of the new one. Which
//! of them apply is read from what changes, so nobody can declare an addition a restriction.

use alloc::collections::BTreeSet;

use boop_wire::manifest::{
    Approval, ApproverKind, Manifest, PartyEntry, Revoked, SignedManifest, Thresholds,
};
use boop_wire::{NetworkId, PartyIndex};

use super::chain::{CHAIN_MAX, ChainError, Head};
use super::change::{changes, is_restriction};
use super::{APPROVERS_MAX, VerifiedManifest, approval_holds, check_diversity};

/// Milliseconds that the clock of whoever made a version may run ahead of ours.
const AHEAD_MS_MAX: u64 = 5 * 60 * 1000;

/// Checks at `now_ms` that all operators agreed to a genesis, and to each later version those
/// that the version before asks for what it changes, in time. Returns the network.
///
/// # Errors
/// The first version that does not follow the one before it, is not agreed to, or still waits.
pub fn verify_succession(chain: &[SignedManifest], now_ms: u64) -> Result<NetworkId, ChainError> {
    let found = chain.len();
    if found > CHAIN_MAX {
        return Err(ChainError::TooLong { found });
    }
    let mut newest: Option<(Head, Manifest)> = None;
    for (index, signed) in chain.iter().enumerate() {
        let place = index + 1;
        let (head, next) =
            Head::read(signed).map_err(|error| ChainError::Refused { place, error })?;
        match &newest {
            Some((before, rules)) => {
                before.check_next(&next)?;
                follows(rules, &next, signed, now_ms)?;
            }
            None if next.version == 1 => begins(&next, signed, now_ms)?,
            None => {
                let version = next.version;
                return Err(ChainError::NotGenesis { version });
            }
        }
        newest = Some((head, next));
    }
    let (head, _) = newest.ok_or(ChainError::Empty)?;
    Ok(head.network)
}

/// A genesis is nobody's change, so its own operators agree to it, all of them.
fn begins(genesis: &Manifest, signed: &SignedManifest, now_ms: u64) -> Result<(), ChainError> {
    let needed = VersionKind::Governance.needed(&genesis.thresholds);
    check_counts(genesis.version, Counts::of(signed, genesis), needed)?;
    check_clock(genesis, 0, now_ms)
}

/// Checks that those agreed to a version whom the one before it asks, and returns the seconds that
/// it waits.
///
/// # Errors
/// If it does not follow `before`, or is not agreed to.
pub fn check_successor(
    before: &SignedManifest,
    signed: &SignedManifest,
) -> Result<u32, ChainError> {
    let read = |place, signed| {
        let read = Head::read(signed);
        read.map_err(|error| ChainError::Refused { place, error })
    };
    let (head, rules) = read(1, before)?;
    let (_, next) = read(2, signed)?;
    head.check_next(&next)?;
    agreed(&rules, &next, signed)
}

impl VerifiedManifest {
    /// Accepts the version that follows this one, whoever the configuration names: those agreed
    /// whom this version asks, and its delay has passed at `now_ms`.
    ///
    /// # Errors
    /// If it does not follow, is not agreed to, or still waits; its place is 1 where it is no
    /// manifest that could be accepted at all.
    pub fn followed_by(&self, signed: SignedManifest, now_ms: u64) -> Result<Self, ChainError> {
        let refused = |error| ChainError::Refused { place: 1, error };
        let (head, next) = Head::read(&signed).map_err(refused)?;
        self.head().check_next(&next)?;
        follows(self.manifest(), &next, &signed, now_ms)?;
        check_diversity(&next, None).map_err(refused)?;
        Ok(Self {
            manifest: next,
            digest: head.digest,
            network: head.network,
            signed,
        })
    }
}

fn follows(
    before: &Manifest,
    next: &Manifest,
    signed: &SignedManifest,
    now_ms: u64,
) -> Result<(), ChainError> {
    let delay_s = agreed(before, next, signed)?;
    check_clock(next, delay_s, now_ms)
}

fn agreed(before: &Manifest, next: &Manifest, signed: &SignedManifest) -> Result<u32, ChainError> {
    let version = next.version;
    if let Some(party) = miscounted(before, next) {
        return Err(ChainError::Recoveries { version, party });
    }
    let kind = VersionKind::of(before, next);
    let needed = kind.needed(&before.thresholds);
    check_counts(version, Counts::of(signed, before), needed)?;
    if next.created_ms <= before.created_ms {
        return Err(ChainError::Created { version });
    }
    Ok(kind.delay_s(before))
}

fn check_counts(version: u64, found: Counts, needed: Counts) -> Result<(), ChainError> {
    if found.reach(&needed) {
        return Ok(());
    }
    Err(ChainError::Approvals {
        version,
        found,
        needed,
    })
}

/// A clock may run ahead of ours, which shortens no delay.
fn check_clock(next: &Manifest, delay_s: u32, now_ms: u64) -> Result<(), ChainError> {
    let version = next.version;
    let ahead_ms = if delay_s == 0 { AHEAD_MS_MAX } else { 0 };
    let from_ms = next.created_ms.saturating_add(u64::from(delay_s) * 1000);
    if now_ms.saturating_add(ahead_ms) < from_ms {
        return Err(ChainError::TooEarly { version, from_ms });
    }
    Ok(())
}

/// What a version does, and so who must agree to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionKind {
    /// It may add trust.
    Ordinary,
    /// It only removes trust.
    Restriction,
    /// It lets the others give one party its store anew, and nothing else [REC-1].
    Recovery,
    /// It changes who approves or how, or takes back a revocation, and nothing else.
    Governance,
    /// It does that and more.
    GovernanceAndMore,
}

impl VersionKind {
    /// Returns what a new version does to the one before.
    pub fn of(before: &Manifest, next: &Manifest) -> Self {
        if recovers(before, next) {
            return Self::Recovery;
        }
        if !governs(before, next) {
            return match is_restriction(&changes(Some(before), next)) {
                true => Self::Restriction,
                false => Self::Ordinary,
            };
        }
        let alone = Manifest {
            version: next.version,
            previous: next.previous,
            network: next.network,
            created_ms: next.created_ms,
            approvers: next.approvers.clone(),
            thresholds: next.thresholds,
            delays: next.delays,
            revoked: next.revoked.clone(),
            banned_products: next.banned_products.clone(),
            ..before.clone()
        };
        if alone == *next {
            Self::Governance
        } else {
            Self::GovernanceAndMore
        }
    }

    /// Returns the seconds that such a version waits after it was made.
    pub fn delay_s(self, before: &Manifest) -> u32 {
        let delays = &before.delays;
        match self {
            Self::Ordinary => delays.ordinary_s,
            Self::Restriction | Self::Recovery => delays.restriction_s,
            Self::Governance => delays.governance_s,
            Self::GovernanceAndMore => delays.governance_s.max(delays.ordinary_s),
        }
    }

    /// Returns how many of each kind must approve such a version.
    pub const fn needed(self, thresholds: &Thresholds) -> Counts {
        let (operators, others) = match self {
            Self::Ordinary => (thresholds.operators, true),
            Self::Restriction => (thresholds.restriction, false),
            Self::Recovery => (thresholds.operators, false),
            Self::Governance => (thresholds.governance, false),
            Self::GovernanceAndMore => (thresholds.governance, true),
        };
        Counts {
            operators,
            release_signers: if others {
                thresholds.release_signers
            } else {
                0
            },
            reviewers: if others { thresholds.reviewers } else { 0 },
        }
    }
}

/// Says whether exactly one party may be given its store once more, and nothing else changes.
fn recovers(before: &Manifest, next: &Manifest) -> bool {
    let mut alone = Manifest {
        version: next.version,
        previous: next.previous,
        network: next.network,
        created_ms: next.created_ms,
        ..before.clone()
    };
    let once_more = |(old, new): (&PartyEntry, &PartyEntry)| old.recoveries < new.recoveries;
    let parties = before.parties.iter().zip(&next.parties);
    let Some(party) = parties.clone().position(once_more) else {
        return false;
    };
    if let Some(entry) = alone.parties.get_mut(party) {
        entry.recoveries = entry.recoveries.saturating_add(1);
    }
    alone == *next
}

/// Returns the party whose recoveries are not counted one by one, upwards.
fn miscounted(before: &Manifest, next: &Manifest) -> Option<PartyIndex> {
    let mut parties = PartyIndex::ALL.into_iter();
    parties.find(|party| {
        let counts = |manifest: &Manifest| manifest.party(*party).map(|entry| entry.recoveries);
        let (old, new) = (counts(before).unwrap_or(0), counts(next).unwrap_or(0));
        new != old && old.checked_add(1) != Some(new)
    })
}

/// Says whether who approves or how changes, or a revocation is taken back.
fn governs(before: &Manifest, next: &Manifest) -> bool {
    let Revoked {
        measurements,
        chips,
    } = &before.revoked;
    let taken_back = !measurements
        .iter()
        .all(|it| next.revoked.measurements.contains(it))
        || !chips.iter().all(|it| next.revoked.chips.contains(it))
        || !before
            .banned_products
            .iter()
            .all(|it| next.banned_products.contains(it));
    taken_back
        || before.approvers != next.approvers
        || before.thresholds != next.thresholds
        || before.delays != next.delays
}

/// Approvers of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Operators of different parties.
    pub operators: u8,
    /// Release signers.
    pub release_signers: u8,
    /// Reviewers.
    pub reviewers: u8,
}

impl core::fmt::Display for Counts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "{} operators, {} release signers, {} reviewers",
            self.operators, self.release_signers, self.reviewers
        )
    }
}

impl Counts {
    /// Counts the approvers, among those that `rules` names, whose approval of `signed` holds.
    pub fn of(signed: &SignedManifest, rules: &Manifest) -> Self {
        let entry = |approval: &Approval| {
            let mut entries = rules.approvers.iter().take(APPROVERS_MAX);
            entries.find(|entry| entry.key == approval.key)
        };
        let approvals = signed.approvals.iter().take(APPROVERS_MAX);
        let mut counted = BTreeSet::new();
        let mut counts = Self {
            operators: 0,
            release_signers: 0,
            reviewers: 0,
        };
        for approval in approvals {
            let Some(entry) = entry(approval) else {
                continue;
            };
            if counted.contains(&entry.key) || !approval_holds(signed, approval) {
                continue;
            }
            counted.insert(entry.key);
            let count = match entry.kind {
                ApproverKind::Operator(_) => &mut counts.operators,
                ApproverKind::ReleaseSigner => &mut counts.release_signers,
                ApproverKind::Reviewer => &mut counts.reviewers,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    /// Says whether there are as many of each kind.
    pub const fn reach(&self, needed: &Self) -> bool {
        self.operators >= needed.operators
            && self.release_signers >= needed.release_signers
            && self.reviewers >= needed.reviewers
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use boop_wire::manifest::{ChipId, Measurement};

    use super::*;
    use crate::manifest::samples::{CREATED_MS, followed, genesis, signed, signed_by};

    const HOUR_MS: u64 = 60 * 60 * 1000;
    /// Three days after the second version was made, exactly.
    const NOW_MS: u64 = CREATED_MS + 1 + 72 * HOUR_MS;

    #[test]
    fn a_genesis_needs_all_operators() {
        for (by, found) in [
            (vec![0, 1, 3, 4], counts(2, 1, 1)),
            (vec![], counts(0, 0, 0)),
        ] {
            let genesis = signed_by(&genesis(), &by);

            let refused = verify_succession(&[genesis], NOW_MS);

            let (version, needed) = (1, counts(3, 0, 0));
            let error = ChainError::Approvals {
                version,
                found,
                needed,
            };
            assert_eq!(refused, Err(error));
        }
        let genesis = signed_by(&genesis(), &[0, 1, 2]);
        let network = NetworkId::new(*genesis.digest().as_bytes());
        assert_eq!(verify_succession(&[genesis], NOW_MS), Ok(network));
    }

    #[test]
    fn an_addition_needs_operators_a_release_signer_and_a_reviewer() {
        let add = |m: &mut Manifest| m.evidence_age_max_s += 1;
        let needed = counts(2, 1, 1);
        refuses_unless(VersionKind::Ordinary, add, &[0, 2, 3, 4], needed);
    }

    #[test]
    fn a_restriction_needs_one_operator_and_no_delay() {
        let remove = |m: &mut Manifest| m.quality_min += 1;
        let chain = next(remove, &[1]);

        let at_once = verify_succession(&chain, CREATED_MS + 1);
        let by_others = verify_succession(&next(remove, &[3, 4]), NOW_MS);

        assert!(at_once.is_ok(), "{at_once:?}");
        let error = ChainError::Approvals {
            version: 2,
            found: counts(0, 1, 1),
            needed: counts(1, 0, 0),
        };
        assert_eq!(by_others, Err(error));
    }

    #[test]
    fn a_recovery_alone_needs_two_operators_and_waits_for_nothing() {
        let recover = |m: &mut Manifest| m.parties[1].recoveries += 1;
        refuses_unless(VersionKind::Recovery, recover, &[0, 2], counts(2, 0, 0));
        let chain = next(recover, &[0, 2]);
        assert!(verify_succession(&chain, CREATED_MS + 1).is_ok());

        let and_more = |m: &mut Manifest| {
            m.parties[1].recoveries += 1;
            m.evidence_age_max_s += 1;
        };
        let two = |m: &mut Manifest| {
            m.parties[1].recoveries += 1;
            m.parties[2].recoveries += 1;
        };
        let needed = counts(2, 1, 1);
        refuses_unless(VersionKind::Ordinary, and_more, &[0, 2, 3, 4], needed);
        refuses_unless(VersionKind::Ordinary, two, &[0, 2, 3, 4], needed);
    }

    #[test]
    fn recoveries_are_counted_one_by_one_upwards() {
        let jump = |m: &mut Manifest| m.parties[1].recoveries += 2;
        let (version, party) = (2, PartyIndex::ALL[1]);
        let miscounted = Err(ChainError::Recoveries { version, party });

        let jumped = verify_succession(&next(jump, &[0, 1, 2, 3, 4]), NOW_MS);
        let mut chain = next(|m| m.parties[1].recoveries += 1, &[0, 1, 2, 3, 4]);
        let mut third = followed(&chain[1]);
        third.parties[1].recoveries = 0;
        chain.push(signed_by(&third, &[0, 1, 2, 3, 4]));
        let back = verify_succession(&chain, NOW_MS + 1);

        assert_eq!(jumped, miscounted);
        let version = 3;
        assert_eq!(back, Err(ChainError::Recoveries { version, party }));
    }

    #[test]
    fn who_approves_and_how_changes_by_all_operators() {
        let edits: [fn(&mut Manifest); 4] = [
            |m| m.approvers[4].key = [9; 32],
            |m| m.thresholds.restriction = 2,
            |m| m.delays.ordinary_s = 0,
            |m| m.delays.restriction_s = 60,
        ];
        for edit in edits {
            let needed = counts(3, 0, 0);
            refuses_unless(VersionKind::Governance, edit, &[0, 1, 2], needed);
        }
    }

    #[test]
    fn more_than_governance_needs_the_others_too() {
        let both = |m: &mut Manifest| {
            m.delays.ordinary_s = 0;
            m.evidence_age_max_s += 1;
        };
        let needed = counts(3, 1, 1);
        let all = [0, 1, 2, 3, 4];
        refuses_unless(VersionKind::GovernanceAndMore, both, &all, needed);
    }

    #[test]
    fn a_revocation_is_taken_back_by_all_operators_alone() {
        let edits: [fn(&mut Manifest); 3] = [
            |m| m.revoked.measurements.clear(),
            |m| m.revoked.chips.clear(),
            |m| m.banned_products.clear(),
        ];
        let mut before = genesis();
        before.revoked.measurements.push(Measurement([7; 48]));
        before.revoked.chips.push(ChipId(vec![7; 64]));
        before.banned_products.push("Milan".into());
        for edit in edits {
            let mut next = before.clone();
            next.version = 2;
            edit(&mut next);

            assert_eq!(VersionKind::of(&before, &next), VersionKind::Governance);
            assert_eq!(VersionKind::of(&next, &before), VersionKind::Restriction);
        }
    }

    #[test]
    fn a_version_counts_only_once_the_delay_before_it_has_passed() {
        let add = |m: &mut Manifest| m.evidence_age_max_s += 1;
        let chain = next(add, &[0, 1, 3, 4]);
        let (version, from_ms) = (2, NOW_MS);

        let early = verify_succession(&chain, NOW_MS - 1);

        assert_eq!(early, Err(ChainError::TooEarly { version, from_ms }));
        assert!(verify_succession(&chain, NOW_MS).is_ok());
        // No version shortens the delay that it waits itself.
        let hurry = next(|m| m.delays.governance_s = 0, &[0, 1, 2]);
        let early = verify_succession(&hurry, NOW_MS - 1);
        assert_eq!(early, Err(ChainError::TooEarly { version, from_ms }));
    }

    #[test]
    fn a_version_of_the_past_or_of_the_future_is_refused() {
        let remove = |m: &mut Manifest| {
            m.quality_min += 1;
            m.created_ms = CREATED_MS;
        };
        let past = verify_succession(&next(remove, &[0]), NOW_MS);
        let future = verify_succession(&next(|_| {}, &[]), CREATED_MS - AHEAD_MS_MAX - 1);

        assert_eq!(past, Err(ChainError::Created { version: 2 }));
        let (version, from_ms) = (1, CREATED_MS);
        assert_eq!(future, Err(ChainError::TooEarly { version, from_ms }));
    }

    #[test]
    fn an_approval_counts_once_and_by_the_rules_before_alone() {
        // The new version names its own reviewer, whose approval counts for nothing yet.
        let takes_over = |m: &mut Manifest| {
            m.approvers[0].key = key_of(9);
            m.approvers[1].key = key_of(10);
        };
        let chain = next(takes_over, &[9, 10, 2, 2, 2]);

        let error = ChainError::Approvals {
            version: 2,
            found: counts(1, 0, 0),
            needed: counts(3, 0, 0),
        };
        assert_eq!(verify_succession(&chain, NOW_MS), Err(error));
    }

    #[test]
    fn what_is_no_chain_is_refused() {
        let chain = next(|m| m.quality_min += 1, &[0]);
        let nothing = signed(&genesis(), 0);
        let found = CHAIN_MAX + 1;

        assert_eq!(verify_succession(&[], NOW_MS), Err(ChainError::Empty));
        assert_eq!(
            verify_succession(&chain[1..], NOW_MS),
            Err(ChainError::NotGenesis { version: 2 })
        );
        assert_eq!(
            verify_succession(&vec![nothing; found], NOW_MS),
            Err(ChainError::TooLong { found })
        );
    }

    /// A genesis that all operators approved, and an edit of it by some.
    fn next(edit: impl Fn(&mut Manifest), by: &[u8]) -> Vec<SignedManifest> {
        let first = signed_by(&genesis(), &[0, 1, 2]);
        let mut second = followed(&first);
        edit(&mut second);
        vec![first, signed_by(&second, by)]
    }

    /// Accepted by `all`, and refused without any one of them.
    #[track_caller]
    fn refuses_unless(kind: VersionKind, edit: fn(&mut Manifest), all: &[u8], needed: Counts) {
        let chain = next(edit, all);
        let (_, before) = Head::read(&chain[0]).unwrap();
        let (_, after) = Head::read(&chain[1]).unwrap();
        assert_eq!(VersionKind::of(&before, &after), kind);
        assert!(verify_succession(&chain, NOW_MS).is_ok());
        for place in 0..all.len() {
            let mut fewer = all.to_vec();
            fewer.remove(place);
            let chain = next(edit, &fewer);

            let version = 2;
            let found = Counts::of(&chain[1], &before);
            let error = ChainError::Approvals {
                version,
                found,
                needed,
            };
            assert_eq!(verify_succession(&chain, NOW_MS), Err(error));
        }
    }

    fn key_of(index: u8) -> [u8; 32] {
        let signed = signed_by(&genesis(), &[index]);
        signed.approvals[0].key
    }

    const fn counts(operators: u8, release_signers: u8, reviewers: u8) -> Counts {
        Counts {
            operators,
            release_signers,
            reviewers,
        }
    }
}

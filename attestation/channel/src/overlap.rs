//! Which versions of the manifest evidence may name while a network goes over to the next [EVI-8].
//!
//! ```text
//!  taken                one window later          two windows later
//!    | own evidence names the old one | own evidence names the new one
//!    | the peers' may name either                 | it must name the new one
//! ```
//!
//! So nobody is turned away if all processes take the new version within one window. Whatever
//! version evidence names, it is judged by the rules of the newest, but for its age: how long it
//! lasts says the version under which it was made.

use alloc::vec::Vec;

use boop_wire::Digest;

/// Most versions that evidence may name at once.
const VERSIONS_AT_ONCE: usize = 8;

/// A version, and how old evidence that names it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) digest: Digest,
    pub(crate) age_max_ms: u64,
}

/// When a version is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    rule: Rule,
    /// From when on own evidence names it, in Unix milliseconds.
    shown_from_ms: u64,
    /// Until when the peers' evidence may name it.
    admitted_until_ms: u64,
}

/// The versions that evidence may name, oldest first. There is always one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overlap {
    earlier: Vec<Version>,
    newest: Version,
}

impl Overlap {
    /// There is one version alone.
    pub(crate) const fn none(rule: Rule) -> Self {
        Self {
            earlier: Vec::new(),
            newest: Version {
                rule,
                shown_from_ms: 0,
                admitted_until_ms: u64::MAX,
            },
        }
    }

    /// A process starts, and the others may still be going over: as if it took all versions now,
    /// but that it shows the newest at once.
    pub(crate) fn at_start(before: &[Rule], newest: Rule, now_ms: u64) -> Self {
        let mut rules = before.iter().copied().chain([newest]);
        let first = rules.next().unwrap_or(newest);
        let one_by_one = |overlap: Self, rule| overlap.take(rule, now_ms);
        let mut overlap = rules.fold(Self::none(first), one_by_one);
        overlap.newest.shown_from_ms = 0;
        overlap
    }

    /// A running process takes the next version. The window is as long as evidence lasts that was
    /// made under the version before.
    pub(crate) fn take(&self, rule: Rule, now_ms: u64) -> Self {
        let window_ms = self.newest.rule.age_max_ms;
        let until_ms = now_ms.saturating_add(window_ms.saturating_mul(2));
        let known = self.earlier.iter().chain([&self.newest]);
        let ending = known.map(|version| Version {
            admitted_until_ms: version.admitted_until_ms.min(until_ms),
            ..*version
        });
        let mut earlier: Vec<Version> = ending
            .filter(|version| version.admitted_until_ms > now_ms)
            .collect();
        earlier.drain(..earlier.len().saturating_sub(VERSIONS_AT_ONCE - 1));
        Self {
            earlier,
            newest: Version {
                rule,
                shown_from_ms: now_ms.saturating_add(window_ms),
                admitted_until_ms: u64::MAX,
            },
        }
    }

    /// Returns the version that own evidence names.
    pub(crate) fn shown(&self, now_ms: u64) -> Digest {
        let known = self.earlier.iter().chain([&self.newest]);
        let mut shown = known.filter(|version| version.shown_from_ms <= now_ms);
        let oldest = self.earlier.first().unwrap_or(&self.newest);
        shown.next_back().unwrap_or(oldest).rule.digest
    }

    /// Returns the versions that the peers' evidence may name, the newest first.
    pub(crate) fn admitted(&self, now_ms: u64) -> impl Iterator<Item = Rule> {
        let known = [&self.newest].into_iter().chain(self.earlier.iter().rev());
        known
            .filter(move |version| now_ms < version.admitted_until_ms)
            .map(|version| version.rule)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const WINDOW_MS: u64 = 1_000;
    const TAKEN_MS: u64 = 50_000;

    #[test]
    fn the_old_version_is_shown_for_one_window_and_admitted_for_two() {
        let overlap = Overlap::none(named(1)).take(named(2), TAKEN_MS);

        for (after_ms, shown, admitted) in [
            (0, 1, vec![2, 1]),
            (999, 1, vec![2, 1]),
            (1_000, 2, vec![2, 1]),
            (1_999, 2, vec![2, 1]),
            (2_000, 2, vec![2]),
        ] {
            assert_eq!(overlap.shown(TAKEN_MS + after_ms), named(shown).digest);
            assert_eq!(names(&overlap, TAKEN_MS + after_ms), admitted);
        }
    }

    #[test]
    fn two_processes_that_take_it_within_a_window_never_turn_each_other_away() {
        for apart_ms in [0, 1, 500, 999, 1_000] {
            let first = Overlap::none(named(1)).take(named(2), TAKEN_MS);
            let before = Overlap::none(named(1));
            let after = before.take(named(2), TAKEN_MS + apart_ms);
            for now_ms in TAKEN_MS..TAKEN_MS + 4 * WINDOW_MS {
                let taken = now_ms >= TAKEN_MS + apart_ms;
                let second = if taken { &after } else { &before };
                let (one, two) = (first.shown(now_ms), second.shown(now_ms));
                assert!(
                    second.admitted(now_ms).any(|it| it.digest == one),
                    "{now_ms}"
                );
                assert!(
                    first.admitted(now_ms).any(|it| it.digest == two),
                    "{now_ms}"
                );
            }
        }
    }

    #[test]
    fn one_that_takes_it_later_than_a_window_is_turned_away_until_it_does() {
        let first = Overlap::none(named(1)).take(named(2), TAKEN_MS);
        let late = Overlap::none(named(1));
        let now_ms = TAKEN_MS + WINDOW_MS;

        let turned_away = !late
            .admitted(now_ms)
            .any(|it| it.digest == first.shown(now_ms));
        let late = late.take(named(2), now_ms);

        assert!(turned_away);
        assert!(
            late.admitted(now_ms)
                .any(|it| it.digest == first.shown(now_ms))
        );
    }

    #[test]
    fn one_that_starts_shows_the_newest_and_admits_those_before_for_two_windows() {
        let mut slow = named(2);
        slow.age_max_ms = 2 * WINDOW_MS;

        let overlap = Overlap::at_start(&[named(1), slow], named(3), TAKEN_MS);
        let alone = Overlap::at_start(&[], named(3), TAKEN_MS);

        assert_eq!(overlap.shown(TAKEN_MS), named(3).digest);
        assert_eq!(names(&overlap, TAKEN_MS + 1_999), [3, 2, 1]);
        assert_eq!(names(&overlap, TAKEN_MS + 2_000), [3, 2]);
        assert_eq!(names(&overlap, TAKEN_MS + 4_000), [3]);
        assert_eq!(alone, Overlap::none(named(3)));
    }

    #[test]
    fn versions_that_follow_at_once_stand_beside_each_other_up_to_the_limit() {
        let mut overlap = Overlap::none(named(0));
        for version in 1..20 {
            overlap = overlap.take(named(version), TAKEN_MS);
        }

        assert_eq!(names(&overlap, TAKEN_MS), [19, 18, 17, 16, 15, 14, 13, 12]);
        assert_eq!(overlap.shown(TAKEN_MS), named(12).digest);
        assert_eq!(overlap.shown(TAKEN_MS + WINDOW_MS), named(19).digest);
    }

    #[test]
    fn a_version_that_is_over_is_forgotten() {
        let overlap = Overlap::none(named(1)).take(named(2), TAKEN_MS);
        let later_ms = TAKEN_MS + 2 * WINDOW_MS;

        let overlap = overlap.take(named(3), later_ms);

        assert_eq!(names(&overlap, later_ms), [3, 2]);
    }

    fn named(version: u8) -> Rule {
        Rule {
            digest: Digest::new([version; 32]),
            age_max_ms: WINDOW_MS,
        }
    }

    fn names(overlap: &Overlap, now_ms: u64) -> Vec<u8> {
        let admitted = overlap.admitted(now_ms);
        admitted.map(|rule| rule.digest.as_bytes()[0]).collect()
    }
}

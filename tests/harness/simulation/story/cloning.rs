//! A host that runs a party twice, from one disk, and shows either to whoever asks [KEY-4].

use std::collections::BTreeSet;
use std::sync::Arc;

use boop_hsm::Custody;
use boop_wire::job::Subject;
use boop_wire::{PartyIndex, Refusal, RequestId, UserId};

use super::{Enrolled, PATIENCE_MS, Person, RECOVERY_MS, Story};
use crate::simulation::captures::{Palm, entrance};
use crate::simulation::world::twin::TWIN;

/// Captures before there is a second instance.
const BEFORE: usize = 6;
/// Pause between two captures.
const PAUSE_MS: u64 = 500;
/// Captures in the turn of one instance.
const CAPTURES: usize = 3;
/// As long as an instance may take to serve in its turn.
const TURN_MS: u64 = 8_000;

/// What came of running a party twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloned {
    /// Captures that were asked of both instances.
    pub asked: usize,
    /// Decisions that the older instance signed, of captures from before the newer one served.
    pub before: usize,
    /// Decisions that the older instance signed, of captures from after that.
    pub after: usize,
    /// Decisions that the newer instance signed.
    pub newer: usize,
    /// Captures for which both signed.
    pub both: usize,
    /// Times that a party refused the older instance.
    pub fenced: u64,
    /// From the start of the newer instance until it served, with the older one fenced.
    pub fence_ms: u64,
    /// Why the older instance, started again over its own disk, stays closed.
    pub older_again: Option<Refusal>,
}

impl Story<'_> {
    /// Starts a second instance of a party from a copy of its disk, and has both asked for
    /// everything, while their host lets the others speak with the newer one and with the older
    /// one in turn. Keys of the second come from the party's custodian, or from a copy of that;
    /// from a copy, nobody enrols, so that the two stores stay the same.
    pub fn cloned(
        mut self,
        party: PartyIndex,
        custody: Option<Arc<Custody>>,
        turns: usize,
    ) -> Cloned {
        self.settle();
        for _ in 0..BEFORE {
            self.somebody_comes();
            self.pass(PAUSE_MS);
        }
        self.pass(PATIENCE_MS);
        self.world.disks_lie = true;
        let enrols = custody.is_none();
        let start_ms = self.world.now_ms();
        self.world.start_twin(party, custody);
        self.until_twin_serves();
        let served_ms = self.world.now_ms();
        let mut asked = BTreeSet::new();
        for _ in 0..turns {
            self.until_twin_serves();
            self.some_come(enrols, &mut asked);
            self.world.favour_twin(false);
            self.pass(TURN_MS / 2);
            // What the peers had in memory of the newer instance is gone; what is on disk is not.
            for peer in party.others() {
                self.world.crash(peer.as_usize(), false);
            }
            self.pass(TURN_MS);
            self.some_come(enrols, &mut asked);
            self.world.favour_twin(true);
        }
        self.pass(PATIENCE_MS);
        let older_again = self.start_older_again(party);
        self.count(party, &asked, served_ms - start_ms, older_again)
    }

    fn until_twin_serves(&mut self) {
        let until_ms = self.world.now_ms() + RECOVERY_MS;
        while !self.world.twin_serves() {
            let late = self.world.now_ms() >= until_ms;
            assert!(!late, "the newer serves not: {}", self.world.describe());
            self.pass(50);
        }
    }

    fn some_come(&mut self, enrols: bool, asked: &mut BTreeSet<RequestId>) {
        for number in 0..CAPTURES {
            self.one_of_many(enrols && number == 0);
            asked.extend(self.asked.keys());
            self.pass(PAUSE_MS);
        }
    }

    fn one_of_many(&mut self, is_new: bool) {
        if is_new {
            let person = self.people.len();
            let user = UserId::new([u8::try_from(person).unwrap() + 1; 16]);
            self.people.push(Person {
                user,
                palm: Palm::new(&mut self.world.rng),
                enrolled: Enrolled::Never,
            });
            return self.ask(person, Subject::Enrol { user });
        }
        let known = self
            .people
            .iter()
            .position(|one| one.enrolled == Enrolled::Surely);
        let subject = Subject::Identify(entrance(self.world.now_ms()));
        self.ask(known.unwrap_or(0), subject);
    }

    /// Starts the older instance again: it gets the newest lease, and has the older disk.
    fn start_older_again(&mut self, party: PartyIndex) -> Option<Refusal> {
        let index = party.as_usize();
        self.world.favour_twin(false);
        self.world.crash(index, false);
        self.pass(PATIENCE_MS);
        self.world.machines[index].stopped
    }

    fn count(
        &self,
        party: PartyIndex,
        asked: &BTreeSet<RequestId>,
        fence_ms: u64,
        older_again: Option<Refusal>,
    ) -> Cloned {
        let signed = |by: usize| {
            let signed = self
                .decided
                .iter()
                .filter(move |(_, machine)| *machine == by);
            signed.map(|(request, _)| *request).collect::<Vec<_>>()
        };
        let (older, newer) = (signed(party.as_usize()), signed(TWIN));
        let after = older
            .iter()
            .filter(|request| asked.contains(request))
            .count();
        Cloned {
            asked: asked.len(),
            before: older.len() - after,
            after,
            newer: newer.len(),
            both: older
                .iter()
                .filter(|request| newer.contains(request))
                .count(),
            fenced: self.world.mischief.fenced,
            fence_ms,
            older_again,
        }
    }
}

//! The end of a party's life that is asked for: finish, put on record, retire [LIF-2].
//!
//! ```text
//!  Drain -> Draining --Leaving--> party 0 --Closed--> all: no job begins, calls are refused
//!     every job over at all three, newest head on record --> Retired
//! ```

use boop_abi::Phase;
use boop_wire::codec::to_canonical;
use boop_wire::job::PartyWord;
use boop_wire::{PartyIndex, Refusal};

use super::{Party, Store};
use crate::limits::{ABSENCE_MS_MAX, LEAVE_MS_MAX};
use crate::link::Link;
use crate::peers::PeerMessage;
use crate::platform::Platform;

/// Who is leaving, and since when.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    own_since_ms: Option<u64>,
    peers: [Option<Leave>; PartyIndex::COUNT],
}

/// A neighbour's word that it leaves.
#[derive(Debug, Clone, Copy)]
struct Leave {
    since_ms: u64,
    /// Whether the session on which it was said stands: then it has not left yet.
    stands: bool,
}

impl<P: Platform> Party<P> {
    /// Takes the host's word that this party shall leave. One that never served has nothing to
    /// finish.
    pub(super) fn drain(&mut self) {
        match self.phase() {
            Phase::Serving => {
                self.enter(Phase::Draining);
                self.leaving.own_since_ms = Some(self.now_ms);
                let word = to_canonical(&PartyWord::Leaving);
                for link in self.gateways.values_mut().filter(|link| established(link)) {
                    // A gateway that cannot be told is found out when its stream ends.
                    let _ = link.send(&word, &mut self.out);
                }
                self.tell_all(&PeerMessage::Leaving);
                self.leave_refresh();
                self.close_if_leaving();
            }
            Phase::Draining | Phase::Retired | Phase::Stopped(_) => {}
            Phase::Booted | Phase::Attested | Phase::Leased | Phase::Joined => {
                self.stop(Refusal::Draining);
            }
        }
    }

    /// Ends a refresh that has not come to its last step, however long it would take: it is asked
    /// for again once the three are together [LIF-3].
    fn leave_refresh(&mut self) {
        if let Some(number) = self.work.unsealed_refresh() {
            self.abort_refreshing(number, Refusal::Draining);
        }
    }

    /// As party 0, begins no job any more in this session if one of the three leaves.
    pub(crate) fn close_if_leaving(&mut self) {
        let announced = self.leaving.peers.iter().flatten();
        let leaves = announced.into_iter().any(|leave| leave.stands);
        let leaves = leaves || self.phase() == Phase::Draining;
        if leaves && self.config.index == PartyIndex::ALL[0] {
            self.close_jobs();
        }
    }

    /// Takes a neighbour's word that it leaves.
    pub(super) fn peer_leaves(&mut self, from: PartyIndex) {
        self.leaving.peers[from.as_usize()] = Some(Leave {
            since_ms: self.now_ms,
            stands: true,
        });
        self.close_if_leaving();
    }

    /// A session with a neighbour stands: one that leaves says so on it too.
    pub(super) fn peer_is_back(&mut self, party: PartyIndex) {
        if let Some(leave) = &mut self.leaving.peers[party.as_usize()] {
            leave.stands = false;
        }
        if self.phase() == Phase::Draining {
            // A peer that cannot be told is found out when its stream ends.
            let _ = self.peers.send(party, &PeerMessage::Leaving, &mut self.out);
        }
    }

    /// Forgets who left: the three are together again.
    pub(crate) fn nobody_is_away(&mut self) {
        for leave in &mut self.leaving.peers {
            leave.take_if(|leave| !leave.stands);
        }
    }

    /// Returns what calls are refused with while the three are not together.
    pub(crate) fn absence(&self) -> Refusal {
        let announced = |leave: &Leave| self.now_ms < leave.since_ms + ABSENCE_MS_MAX;
        let peer = self.leaving.peers.iter().flatten().any(announced);
        if peer || self.phase() == Phase::Draining {
            Refusal::Draining
        } else {
            Refusal::PartyUnavailable
        }
    }

    /// Says once that every job is over here, and retires when nothing is left to do.
    pub(super) fn review_leaving(&mut self) {
        if self.work.says_finished() && self.writes.is_empty() {
            self.tell_all(&PeerMessage::Finished);
            self.work.finished_is_told();
        }
        let Some(since_ms) = self.leaving.own_since_ms else {
            return;
        };
        let over = self.work.all_finished(self.config.index) && self.writes.is_empty();
        if over && self.on_record() {
            self.enter(Phase::Retired);
        } else if self.now_ms >= since_ms + LEAVE_MS_MAX {
            self.stop(Refusal::DeadlineExceeded);
        }
    }

    fn on_record(&self) -> bool {
        match &self.store {
            Store::Open(vault) => vault.confirmed() <= self.anchors.version(),
            Store::Locked | Store::Keyed(_) | Store::Lost(_) | Store::Opening(_) => false,
        }
    }
}

const fn established(link: &Link) -> bool {
    link.peer().is_some()
}

//! A second instance of a party, which a host starts from a copy of its disk [KEY-4].

use std::sync::Arc;

use boop_abi::Phase;
use boop_hsm::Custody;
use boop_wire::PartyIndex;

use super::{Event, World};
use crate::simulation::door::PartyKeys;
use crate::simulation::machine::{MACHINES_MAX, Machine};
use crate::simulation::pipes::{End, Pipe};

/// The number of the machine on which a second instance runs.
pub(crate) const TWIN: usize = MACHINES_MAX - 1;

impl World<'_> {
    /// Starts a second instance of a party from a copy of its disk, beside the one that runs. Its
    /// keys come from the party's custodian, or from a copy of that. Streams of the others go to
    /// it alone.
    pub fn start_twin(&mut self, party: PartyIndex, custody: Option<Arc<Custody>>) {
        let twin = Machine::twin(&self.machines[party.as_usize()], custody);
        self.twin = Some(twin);
        self.favour_twin(true);
        self.at(0, Event::Start(TWIN));
        self.at(0, Event::OpenDoor(TWIN));
    }

    /// Returns the machine of a second instance.
    pub const fn twin(&self) -> Option<&Machine> {
        self.twin.as_ref()
    }

    /// Tells whether a second instance serves, with the two others.
    pub fn twin_serves(&self) -> bool {
        let Some(twin) = &self.twin else { return false };
        let others = self.machines.iter().filter(|one| one.party != twin.party);
        let serves = |one: &Machine| one.phase == Phase::Serving && one.ready;
        serves(twin) && others.into_iter().all(serves) && self.twin_at_door().is_some()
    }

    /// Returns a second instance, once the door has a session with it.
    pub(crate) fn twin_at_door(&self) -> Option<(PartyIndex, PartyKeys)> {
        let twin = self.twin.as_ref()?;
        Some((twin.party, self.door.keys_of(TWIN)?))
    }

    /// Has the host of a party that runs twice carry streams between the others and one of the
    /// two alone, the second instance or the first.
    pub fn favour_twin(&mut self, favoured: bool) {
        self.twin_favoured = favoured;
        let ends = |pipe: &Pipe| {
            pipe.ends.map(|end| match end {
                End::Machine { index, .. } => Some(index),
                End::Door { .. } => None,
            })
        };
        let open = self.pipes.iter().enumerate().filter(|(_, one)| one.open);
        let of_parties = open.filter_map(|(pipe, one)| match ends(one) {
            [Some(from), Some(to)] => Some((pipe, [from, to])),
            _ => None,
        });
        let shunned: Vec<usize> = of_parties
            .filter(|(_, ends)| ends.iter().any(|index| self.is_shunned(*index)))
            .map(|(pipe, _)| pipe)
            .collect();
        for pipe in shunned {
            self.cut(pipe, 0);
        }
    }

    /// Tells whether the host carries nothing between a machine and the other parties.
    pub(super) fn is_shunned(&self, index: usize) -> bool {
        let Some(twin) = &self.twin else { return false };
        let other = match self.twin_favoured {
            true => twin.party.as_usize(),
            false => TWIN,
        };
        index == other
    }

    pub(super) fn machine(&mut self, index: usize) -> &mut Machine {
        match index {
            TWIN => self.twin.as_mut().expect("a machine that was started"),
            _ => &mut self.machines[index],
        }
    }

    pub(crate) fn party_of(&self, index: usize) -> PartyIndex {
        match (&self.twin, index) {
            (Some(twin), TWIN) => twin.party,
            _ => self.machines[index].party,
        }
    }

    /// Returns the machine that a host gives a stream to a party to.
    pub(super) fn route(&self, party: PartyIndex) -> usize {
        match self.is_shunned(party.as_usize()) {
            true => TWIN,
            false => party.as_usize(),
        }
    }
}

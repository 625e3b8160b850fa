//! No job begins any more in this session, for one of the three leaves [LIF-2].

use alloc::collections::VecDeque;

use boop_wire::{PartyIndex, Refusal, RequestId};

use super::Work;
use crate::job::Call;
use crate::party::Party;
use crate::peers::PeerMessage;
use crate::platform::Platform;

/// How far the three are with ending what runs.
#[derive(Debug, Default)]
pub(super) struct Closing {
    closed: bool,
    told: bool,
    finished: [bool; PartyIndex::COUNT],
}

impl Work {
    /// Tells whether jobs may begin.
    pub(super) const fn is_closed(&self) -> bool {
        self.closing.closed
    }

    /// Tells whether party 0 has begun the job of this request.
    pub(super) fn has_begun(&self, request: RequestId) -> bool {
        let mut asked = self.begun.iter().filter_map(|begun| begun.begin.asked);
        asked.any(|asked| asked.request == request)
    }

    /// Tells whether this party has to say that every job is over here.
    pub(crate) fn says_finished(&self) -> bool {
        self.closing.closed && !self.closing.told && self.is_over()
    }

    /// Notes that it said so.
    pub(crate) const fn finished_is_told(&mut self) {
        self.closing.told = true;
    }

    /// Tells whether every job is over at all three; those that are not together have none.
    pub(crate) fn all_finished(&self, me: PartyIndex) -> bool {
        let mut others = me.others().into_iter();
        let finished = others.all(|other| self.closing.finished[other.as_usize()]);
        self.is_over() && (!self.in_session() || self.closing.closed && finished)
    }

    fn is_over(&self) -> bool {
        !self.busy() && self.begun.is_empty()
    }
}

impl<P: Platform> Party<P> {
    /// Begins no job any more, and refuses the calls that wait for one.
    pub(crate) fn close_jobs(&mut self) {
        if self.work.is_closed() || !self.work.in_session() {
            return;
        }
        self.work.closing.closed = true;
        if self.config.index == PartyIndex::ALL[0] {
            self.tell_all(&PeerMessage::Closed);
        }
        let waiting = core::mem::take(&mut self.work.waiting);
        let (begun, over): (VecDeque<Call>, VecDeque<Call>) = waiting
            .into_iter()
            .partition(|call| self.work.has_begun(call.call.request));
        self.work.waiting = begun;
        for call in over {
            self.answer_refused(&call, Refusal::Draining);
        }
    }

    /// Takes a neighbour's word that every job is over there.
    pub(crate) fn peer_has_finished(&mut self, from: PartyIndex) {
        self.work.closing.finished[from.as_usize()] = true;
    }
}

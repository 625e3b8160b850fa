//! No job begins any more in this session, for one of the three leaves [LIF-2], [LIF-3].

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
    /// What neighbours said that formed before this party did.
    early: Early,
}

#[derive(Debug, Default)]
struct Early {
    closed: bool,
    finished: [bool; PartyIndex::COUNT],
}

impl Closing {
    /// Begins a session, of which only those have spoken that formed before this party.
    pub(super) fn begin_session(&mut self) {
        *self = Self {
            early: core::mem::take(&mut self.early),
            ..Self::default()
        };
    }

    /// Forgets what a neighbour said that has another edge now: that session is over.
    pub(super) fn forget(&mut self, from: PartyIndex) {
        self.early.finished[from.as_usize()] = false;
        if from == PartyIndex::ALL[0] {
            self.early.closed = false;
        }
    }
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

    /// Takes party 0's word that no job begins any more.
    pub(crate) fn jobs_closed(&mut self, from: PartyIndex) {
        if from == PartyIndex::ALL[0] && self.work.in_session() {
            self.close_jobs();
        } else if from == PartyIndex::ALL[0] {
            self.work.closing.early.closed = true;
        }
    }

    /// Takes a neighbour's word that every job is over there.
    pub(crate) fn peer_has_finished(&mut self, from: PartyIndex) {
        let closing = &mut self.work.closing;
        match self.work.session {
            Some(_) => closing.finished[from.as_usize()] = true,
            None => closing.early.finished[from.as_usize()] = true,
        }
    }

    /// The three have formed: goes on with what neighbours said that formed before, and says
    /// again what was said, also in the same session: while they form, a neighbour forgets.
    pub(crate) fn resume_closing(&mut self) {
        let closing = &mut self.work.closing;
        let early = core::mem::take(&mut closing.early);
        for (finished, early) in closing.finished.iter_mut().zip(early.finished) {
            *finished |= early;
        }
        closing.told = false;
        if closing.closed && self.config.index == PartyIndex::ALL[0] {
            self.tell_all(&PeerMessage::Closed);
        }
        if early.closed {
            self.close_jobs();
        }
        self.close_if_leaving();
    }
}

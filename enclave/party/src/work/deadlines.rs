//! What takes too long is refused [JOB-4].

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use boop_wire::Refusal;

use super::{Begun, Stage};
use crate::job::Call;
use crate::limits::{BEGUN_WAIT_MS_MAX, CALL_WAIT_MS_MAX};
use crate::party::Party;
use crate::peers::PeerMessage;
use crate::platform::Platform;

impl<P: Platform> Party<P> {
    /// Refuses what takes too long.
    pub(crate) fn check_deadlines(&mut self) {
        let now_ms = self.now_ms;
        self.work.drop_old_messages();
        let running = self.work.running.values();
        let late = running.filter(|active| now_ms >= active.deadline_ms());
        let late: Vec<u64> = late.map(|active| active.number).collect();
        for job in late {
            self.job_late(job);
        }
        self.check_preparing();
        self.check_refreshing();
        let late = |since_ms: u64, max_ms: u64| now_ms >= since_ms + max_ms;
        let begun = core::mem::take(&mut self.work.begun);
        let (over, rest): (Vec<Begun>, Vec<Begun>) = begun
            .into_iter()
            .partition(|begun| late(begun.since_ms, BEGUN_WAIT_MS_MAX));
        self.work.begun = rest;
        for begun in over {
            let (job, refusal) = (begun.begin.job, Refusal::DeadlineExceeded);
            self.work.take_early(job);
            self.tell_all(&PeerMessage::Abort { job, refusal });
        }
        let waiting = core::mem::take(&mut self.work.waiting);
        let (over, rest): (VecDeque<Call>, VecDeque<Call>) = waiting
            .into_iter()
            .partition(|call| late(call.arrived_ms, CALL_WAIT_MS_MAX));
        self.work.waiting = rest;
        for call in over {
            self.answer_refused(&call, Refusal::DeadlineExceeded);
        }
        self.begin_next();
    }

    fn job_late(&mut self, job: u64) {
        let refusal = Refusal::DeadlineExceeded;
        match self.work.running.get(&job).map(|active| &active.stage) {
            Some(Stage::Matching(_)) => {
                self.tell_all(&PeerMessage::Abort { job, refusal });
                self.drop_job(job, refusal);
            }
            // The three must find out anew who has what.
            Some(Stage::AwaitingPeers { .. }) => self.drop_neighbours(),
            // The host is slow; there is nothing to decide until it answers.
            Some(
                Stage::WritingRecord { .. } | Stage::WritingHead { .. } | Stage::Confirming { .. },
            )
            | None => {}
        }
    }
}

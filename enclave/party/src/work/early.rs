//! Messages of jobs that have not started here yet.
//!
//! A job must not start without what was said of it: its first message would be missing, and who
//! sent it would look guilty of the next one [MPC-4]. So the newest job of which something is gone
//! is kept in mind.

use alloc::vec::Vec;

use boop_wire::PartyIndex;

use crate::limits::EARLY_STEPS_MAX;
use crate::peers::JobName;

/// What the neighbours said of jobs to come, in order.
#[derive(Default)]
pub(super) struct Early {
    messages: Vec<(PartyIndex, JobName, Vec<u8>)>,
    lost: u64,
}

impl Early {
    /// Keeps a message. Each neighbour has room of its own, so none can use up the other's.
    pub(super) fn push(&mut self, from: PartyIndex, job: JobName, bytes: Vec<u8>) {
        let of_it = self.messages.iter().filter(|(of, ..)| *of == from);
        if of_it.count() < EARLY_STEPS_MAX {
            self.messages.push((from, job, bytes));
        } else {
            self.lose(job.number);
        }
    }

    /// Notes that something is gone that was said of a job.
    pub(super) fn lose(&mut self, job: u64) {
        self.lost = self.lost.max(job);
    }

    /// Tells whether nothing is gone that was said of a job in this session.
    pub(super) fn is_whole(&self, job: u64) -> bool {
        job > self.lost
    }

    /// Takes the messages of a job, and drops those of the same number in other sessions.
    pub(super) fn take(&mut self, job: JobName) -> Vec<(PartyIndex, Vec<u8>)> {
        let messages = core::mem::take(&mut self.messages).into_iter();
        let (of_it, rest): (Vec<_>, Vec<_>) =
            messages.partition(|(_, of, _)| of.number == job.number);
        self.messages = rest;
        let of_it = of_it.into_iter().filter(|(_, of, _)| *of == job);
        of_it.map(|(from, _, bytes)| (from, bytes)).collect()
    }

    /// Loses the messages of neighbours and jobs that are not to be kept.
    pub(super) fn keep(&mut self, kept: impl Fn(PartyIndex, u64) -> bool) {
        let lost = self
            .messages
            .iter()
            .filter(|(from, job, _)| !kept(*from, job.number));
        let newest = lost.map(|(_, job, _)| job.number).max();
        self.messages
            .retain(|(from, job, _)| kept(*from, job.number));
        self.lose(newest.unwrap_or_default());
    }

    /// Begins a session, in which numbers start again: messages of it may be here already.
    pub(super) fn begin_session(&mut self) {
        self.lost = 0;
    }

    #[cfg(test)]
    pub(super) fn jobs(&self) -> Vec<u64> {
        self.messages.iter().map(|(_, job, _)| job.number).collect()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_job_of_which_something_is_gone_is_not_whole() {
        let [_, one, two] = PartyIndex::ALL;
        let mut early = Early::default();
        early.push(one, job(3), vec![]);
        early.push(two, job(4), vec![]);
        assert!(early.is_whole(3) && early.is_whole(1));

        early.keep(|from, _| from != one);
        assert!(!early.is_whole(3) && early.is_whole(4));
        assert_eq!(early.take(job(4)), [(two, vec![])]);
        early.lose(9);
        assert!(!early.is_whole(9) && early.is_whole(10));

        early.begin_session();
        assert!(early.is_whole(1));
    }

    #[test]
    fn one_neighbour_cannot_use_up_the_room_of_the_other() {
        let [_, one, two] = PartyIndex::ALL;
        let mut early = Early::default();
        (0..EARLY_STEPS_MAX).for_each(|_| early.push(one, job(1), vec![]));
        early.push(two, job(2), vec![]);
        assert!(early.is_whole(1) && early.is_whole(2));

        early.push(one, job(1), vec![]);

        assert!(!early.is_whole(1) && early.is_whole(2));
        assert_eq!(early.take(job(2)), [(two, vec![])]);
    }

    #[test]
    fn messages_of_a_job_of_the_same_number_in_another_session_are_dropped() {
        let [_, one, two] = PartyIndex::ALL;
        let mut early = Early::default();
        let old = JobName {
            session: 8,
            number: 1,
        };
        early.push(one, old, vec![1]);
        early.push(one, job(1), vec![2]);
        early.push(two, job(2), vec![3]);

        assert_eq!(early.take(job(1)), [(one, vec![2])]);
        assert_eq!(early.jobs(), [2]);
    }

    const fn job(number: u64) -> JobName {
        let session = 7;
        JobName { session, number }
    }
}

//! Preparing the store for searches, in jobs that serve no call [JOB-8].
//!
//! ```text
//!  formed, or everything forgotten --party 0: Begin--> batch --> batch --> ... --> all covered
//! ```
//!
//! A batch is bounded, and nothing else runs beside it. An enrolment brings its record under the
//! audit by itself, so after the start there is nothing to prepare.

use boop_abi::{Event, Phase, ToHost};
use boop_mpc::{Input, Job, MpcError, Output};
use boop_wire::job::Progress;
use boop_wire::manifest::Matching;
use boop_wire::statement::{JobEnding, JobKind};
use boop_wire::{Digest, Refusal};

use super::prepared::Era;
use super::stating::Telling;
use crate::limits::{PREPARE_RETRY_MS, PREPARED_AT_ONCE, job_ms_max};
use crate::matching::{Batch, Extended, Preface, extend};
use crate::party::{Party, Store};
use crate::peers::{Begin, PeerMessage};
use crate::platform::Platform;

/// A batch under way.
pub(super) struct Preparing {
    pub(super) number: u64,
    era: Era,
    started_ms: u64,
    pub(super) telling: Telling,
    pub(super) job: Job<'static, Extended>,
}

impl<P: Platform> Party<P> {
    /// Returns how many records have to be prepared before they can be searched.
    pub(super) fn unprepared(&self) -> u64 {
        match &self.store {
            Store::Open(vault) if self.audits() => {
                vault.version().saturating_sub(self.work.prepared.covers())
            }
            Store::Open(_)
            | Store::Locked
            | Store::Keyed(_)
            | Store::Lost(_)
            | Store::Opening(_) => 0,
        }
    }

    /// Tells whether this network audits products at all.
    pub(super) fn audits(&self) -> bool {
        let network = self.network.as_ref();
        network.is_some_and(
            |network| match network.trust.manifest().manifest().matching {
                Matching::Abort => true,
                Matching::SemiHonest => false,
            },
        )
    }

    /// Serves, unless calls would have to wait for more than one batch.
    pub(crate) fn review_readiness(&mut self) {
        if !self.work.in_session() {
            return;
        }
        let missing = self.unprepared();
        if missing <= PREPARED_AT_ONCE {
            self.take_calls();
        } else {
            self.take_no_calls();
        }
    }

    /// Takes calls from now on; the first time is a phase of its own.
    fn take_calls(&mut self) {
        if self.ready {
            return;
        }
        self.ready = true;
        self.nobody_is_away();
        if self.phase() == Phase::Joined {
            self.enter(Phase::Serving);
        } else {
            self.out.push(ToHost::Event(Event::Ready(true)));
        }
    }

    /// As party 0, begins the next batch.
    pub(super) fn begin_preparing(&mut self) {
        let Store::Open(vault) = &self.store else {
            return;
        };
        let covered = self.work.prepared.covers();
        let version = vault.version().min(covered + PREPARED_AT_ONCE);
        if self.now_ms < self.work.prepare_after_ms {
            return;
        }
        let begin = Begin {
            job: self.work.last_job + 1,
            version,
            asked: None,
            renews: false,
        };
        self.tell_all(&PeerMessage::Begin(begin));
        self.start_preparing(begin);
    }

    /// Starts a batch that party 0 has begun.
    pub(super) fn start_preparing(&mut self, begin: Begin) {
        let number = begin.job;
        self.work.last_job = self.work.last_job.max(number);
        match self.batch(begin) {
            Ok((batch, telling)) => {
                let mut job = extend(batch).with_transcript();
                let mut outputs = job.handle(Input::Start);
                for (from, bytes) in self.work.take_early(number) {
                    outputs.extend(job.handle(Input::Message { from, bytes }));
                }
                self.work.preparing = Some(Preparing {
                    number,
                    era: self.work.prepared.era(),
                    started_ms: self.now_ms,
                    telling,
                    job,
                });
                self.preparing_outputs(outputs);
            }
            Err(refusal) => self.abort_preparing(number, refusal),
        }
    }

    fn batch(&mut self, begin: Begin) -> Result<(Batch, Telling), Refusal> {
        let coins = self.random().ok_or(Refusal::Internal)?;
        let session = self.work.session.ok_or(Refusal::PartyUnavailable)?;
        let seeds = self.job_seeds(session, begin.job)?;
        let Store::Open(vault) = &self.store else {
            return Err(Refusal::PartyUnavailable);
        };
        demand_length(self.work.prepared.covers(), begin.version)?;
        let edition = self.work.prepared.newest();
        let preface = Preface {
            session,
            job: begin.job,
            call: Digest::new([0; 32]),
            commitments: Digest::new([0; 32]),
            head: vault.head_at(begin.version),
        };
        let telling = Telling {
            session,
            kind: JobKind::Prepare,
            seeds: seeds.clone(),
        };
        let batch = Batch {
            me: self.config.index,
            kernel: self.kernel,
            seeds,
            coins,
            database: vault.database_at(begin.version),
            audit: edition.audit,
            mark: edition.mark,
            preface: preface.digest(),
        };
        Ok((batch, telling))
    }

    /// Hands a message or a result to the batch, if it is the one that is meant.
    pub(super) fn preparing_input(&mut self, number: u64, input: Input) -> Option<Input> {
        match self.work.preparing.as_mut() {
            Some(preparing) if preparing.number == number => {
                let outputs = preparing.job.handle(input);
                self.preparing_outputs(outputs);
                None
            }
            Some(_) | None => Some(input),
        }
    }

    fn preparing_outputs(&mut self, outputs: alloc::vec::Vec<Output<Extended>>) {
        let Some(number) = self.work.preparing.as_ref().map(|batch| batch.number) else {
            return;
        };
        let Some(result) = self.pass_on(number, outputs) else {
            return;
        };
        match result {
            Ok(extended) => {
                self.state_batch(JobEnding::Done);
                match (extended, self.work.preparing.take()) {
                    (Extended::Covered(audit), Some(batch)) => {
                        self.work.prepared.put(batch.era, audit, number);
                        self.tell_preparation();
                    }
                    // One of the three lost what it had: all begin anew.
                    (Extended::MarksDiffer, _) => {
                        self.work.prepared.forget();
                        self.tell_preparation();
                    }
                    (Extended::Covered(_), None) => {}
                }
            }
            Err(MpcError::PrefacesDiffer { .. }) => {
                self.abort_preparing(number, Refusal::StateDiverged);
            }
            Err(_) => self.abort_preparing(number, Refusal::ProtocolAborted),
        }
        self.review_agreement();
        self.review_readiness();
        self.begin_next();
    }

    /// Tells how far the preparation is, if this network prepares.
    pub(crate) fn tell_preparation(&mut self) {
        if let Store::Open(vault) = &self.store
            && self.audits()
        {
            let (done, of) = (self.work.prepared.covers(), vault.version());
            self.note_progress(Progress { done, of });
        }
    }

    /// Ends the batch without a result; what was prepared may be known to one that deviated.
    fn abort_preparing(&mut self, number: u64, refusal: Refusal) {
        let job = number;
        self.tell_all(&PeerMessage::Abort { job, refusal });
        self.drop_preparing(refusal);
        self.review_agreement();
    }

    /// Ends the batch with the session that it belongs to.
    pub(crate) fn leave_preparing(&mut self, refusal: Refusal) {
        self.state_batch(JobEnding::Refused(refusal));
        self.work.preparing = None;
    }

    /// Forgets the batch and what it started from.
    pub(super) fn drop_preparing(&mut self, refusal: Refusal) {
        self.leave_preparing(refusal);
        self.work.prepared.forget();
        self.tell_preparation();
        self.work.prepare_after_ms = self.now_ms + PREPARE_RETRY_MS;
    }

    /// Ends a batch that takes too long.
    pub(super) fn check_preparing(&mut self) {
        let late = self
            .work
            .preparing
            .as_ref()
            .filter(|batch| self.now_ms >= batch.started_ms + job_ms_max(PREPARED_AT_ONCE));
        if let Some(number) = late.map(|batch| batch.number) {
            self.abort_preparing(number, Refusal::DeadlineExceeded);
        }
    }
}

/// Refuses a batch that party 0 may not begin: too long a one would take all three's time and
/// memory from calls.
fn demand_length(covered: u64, version: u64) -> Result<(), Refusal> {
    match version.checked_sub(covered) {
        Some(1..=PREPARED_AT_ONCE) => Ok(()),
        Some(0) | None => Err(Refusal::Unexpected),
        Some(_) => Err(Refusal::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_brings_a_record_or_more_and_never_more_than_the_limit() {
        for covered in [0, 7, 4_096] {
            assert_eq!(demand_length(covered, covered + 1), Ok(()));
            assert_eq!(demand_length(covered, covered + 4_096), Ok(()));
            for version in [covered + 4_097, u64::MAX] {
                assert_eq!(demand_length(covered, version), Err(Refusal::TooLarge));
            }
            let again = demand_length(covered, covered);
            assert_eq!(again, Err(Refusal::Unexpected));
        }
        assert_eq!(demand_length(8, 7), Err(Refusal::Unexpected));
    }
}

//! Refreshing all records, in a job beside which nothing runs [REF-2], [REF-3].
//!
//! ```text
//!  party 0: Begin --> Planning --key agreed, checked--> Writing, record after record
//!     --all durable--> Sealing the head --> prepared
//!  any failure before Sealing: dropped; what was written is overwritten by the next one
//! ```
//!
//! The shares in memory stay those of the old epoch until all three have prepared the new one.

use alloc::vec::Vec;

use boop_abi::Slot;
use boop_mpc::{EpochKey, Input, Job, Output, Transcript};
use boop_wire::codec::digest_of;
use boop_wire::statement::{JobEnding, JobKind};
use boop_wire::{Digest, Refusal};

use super::Work;
use super::stating::Telling;
use crate::limits::{BLOBS_AHEAD, PREPARED_AT_ONCE, refresh_ms_max};
use crate::matching::{Plan, Preface, plan};
use crate::party::{Party, Store};
use crate::peers::{Begin, PeerMessage};
use crate::platform::Platform;
use crate::vault::{HEAD_SLOT, Head, Origin, Renewal, StoredHead, seal_head};

/// A refresh under way.
pub(super) struct Refreshing {
    pub(super) number: u64,
    started_ms: u64,
    records: u64,
    telling: Telling,
    stage: Stage,
}

enum Stage {
    Planning(Job<'static, EpochKey>),
    Writing {
        renewal: Renewal,
        head: Head,
        /// The next record to write.
        next: u64,
    },
    Sealing {
        key: EpochKey,
        stored: StoredHead,
    },
}

impl Refreshing {
    /// Returns what is to be stated while the three still talk.
    pub(super) fn planning(&self) -> Option<(&Telling, Option<&Transcript>)> {
        match &self.stage {
            Stage::Planning(job) => Some((&self.telling, job.transcript())),
            Stage::Writing { .. } | Stage::Sealing { .. } => None,
        }
    }

    /// Tells whether it is too late to drop it: the head may be on disk any moment.
    const fn is_sealing(&self) -> bool {
        matches!(self.stage, Stage::Sealing { .. })
    }
}

impl Work {
    /// Returns the refresh under way, unless its head may be on disk any moment.
    pub(crate) fn unsealed_refresh(&self) -> Option<u64> {
        let refreshing = self.refreshing.as_ref();
        let unsealed = refreshing.filter(|refreshing| !refreshing.is_sealing());
        unsealed.map(|refreshing| refreshing.number)
    }

    /// Tells whether this job is the refresh under way.
    pub(super) fn is_refreshing(&self, job: u64) -> bool {
        let refreshing = self.refreshing.as_ref();
        refreshing.is_some_and(|refreshing| refreshing.number == job)
    }
}

impl<P: Platform> Party<P> {
    /// As party 0, begins a refresh.
    pub(super) fn begin_refreshing(&mut self) {
        let Store::Open(vault) = &self.store else {
            return;
        };
        let begin = Begin {
            job: self.work.last_job + 1,
            version: vault.version(),
            asked: None,
            renews: true,
        };
        self.tell_all(&PeerMessage::Begin(begin));
        self.start_refreshing(begin);
    }

    /// Starts a refresh that party 0 has begun.
    pub(super) fn start_refreshing(&mut self, begin: Begin) {
        let number = begin.job;
        self.work.last_job = self.work.last_job.max(number);
        match self.plan(begin) {
            Ok((task, telling)) => {
                if begin.version > PREPARED_AT_ONCE {
                    self.take_no_calls();
                }
                let mut job = plan(task).with_transcript();
                let mut outputs = job.handle(Input::Start);
                for (from, bytes) in self.work.take_early(number) {
                    outputs.extend(job.handle(Input::Message { from, bytes }));
                }
                self.work.refreshing = Some(Refreshing {
                    number,
                    started_ms: self.now_ms,
                    records: begin.version,
                    telling,
                    stage: Stage::Planning(job),
                });
                self.refreshing_outputs(outputs);
            }
            Err(refusal) => {
                let job = number;
                self.tell_all(&PeerMessage::Abort { job, refusal });
            }
        }
    }

    fn plan(&mut self, begin: Begin) -> Result<(Plan, Telling), Refusal> {
        let coins = self.random().ok_or(Refusal::Internal)?;
        let session = self.work.session.ok_or(Refusal::PartyUnavailable)?;
        let seeds = self.job_seeds(session, begin.job)?;
        let Store::Open(vault) = &self.store else {
            return Err(Refusal::PartyUnavailable);
        };
        let preface = Preface {
            session,
            job: begin.job,
            call: digest_of("refresh", &self.epochs.upcoming()),
            commitments: Digest::new([0; 32]),
            head: vault.head_at(begin.version),
        };
        let telling = Telling {
            session,
            kind: JobKind::Refresh,
            seeds: seeds.clone(),
        };
        let plan = Plan {
            me: self.config.index,
            seeds,
            coins,
            database: vault.database_at(begin.version),
            preface: preface.digest(),
        };
        Ok((plan, telling))
    }

    /// Hands a message or a result to the refresh, if it is the one that is meant.
    pub(super) fn refreshing_input(&mut self, number: u64, input: Input) -> Option<Input> {
        match self.work.refreshing.as_mut() {
            Some(refreshing) if refreshing.number == number => {
                if let Stage::Planning(job) = &mut refreshing.stage {
                    let outputs = job.handle(input);
                    self.refreshing_outputs(outputs);
                }
                None
            }
            Some(_) | None => Some(input),
        }
    }

    fn refreshing_outputs(&mut self, outputs: Vec<Output<EpochKey>>) {
        let refreshing = self.work.refreshing.as_ref();
        let Some(number) = refreshing.map(|refreshing| refreshing.number) else {
            return;
        };
        match self.pass_on(number, outputs) {
            None => {}
            Some(Ok(key)) => {
                self.state_refresh(JobEnding::Done);
                self.planned(key);
            }
            Some(Err(_)) => self.abort_refreshing(number, Refusal::ProtocolAborted),
        }
    }

    /// Goes on with the key of the new epoch: writes its records.
    fn planned(&mut self, key: EpochKey) {
        let (me, sealer) = (self.config.index, self.next_sealer());
        let (Some(refreshing), Store::Open(vault), Some(mut sealer)) =
            (&mut self.work.refreshing, &self.store, sealer)
        else {
            return self.stop(Refusal::Internal);
        };
        sealer.bind(Some(Digest::new(key.name())));
        let head = vault.renewed_head(&sealer);
        refreshing.stage = Stage::Writing {
            renewal: Renewal { sealer, key, me },
            head,
            next: 1,
        };
        self.refresh_on();
    }

    /// A blob of the new epoch is durable.
    pub(crate) fn refresh_written(&mut self, slot: Slot) {
        let sealing = self.work.refreshing.take_if(|one| one.is_sealing());
        match sealing.map(|sealing| sealing.stage) {
            Some(Stage::Sealing { key, stored }) if slot == HEAD_SLOT => {
                self.prepared_epoch(stored, key);
            }
            Some(_) | None => self.refresh_on(),
        }
    }

    /// Writes more records of the new epoch, some at a time, and the head after the last.
    fn refresh_on(&mut self) {
        while (self.epochs.writes.len() as u64) < BLOBS_AHEAD {
            let Some(refreshing) = &mut self.work.refreshing else {
                return;
            };
            let Stage::Writing { next, .. } = &mut refreshing.stage else {
                return;
            };
            if *next > refreshing.records {
                if self.epochs.writes.is_empty() {
                    self.seal_epoch();
                }
                return;
            }
            let slot = Slot(*next);
            *next += 1;
            let Some(salt) = self.random() else { return };
            let sealed = match (&self.work.refreshing, &self.store) {
                (Some(Refreshing { stage, .. }), Store::Open(vault)) => match stage {
                    Stage::Writing { renewal, .. } => vault.seal_renewed(slot, renewal, salt).ok(),
                    Stage::Planning(_) | Stage::Sealing { .. } => None,
                },
                _ => None,
            };
            match sealed {
                Some(blob) => self.write_next(slot, blob),
                None => return self.stop(Refusal::Internal),
            }
        }
    }

    /// Writes the head of the new epoch, which all its records are on disk for.
    fn seal_epoch(&mut self) {
        let Some(salt) = self.random() else { return };
        let Some(mut refreshing) = self.work.refreshing.take() else {
            return;
        };
        let Stage::Writing { renewal, head, .. } = refreshing.stage else {
            return;
        };
        let stored = StoredHead {
            head,
            confirmed: head.version,
            origin: Some(Origin {
                refresh: Digest::new(renewal.key.name()),
                committed: false,
            }),
        };
        let Ok(blob) = seal_head(&renewal.sealer, stored, salt) else {
            return self.stop(Refusal::Internal);
        };
        let key = renewal.key;
        refreshing.stage = Stage::Sealing { key, stored };
        self.work.refreshing = Some(refreshing);
        self.write_next(HEAD_SLOT, blob);
    }

    pub(crate) fn abort_refreshing(&mut self, job: u64, refusal: Refusal) {
        self.tell_all(&PeerMessage::Abort { job, refusal });
        self.drop_refreshing(refusal);
    }

    /// Drops a refresh that does not come to its end; the three find out who prepared it.
    pub(super) fn drop_refreshing(&mut self, refusal: Refusal) {
        self.leave_refreshing(refusal);
        self.form_anew();
    }

    /// Drops the refresh with the session that it belongs to, unless its head is being written.
    pub(crate) fn leave_refreshing(&mut self, refusal: Refusal) {
        self.state_refresh(JobEnding::Refused(refusal));
        self.work.refreshing.take_if(|one| !one.is_sealing());
    }

    /// Ends the planning of a refresh that takes too long.
    pub(super) fn check_refreshing(&mut self) {
        let late = self.work.refreshing.as_ref().filter(|one| {
            one.planning().is_some() && self.now_ms >= one.started_ms + refresh_ms_max(one.records)
        });
        if let Some(number) = late.map(|one| one.number) {
            self.abort_refreshing(number, Refusal::DeadlineExceeded);
        }
    }
}

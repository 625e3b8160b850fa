//! The jobs of calls: opened, matched, decided, written, answered [JOB-5].

use alloc::vec::Vec;

use boop_abi::{Event, Slot, ToHost};
use boop_mpc::{Input, MpcError, Output, PairwiseSeeds, Profile, Rule, Security};
use boop_wire::job::{Decision, Outcome, PartyResult, SignedOutcome, Subject};
use boop_wire::manifest::{Manifest, MatchProfile};
use boop_wire::statement::JobEnding;
use boop_wire::{Digest, PartyIndex, Refusal, UserId};

use super::stating::{Telling, kind_of};
use super::{Active, Stage, adds};
use crate::decide::{decide, same_request};
use crate::job::{Call, OpenedCall, Place, open_call};
use crate::matching::{Found, Preface, Task, job_seed, start};
use crate::party::{Party, Store};
use crate::peers::{Begin, PeerMessage};
use crate::platform::Platform;
use crate::vault::{HEAD_SLOT, Record, RecordFacts};

/// A job's start, and what is kept of it.
struct Opened {
    task: Task,
    commitments: Digest,
    telling: Telling,
}

impl<P: Platform> Party<P> {
    /// Goes on once a blob of the job that adds a record is durable.
    pub(crate) fn write_done(&mut self, slot: Slot) {
        let mut writing = self.work.running.iter().filter(|(_, job)| job.writes(slot));
        let Some(number) = writing.next().map(|(number, _)| *number) else {
            return;
        };
        let Some(mut active) = self.work.running.remove(&number) else {
            return;
        };
        active.stage = match active.stage {
            Stage::WritingRecord {
                record,
                outcome,
                audit,
                ..
            } => {
                if let Store::Open(vault) = &self.store {
                    let (head, confirmed) = (vault.head_with(&record.facts), vault.confirmed());
                    self.write_head(head, confirmed);
                }
                Stage::WritingHead {
                    record,
                    outcome,
                    audit,
                }
            }
            Stage::WritingHead {
                record,
                outcome,
                audit,
            } => {
                if let Store::Open(vault) = &mut self.store {
                    vault.push(record);
                }
                if let Some(audit) = audit {
                    self.work.prepared.put(active.era, audit, number);
                }
                if !self.work.in_session() {
                    self.answer_refused(&active.call, Refusal::PartyUnavailable);
                    return self.announce();
                }
                self.tell_all(&PeerMessage::Written { job: number });
                Stage::AwaitingPeers { outcome }
            }
            Stage::Confirming { ref outcome } => {
                let outcome = outcome.clone();
                self.decided(&active, outcome, None);
                return if self.work.in_session() {
                    self.begin_next()
                } else {
                    self.announce()
                };
            }
            other @ (Stage::Matching(_) | Stage::AwaitingPeers { .. }) => other,
        };
        self.work.running.insert(number, active);
        self.confirm_if_all_have_written(number);
        self.begin_next();
    }

    /// Takes a neighbour's word that its record and head are durable.
    pub(crate) fn peer_has_written(&mut self, from: PartyIndex, job: u64) {
        if self.work.running.contains_key(&job) {
            self.work.written.insert((job, from));
            self.confirm_if_all_have_written(job);
        }
    }

    /// Once the record is durable at all three, notes that durably; only then is it signed.
    fn confirm_if_all_have_written(&mut self, job: u64) {
        let others = self.config.index.others();
        let all = others
            .iter()
            .all(|other| self.work.written.contains(&(job, *other)));
        let Some(mut active) = self.work.running.remove(&job) else {
            return;
        };
        active.stage = match active.stage {
            Stage::AwaitingPeers { outcome } if all => {
                self.work.written.retain(|(of, _)| *of != job);
                self.confirm_head();
                Stage::Confirming { outcome }
            }
            other => other,
        };
        self.work.running.insert(job, active);
    }

    pub(super) fn start_job(&mut self, begin: Begin, call: Call) {
        let number = begin.job;
        self.work.last_job = self.work.last_job.max(number);
        match self.open(begin, &call) {
            Ok(Opened {
                task,
                commitments,
                telling,
            }) => {
                let preface = task.preface;
                let mut job = start(task).with_transcript();
                let mut outputs = job.handle(Input::Start);
                for (from, bytes) in self.work.take_early(number) {
                    outputs.extend(job.handle(Input::Message { from, bytes }));
                }
                let active = Active {
                    number,
                    call,
                    commitments,
                    preface,
                    started_ms: self.now_ms,
                    searched: begin.version,
                    era: self.work.prepared.era(),
                    telling,
                    stage: Stage::Matching(job),
                };
                self.work.running.insert(number, active);
                self.job_outputs(number, outputs);
            }
            Err(refusal) => self.refuse_job(number, &call, refusal),
        }
    }

    fn open(&mut self, begin: Begin, call: &Call) -> Result<Opened, Refusal> {
        let coins = self.random().ok_or(Refusal::Internal)?;
        let trust = &self.network.as_ref().ok_or(Refusal::Unexpected)?.trust;
        let session = self.work.session.ok_or(Refusal::PartyUnavailable)?;
        let Store::Open(vault) = &self.store else {
            return Err(Refusal::PartyUnavailable);
        };
        let me = self.config.index;
        let manifest = trust.manifest();
        let place = Place {
            network: manifest.network(),
            manifests: trust.admitted(self.now_ms).collect(),
            party: me,
        };
        let OpenedCall { input, commitments } =
            open_call(&self.keys, &place, &call.call, self.now_ms)?;
        let rule = rule_of(manifest.manifest())?;
        let preface = Preface {
            session,
            job: begin.job,
            call: call.digest,
            commitments,
            head: vault.head_at(begin.version),
        }
        .digest();
        // Without the right audit this party says so by its mark, and all three make it anew.
        let edition = self.work.prepared.covering(begin.version);
        let edition = edition.unwrap_or_default();
        let seeds = self.job_seeds(session, begin.job)?;
        let telling = Telling {
            session,
            kind: kind_of(call),
            seeds: seeds.clone(),
        };
        let task = Task {
            me,
            kernel: self.kernel,
            security: match self.audits() {
                true => Security::Abort,
                false => Security::SemiHonest,
            },
            seeds,
            coins,
            rule,
            input,
            database: vault.database_at(begin.version),
            audit: edition.audit,
            mark: edition.mark,
            preface,
            adds: adds(&call.call.subject),
        };
        Ok(Opened {
            task,
            commitments,
            telling,
        })
    }

    /// Derives the seeds of a job.
    pub(crate) fn job_seeds(&self, session: Digest, job: u64) -> Result<PairwiseSeeds, Refusal> {
        let me = self.config.index;
        let seed = |party| Ok(job_seed(&self.peers.seed_secret(party)?, session, job));
        Ok(PairwiseSeeds {
            with_next: seed(me.next())?,
            with_previous: seed(me.previous())?,
        })
    }

    /// Hands a message or a result to a job that is being matched.
    pub(super) fn running_input(&mut self, number: u64, input: Input) {
        if let Some(active) = self.work.running.get_mut(&number)
            && let Stage::Matching(job) = &mut active.stage
        {
            let outputs = job.handle(input);
            self.job_outputs(number, outputs);
        }
    }

    fn job_outputs(&mut self, number: u64, outputs: Vec<Output<Found>>) {
        match self.pass_on(number, outputs) {
            None => {}
            Some(Ok(found)) => {
                self.state_matching(number, JobEnding::Done);
                self.matched(number, found);
            }
            Some(Err(MpcError::PrefacesDiffer { .. })) => {
                self.abort_job(number, Refusal::SharesInconsistent);
            }
            // Nothing went wrong but that one of the three lost what was prepared.
            Some(Err(MpcError::NotAudited)) => {
                self.work.prepared.forget();
                self.tell_preparation();
                self.abort_job(number, Refusal::PartyUnavailable);
            }
            // No check failed: the three opened one bit, and the capture has to be taken again.
            Some(Err(MpcError::TooFewValidCells)) => {
                self.abort_job(number, Refusal::QualityTooLow);
            }
            Some(Err(_)) => self.run_failed(),
        }
    }

    /// Ends all jobs that are being matched, since one of them was cheated, and forgets what was
    /// prepared: it may be known to the party that deviated.
    pub(super) fn run_failed(&mut self) {
        self.work.prepared.forget();
        self.tell_preparation();
        let matching = self.work.running.values().filter(|job| job.matches());
        let matching: Vec<u64> = matching.map(|active| active.number).collect();
        for job in matching {
            self.abort_job(job, Refusal::ProtocolAborted);
        }
        self.review_readiness();
    }

    fn matched(&mut self, number: u64, found: Found) {
        let (matches, stored) = (&found.matches, found.stored);
        let Some(mut active) = self.work.running.remove(&number) else {
            return;
        };
        let (Store::Open(vault), Some(network)) = (&self.store, &self.network) else {
            return;
        };
        let call = &active.call.call;
        let facts = match &call.subject {
            Subject::Enrol { user } => Some(RecordFacts {
                user: *user,
                side: call.side,
                request: call.request,
                commitments: active.commitments,
                preface: active.preface,
            }),
            Subject::Identify(_) => None,
        };
        let (decision, user) = decide(&call.subject, facts.as_ref(), vault.records(), matches);
        let outcome = Outcome {
            network: network.trust.manifest().network(),
            request: call.request,
            subject: call.subject.digest(),
            decision,
            searched: active.searched,
        };
        let new = facts.filter(|facts| {
            matches!(outcome.decision, Decision::Enrolled { .. })
                && !vault
                    .records()
                    .iter()
                    .any(|record| same_request(record, facts))
        });
        let Some(facts) = new else {
            self.decided(&active, outcome, user);
            self.review_agreement();
            return self.begin_next();
        };
        let record = Record {
            facts,
            share: stored,
        };
        match self.write_record(&record) {
            Ok(slot) => {
                active.stage = Stage::WritingRecord {
                    slot,
                    record,
                    outcome,
                    audit: found.audit,
                };
                self.work.running.insert(number, active);
            }
            Err(refusal) => {
                self.refuse_job(number, &active.call, refusal);
                self.review_agreement();
            }
        }
    }

    fn write_record(&mut self, record: &Record) -> Result<Slot, Refusal> {
        let salt = self.random().ok_or(Refusal::Internal)?;
        let Store::Open(vault) = &self.store else {
            return Err(Refusal::Internal);
        };
        let slot = vault.next_slot()?;
        let blob = vault
            .seal_record(slot, record, salt)
            .map_err(|_| Refusal::Internal)?;
        self.write_blob(slot, blob);
        Ok(slot)
    }

    fn decided(&mut self, active: &Active, outcome: Outcome, user: Option<UserId>) {
        let call = &active.call;
        let searched = outcome.searched;
        let party = self.config.index;
        let signature = self.keys.sign_separated(&outcome.signed_bytes(party));
        let outcome = SignedOutcome {
            outcome,
            party,
            signature,
        };
        let decided = PartyResult::Decided { outcome, user };
        self.answer(call.stream, call.call.request, decided);
        self.out.push(ToHost::Event(Event::JobDone {
            job: active.number,
            searched,
            waited_ms: active.started_ms.saturating_sub(call.arrived_ms),
            took_ms: self.now_ms.saturating_sub(active.started_ms),
        }));
    }

    pub(super) fn refuse_job(&mut self, job: u64, call: &Call, refusal: Refusal) {
        self.work.take_early(job);
        self.tell_all(&PeerMessage::Abort { job, refusal });
        self.answer_refused(call, refusal);
        self.begin_next();
    }

    fn abort_job(&mut self, job: u64, refusal: Refusal) {
        self.tell_all(&PeerMessage::Abort { job, refusal });
        self.drop_job(job, refusal);
    }

    /// Ends a running job without a result. What is being written goes on: if a neighbour did
    /// not write it too, the newest record is taken back when the three meet again.
    pub(super) fn drop_job(&mut self, job: u64, refusal: Refusal) {
        let droppable = self.work.running.get(&job).is_some_and(Active::droppable);
        if !droppable {
            return;
        }
        self.state_matching(job, JobEnding::Refused(refusal));
        if let Some(active) = self.work.running.remove(&job) {
            self.answer_refused(&active.call, refusal);
        }
        self.review_agreement();
        self.begin_next();
    }

    /// Ends every running job that can be ended.
    pub(crate) fn drop_jobs(&mut self, refusal: Refusal) {
        let droppable = self.work.running.values().filter(|job| job.droppable());
        let droppable: Vec<u64> = droppable.map(|active| active.number).collect();
        for job in droppable {
            self.drop_job(job, refusal);
        }
    }

    pub(crate) fn answer_refused(&mut self, call: &Call, refusal: Refusal) {
        let refused = PartyResult::Refused(refusal);
        self.answer(call.stream, call.call.request, refused);
    }
}

impl Active {
    /// Tells whether the job waits for a blob to be durable.
    fn writes(&self, slot: Slot) -> bool {
        match &self.stage {
            Stage::WritingRecord { slot: record, .. } => *record == slot,
            Stage::WritingHead { .. } | Stage::Confirming { .. } => slot == HEAD_SLOT,
            Stage::Matching(_) | Stage::AwaitingPeers { .. } => false,
        }
    }

    fn droppable(&self) -> bool {
        match &self.stage {
            Stage::Matching(_) | Stage::AwaitingPeers { .. } => true,
            Stage::WritingRecord { .. } | Stage::WritingHead { .. } | Stage::Confirming { .. } => {
                false
            }
        }
    }
}

/// Returns the rule that the manifest names, so that all three parties and every reader know it.
fn rule_of(manifest: &Manifest) -> Result<Rule, Refusal> {
    let profile = match manifest.profile {
        MatchProfile::Exact => Profile::Exact,
        MatchProfile::Sixteen => Profile::Sixteen,
    };
    Rule::of_profile(profile, manifest.threshold).map_err(|_| Refusal::Internal)
}

//! The running job: opened, matched, decided, written, answered [JOB-5].

use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_abi::{Event, Slot, ToHost};
use boop_mpc::{Input, MpcError, Output, PairwiseSeeds, Rule, Security};
use boop_wire::job::{Decision, Outcome, PartyResult, SignedOutcome, Subject};
use boop_wire::manifest::Matching;
use boop_wire::{Digest, PartyIndex, Refusal, UserId};

use super::{Active, Stage};
use crate::decide::{decide, same_request};
use crate::job::{Call, OpenedCall, Place, open_call};
use crate::matching::{Found, Preface, Task, job_seed, start};
use crate::party::{Computation, Party, Store};
use crate::peers::PeerMessage;
use crate::platform::Platform;
use crate::vault::{HEAD_SLOT, Record, RecordFacts};

impl<P: Platform> Party<P> {
    /// Goes on once a blob of the running job is durable.
    pub(crate) fn write_done(&mut self, slot: Slot) {
        let Some(mut active) = self.work.active.take() else {
            return;
        };
        active.stage = match active.stage {
            Stage::WritingRecord {
                slot: expected,
                record,
                outcome,
            } if slot == expected => {
                if let Store::Open(vault) = &self.store {
                    let (head, confirmed) = (vault.head_with(&record.facts), vault.confirmed());
                    self.write_head(head, confirmed);
                }
                Stage::WritingHead { record, outcome }
            }
            Stage::WritingHead { record, outcome } if slot == HEAD_SLOT => {
                if let Store::Open(vault) = &mut self.store {
                    vault.push(&record);
                }
                if !self.work.in_session() {
                    self.answer_refused(&active.call, Refusal::PartyUnavailable);
                    return self.announce();
                }
                self.tell_all(&PeerMessage::Written { job: active.number });
                Stage::AwaitingPeers { outcome }
            }
            Stage::Confirming { outcome } if slot == HEAD_SLOT => {
                self.decided(active.number, &active.call, outcome, None);
                return if self.work.in_session() {
                    self.begin_next()
                } else {
                    self.announce()
                };
            }
            other => other,
        };
        self.work.active = Some(active);
        self.confirm_if_all_have_written();
    }

    /// Takes a neighbour's word that its record and head are durable.
    pub(crate) fn peer_has_written(&mut self, from: PartyIndex, job: u64) {
        if self
            .work
            .active
            .as_ref()
            .is_some_and(|active| active.number == job)
        {
            self.work.written.insert((job, from));
            self.confirm_if_all_have_written();
        }
    }

    /// Once the record is durable at all three, notes that durably; only then is it signed.
    fn confirm_if_all_have_written(&mut self) {
        let Some(mut active) = self.work.active.take() else {
            return;
        };
        let job = active.number;
        let others = self.config.index.others();
        let all = others
            .iter()
            .all(|other| self.work.written.contains(&(job, *other)));
        active.stage = match active.stage {
            Stage::AwaitingPeers { outcome } if all => {
                self.work.written.clear();
                self.confirm_head();
                Stage::Confirming { outcome }
            }
            other => other,
        };
        self.work.active = Some(active);
    }

    pub(super) fn start_job(&mut self, number: u64, call: Call) {
        self.work.last_job = number;
        match self.prepare(number, &call) {
            Ok((task, commitments, searched)) => {
                let preface = task.preface;
                let mut job = start(task);
                let mut outputs = job.handle(Input::Start);
                for (from, of, bytes) in core::mem::take(&mut self.work.early) {
                    if of == number {
                        outputs.extend(job.handle(Input::Message { from, bytes }));
                    }
                }
                let started_ms = self.now_ms;
                let stage = Stage::Matching(job);
                let active = Active {
                    number,
                    call,
                    commitments,
                    preface,
                    started_ms,
                    searched,
                    stage,
                };
                self.work.active = Some(active);
                self.job_outputs(outputs);
            }
            Err(refusal) => self.refuse_job(number, &call, refusal),
        }
    }

    fn prepare(&mut self, number: u64, call: &Call) -> Result<(Task, Digest, u64), Refusal> {
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
            manifest: manifest.digest(),
            party: me,
        };
        let OpenedCall { input, commitments } =
            open_call(&self.keys, &place, &call.call, self.now_ms)?;
        let seed = |party| Ok(job_seed(&self.peers.seed_secret(party)?, session, number));
        let seeds = PairwiseSeeds {
            with_next: seed(me.next())?,
            with_previous: seed(me.previous())?,
        };
        let rule = Rule::new(manifest.manifest().threshold).map_err(|_| Refusal::Internal)?;
        let head = vault.head();
        let preface = Preface {
            session,
            job: number,
            call: call.digest,
            commitments,
            head,
        }
        .digest();
        let task = Task {
            me,
            kernel: self.kernel,
            security: match manifest.manifest().matching {
                Matching::SemiHonest => Security::SemiHonest,
                Matching::Abort => Security::Abort,
            },
            seeds,
            coins,
            rule,
            input,
            database: vault.database(),
            audit: Arc::clone(&self.work.audit),
            audit_of: self.work.audit_of,
            preface,
        };
        Ok((task, commitments, vault.version()))
    }

    pub(super) fn job_outputs(&mut self, outputs: Vec<Output<Found>>) {
        let Some(number) = self.work.active.as_ref().map(|active| active.number) else {
            return;
        };
        for output in outputs {
            match output {
                Output::Send { to, bytes } => {
                    self.tell(to, &PeerMessage::Step { job: number, bytes });
                }
                Output::Compute(task) => self.computations.push(Computation { job: number, task }),
                Output::Done(Ok(found)) => return self.matched(found),
                Output::Done(Err(error)) => {
                    // What was prepared may be known to the party that deviated.
                    self.work.forget_audit();
                    return self.abort_active(match error {
                        MpcError::PrefacesDiffer { .. } => Refusal::SharesInconsistent,
                        _ => Refusal::ProtocolAborted,
                    });
                }
            }
        }
    }

    fn matched(&mut self, found: Found) {
        self.work.audit = found.audit;
        self.work.audit_of = self.work.last_job;
        let (matches, stored) = (&found.matches, found.stored);
        let Some(mut active) = self.work.active.take() else {
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
        match new {
            None => {
                self.decided(active.number, &active.call, outcome, user);
                self.review_agreement();
                self.begin_next();
            }
            Some(facts) => {
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
                        };
                        self.work.active = Some(active);
                    }
                    Err(refusal) => {
                        self.work.active = Some(active);
                        self.abort_active(refusal);
                    }
                }
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

    fn decided(&mut self, number: u64, call: &Call, outcome: Outcome, user: Option<UserId>) {
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
            job: number,
            searched,
        }));
    }

    pub(super) fn refuse_job(&mut self, job: u64, call: &Call, refusal: Refusal) {
        self.work.last_job = job;
        self.tell_all(&PeerMessage::Abort { job, refusal });
        self.answer(
            call.stream,
            call.call.request,
            PartyResult::Refused(refusal),
        );
        self.begin_next();
    }

    fn abort_active(&mut self, refusal: Refusal) {
        if let Some(job) = self.work.active.as_ref().map(|active| active.number) {
            self.tell_all(&PeerMessage::Abort { job, refusal });
        }
        self.drop_active(refusal);
    }

    /// Ends the running job without a result. What is being written goes on: if a neighbour did
    /// not write it too, the newest record is taken back when the three meet again.
    pub(super) fn drop_active(&mut self, refusal: Refusal) {
        let droppable = |active: &mut Active| {
            matches!(
                active.stage,
                Stage::Matching(_) | Stage::AwaitingPeers { .. }
            )
        };
        let Some(active) = self.work.active.take_if(droppable) else {
            return;
        };
        self.answer_refused(&active.call, refusal);
        self.review_agreement();
        self.begin_next();
    }

    fn answer_refused(&mut self, call: &Call, refusal: Refusal) {
        self.answer(
            call.stream,
            call.call.request,
            PartyResult::Refused(refusal),
        );
    }
}

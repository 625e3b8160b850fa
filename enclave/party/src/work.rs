//! Calls and jobs: one job at a time, in the order that party 0 gives, the same at all three.
//!
//! ```text
//!  waiting --party 0: Begin--> Matching --decided--> answered
//!                                 |  a palm to enrol
//!                                 +--> WritingRecord --> WritingHead --> answered
//!  any peer lost, deadline, abort: refused, nothing decided
//! ```

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_abi::{Event, Phase, Slot, StreamId, ToHost};
use boop_mpc::{Input, Job, Output, PairwiseSeeds, Rule, StoredShare};
use boop_wire::codec::to_canonical;
use boop_wire::job::{
    Decision, Outcome, PartyAnswer, PartyCall, PartyResult, SignedOutcome, Subject,
};
use boop_wire::{Digest, PartyIndex, Refusal, RequestId};

use crate::decide::{decide, same_request};
use crate::job::{Call, OpenedCall, Place, Requests, call_digest, open_call};
use crate::limits::{BEGUN_WAIT_MS_MAX, CALL_WAIT_MS_MAX, CALLS_WAITING_MAX, JOB_MS_MAX};
use crate::matching::{Found, Preface, Task, job_seed, start};
use crate::party::{Party, Store};
use crate::peers::{Begin, PeerMessage};
use crate::platform::Platform;
use crate::vault::{HEAD_SLOT, Record, RecordFacts};

/// Messages of a job that may come before the job's call has.
const EARLY_STEPS_MAX: usize = 2 * boop_mpc::EARLY_MESSAGES_MAX;

/// What a party has to do.
#[derive(Default)]
pub(crate) struct Work {
    session: Option<Digest>,
    waiting: VecDeque<Call>,
    requests: Requests,
    begun: Option<Begun>,
    active: Option<Active>,
    early: Vec<(PartyIndex, u64, Vec<u8>)>,
    last_job: u64,
}

/// A job that party 0 has begun and whose call has not come here yet.
struct Begun {
    begin: Begin,
    since_ms: u64,
}

struct Active {
    number: u64,
    call: Call,
    commitments: Digest,
    started_ms: u64,
    searched: u64,
    stage: Stage,
}

enum Stage {
    Matching(Job<'static, Found>),
    WritingRecord {
        slot: Slot,
        record: Record,
        outcome: Outcome,
    },
    WritingHead {
        record: Record,
        outcome: Outcome,
    },
}

impl Work {
    /// Starts serving in a session of three.
    pub(crate) fn join(&mut self, session: Digest) {
        if self.session != Some(session) {
            self.session = Some(session);
            self.begun = None;
            self.early.clear();
        }
    }

    /// Stops serving.
    pub(crate) fn leave(&mut self) {
        self.session = None;
    }

    /// Tells whether the three have formed.
    pub(crate) const fn in_session(&self) -> bool {
        self.session.is_some()
    }

    /// Tells whether a job is running.
    pub(crate) const fn busy(&self) -> bool {
        self.active.is_some()
    }

    fn take_waiting(&mut self, request: RequestId) -> Option<Call> {
        let position = self
            .waiting
            .iter()
            .position(|call| call.call.request == request)?;
        self.waiting.remove(position)
    }
}

impl<P: Platform> Party<P> {
    /// Tells whether nothing is being done.
    pub(crate) fn idle(&self) -> bool {
        !self.work.busy() && self.writes.is_empty()
    }

    /// Takes a call of a gateway.
    pub(crate) fn take_call(&mut self, stream: StreamId, call: PartyCall) {
        let refusal = if self.phase() != Phase::Serving {
            Some(Refusal::PartyUnavailable)
        } else if self.work.waiting.len() >= CALLS_WAITING_MAX {
            Some(Refusal::Busy)
        } else {
            self.work.requests.note(&call, self.now_ms).err()
        };
        if let Some(refusal) = refusal {
            return self.answer(stream, call.request, PartyResult::Refused(refusal));
        }
        let digest = call_digest(&call);
        self.work.take_waiting(call.request);
        let arrived_ms = self.now_ms;
        self.work.waiting.push_back(Call {
            stream,
            call,
            digest,
            arrived_ms,
        });
        self.begin_next();
    }

    /// Begins the next job, if there is one and its turn has come.
    pub(crate) fn begin_next(&mut self) {
        if self.work.busy() || self.work.session.is_none() || !self.writes.is_empty() {
            return;
        }
        if self.config.index == PartyIndex::ALL[0] {
            let Some(call) = self.work.waiting.pop_front() else {
                return;
            };
            let number = self.work.last_job + 1;
            let begin = Begin {
                job: number,
                request: call.call.request,
                call: call.digest,
            };
            for other in self.config.index.others() {
                self.tell(other, &PeerMessage::Begin(begin));
            }
            self.start_job(number, call);
        } else if let Some(begun) = &self.work.begun {
            let begin = begun.begin;
            let Some(call) = self.work.take_waiting(begin.request) else {
                return;
            };
            self.work.begun = None;
            if call.digest == begin.call {
                self.start_job(begin.job, call);
            } else {
                self.refuse_job(begin.job, &call, Refusal::SharesInconsistent);
            }
        }
    }

    /// Takes party 0's word that a job begins.
    pub(crate) fn begun(&mut self, from: PartyIndex, begin: Begin) {
        let in_turn = from == PartyIndex::ALL[0] && begin.job > self.work.last_job;
        if in_turn && self.work.begun.is_none() {
            self.work.begun = Some(Begun {
                begin,
                since_ms: self.now_ms,
            });
            self.begin_next();
        } else {
            self.tell_all(&PeerMessage::Abort {
                job: begin.job,
                refusal: Refusal::Unexpected,
            });
        }
    }

    /// Takes a message of the matching.
    pub(crate) fn job_step(&mut self, from: PartyIndex, job: u64, bytes: Vec<u8>) {
        match self.work.active.as_mut() {
            Some(active) if active.number == job => {
                if let Stage::Matching(running) = &mut active.stage {
                    let outputs = running.handle(Input::Message { from, bytes });
                    self.job_outputs(outputs);
                }
            }
            Some(_) | None if job > self.work.last_job => {
                if self.work.early.len() < EARLY_STEPS_MAX {
                    self.work.early.push((from, job, bytes));
                }
            }
            Some(_) | None => {}
        }
    }

    /// Takes a peer's word that a job is over without a result.
    pub(crate) fn job_aborted(&mut self, job: u64, refusal: Refusal) {
        if self
            .work
            .active
            .as_ref()
            .is_some_and(|active| active.number == job)
        {
            self.drop_active(refusal);
        } else if let Some(begun) = self.work.begun.take_if(|begun| begun.begin.job == job) {
            self.work.last_job = job;
            if let Some(call) = self.work.take_waiting(begun.begin.request) {
                self.answer(
                    call.stream,
                    call.call.request,
                    PartyResult::Refused(refusal),
                );
            }
        }
    }

    /// Refuses whatever depended on a peer that is gone.
    pub(crate) fn peer_lost(&mut self) {
        self.peers.forget_joins();
        self.leave_serving();
        self.work.begun = None;
        self.work.early.clear();
        self.drop_active(Refusal::PartyUnavailable);
        while let Some(call) = self.work.waiting.pop_front() {
            let refused = PartyResult::Refused(Refusal::PartyUnavailable);
            self.answer(call.stream, call.call.request, refused);
        }
        self.review_agreement();
    }

    /// Forgets the calls of a gateway that is gone.
    pub(crate) fn forget_gateway(&mut self, stream: StreamId) {
        self.work.waiting.retain(|call| call.stream != stream);
    }

    /// Refuses what takes too long.
    pub(crate) fn check_deadlines(&mut self) {
        let now_ms = self.now_ms;
        let late = |since_ms: u64, max_ms: u64| now_ms >= since_ms + max_ms;
        let active = self
            .work
            .active
            .as_ref()
            .filter(|active| late(active.started_ms, JOB_MS_MAX));
        if let Some(job) = active.map(|active| active.number) {
            self.tell_all(&PeerMessage::Abort {
                job,
                refusal: Refusal::DeadlineExceeded,
            });
            self.drop_active(Refusal::DeadlineExceeded);
        }
        let begun = self
            .work
            .begun
            .take_if(|begun| late(begun.since_ms, BEGUN_WAIT_MS_MAX));
        if let Some(begun) = begun {
            let (job, refusal) = (begun.begin.job, Refusal::DeadlineExceeded);
            self.work.last_job = job;
            self.tell_all(&PeerMessage::Abort { job, refusal });
        }
        let waiting = core::mem::take(&mut self.work.waiting);
        let (over, rest): (VecDeque<Call>, VecDeque<Call>) = waiting
            .into_iter()
            .partition(|call| late(call.arrived_ms, CALL_WAIT_MS_MAX));
        self.work.waiting = rest;
        for call in over {
            let refused = PartyResult::Refused(Refusal::DeadlineExceeded);
            self.answer(call.stream, call.call.request, refused);
        }
        self.begin_next();
    }

    /// Goes on once a blob of the running job is durable.
    pub(crate) fn write_done(&mut self, slot: Slot) {
        let Some(active) = self.work.active.take() else {
            return;
        };
        let Active {
            number,
            call,
            commitments,
            started_ms,
            searched,
            stage,
        } = active;
        let stage = match stage {
            Stage::WritingRecord {
                slot: expected,
                record,
                outcome,
            } if slot == expected => {
                if let Store::Open(vault) = &self.store {
                    let head = vault.head_with(&record.facts);
                    self.write_head(head);
                }
                Stage::WritingHead { record, outcome }
            }
            Stage::WritingHead { record, outcome } if slot == HEAD_SLOT => {
                if let Store::Open(vault) = &mut self.store {
                    vault.push(record);
                }
                self.decided(number, &call, outcome, searched);
                return if self.work.in_session() {
                    self.begin_next()
                } else {
                    self.announce()
                };
            }
            other => other,
        };
        self.work.active = Some(Active {
            number,
            call,
            commitments,
            started_ms,
            searched,
            stage,
        });
    }

    fn start_job(&mut self, number: u64, call: Call) {
        self.work.last_job = number;
        match self.prepare(number, &call) {
            Ok((task, commitments, searched)) => {
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

    fn prepare(&self, number: u64, call: &Call) -> Result<(Task, Digest, u64), Refusal> {
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
        let shares: Vec<Arc<StoredShare>> = vault
            .records()
            .iter()
            .map(|record| Arc::clone(&record.share))
            .collect();
        let head = vault.head();
        let preface = Preface {
            session,
            job: number,
            call: call.digest,
            commitments,
            head,
        }
        .digest();
        let database = Arc::new(shares);
        let task = Task {
            me,
            seeds,
            rule,
            input,
            database,
            preface,
        };
        Ok((task, commitments, vault.version()))
    }

    fn job_outputs(&mut self, outputs: Vec<Output<Found>>) {
        let Some(number) = self.work.active.as_ref().map(|active| active.number) else {
            return;
        };
        for output in outputs {
            match output {
                Output::Send { to, bytes } => {
                    self.tell(to, &PeerMessage::Step { job: number, bytes });
                }
                Output::Done(Ok(Found::Matched { matches, stored })) => {
                    return self.matched(&matches, stored);
                }
                Output::Done(Ok(Found::PrefacesDiffer)) => {
                    return self.abort_active(Refusal::SharesInconsistent);
                }
                Output::Done(Err(_)) => return self.abort_active(Refusal::ProtocolAborted),
            }
        }
    }

    fn matched(&mut self, matches: &[bool], stored: StoredShare) {
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
            }),
            Subject::Identify(_) => None,
        };
        let outcome = Outcome {
            network: network.trust.manifest().network(),
            request: call.request,
            subject: call.subject.digest(),
            decision: decide(&call.subject, facts.as_ref(), vault.records(), matches),
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
                self.decided(active.number, &active.call, outcome, active.searched);
                self.review_agreement();
                self.begin_next();
            }
            Some(facts) => {
                let record = Record {
                    facts,
                    share: Arc::new(stored),
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

    fn decided(&mut self, number: u64, call: &Call, outcome: Outcome, searched: u64) {
        let party = self.config.index;
        let signature = self.keys.sign_separated(&outcome.signed_bytes(party));
        let signed = SignedOutcome {
            outcome,
            party,
            signature,
        };
        self.answer(call.stream, call.call.request, PartyResult::Decided(signed));
        self.out.push(ToHost::Event(Event::JobDone {
            job: number,
            searched,
        }));
    }

    fn refuse_job(&mut self, job: u64, call: &Call, refusal: Refusal) {
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

    /// Ends the running job without a result. One that is being written goes on: if a peer did
    /// not write it too, the newest record is taken back when the three meet again.
    fn drop_active(&mut self, refusal: Refusal) {
        let matching = |active: &mut Active| matches!(active.stage, Stage::Matching(_));
        let Some(active) = self.work.active.take_if(matching) else {
            return;
        };
        self.answer(
            active.call.stream,
            active.call.call.request,
            PartyResult::Refused(refusal),
        );
        self.review_agreement();
        self.begin_next();
    }

    fn answer(&mut self, stream: StreamId, request: RequestId, result: PartyResult) {
        if let PartyResult::Refused(refusal) = &result {
            self.out.push(ToHost::Event(Event::JobRefused(*refusal)));
        }
        let answer = to_canonical(&PartyAnswer { request, result });
        if let Some(link) = self.gateways.get_mut(&stream) {
            // A gateway that cannot be told is found out when its stream ends.
            let _ = link.send(&answer, &mut self.out);
        }
    }

    fn tell(&mut self, to: PartyIndex, message: &PeerMessage) {
        // A neighbour that cannot be told is found out when its stream ends.
        let _ = self.peers.send(to, message, &mut self.out);
    }

    fn tell_all(&mut self, message: &PeerMessage) {
        for other in self.config.index.others() {
            self.tell(other, message);
        }
    }
}

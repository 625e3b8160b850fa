//! Calls and jobs: one job at a time, in the order that party 0 gives, the same at all three
//! [JOB-1], [JOB-4].
//!
//! ```text
//!  waiting --party 0: Begin--> Matching --decided--> answered
//!                                 |  a palm to enrol
//!                                 +--> WritingRecord --> WritingHead --all three--> Confirming
//!                                                                                --> answered
//!  any peer lost, deadline, abort: refused, nothing decided
//! ```

mod running;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_abi::{Event, Phase, Slot, StreamId, ToHost};
use boop_mpc::{Audit, Input, Job, TaskResult};
use boop_wire::codec::to_canonical;
use boop_wire::job::{Outcome, PartyAnswer, PartyCall, PartyResult};
use boop_wire::{Digest, PartyIndex, Refusal, RequestId};

use crate::job::{Call, Requests, call_digest};
use crate::limits::{BEGUN_WAIT_MS_MAX, CALL_WAIT_MS_MAX, CALLS_WAITING_MAX, JOB_MS_MAX};
use crate::matching::Found;
use crate::party::Party;
use crate::peers::{Begin, PeerMessage};
use crate::platform::Platform;
use crate::vault::Record;

/// Messages of a job that may come before the job's call has.
const EARLY_STEPS_MAX: usize = 16;

/// What a party has to do.
#[derive(Default)]
pub(crate) struct Work {
    session: Option<Digest>,
    last_session: Option<Digest>,
    waiting: VecDeque<Call>,
    requests: Requests,
    begun: Option<Begun>,
    active: Option<Active>,
    early: Vec<(PartyIndex, u64, Vec<u8>)>,
    written: BTreeSet<(u64, PartyIndex)>,
    last_job: u64,
    /// What the last job of this session left for the next one.
    audit: Arc<Audit>,
    /// The job that left it; 0 for none.
    audit_of: u64,
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
    preface: Digest,
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
    /// Durable here; not yet known of both neighbours.
    AwaitingPeers {
        outcome: Outcome,
    },
    /// Durable at all three; noting so.
    Confirming {
        outcome: Outcome,
    },
}

impl Work {
    /// Starts serving in a session of three. Numbers of jobs start again in a new session and in
    /// no other case: number and session together make a job's seeds.
    pub(crate) fn join(&mut self, session: Digest) {
        self.session = Some(session);
        if self.last_session != Some(session) {
            self.last_session = Some(session);
            self.last_job = 0;
            self.forget_audit();
        }
        self.begun = None;
        self.early.clear();
        self.written.clear();
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

    /// Forgets what the last job left: the next one prepares anew.
    fn forget_audit(&mut self) {
        self.audit = Arc::default();
        self.audit_of = 0;
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

    /// Takes work that the matching of a job asked for.
    pub(crate) fn job_computed(&mut self, job: u64, result: TaskResult) {
        if let Some(active) = self.work.active.as_mut()
            && active.number == job
            && let Stage::Matching(running) = &mut active.stage
        {
            let outputs = running.handle(Input::Computed(result));
            self.job_outputs(outputs);
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

    /// Takes a peer's word that a job is over without a result. If the palm is durable here
    /// already, it is not at that peer: the three must form anew to find out who has what.
    pub(crate) fn job_aborted(&mut self, job: u64, refusal: Refusal) {
        let active = self
            .work
            .active
            .as_ref()
            .filter(|active| active.number == job);
        if let Some(active) = active {
            match active.stage {
                Stage::AwaitingPeers { .. } => self.drop_neighbours(),
                Stage::Matching(_)
                | Stage::WritingRecord { .. }
                | Stage::WritingHead { .. }
                | Stage::Confirming { .. } => self.drop_active(refusal),
            }
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

    /// Ends both sessions with neighbours; the three form anew.
    fn drop_neighbours(&mut self) {
        for stream in self.peers.drop_all() {
            self.out.push(ToHost::CloseStream { stream });
        }
        self.peer_lost();
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
        if let Some(active) = &self.work.active
            && late(active.started_ms, JOB_MS_MAX)
        {
            let (job, refusal) = (active.number, Refusal::DeadlineExceeded);
            match active.stage {
                Stage::Matching(_) => {
                    self.tell_all(&PeerMessage::Abort { job, refusal });
                    self.drop_active(refusal);
                }
                // The three must find out anew who has what.
                Stage::AwaitingPeers { .. } => self.drop_neighbours(),
                // The host is slow; there is nothing to decide until it answers.
                Stage::WritingRecord { .. }
                | Stage::WritingHead { .. }
                | Stage::Confirming { .. } => {}
            }
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

//! Calls and jobs. Party 0 says which job begins next, and over how many records; the same at
//! all three [JOB-1], [JOB-4]. Some jobs run at once: searches over the records that there were
//! when they began, and at most one job that may add a record.
//!
//! ```text
//!  waiting --party 0: Begin--> Matching --decided--> answered
//!                                 |  a palm to enrol
//!                                 +--> WritingRecord --> WritingHead --all three--> Confirming
//!                                                                                --> answered
//!  any peer lost, deadline, abort: refused, nothing decided
//! ```

mod closing;
mod deadlines;
mod early;
mod failure;
mod prepared;
mod preparing;
mod refreshing;
mod running;
mod stating;
mod steps;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_abi::{Event, Slot, StreamId, ToHost};
use boop_mpc::{Audit, Job};
use boop_wire::codec::to_canonical;
use boop_wire::job::{Outcome, PartyAnswer, PartyCall, PartyResult, PartyWord, Subject};
use boop_wire::{Digest, PartyIndex, Refusal, RequestId};

use crate::job::{Call, Requests, call_digest};
use crate::limits::{BEGUN_MAX, CALLS_WAITING_MAX, JOBS_AT_ONCE, job_ms_max};
use crate::matching::Found;
use crate::party::{Party, Store};
use crate::peers::{Asked, Begin, PeerMessage};
use crate::platform::Platform;
use crate::vault::Record;
use closing::Closing;
use early::Early;
use prepared::{Era, Prepared};
use preparing::Preparing;
use refreshing::Refreshing;
use stating::Telling;

/// What a party has to do.
#[derive(Default)]
pub(crate) struct Work {
    session: Option<Digest>,
    last_session: Option<Digest>,
    /// Counts the sessions, in each of which jobs are numbered anew.
    sessions: u64,
    waiting: VecDeque<Call>,
    requests: Requests,
    begun: Vec<Begun>,
    running: BTreeMap<u64, Active>,
    preparing: Option<Preparing>,
    refreshing: Option<Refreshing>,
    early: Early,
    written: BTreeSet<(u64, PartyIndex)>,
    /// The newest job that party 0 has begun.
    last_job: u64,
    pub(crate) prepared: Prepared,
    prepare_after_ms: u64,
    closing: Closing,
}

/// A job that party 0 has begun and that cannot start here yet.
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
    era: Era,
    telling: Telling,
    stage: Stage,
}

enum Stage {
    Matching(Job<'static, Found>),
    WritingRecord {
        slot: Slot,
        record: Record,
        outcome: Outcome,
        audit: Option<Arc<Audit>>,
    },
    WritingHead {
        record: Record,
        outcome: Outcome,
        audit: Option<Arc<Audit>>,
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

impl Active {
    /// Tells whether the job may add a record.
    fn adds(&self) -> bool {
        adds(&self.call.call.subject)
    }

    fn matches(&self) -> bool {
        matches!(self.stage, Stage::Matching(_))
    }

    fn deadline_ms(&self) -> u64 {
        self.started_ms + job_ms_max(self.searched)
    }
}

fn adds(subject: &Subject) -> bool {
    match subject {
        Subject::Enrol { .. } => true,
        Subject::Identify(_) => false,
    }
}

impl Work {
    /// Starts serving in a session of three. Numbers of jobs start again in a new session and in
    /// no other case: number and session together make a job's seeds.
    pub(crate) fn join(&mut self, session: Digest) {
        self.session = Some(session);
        if self.last_session != Some(session) {
            self.last_session = Some(session);
            self.sessions += 1;
            self.early.begin_session();
            self.last_job = 0;
            self.prepared.forget();
            self.prepare_after_ms = 0;
            self.closing.begin_session();
        }
        // Party 0 may have formed before this one, and have begun. No number is used twice.
        let newest = self.last_job;
        self.begun.retain(|begun| begun.begin.job > newest);
        let begun = self.begun.iter().map(|begun| begun.begin.job);
        self.last_job = begun.max().unwrap_or(newest);
        self.written.clear();
    }

    /// Forgets what a neighbour said before it announced another edge: it spoke of jobs of the
    /// session that is over.
    pub(crate) fn forget_messages(&mut self, from: PartyIndex) {
        self.early.keep(|of, _| of != from);
        self.written.retain(|(_, of)| *of != from);
        self.closing.forget(from);
        if from == PartyIndex::ALL[0] {
            self.begun.clear();
        }
    }

    /// Stops serving.
    pub(crate) fn leave(&mut self) {
        if self.session.take().is_some() {
            self.begun.clear();
            self.early.keep(|_, _| false);
        }
    }

    /// Tells whether the three have formed.
    pub(crate) const fn in_session(&self) -> bool {
        self.session.is_some()
    }

    /// Tells whether a job is running.
    pub(crate) fn busy(&self) -> bool {
        !self.running.is_empty() || self.preparing.is_some() || self.refreshing.is_some()
    }

    /// Tells whether the store is being refreshed.
    pub(crate) const fn refreshes(&self) -> bool {
        self.refreshing.is_some()
    }

    /// Tells whether a job is running that may add a record.
    fn adding(&self) -> bool {
        self.running.values().any(Active::adds)
    }

    fn take_waiting(&mut self, request: RequestId) -> Option<Call> {
        let position = self
            .waiting
            .iter()
            .position(|call| call.call.request == request)?;
        self.waiting.remove(position)
    }

    /// Drops messages of jobs that will not start here any more.
    fn drop_old_messages(&mut self) {
        let mut early = core::mem::take(&mut self.early);
        early.keep(|_, job| self.is_to_come(job));
        self.early = early;
    }

    /// Tells whether a job may still start here: it has been begun, or will be soon.
    fn is_to_come(&self, job: u64) -> bool {
        self.is_soon(job) || self.begun.iter().any(|begun| begun.begin.job == job)
    }

    /// Tells whether a number is among the next ones. Those of a new session start again.
    fn is_soon(&self, job: u64) -> bool {
        let soon = |newest: u64| job > newest && job - newest <= BEGUN_MAX as u64;
        soon(self.last_job) || self.session.is_none() && soon(0)
    }
}

impl<P: Platform> Party<P> {
    /// Tells whether nothing is being done.
    pub(crate) fn idle(&self) -> bool {
        !self.work.busy() && self.writes.is_empty()
    }

    /// Takes a call of a gateway.
    pub(crate) fn take_call(&mut self, stream: StreamId, call: PartyCall) {
        let refusal = if !self.ready {
            Some(self.absence())
        } else if self.work.is_closed() && !self.work.has_begun(call.request) {
            Some(Refusal::Draining)
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

    /// Begins or starts every job whose turn has come.
    pub(crate) fn begin_next(&mut self) {
        while self.work.in_session() && self.begin_one() {}
    }

    /// Begins or starts a job, if there is one whose turn has come.
    fn begin_one(&mut self) -> bool {
        if self.config.index != PartyIndex::ALL[0] {
            return self.start_begun();
        }
        if self.work.preparing.is_some() || self.work.refreshing.is_some() || self.work.is_closed()
        {
            return false;
        }
        if self.refresh_due() {
            if self.idle() {
                self.begin_refreshing();
            }
            return false;
        }
        if self.unprepared() > 0 {
            if self.idle() {
                self.begin_preparing();
            }
            return false;
        }
        let Some(version) = self.version() else {
            return false;
        };
        let adding = self.work.adding() || !self.writes.is_empty();
        let startable = |call: &Call| !(adding && adds(&call.call.subject));
        let room = self.work.running.len() < JOBS_AT_ONCE;
        let position = self.work.waiting.iter().position(startable);
        let Some(call) = position
            .filter(|_| room)
            .and_then(|position| self.work.waiting.remove(position))
        else {
            return false;
        };
        let begin = Begin {
            job: self.work.last_job + 1,
            version,
            asked: Some(Asked {
                request: call.call.request,
                call: call.digest,
                adds: adds(&call.call.subject),
            }),
            renews: false,
        };
        self.tell_all(&PeerMessage::Begin(begin));
        self.start_job(begin, call);
        true
    }

    /// Starts a job that party 0 has begun and that can start here.
    fn start_begun(&mut self) -> bool {
        let Some(position) = self.work.begun.iter().position(|one| self.can_start(one)) else {
            return false;
        };
        let begin = self.work.begun.remove(position).begin;
        let Some(asked) = begin.asked else {
            match begin.renews {
                true => self.start_refreshing(begin),
                false => self.start_preparing(begin),
            }
            return true;
        };
        let Some(call) = self.work.take_waiting(asked.request) else {
            return false;
        };
        if call.digest == asked.call && adds(&call.call.subject) == asked.adds {
            self.start_job(begin, call);
        } else {
            self.refuse_job(begin.job, &call, Refusal::SharesInconsistent);
        }
        true
    }

    /// Tells whether everything is here that a begun job needs.
    fn can_start(&self, begun: &Begun) -> bool {
        let Begin {
            version,
            asked,
            renews,
            ..
        } = begun.begin;
        let Some(own) = self.version() else {
            return false;
        };
        let Some(asked) = asked else {
            return match renews {
                true => self.idle() && version == own && self.is_ready(),
                false => self.idle() && version <= own,
            };
        };
        let here = self.work.waiting.iter();
        let called = here
            .map(|call| call.call.request)
            .any(|r| r == asked.request);
        // A neighbour may have begun a search before it had the record that is new here.
        let adding = self.work.adding() || !self.writes.is_empty();
        let stored = match asked.adds {
            true => version == own && !adding,
            false => version == own || version.checked_add(1) == Some(own),
        };
        // Party 0 may have ended jobs that run on here, but not so many.
        let room = self.work.running.len() < 2 * JOBS_AT_ONCE;
        called && stored && room && self.work.preparing.is_none() && !self.work.refreshes()
    }

    fn version(&self) -> Option<u64> {
        match &self.store {
            Store::Open(vault) => Some(vault.version()),
            Store::Locked | Store::Keyed(_) | Store::Lost(_) | Store::Opening(_) => None,
        }
    }

    /// Takes party 0's word that a job begins.
    pub(crate) fn begun(&mut self, from: PartyIndex, begin: Begin) {
        let known = self.work.begun.iter().any(|one| one.begin.job == begin.job);
        let new = match self.work.in_session() {
            true => begin.job > self.work.last_job,
            // Party 0 may have formed before this one.
            false => self.work.is_soon(begin.job) && !known,
        };
        if from == PartyIndex::ALL[0] && new && self.work.in_session() {
            self.work.last_job = begin.job;
        }
        if from == PartyIndex::ALL[0] && new && !self.work.early.is_whole(begin.job) {
            self.tell_all(&PeerMessage::Abort {
                job: begin.job,
                refusal: Refusal::PartyUnavailable,
            });
        } else if from == PartyIndex::ALL[0] && new && self.work.begun.len() < BEGUN_MAX {
            self.work.begun.push(Begun {
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

    /// Takes a peer's word that a job is over without a result. If the palm is durable here
    /// already, it is not at that peer: the three must form anew to find out who has what.
    pub(crate) fn job_aborted(&mut self, job: u64, refusal: Refusal) {
        if let Some(active) = self.work.running.get(&job) {
            return match active.stage {
                Stage::AwaitingPeers { .. } => self.drop_neighbours(),
                Stage::Matching(_) if refusal == Refusal::ProtocolAborted => self.run_failed(),
                Stage::Matching(_)
                | Stage::WritingRecord { .. }
                | Stage::WritingHead { .. }
                | Stage::Confirming { .. } => self.drop_job(job, refusal),
            };
        }
        if self
            .work
            .preparing
            .as_ref()
            .is_some_and(|batch| batch.number == job)
        {
            self.drop_preparing(refusal);
            return self.review_agreement();
        }
        if self.work.is_refreshing(job) {
            return self.drop_refreshing(refusal);
        }
        let position = self.work.begun.iter().position(|one| one.begin.job == job);
        if let Some(position) = position {
            let begin = self.work.begun.remove(position).begin;
            self.work.take_early(job);
            let call = begin
                .asked
                .and_then(|asked| self.work.take_waiting(asked.request));
            if let Some(call) = call {
                self.answer_refused(&call, refusal);
            }
        }
    }

    /// Ends both sessions with neighbours; the three form anew.
    pub(crate) fn drop_neighbours(&mut self) {
        for stream in self.peers.drop_all() {
            self.out.push(ToHost::CloseStream { stream });
        }
        self.peer_lost();
    }

    /// Refuses whatever depended on a peer that is gone.
    pub(crate) fn peer_lost(&mut self) {
        let absence = self.absence();
        self.peers.forget_joins();
        self.leave_serving();
        self.work.begun.clear();
        self.work.early.keep(|_, _| false);
        self.drop_jobs(absence);
        while let Some(call) = self.work.waiting.pop_front() {
            self.answer_refused(&call, absence);
        }
        self.review_agreement();
    }

    /// Forgets the calls of a gateway that is gone.
    pub(crate) fn forget_gateway(&mut self, stream: StreamId) {
        self.work.waiting.retain(|call| call.stream != stream);
    }

    fn answer(&mut self, stream: StreamId, request: RequestId, result: PartyResult) {
        if let PartyResult::Refused(refusal) = &result {
            self.out.push(ToHost::Event(Event::JobRefused(*refusal)));
        }
        let answer = to_canonical(&PartyWord::Answer(PartyAnswer { request, result }));
        if let Some(link) = self.gateways.get_mut(&stream) {
            // A gateway that cannot be told is found out when its stream ends.
            let _ = link.send(&answer, &mut self.out);
        }
    }

    pub(crate) fn tell(&mut self, to: PartyIndex, message: &PeerMessage) {
        // A neighbour that cannot be told is found out when its stream ends.
        let _ = self.peers.send(to, message, &mut self.out);
    }

    pub(crate) fn tell_all(&mut self, message: &PeerMessage) {
        for other in self.config.index.others() {
            self.tell(other, message);
        }
    }
}

#[cfg(test)]
mod tests;

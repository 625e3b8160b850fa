//! Giving a party that has no store its store anew, by the two others [REC-2].
//!
//! ```text
//!  newcomer: Forming --edges agreed, both help--> Asking --facts fit the head--> Receiving
//!            --every share--> Writing, records and then the head --> the store is open
//!  helper:   --approved--> Helps, facts on demand --SharesAsk--> masked terms
//! ```
//!
//! It belongs to the session of three in which it began and ends with that; writing goes on.

use alloc::vec::Vec;

use boop_abi::{Event, Slot, ToHost};
use boop_mpc::{
    Context, Database, Input, Job, MpcError, Output, PairwiseSeeds, Security, receive_shares,
    restore_shares,
};
use boop_wire::job::Progress;
use boop_wire::{Digest, PartyIndex, Refusal};

use super::{Party, Store};
use crate::limits::{BLOBS_AHEAD, FACTS_AT_ONCE, PROGRESS_EVERY};
use crate::peers::{JobName, PeerMessage};
use crate::platform::Platform;
use crate::vault::{HEAD_SLOT, Head, Origin, RecordFacts, Sealer, Vault};

/// The job of a session that gives a store anew; those of calls begin with the next number.
const NUMBER: u64 = 0;

/// A store that is gone, and on its way back.
pub(crate) struct Lost {
    vault: Vault,
    helps: [Option<Help>; PartyIndex::COUNT],
    stage: Stage,
}

/// A helper's word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Help {
    job: JobName,
    refresh: Option<Digest>,
}

enum Stage {
    Forming,
    /// The three edges are agreed.
    Agreed {
        session: Digest,
        head: Head,
    },
    Asking {
        session: Digest,
        head: Head,
        facts: Vec<RecordFacts>,
    },
    Receiving {
        session: Digest,
        facts: Vec<RecordFacts>,
        job: Job<'static, Database>,
    },
    /// Everything is in memory; the next record to write.
    Writing {
        next: u64,
    },
}

impl Lost {
    pub(super) fn new(sealer: Sealer) -> Self {
        Self {
            vault: Vault::empty(sealer),
            helps: [None; PartyIndex::COUNT],
            stage: Stage::Forming,
        }
    }

    /// Returns the head to announce, unless that is about to change.
    pub(super) fn head(&self) -> Option<Head> {
        (!self.is_writing()).then(|| self.vault.head())
    }

    pub(super) const fn is_writing(&self) -> bool {
        matches!(self.stage, Stage::Writing { .. })
    }

    fn session(&self) -> Option<Digest> {
        match &self.stage {
            Stage::Agreed { session, .. }
            | Stage::Asking { session, .. }
            | Stage::Receiving { session, .. } => Some(*session),
            Stage::Forming | Stage::Writing { .. } => None,
        }
    }

    /// Returns what both helpers say, once they say the same of a session.
    fn help(&self, me: PartyIndex, session: Digest) -> Option<Help> {
        let [one, two] = me.others().map(|party| self.helps[party.as_usize()]);
        let job = JobName::of(Some(&session), NUMBER);
        one.filter(|help| help.job == job && two == one)
    }
}

/// What a party does for one that lost its store.
pub(crate) struct Helping {
    session: Digest,
    lost: PartyIndex,
    job: Option<Job<'static, ()>>,
}

impl Helping {
    /// Tells whether a message of the party that is helped belongs to this.
    fn is_for(&self, from: PartyIndex, job: JobName) -> bool {
        from == self.lost && job == JobName::of(Some(&self.session), NUMBER)
    }
}

impl<P: Platform> Party<P> {
    /// Returns how often the manifest lets a party have its store anew.
    pub(super) fn recoveries(&self, party: PartyIndex) -> u32 {
        let manifest = self.network.as_ref().map(|one| one.trust.manifest());
        let entry = manifest.and_then(|manifest| manifest.manifest().party(party));
        entry.map_or(0, |entry| entry.recoveries)
    }

    /// Notes that the peers' recoveries are over, for all three have the same store [REC-3].
    /// Returns whether that is on its way to the disk.
    pub(super) fn note_recoveries(&mut self) -> bool {
        for party in self.config.index.others() {
            let count = self.recoveries(party);
            if let Some(escrow) = &mut self.escrow {
                escrow.note_restored(party, count);
            }
        }
        self.write_escrow();
        !self.writes.is_empty()
    }

    /// The three edges are agreed, and one of the three has no store.
    pub(super) fn restore(&mut self, session: Digest, lost: PartyIndex, head: Head) {
        self.leave_serving();
        if lost == self.config.index {
            if let Store::Lost(own) = &mut self.store
                && own.session() != Some(session)
                && !own.is_writing()
            {
                own.stage = Stage::Agreed { session, head };
                self.review_help();
            }
            return;
        }
        if self
            .helping
            .as_ref()
            .is_some_and(|one| one.session == session)
        {
            return;
        }
        let restored = self.escrow.as_ref().map(|escrow| escrow.restored(lost));
        let approved = restored.is_some_and(|restored| restored < self.recoveries(lost));
        let Store::Open(vault) = &self.store else {
            return;
        };
        if !approved {
            let refused = Event::JobRefused(Refusal::StateDiverged);
            return self.out.push(ToHost::Event(refused));
        }
        let help = PeerMessage::Helps {
            job: JobName::of(Some(&session), NUMBER),
            refresh: vault.origin().map(|origin| origin.refresh),
        };
        self.helping = Some(Helping {
            session,
            lost,
            job: None,
        });
        self.tell(lost, &help);
    }

    /// Ends what is under way with a session of three that is over.
    pub(super) fn leave_restoring(&mut self) {
        self.helping = None;
        if let Store::Lost(lost) = &mut self.store
            && !lost.is_writing()
        {
            lost.stage = Stage::Forming;
        }
    }

    /// Takes a peer's word that it helps.
    pub(super) fn peer_helps(&mut self, from: PartyIndex, job: JobName, refresh: Option<Digest>) {
        if let Store::Lost(lost) = &mut self.store {
            lost.helps[from.as_usize()] = Some(Help { job, refresh });
            self.review_help();
        }
    }

    /// Asks for what is known of the records once both peers help.
    fn review_help(&mut self) {
        let me = self.config.index;
        let Store::Lost(lost) = &mut self.store else {
            return;
        };
        let Stage::Agreed { session, head } = lost.stage else {
            return;
        };
        let Some(help) = lost.help(me, session) else {
            return;
        };
        let committed = true;
        let origin = help.refresh.map(|refresh| Origin { refresh, committed });
        lost.vault.begin(origin);
        lost.stage = Stage::Asking {
            session,
            head,
            facts: Vec::new(),
        };
        let (job, after) = (help.job, 0);
        self.tell(me.next(), &PeerMessage::FactsAsk { job, after });
    }

    /// Tells the party that is helped what is known of some records.
    pub(super) fn facts_asked(&mut self, from: PartyIndex, job: JobName, after: u64) {
        let (Some(helping), Store::Open(vault)) = (&self.helping, &self.store) else {
            return;
        };
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        if helping.is_for(from, job) {
            let facts = vault.records().iter().skip(after).take(FACTS_AT_ONCE);
            let facts = facts.cloned().collect();
            self.tell(from, &PeerMessage::Facts { job, facts });
        }
    }

    /// Takes what is known of some records. All of it has to lead to the head of both helpers.
    pub(super) fn facts_told(&mut self, from: PartyIndex, job: JobName, more: Vec<RecordFacts>) {
        let me = self.config.index;
        let Store::Lost(lost) = &mut self.store else {
            return;
        };
        let Stage::Asking {
            session,
            head,
            facts,
        } = &mut lost.stage
        else {
            return;
        };
        if from != me.next() || job != JobName::of(Some(session), NUMBER) {
            return;
        }
        let none = more.is_empty();
        facts.extend(more);
        let after = facts.len() as u64;
        if after < head.version && !none {
            return self.tell(from, &PeerMessage::FactsAsk { job, after });
        }
        if lost.vault.head_over(facts) != *head {
            return self.stop(Refusal::StateDiverged);
        }
        let (session, facts) = (*session, core::mem::take(facts));
        self.ask_for_shares(session, facts);
    }

    fn ask_for_shares(&mut self, session: Digest, facts: Vec<RecordFacts>) {
        let me = self.config.index;
        let Ok(seeds) = self.job_seeds(session, NUMBER) else {
            return self.drop_neighbours();
        };
        let mut job = receiving(me, seeds, facts.len());
        let outputs = job.handle(Input::Start);
        if let Store::Lost(lost) = &mut self.store {
            lost.stage = Stage::Receiving {
                session,
                facts,
                job,
            };
        }
        let job = JobName::of(Some(&session), NUMBER);
        self.tell_all(&PeerMessage::SharesAsk { job });
        self.receiving_outputs(session, outputs);
    }

    /// Sends the party that is helped what it needs for its shares.
    pub(super) fn shares_asked(&mut self, from: PartyIndex, job: JobName) {
        let me = self.config.index;
        let (Some(helping), Store::Open(vault)) = (&self.helping, &self.store) else {
            return;
        };
        if !helping.is_for(from, job) || helping.job.is_some() {
            return;
        }
        let (session, database) = (helping.session, vault.database_at(vault.version()));
        let Ok(seeds) = self.job_seeds(session, NUMBER) else {
            return self.drop_neighbours();
        };
        let mut job = helping_job(me, seeds, from, database);
        let outputs = job.handle(Input::Start);
        if let Some(helping) = &mut self.helping {
            helping.job = Some(job);
        }
        self.helping_outputs(session, outputs);
    }

    /// Takes a message of the job that gives a store anew.
    pub(super) fn restoring_step(&mut self, from: PartyIndex, name: JobName, bytes: Vec<u8>) {
        let input = Input::Message { from, bytes };
        let is_of = |session: &Digest| name == JobName::of(Some(session), NUMBER);
        if let Some(helping) = &mut self.helping {
            let session = helping.session;
            if let Some(job) = helping.job.as_mut().filter(|_| is_of(&session)) {
                let outputs = job.handle(input);
                self.helping_outputs(session, outputs);
            }
        } else if let Store::Lost(lost) = &mut self.store
            && let Stage::Receiving { session, job, .. } = &mut lost.stage
            && is_of(session)
        {
            let session = *session;
            let outputs = job.handle(input);
            self.receiving_outputs(session, outputs);
        }
    }

    fn helping_outputs(&mut self, session: Digest, outputs: Vec<Output<()>>) {
        match self.say(session, outputs) {
            None => {}
            // What the lost party knew stays worth something until all have new shares.
            Some(Ok(())) => self.refresh_wanted(),
            Some(Err(_)) => self.drop_neighbours(),
        }
    }

    fn receiving_outputs(&mut self, session: Digest, outputs: Vec<Output<Database>>) {
        match self.say(session, outputs) {
            None => {}
            Some(Ok(database)) => {
                if let Store::Lost(lost) = &mut self.store
                    && let Stage::Receiving { facts, .. } = &mut lost.stage
                {
                    lost.vault.fill(core::mem::take(facts), database);
                    lost.stage = Stage::Writing { next: 1 };
                    self.refresh_wanted();
                    self.restore_on(None);
                }
            }
            Some(Err(_)) => self.drop_neighbours(),
        }
    }

    /// Sends what a job says, and returns its result once there is one.
    fn say<T>(&mut self, session: Digest, outputs: Vec<Output<T>>) -> Option<Result<T, MpcError>> {
        let job = JobName::of(Some(&session), NUMBER);
        for output in outputs {
            match output {
                Output::Send { to, bytes } => self.tell(to, &PeerMessage::Step { job, bytes }),
                // Neither side compares anything.
                Output::Compute(_) => self.stop(Refusal::Internal),
                Output::Done(result) => return Some(result),
            }
        }
        None
    }

    /// Writes more records, some at a time, and the head after the last; then the store is open.
    pub(super) fn restore_on(&mut self, written: Option<Slot>) {
        if written == Some(HEAD_SLOT) {
            return self.restored();
        }
        while (self.writes.len() as u64) < BLOBS_AHEAD {
            let Store::Lost(Lost { vault, stage, .. }) = &mut self.store else {
                return;
            };
            let Stage::Writing { next } = stage else {
                return;
            };
            let (slot, of) = (Slot(*next), vault.version());
            if slot.0 > of && !self.writes.is_empty() || slot.0 > of + 1 {
                return;
            }
            *next += 1;
            let done = slot.0.min(of);
            if done.is_multiple_of(PROGRESS_EVERY) {
                self.note_progress(Progress { done, of });
            }
            self.write_restored(slot, of);
        }
    }

    /// Writes a record, or the head once the slot is beyond the last.
    fn write_restored(&mut self, slot: Slot, of: u64) {
        let Some(salt) = self.random() else { return };
        let Store::Lost(Lost { vault, .. }) = &self.store else {
            return;
        };
        let (slot, sealed) = match slot.0 > of {
            true => (HEAD_SLOT, vault.seal_head(vault.head(), of, salt)),
            false => (slot, vault.seal_stored(slot, salt)),
        };
        match sealed {
            Ok(blob) => self.write_blob(slot, blob),
            Err(_) => self.stop(Refusal::Internal),
        }
    }

    /// Begins a store without records, as the others have one.
    pub(super) fn begin_empty(&mut self) {
        self.restored();
    }

    fn restored(&mut self) {
        match core::mem::replace(&mut self.store, Store::Locked) {
            Store::Lost(lost) => {
                let mut vault = lost.vault;
                vault.confirm(vault.version());
                self.opened(vault);
            }
            other => self.store = other,
        }
    }
}

fn receiving(me: PartyIndex, seeds: PairwiseSeeds, slots: usize) -> Job<'static, Database> {
    Job::new(me, move |mut mailbox| async move {
        let context = &mut Context::new(me, &seeds, Security::Abort);
        receive_shares(context, &mut mailbox, slots).await
    })
}

fn helping_job(
    me: PartyIndex,
    seeds: PairwiseSeeds,
    lost: PartyIndex,
    database: Database,
) -> Job<'static, ()> {
    Job::new(me, move |mut mailbox| async move {
        let context = &mut Context::new(me, &seeds, Security::Abort);
        restore_shares(context, &mut mailbox, lost, &database).await
    })
}

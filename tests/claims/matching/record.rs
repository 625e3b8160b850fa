//! Three parties that keep a record of a job: what they heard, what they said, how it ended.

use std::collections::VecDeque;

use boop_mpc::local::Envelope;
use boop_mpc::{Input, Job, MpcError, Output, Task, Transcript, Way};
use boop_wire::id::PartyIndex;

/// What a job found, or why it failed.
pub(super) type End = Result<Vec<bool>, MpcError>;

/// What one party says about a job.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) party: PartyIndex,
    pub(super) heard: Vec<Heard>,
    pub(super) said: Vec<(PartyIndex, Vec<u8>)>,
    /// What its job asked it to say. An honest party has no use for it.
    pub(super) due: Vec<(PartyIndex, Vec<u8>)>,
    /// None if it still waited when another party ended the job.
    pub(super) end: Option<End>,
    /// The commitments to its transcript, which it signed when the job ended.
    pub(super) signed: Commitments,
}

/// To what went to, and came from, each of the two others.
pub(super) type Commitments = [[[u8; 32]; 2]; 2];

/// What a job was given.
#[derive(Clone)]
pub(super) enum Heard {
    Message(PartyIndex, Vec<u8>),
    /// The task that the job gave out in this place, counted from 0, is done.
    Computed(usize),
}

impl Record {
    fn new(party: PartyIndex) -> Self {
        Self {
            party,
            heard: vec![],
            said: vec![],
            due: vec![],
            end: None,
            signed: Commitments::default(),
        }
    }

    /// Returns the commitments to what the record says.
    pub(super) fn commitments(&self) -> Commitments {
        let mut transcript = Transcript::default();
        for (to, bytes) in &self.said {
            let (from, to) = (self.party, *to);
            transcript.note(Way { from, to }, bytes);
        }
        for heard in &self.heard {
            if let Heard::Message(from, bytes) = heard {
                let (from, to) = (*from, self.party);
                transcript.note(Way { from, to }, bytes);
            }
        }
        commitments(self.party, &transcript)
    }
}

fn commitments(me: PartyIndex, transcript: &Transcript) -> Commitments {
    me.others().map(|other| {
        let ways = [(me, other), (other, me)].map(|(from, to)| Way { from, to });
        ways.map(|way| transcript.commitment(way, &SEED))
    })
}

/// Runs the jobs, each party sending what `says` makes of what its job asks for. Returns the
/// records, and whether the transcript that a job kept itself is that of its record at all who
/// say what their jobs ask for.
pub(super) fn run_recorded(
    jobs: [Job<'_, Vec<bool>>; 3],
    liar: Option<PartyIndex>,
    says: impl FnMut(Envelope) -> Vec<Envelope>,
) -> ([Record; 3], bool) {
    let mut trio = Trio {
        jobs: jobs.map(Job::with_transcript),
        tasks: [0; 3],
        records: PartyIndex::ALL.map(Record::new),
        on_their_way: VecDeque::new(),
        says,
    };
    for party in PartyIndex::ALL {
        trio.give(party, Input::Start);
    }
    while let Some(Envelope { from, to, bytes }) = trio.on_their_way.pop_front() {
        if !trio.jobs[to.as_usize()].is_finished() {
            let heard = &mut trio.records[to.as_usize()].heard;
            heard.push(Heard::Message(from, bytes.clone()));
            trio.give(to, Input::Message { from, bytes });
        }
    }
    let mut kept = true;
    for (job, record) in trio.jobs.iter().zip(&mut trio.records) {
        record.signed = record.commitments();
        let own = job.transcript().map(|own| commitments(record.party, own));
        kept &= Some(record.party) == liar || own == Some(record.signed);
    }
    (trio.records, kept)
}

struct Trio<'a, S> {
    jobs: [Job<'a, Vec<bool>>; 3],
    /// How many tasks each job has given out.
    tasks: [usize; 3],
    records: [Record; 3],
    on_their_way: VecDeque<Envelope>,
    says: S,
}

impl<S: FnMut(Envelope) -> Vec<Envelope>> Trio<'_, S> {
    /// Gives a job its input, and does what it asks for until it asks for messages alone.
    fn give(&mut self, party: PartyIndex, input: Input) {
        let mut tasks: VecDeque<(usize, Task)> = VecDeque::new();
        let mut input = Some(input);
        while let Some(given) = input.take() {
            for output in self.jobs[party.as_usize()].handle(given) {
                let record = &mut self.records[party.as_usize()];
                match output {
                    Output::Send { to, bytes } => {
                        let from = party;
                        record.due.push((to, bytes.clone()));
                        for said in (self.says)(Envelope { from, to, bytes }) {
                            record.said.push((said.to, said.bytes.clone()));
                            self.on_their_way.push_back(said);
                        }
                    }
                    Output::Compute(task) => {
                        tasks.push_back((self.tasks[party.as_usize()], task));
                        self.tasks[party.as_usize()] += 1;
                    }
                    Output::Done(end) => record.end = Some(end),
                }
            }
            if self.jobs[party.as_usize()].is_finished() {
                return;
            }
            input = tasks.pop_front().map(|(number, task)| {
                let record = &mut self.records[party.as_usize()];
                record.heard.push(Heard::Computed(number));
                Input::Computed(task.run())
            });
        }
    }
}

/// In earnest each pair has its own, and a judge is told it.
const SEED: [u8; 32] = [9; 32];

//! Who deviated in a job that ended without a result: an audit of all three parties' records
//! [MPC-6].
//!
//! A job is a function of what it starts from and what it hears, in order. So a judge who knows
//! both repeats what each party should have said. With them it knows the palms too: it belongs
//! into an attested enclave of its own, which the parties' network starts for one job, and it is
//! no part of a party. It needs nothing of `boop-mpc` but what a party needs.

use std::collections::BTreeMap;

use boop_mpc::{Input, Job, Output, Task, Way};
use boop_wire::id::PartyIndex;

use crate::matching::record::{Heard, Record};
use crate::matching::world::HEADER_BYTES;

/// What a judge finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All three did what the protocol says.
    Nobody,
    /// A party said something else than its job would have.
    Named(PartyIndex),
    /// A record is not the one that its party signed, so it is no evidence.
    NotSigned(PartyIndex),
    /// The two ends of a way tell of different messages: one of these two lies.
    Pair(PartyIndex, PartyIndex),
}

/// Judges a job by the parties' records; `jobs` start from what the parties started from.
///
/// Whoever said something else than its job would have is named, whatever it says in its defence.
/// If it says that it said what its job would have, it contradicts the one that heard it.
pub(super) fn judge(jobs: [Job<'_, Vec<bool>>; 3], records: &[Record; 3]) -> Verdict {
    if let Some(record) = records.iter().find(|r| r.commitments() != r.signed) {
        return Verdict::NotSigned(record.party);
    }
    for (record, job) in records.iter().zip(jobs) {
        if !follows(job, record) {
            return Verdict::Named(record.party);
        }
    }
    for from in PartyIndex::ALL {
        for to in from.others() {
            if !arrived(Way { from, to }, records) {
                return Verdict::Pair(from, to);
            }
        }
    }
    Verdict::Nobody
}

/// Tells whether a job that hears what a party heard says what the party said, and ends alike.
fn follows(mut job: Job<'_, Vec<bool>>, record: &Record) -> bool {
    let mut tasks: Vec<Option<Task>> = vec![];
    let mut said = record.said.iter();
    let mut end = None;
    let mut heard = record.heard.iter();
    let mut input = Some(Input::Start);
    while let Some(given) = input {
        for output in job.handle(given) {
            match output {
                Output::Send { to, bytes } => {
                    if said.next() != Some(&(to, bytes)) {
                        return false;
                    }
                }
                Output::Compute(task) => tasks.push(Some(task)),
                Output::Done(found) => end = Some(found),
            }
        }
        input = match heard.next() {
            None => None,
            Some(Heard::Message(from, bytes)) => Some(Input::Message {
                from: *from,
                bytes: bytes.clone(),
            }),
            Some(Heard::Computed(number)) => {
                let Some(task) = tasks.get_mut(*number).and_then(Option::take) else {
                    return false;
                };
                Some(Input::Computed(task.run()))
            }
        };
    }
    said.next().is_none() && end == record.end
}

/// Tells whether one end of a way heard, lane by lane, what the other says it said, but for what
/// was still on its way when the job ended.
fn arrived(way: Way, records: &[Record; 3]) -> bool {
    let said = records[way.from.as_usize()].said.iter();
    let said = said.filter(|(to, _)| *to == way.to);
    let heard = records[way.to.as_usize()].heard.iter();
    let heard = heard.filter_map(|heard| match heard {
        Heard::Message(from, bytes) if *from == way.from => Some(bytes),
        Heard::Message(..) | Heard::Computed(_) => None,
    });
    let (said, heard) = (by_lane(said.map(|(_, bytes)| bytes)), by_lane(heard));
    heard.iter().all(|(lane, heard)| {
        let said = said.get(lane).map(Vec::as_slice).unwrap_or_default();
        said.starts_with(heard)
    })
}

/// Sorts messages by their lanes; what is too short to name one is in lane 0.
fn by_lane<'a>(messages: impl Iterator<Item = &'a Vec<u8>>) -> BTreeMap<u32, Vec<&'a Vec<u8>>> {
    let mut lanes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        let lane = message.get(1..5).and_then(|lane| lane.try_into().ok());
        let lane = lane.filter(|_| message.len() >= HEADER_BYTES);
        let lane = lane.map_or(0, u32::from_le_bytes);
        lanes.entry(lane).or_default().push(message);
    }
    lanes
}

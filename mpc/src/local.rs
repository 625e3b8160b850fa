//! Three jobs in one process: delivers their messages in a fixed order until nothing moves.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use boop_wire::id::PartyIndex;

use crate::error::MpcError;
use crate::job::{Counters, Input, Job, Output};

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who sent it.
    pub from: PartyIndex,
    /// Who receives it.
    pub to: PartyIndex,
    /// What was sent.
    pub bytes: Vec<u8>,
}

/// How the three jobs ended.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The result of each party; none where it still waits, for instance for one that aborted.
    pub results: [Option<Result<T, MpcError>>; 3],
    /// What each party sent and received.
    pub counters: [Counters; 3],
}

/// Runs the jobs of parties 0, 1 and 2 and delivers every message unchanged.
pub fn run<T>(jobs: [Job<'_, T>; 3]) -> Outcome<T> {
    run_through(jobs, |envelope| alloc::vec![envelope])
}

/// Runs the jobs, passing each message through `network`, which may change, drop or repeat it.
pub fn run_through<T>(
    mut jobs: [Job<'_, T>; 3],
    mut network: impl FnMut(Envelope) -> Vec<Envelope>,
) -> Outcome<T> {
    let mut results = [const { None }; 3];
    let mut in_flight = VecDeque::new();
    for party in PartyIndex::ALL {
        let outputs = jobs[party.as_usize()].handle(Input::Start);
        collect(party, outputs, &mut in_flight, &mut results);
    }
    while let Some(envelope) = in_flight.pop_front() {
        for Envelope { from, to, bytes } in network(envelope) {
            // A failed job hears nothing more; a message to one that succeeded is a fault of the
            // protocol and replaces its result.
            let job = &mut jobs[to.as_usize()];
            if job.is_finished() && !matches!(results[to.as_usize()], Some(Ok(_))) {
                continue;
            }
            let outputs = job.handle(Input::Message { from, bytes });
            collect(to, outputs, &mut in_flight, &mut results);
        }
    }
    Outcome {
        results,
        counters: jobs.map(|job| job.counters()),
    }
}

fn collect<T>(
    party: PartyIndex,
    outputs: Vec<Output<T>>,
    in_flight: &mut VecDeque<Envelope>,
    results: &mut [Option<Result<T, MpcError>>; 3],
) {
    for output in outputs {
        match output {
            Output::Send { to, bytes } => in_flight.push_back(Envelope {
                from: party,
                to,
                bytes,
            }),
            Output::Done(result) => results[party.as_usize()] = Some(result),
        }
    }
}

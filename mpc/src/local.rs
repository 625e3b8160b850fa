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
    jobs: [Job<'_, T>; 3],
    mut network: impl FnMut(Envelope) -> Vec<Envelope>,
) -> Outcome<T> {
    let mut trio = Trio {
        jobs,
        results: [const { None }; 3],
        in_flight: VecDeque::new(),
    };
    for party in PartyIndex::ALL {
        trio.give(party, Input::Start);
    }
    while let Some(envelope) = trio.in_flight.pop_front() {
        for Envelope { from, to, bytes } in network(envelope) {
            trio.give(to, Input::Message { from, bytes });
        }
    }
    Outcome {
        results: trio.results,
        counters: trio.jobs.map(|job| job.counters()),
    }
}

struct Trio<'a, T> {
    jobs: [Job<'a, T>; 3],
    results: [Option<Result<T, MpcError>>; 3],
    in_flight: VecDeque<Envelope>,
}

impl<T> Trio<'_, T> {
    /// Hands a job its input, and does what it asks for until it asks for messages alone.
    fn give(&mut self, party: PartyIndex, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            // A failed job hears nothing more; a message to one that succeeded is a fault of the
            // protocol and replaces its result.
            let (job, result) = (
                &mut self.jobs[party.as_usize()],
                &mut self.results[party.as_usize()],
            );
            if job.is_finished() && !matches!(result, Some(Ok(_))) {
                return;
            }
            for output in job.handle(input) {
                match output {
                    Output::Send { to, bytes } => self.in_flight.push_back(Envelope {
                        from: party,
                        to,
                        bytes,
                    }),
                    Output::Compute(task) => inputs.push_back(Input::Computed(task.run())),
                    Output::Done(done) => *result = Some(done),
                }
            }
        }
    }
}

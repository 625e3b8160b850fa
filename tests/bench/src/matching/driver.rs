//! Three jobs in one process, with the time of their dot products apart from all else.

use std::collections::VecDeque;
use std::time::Duration;

use boop_mpc::{Input, Job, MpcError, Output};
use boop_wire::PartyIndex;

use crate::rounds::spent;

/// How the jobs ended, and what that took.
pub(super) struct Outcome<T> {
    pub(super) results: [Option<Result<T, MpcError>>; 3],
    /// What all three sent.
    pub(super) bytes_sent: u64,
    /// What this thread spent in all.
    pub(super) all: Duration,
    /// What it spent on tasks, which are dot products.
    pub(super) tasks: Duration,
}

/// Runs the jobs of parties 0, 1 and 2 until nothing moves.
pub(super) fn run<T>(mut jobs: [Job<'_, T>; 3]) -> Outcome<T> {
    let start = spent();
    let mut results = [const { None }; 3];
    let mut tasks = Duration::ZERO;
    let mut waiting: VecDeque<_> = PartyIndex::ALL.map(|party| (party, Input::Start)).into();
    while let Some((party, input)) = waiting.pop_front() {
        for output in jobs[party.as_usize()].handle(input) {
            match output {
                Output::Send { to, bytes } => {
                    waiting.push_back((to, Input::Message { from: party, bytes }));
                }
                Output::Compute(task) => {
                    let start = spent();
                    let result = task.run();
                    tasks += spent().saturating_sub(start);
                    waiting.push_front((party, Input::Computed(result)));
                }
                Output::Done(result) => results[party.as_usize()] = Some(result),
            }
        }
    }
    Outcome {
        results,
        bytes_sent: jobs.iter().map(|job| job.counters().bytes_sent).sum(),
        all: spent().saturating_sub(start),
        tasks,
    }
}

//! What jobs say, hear and compute. A message names the session of its job: numbers start again in
//! a new one, and a neighbour may be in the session before for a while [JOB-3].

use alloc::vec::Vec;

use boop_mpc::{Input, MpcError, Output, Task, TaskResult};
use boop_wire::PartyIndex;

use super::Work;
use crate::party::{Computation, Party};
use crate::peers::{JobName, PeerMessage};
use crate::platform::Platform;

impl Work {
    /// Names a job of the present session, or of the last one.
    pub(super) fn name(&self, number: u64) -> JobName {
        JobName::of(self.last_session.as_ref(), number)
    }

    /// Takes what was said of a job before it started here.
    pub(super) fn take_early(&mut self, job: u64) -> Vec<(PartyIndex, Vec<u8>)> {
        self.early.take(self.name(job))
    }
}

impl<P: Platform> Party<P> {
    fn compute(&mut self, job: u64, task: Task) {
        let session = self.work.sessions;
        self.computations.push(Computation { session, job, task });
    }

    /// Takes work that a job asked for. A job of an earlier session may have had the number that
    /// another has now.
    pub(crate) fn job_computed(&mut self, session: u64, job: u64, result: TaskResult) {
        if session == self.work.sessions
            && let Some(input) = self.preparing_input(job, Input::Computed(result))
            && let Some(input) = self.refreshing_input(job, input)
        {
            self.running_input(job, input);
        }
    }

    /// Takes a message of a job.
    pub(crate) fn job_step(&mut self, from: PartyIndex, job: JobName, bytes: Vec<u8>) {
        let number = job.number;
        if self.work.is_to_come(number) {
            self.work.early.push(from, job, bytes);
        } else if number > self.work.last_job {
            self.work.early.lose(number);
        } else if job == self.work.name(number)
            && let Some(input) = self.preparing_input(number, Input::Message { from, bytes })
            && let Some(input) = self.refreshing_input(number, input)
        {
            self.running_input(number, input);
        }
    }

    /// Sends and computes what a job asks for, and returns its result once there is one.
    pub(super) fn pass_on<T>(
        &mut self,
        job: u64,
        outputs: Vec<Output<T>>,
    ) -> Option<Result<T, MpcError>> {
        let name = self.work.name(job);
        for output in outputs {
            match output {
                Output::Send { to, bytes } => {
                    self.tell(to, &PeerMessage::Step { job: name, bytes });
                }
                Output::Compute(task) => self.compute(job, task),
                Output::Done(result) => {
                    self.tell_failure(job, result.as_ref().err());
                    return Some(result);
                }
            }
        }
        None
    }
}

//! Work that needs no message: dot products, which a driver may run on another thread.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Dot products that a run waits for. [`Task::run`] needs nothing but time.
pub struct Task {
    number: u32,
    work: Box<dyn FnOnce() -> Vec<u32> + Send>,
}

/// What a [`Task`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskResult {
    pub(crate) number: u32,
    pub(crate) values: Vec<u32>,
}

impl Task {
    pub(crate) fn new(work: impl FnOnce() -> Vec<u32> + Send + 'static) -> Self {
        Self {
            number: 0,
            work: Box::new(work),
        }
    }

    pub(crate) const fn numbered(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// Does the work.
    pub fn run(self) -> TaskResult {
        TaskResult {
            number: self.number,
            values: (self.work)(),
        }
    }
}

impl core::fmt::Debug for Task {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Task({})", self.number)
    }
}

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Task {}

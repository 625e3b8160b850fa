//! Who works on what: one lock for each context or user, and a count of running work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use boop_wire::Digest;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch};

/// Number of locks at which those that nobody holds are forgotten.
const LOCKS_SWEEP: usize = 1024;

/// Locks by name. Whoever holds one is alone in changing the thing of that name.
#[derive(Debug, Default)]
pub struct KeyedLocks {
    locks: Mutex<BTreeMap<Digest, Arc<AsyncMutex<()>>>>,
}

impl KeyedLocks {
    /// Takes the lock, if nobody holds it.
    pub fn try_lock(&self, key: Digest) -> Option<OwnedMutexGuard<()>> {
        self.entry(key).try_lock_owned().ok()
    }

    /// Waits for the lock.
    pub async fn lock(&self, key: Digest) -> OwnedMutexGuard<()> {
        self.entry(key).lock_owned().await
    }

    fn entry(&self, key: Digest) -> Arc<AsyncMutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.len() >= LOCKS_SWEEP {
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(locks.entry(key).or_default())
    }
}

/// Work that must be done before the process may stop.
#[derive(Debug)]
pub struct Work {
    state: watch::Sender<WorkState>,
}

#[derive(Debug, Clone, Copy, Default)]
struct WorkState {
    running: usize,
    draining: bool,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            state: watch::channel(WorkState::default()).0,
        }
    }
}

impl Work {
    /// Begins a piece of work, unless the process is stopping.
    pub fn begin(self: &Arc<Self>) -> Option<WorkGuard> {
        let begun = self.state.send_if_modified(|state| {
            if !state.draining {
                state.running += 1;
            }
            !state.draining
        });
        begun.then(|| WorkGuard(Arc::clone(self)))
    }

    /// Lets no work begin any more and waits for what is running.
    pub async fn drain(&self) {
        self.state.send_modify(|state| state.draining = true);
        let mut state = self.state.subscribe();
        // The sender is `self`, so waiting cannot fail.
        let _ = state.wait_for(|state| state.running == 0).await;
    }
}

/// A piece of work; it is done when this is dropped.
#[derive(Debug)]
pub struct WorkGuard(Arc<Work>);

impl Drop for WorkGuard {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_lock_is_held_by_one_and_other_names_are_free() {
        let locks = KeyedLocks::default();
        let held = locks.try_lock(Digest::new([1; 32])).unwrap();

        assert!(locks.try_lock(Digest::new([1; 32])).is_none());
        assert!(locks.try_lock(Digest::new([2; 32])).is_some());
        drop(held);
        assert!(locks.try_lock(Digest::new([1; 32])).is_some());
    }

    #[tokio::test]
    async fn a_sweep_keeps_the_locks_that_are_held() {
        let locks = KeyedLocks::default();
        let name = |number: usize| {
            boop_wire::codec::plain_digest(&u64::try_from(number).unwrap().to_be_bytes())
        };
        let _held = locks.try_lock(name(0)).unwrap();
        for number in 1..=2 * LOCKS_SWEEP {
            drop(locks.try_lock(name(number)));
        }

        assert!(locks.try_lock(name(0)).is_none());
        assert!(locks.locks.lock().unwrap().len() <= LOCKS_SWEEP);
    }

    #[tokio::test]
    async fn a_drain_waits_for_running_work_and_lets_none_begin() {
        let work = Arc::new(Work::default());
        let guard = work.begin().unwrap();
        let draining = tokio::spawn({
            let work = Arc::clone(&work);
            async move { work.drain().await }
        });
        tokio::time::sleep(Duration::from_millis(10)).await;

        assert!(work.begin().is_none());
        assert!(!draining.is_finished());
        drop(guard);
        draining.await.unwrap();
    }
}

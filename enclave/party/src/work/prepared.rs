//! What the three have prepared for searches over the store: the audit [MPC-50].
//!
//! Jobs that run beside an enrolment search the records that were there before it, at parties
//! that have the new one already too. So the audit from before the newest record is kept.

use alloc::sync::Arc;

use boop_mpc::Audit;

/// An audit, and the job that left it.
#[derive(Clone, Default)]
pub(crate) struct Edition {
    /// The audit.
    pub(crate) audit: Arc<Audit>,
    /// The job's number; 0 for an audit that covers nothing.
    pub(crate) mark: u64,
}

impl Edition {
    fn covers(&self) -> u64 {
        self.audit.slots() as u64
    }
}

/// The audit as it is, and as it was.
#[derive(Default)]
pub(crate) struct Prepared {
    now: Edition,
    before: Edition,
    forgotten: u64,
}

/// The time between two losses of everything: an audit belongs into its own alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Era(u64);

impl Prepared {
    /// Returns how many records the newest audit covers.
    pub(crate) fn covers(&self) -> u64 {
        self.now.covers()
    }

    /// Returns the newest audit.
    pub(crate) fn newest(&self) -> Edition {
        self.now.clone()
    }

    /// Returns the audit of exactly so many records, if there is one.
    pub(crate) fn covering(&self, records: u64) -> Option<Edition> {
        let editions = [&self.now, &self.before];
        let found = editions.into_iter().find(|one| one.covers() == records);
        found.cloned()
    }

    /// Returns the present era.
    pub(crate) const fn era(&self) -> Era {
        Era(self.forgotten)
    }

    /// Takes the audit that a job of this era left. One of an earlier era is dropped: what it was
    /// made from is not trusted any more.
    pub(crate) fn put(&mut self, era: Era, audit: Arc<Audit>, mark: u64) {
        if era == self.era() {
            self.before = core::mem::replace(&mut self.now, Edition { audit, mark });
        }
    }

    /// Forgets everything: it is prepared anew.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            forgotten: self.forgotten + 1,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_nothing_is_good_for_an_empty_store_alone() {
        let prepared = Prepared::default();

        assert_eq!(prepared.covering(0).map(|edition| edition.mark), Some(0));
        assert!(prepared.covering(1).is_none());
    }

    #[test]
    fn an_audit_of_an_earlier_era_is_dropped() {
        let mut prepared = Prepared::default();
        let era = prepared.era();
        prepared.put(era, Arc::default(), 7);
        assert_eq!(prepared.newest().mark, 7);

        prepared.forget();
        prepared.put(era, Arc::default(), 8);

        assert_eq!(prepared.newest().mark, 0);
        assert_ne!(prepared.era(), era);
    }
}

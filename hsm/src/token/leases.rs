//! Counters of leases, one for each epoch.

use minicbor::{Decode, Encode};

use crate::token::TokenError;

/// Epochs whose leases one token counts.
pub(super) const EPOCHS_MAX: usize = 1024;

/// The last lease of each epoch, in order of epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(super) struct Leases(#[n(0)] Vec<Lease>);

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Lease {
    #[n(0)]
    epoch: u32,
    #[n(1)]
    last: u64,
}

impl Leases {
    /// Tells whether the epochs are in order, each once, and not too many.
    pub(super) fn are_sound(&self) -> bool {
        self.0.is_sorted_by(|a, b| a.epoch < b.epoch) && self.0.len() <= EPOCHS_MAX
    }

    /// Makes counters of which this one alone has been raised, to `last`.
    pub(super) fn beginning_at(epoch: u32, last: u64) -> Self {
        Self(vec![Lease { epoch, last }])
    }

    /// Returns the highest lease of all.
    pub(super) fn highest(&self) -> u64 {
        let all = self.0.iter().map(|lease| lease.last);
        all.max().unwrap_or_default()
    }

    /// Returns the last lease of an epoch.
    pub(super) fn last(&self, epoch: u32) -> Option<u64> {
        let found = self.0.iter().find(|lease| lease.epoch == epoch);
        found.map(|lease| lease.last)
    }

    /// Raises the lease of an epoch above all there were, of any epoch, and returns it.
    pub(super) fn raise(&mut self, epoch: u32) -> Result<u64, TokenError> {
        let last = self.highest().checked_add(1);
        let last = last.ok_or(TokenError::LeasesExhausted)?;
        match self.0.binary_search_by_key(&epoch, |lease| lease.epoch) {
            Ok(found) => self.0[found].last = last,
            Err(_) if self.0.len() >= EPOCHS_MAX => return Err(TokenError::EpochsExhausted),
            Err(place) => self.0.insert(place, Lease { epoch, last }),
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::codec::to_canonical;

    use super::*;

    #[test]
    fn counters_end_in_a_refusal() {
        let mut leases = Leases::default();
        for (epoch, last) in (0..u32::try_from(EPOCHS_MAX).unwrap()).zip(1..) {
            assert_eq!(leases.raise(epoch), Ok(last));
        }
        assert_eq!(leases.raise(5000), Err(TokenError::EpochsExhausted));
        assert!(leases.are_sound());
        leases.0.iter_mut().for_each(|lease| lease.last = u64::MAX);
        assert_eq!(leases.raise(0), Err(TokenError::LeasesExhausted));
        assert!(to_canonical(&leases).len() <= 15 * EPOCHS_MAX + 3);
    }

    #[test]
    fn epochs_out_of_order_are_not_sound() {
        let lease = |epoch| Lease { epoch, last: 1 };

        assert!(Leases(vec![lease(1), lease(4)]).are_sound());
        assert!(!Leases(vec![lease(4), lease(1)]).are_sound());
        assert!(!Leases(vec![lease(4), lease(4)]).are_sound());
    }
}

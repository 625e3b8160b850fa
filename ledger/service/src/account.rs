//! Accounts of double-entry bookkeeping: counters in the currency's smallest unit.
//!
//! Money never appears: what one account gains, another loses. Credits from outside the network
//! come from the *world*, the one account that may owe.

use boop_wire::codec::domain_digest;
use boop_wire::id::AccountId;
use boop_wire::ledger::Currency;

/// An account in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountKey {
    /// Whose.
    pub id: AccountId,
    /// In which currency.
    pub currency: Currency,
}

/// Counters of an account. Each only grows but for the pending ones; none is negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Sum of what left.
    pub debits_posted: i64,
    /// Sum of what came.
    pub credits_posted: i64,
    /// Sum of what is held to leave.
    pub debits_pending: i64,
    /// Sum of what is held to come.
    pub credits_pending: i64,
}

/// The two accounts of a transfer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sides {
    /// The account that loses.
    pub debit: Account,
    /// The account that gains.
    pub credit: Account,
}

/// A counter would pass its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a counter of an account would pass its limits")]
pub struct CounterLimit;

impl AccountKey {
    /// Tells whether this is the world.
    pub fn is_world(&self) -> bool {
        self.id == world_account()
    }
}

impl Account {
    /// Returns what may be spent: posted credits less debits and holds.
    pub fn available(&self) -> i64 {
        self.posted().saturating_sub(self.debits_pending)
    }

    /// Returns what is posted.
    pub fn posted(&self) -> i64 {
        self.credits_posted.saturating_sub(self.debits_posted)
    }
}

impl Sides {
    /// Holds `amount`.
    ///
    /// # Errors
    /// When a counter would pass its limits.
    pub fn hold(self, amount: i64) -> Result<Self, CounterLimit> {
        self.pending(amount)
    }

    /// Gives up a hold of `amount`.
    ///
    /// # Errors
    /// When less is held.
    pub fn release(self, amount: i64) -> Result<Self, CounterLimit> {
        self.pending(amount.checked_neg().ok_or(CounterLimit)?)
    }

    /// Moves `amount`.
    ///
    /// # Errors
    /// When a counter would pass its limits.
    pub fn post(mut self, amount: i64) -> Result<Self, CounterLimit> {
        self.debit.debits_posted = counter(self.debit.debits_posted, amount)?;
        self.credit.credits_posted = counter(self.credit.credits_posted, amount)?;
        Ok(self)
    }

    fn pending(mut self, change: i64) -> Result<Self, CounterLimit> {
        self.debit.debits_pending = counter(self.debit.debits_pending, change)?;
        self.credit.credits_pending = counter(self.credit.credits_pending, change)?;
        Ok(self)
    }
}

/// Returns the account that stands for everything outside the network.
pub fn world_account() -> AccountId {
    AccountId::new(*domain_digest("world-account", &[]).as_bytes())
}

fn counter(value: i64, change: i64) -> Result<i64, CounterLimit> {
    value
        .checked_add(change)
        .filter(|sum| *sum >= 0)
        .ok_or(CounterLimit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_takes_from_what_is_available_and_not_from_what_is_posted() {
        let funded = Sides {
            debit: Account {
                credits_posted: 10,
                ..Account::default()
            },
            ..Sides::default()
        };

        let held = funded.hold(4).unwrap();

        assert_eq!((held.debit.available(), held.debit.posted()), (6, 10));
        assert_eq!(
            (held.credit.available(), held.credit.credits_pending),
            (0, 4)
        );
        assert_eq!(held.release(4), Ok(funded));
    }

    #[test]
    fn counters_do_not_pass_their_limits() {
        let full = Account {
            debits_posted: i64::MAX,
            ..Account::default()
        };
        let sides = Sides {
            debit: full,
            ..Sides::default()
        };

        assert_eq!(sides.post(1), Err(CounterLimit));
        assert_eq!(sides.release(1), Err(CounterLimit));
    }
}

//! The rules of money: what an order does to a transfer and to the two accounts it joins.
//!
//! ```text
//!            hold                capture
//!   (none) -------> held -----------------> posted
//!     |  \            |--- void ----------> voided
//!     |   \           '--- its time ends -> expired
//!     |    '--- pay, credit --------------> posted
//!     '--- too little available ----------> refused
//! ```
//!
//! Everything to the right is final. The same order again changes nothing and gets the same
//! answer; the same id with another body is a conflict that names the field. A refused transfer
//! stays refused under its id. Pure: the store's rows and the time come in, the change goes out.

use boop_wire::id::{AccountId, TransactionId};
use boop_wire::ledger::{AMOUNT_MAX, Credit, Detail, Payment};

use crate::account::{AccountKey, CounterLimit, Sides, world_account};

/// Longest life of a hold, in milliseconds.
pub const HOLD_LIFE_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;

/// A payment with the account that it debits. The log records the payment alone, so that neither
/// it nor the vendor's receipt names the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The payment.
    pub payment: Payment,
    /// The account that pays.
    pub account: AccountId,
}

/// What is asked of the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Reserves the amount of a payment.
    Hold {
        /// The payment and its account.
        charge: Charge,
        /// When the hold ends by itself, Unix milliseconds.
        expires_at_ms: u64,
    },
    /// Moves at most what is held and releases the rest.
    Capture {
        /// The held payment.
        transaction: TransactionId,
        /// How much; above zero.
        amount: u64,
    },
    /// Gives up a hold.
    Void {
        /// The held payment.
        transaction: TransactionId,
    },
    /// Holds and captures in one step.
    Pay(Charge),
    /// Moves money from the world to an account.
    Credit(Credit),
}

/// Who pays whom how much, as it was first asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// From a user to a vendor.
    Payment(Charge),
    /// From the world to an account.
    Credit(Credit),
}

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The amount is reserved.
    Held,
    /// Money moved.
    Posted {
        /// How much.
        amount: u64,
    },
    /// The hold was given up.
    Voided,
    /// The hold's time ended.
    Expired,
    /// There was too little available.
    Refused,
}

/// A transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// As it was first asked for.
    pub body: Body,
    /// Where it stands.
    pub state: State,
    /// End of the hold; none if it never was a hold.
    pub expires_at_ms: Option<u64>,
}

/// What an order leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It was carried out before; the transfer stands as it is.
    Repeat,
    /// It leads to this.
    Change(Box<Change>),
}

/// New values of a transfer and its accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The transfer.
    pub transfer: Transfer,
    /// Its accounts.
    pub sides: Sides,
}

/// Why an order is turned down; nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The id is taken by a transfer that differs.
    #[error("the transaction exists with another {field}")]
    Conflict {
        /// The first field that differs.
        field: &'static str,
    },
    /// A field holds a value that it may not.
    #[error("{field} is out of its range")]
    Invalid {
        /// The field.
        field: &'static str,
    },
    /// There is no hold of that id.
    #[error("there is no such hold")]
    NoHold,
    /// The hold ended in another way.
    #[error("the transfer is no longer held")]
    NotHeld(State),
    /// The hold is smaller.
    #[error("only {held} is held")]
    ExceedsHold {
        /// What is held.
        held: u64,
    },
    /// An account is at the end of its counters.
    #[error(transparent)]
    Counter(#[from] CounterLimit),
}

impl Order {
    /// Returns the id of the transfer that the order is about.
    pub fn transaction(&self) -> TransactionId {
        match self {
            Self::Hold { charge, .. } | Self::Pay(charge) => charge.payment.transaction,
            Self::Capture { transaction, .. } | Self::Void { transaction } => *transaction,
            Self::Credit(credit) => credit.transaction,
        }
    }

    /// Returns the body, if the order brings one.
    pub fn body(&self) -> Option<Body> {
        match self {
            Self::Hold { charge, .. } | Self::Pay(charge) => Some(Body::Payment(charge.clone())),
            Self::Credit(credit) => Some(Body::Credit(credit.clone())),
            Self::Capture { .. } | Self::Void { .. } => None,
        }
    }
}

impl Body {
    /// Returns the id.
    pub fn transaction(&self) -> TransactionId {
        match self {
            Self::Payment(charge) => charge.payment.transaction,
            Self::Credit(credit) => credit.transaction,
        }
    }

    /// Returns the amount that was asked for.
    pub fn amount(&self) -> u64 {
        match self {
            Self::Payment(charge) => charge.payment.amount,
            Self::Credit(credit) => credit.amount,
        }
    }

    /// Returns the account that loses.
    pub fn debit_key(&self) -> AccountKey {
        match self {
            Self::Payment(charge) => AccountKey {
                id: charge.account,
                currency: charge.payment.currency,
            },
            Self::Credit(credit) => AccountKey {
                id: world_account(),
                currency: credit.currency,
            },
        }
    }

    /// Returns the account that gains.
    pub fn credit_key(&self) -> AccountKey {
        match self {
            Self::Payment(charge) => AccountKey {
                id: charge.payment.payee,
                currency: charge.payment.currency,
            },
            Self::Credit(credit) => AccountKey {
                id: credit.account,
                currency: credit.currency,
            },
        }
    }

    /// Returns what the log records once `amount` moved.
    pub fn detail(&self, amount: u64) -> Detail {
        match self {
            Self::Payment(charge) => Detail::Payment(Payment {
                amount,
                ..charge.payment.clone()
            }),
            Self::Credit(credit) => Detail::Credit(Credit {
                amount,
                ..credit.clone()
            }),
        }
    }

    fn check(&self) -> Result<i64, OrderError> {
        let (debit, credit) = (self.debit_key(), self.credit_key());
        if debit == credit || credit.is_world() {
            return Err(OrderError::Invalid { field: "payee" });
        }
        if matches!(self, Self::Payment(_)) && debit.is_world() {
            return Err(OrderError::Invalid { field: "payer" });
        }
        in_range(self.amount())
    }

    /// Names the first field in which two bodies of one id differ.
    fn differing_field(&self, other: &Self) -> Option<&'static str> {
        let pairs = match (self, other) {
            (Self::Payment(one), Self::Payment(two)) => {
                let (a, b) = (&one.payment, &two.payment);
                let same_payer = a.payer == b.payer && one.account == two.account;
                vec![
                    ("vendor", a.vendor == b.vendor),
                    ("context", a.context == b.context),
                    ("payer", same_payer),
                    ("payee", a.payee == b.payee),
                    ("amount", a.amount == b.amount),
                    ("currency", a.currency == b.currency),
                    ("outcome", a.outcome == b.outcome),
                ]
            }
            (Self::Credit(a), Self::Credit(b)) => vec![
                ("account", a.account == b.account),
                ("amount", a.amount == b.amount),
                ("currency", a.currency == b.currency),
            ],
            (Self::Payment(_), Self::Credit(_)) | (Self::Credit(_), Self::Payment(_)) => {
                vec![("kind", false)]
            }
        };
        pairs
            .into_iter()
            .find(|(_, equal)| !equal)
            .map(|(field, _)| field)
    }
}

/// Decides what an order leads to.
///
/// # Errors
/// [`OrderError`] when it leads to nothing.
pub fn decide(
    order: &Order,
    now_ms: u64,
    existing: Option<&Transfer>,
    sides: Sides,
) -> Result<Step, OrderError> {
    match order {
        Order::Hold {
            charge,
            expires_at_ms,
        } => {
            let body = Body::Payment(charge.clone());
            match existing {
                Some(transfer) => again(transfer, &body, Some(*expires_at_ms)),
                None => first_hold(body, now_ms, *expires_at_ms, sides),
            }
        }
        Order::Pay(charge) => one_step(Body::Payment(charge.clone()), existing, sides),
        Order::Credit(credit) => one_step(Body::Credit(credit.clone()), existing, sides),
        Order::Capture { amount, .. } => capture(*amount, now_ms, existing, sides),
        Order::Void { .. } => void(now_ms, existing, sides),
    }
}

/// Ends a hold whose time is over.
///
/// # Errors
/// When the transfer is not held, or held longer.
pub fn expire(transfer: &Transfer, now_ms: u64, sides: Sides) -> Result<Box<Change>, OrderError> {
    if transfer.state != State::Held || !is_over(transfer, now_ms) {
        return Err(OrderError::NotHeld(transfer.state));
    }
    let sides = sides.release(in_range(transfer.body.amount())?)?;
    Ok(change(transfer, State::Expired, sides))
}

fn first_hold(
    body: Body,
    now_ms: u64,
    expires_at_ms: u64,
    sides: Sides,
) -> Result<Step, OrderError> {
    let amount = body.check()?;
    let life_ms = expires_at_ms.saturating_sub(now_ms);
    if life_ms == 0 || life_ms > HOLD_LIFE_MS_MAX {
        return Err(OrderError::Invalid {
            field: "expires_at_ms",
        });
    }
    let fresh = Transfer {
        body,
        state: State::Held,
        expires_at_ms: Some(expires_at_ms),
    };
    Ok(Step::Change(if sides.debit.available() < amount {
        change(&fresh, State::Refused, sides)
    } else {
        change(&fresh, State::Held, sides.hold(amount)?)
    }))
}

fn one_step(body: Body, existing: Option<&Transfer>, sides: Sides) -> Result<Step, OrderError> {
    if let Some(transfer) = existing {
        return again(transfer, &body, None);
    }
    let amount = body.check()?;
    let may_owe = body.debit_key().is_world();
    let posted = State::Posted {
        amount: body.amount(),
    };
    let fresh = Transfer {
        body,
        state: posted,
        expires_at_ms: None,
    };
    Ok(Step::Change(
        if !may_owe && sides.debit.available() < amount {
            change(&fresh, State::Refused, sides)
        } else {
            change(&fresh, posted, sides.post(amount)?)
        },
    ))
}

fn capture(
    amount: u64,
    now_ms: u64,
    existing: Option<&Transfer>,
    sides: Sides,
) -> Result<Step, OrderError> {
    let transfer = existing
        .filter(|t| t.expires_at_ms.is_some())
        .ok_or(OrderError::NoHold)?;
    match transfer.state {
        State::Posted { amount: posted } if posted == amount => Ok(Step::Repeat),
        State::Posted { .. } => Err(OrderError::Conflict { field: "amount" }),
        State::Voided | State::Expired | State::Refused => Err(OrderError::NotHeld(transfer.state)),
        State::Held if is_over(transfer, now_ms) => Err(OrderError::NotHeld(State::Expired)),
        State::Held => {
            let held = transfer.body.amount();
            if amount > held {
                return Err(OrderError::ExceedsHold { held });
            }
            let sides = sides.release(in_range(held)?)?.post(in_range(amount)?)?;
            Ok(Step::Change(change(
                transfer,
                State::Posted { amount },
                sides,
            )))
        }
    }
}

fn void(now_ms: u64, existing: Option<&Transfer>, sides: Sides) -> Result<Step, OrderError> {
    let transfer = existing
        .filter(|t| t.expires_at_ms.is_some())
        .ok_or(OrderError::NoHold)?;
    match transfer.state {
        State::Voided => Ok(Step::Repeat),
        State::Posted { .. } | State::Expired | State::Refused => {
            Err(OrderError::NotHeld(transfer.state))
        }
        State::Held if is_over(transfer, now_ms) => Err(OrderError::NotHeld(State::Expired)),
        State::Held => {
            let sides = sides.release(in_range(transfer.body.amount())?)?;
            Ok(Step::Change(change(transfer, State::Voided, sides)))
        }
    }
}

/// Answers an order whose id is known: the same again, or a conflict.
fn again(transfer: &Transfer, body: &Body, expires: Option<u64>) -> Result<Step, OrderError> {
    if let Some(field) = transfer.body.differing_field(body) {
        return Err(OrderError::Conflict { field });
    }
    if transfer.expires_at_ms != expires {
        return Err(OrderError::Conflict {
            field: "expires_at_ms",
        });
    }
    Ok(Step::Repeat)
}

fn change(transfer: &Transfer, state: State, sides: Sides) -> Box<Change> {
    Box::new(Change {
        transfer: Transfer {
            state,
            ..transfer.clone()
        },
        sides,
    })
}

fn is_over(transfer: &Transfer, now_ms: u64) -> bool {
    transfer.expires_at_ms.is_some_and(|end| end <= now_ms)
}

fn in_range(amount: u64) -> Result<i64, OrderError> {
    match i64::try_from(amount) {
        Ok(signed) if signed > 0 && amount <= AMOUNT_MAX => Ok(signed),
        Ok(_) | Err(_) => Err(OrderError::Invalid { field: "amount" }),
    }
}

#[cfg(test)]
mod tests;

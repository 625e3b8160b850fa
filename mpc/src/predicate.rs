//! Predicates over integers that no party sees, such as an age: compare, find in a range or a
//! set, combine, and reveal one bit [MPC-60].
//!
//! A client splits each 32-bit integer with [`split_integer`]; [`SharedIntegers::accept`] puts
//! the shares of up to [`INTEGERS_MAX`] of them side by side, 64 to a word, and a predicate
//! answers for all of them at once, with a [`SharedBits`]. These combine with
//! [`SharedBits::not`] and [`Terms`], and [`reveal`] opens them: with [`Security::Abort`],
//! everything that was sent is proved before. A party sends nothing but the
//! summands of ANDs, so lengths depend on the number of integers, the kind of predicate, its
//! public constants and the sizes of sets, and on nothing secret.
//!
//! The parties have to mean the same predicate; they make sure with [`agree`](crate::agree).
//!
//! ```text
//!                          rounds              ANDs of an integer, 1/8 byte sent each
//!   greater, constant      at most 5           at most 42
//!   greater, shared        6                   89
//!   range                  at most 6           at most 85
//!   equal, either          5                   31
//!   in a public set of n   5                   at most 192 + 7 n
//!   in a shared set of n   5 + ceil(log2 n)    32 n - 1
//!   all or any of n        ceil(log2 n)        n - 1
//!   reveal                 1; with abort after the proofs
//! ```
//!
//! [`Security::Abort`]: crate::Security::Abort

mod bits;
mod compare;
mod input;
mod member;
mod shared;

pub(crate) use self::bits::inverted;
pub use self::bits::{SharedBits, Terms, reveal};
pub(crate) use self::compare::carry;
pub use self::input::{IntegerInput, integer_commitments, split_integer};
pub use self::member::{PublicSet, SET_MAX, SetPairs, SharedSet};
pub use self::shared::{INTEGERS_MAX, PredicateError, SharedIntegers, SharedPairs};
#[cfg(test)]
mod tests;

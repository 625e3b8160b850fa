//! Matching palms between three parties, none of which sees one.
//!
//! A scanner splits the encodings of a palm with [`split`]. The parties turn their shares into a
//! [`SharedPalm`] with [`accept`], keep its [`StoredShare`] at enrolment, and compare its
//! [`QueryShare`] with everything stored by [`identify`], which reveals one bit per stored
//! template: does it match or not. Two parties must collude to learn more. The protocol is in
//! `docs/protocol.md`, section "Matching"; clauses are cited as `[MPC-1]`.
//!
//! Steps are straight-line `async` functions over a [`Channel`]; a [`Job`] drives one of them as
//! a state machine without I/O. The core is secure against parties that follow the protocol, and
//! an opened value that two parties disagree on aborts.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod accept;
mod bits;
mod channel;
mod context;
mod error;
mod galois;
mod identify;
mod inject;
mod input;
mod job;
mod kernel;
pub mod local;
pub mod plain;
mod prg;
mod rule;
mod share;
mod sign;
mod step;
#[cfg(test)]
mod testing;
mod values;

pub use crate::accept::{SharedPalm, accept};
pub use crate::channel::{Channel, EARLY_MESSAGES_MAX, MESSAGE_BYTES_MAX};
pub use crate::context::{Context, PairwiseSeeds};
pub use crate::error::{MpcError, ShareDecodeError};
pub use crate::identify::{BLOCK_TEMPLATES, TEMPLATES_MAX, identify};
pub use crate::input::{SEED_BYTES, ShareInput, split};
pub use crate::job::{Counters, Input, Job, Mailbox, Output};
pub use crate::rule::{Rule, RuleError};
pub use crate::share::{QueryShare, STORED_SHARE_BYTES, StoredShare};
pub use crate::step::Step;

//! Matching palms between three parties, none of which sees one.
//!
//! A scanner splits the encodings of a palm with [`split`]. The parties turn their shares into a
//! [`SharedPalm`] with [`accept`], demand that it has enough valid cells, keep its
//! [`StoredShare`] at enrolment, and compare its [`QueryShare`] with everything stored by
//! [`identify`], which reveals one bit per stored template: does it match or not. Two parties
//! must collude to learn more. The protocol is in `docs/protocol.md`, section "Matching"; clauses
//! are cited as `[MPC-1]`.
//!
//! Steps are straight-line `async` functions over a [`Channel`]; a [`Job`] drives one of them as
//! a state machine without I/O. What a run is secure against is its [`Security`]: with
//! [`Security::Abort`] everything sent is proved, and every product audited, before a bit opens.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod accept;
mod agree;
mod audit;
mod bits;
mod cells;
mod channel;
mod conclude;
mod context;
mod database;
mod error;
mod galois;
mod gates;
mod identify;
mod inject;
mod input;
mod job;
pub mod local;
mod payload;
pub mod plain;
mod predicate;
mod prg;
mod proof;
mod refresh;
mod reshare;
mod rule;
mod share;
mod sign;
mod step;
mod task;
#[cfg(test)]
mod testing;
mod transcript;
mod values;
mod window;
mod wipe;

pub use crate::accept::{SharedPalm, accept};
pub use crate::agree::agree;
pub use crate::audit::Audit;
pub use crate::channel::{Channel, EARLY_BYTES_MAX, EARLY_MESSAGES_MAX, MESSAGE_BYTES_MAX};
pub use crate::context::{Context, PairwiseSeeds, Security};
pub use crate::database::Database;
pub use crate::error::{MpcError, ShareDecodeError};
pub use crate::identify::{BLOCK_TEMPLATES, TEMPLATES_MAX, identify};
pub use crate::input::{SEED_BYTES, ShareInput, commitments, split};
pub use crate::job::{Counters, Input, Job, Mailbox, Output};
pub use crate::predicate::{
    INTEGERS_MAX, IntegerInput, PredicateError, PublicSet, SET_MAX, SetPairs, SharedBits,
    SharedIntegers, SharedPairs, SharedSet, Terms, integer_commitments, reveal, split_integer,
};
pub use crate::refresh::{
    EpochKey, RefreshCheck, RefreshError, agree_refresh_key, check_refresh, plan_refresh, refresh,
    refresh_slot, refreshed_share,
};
pub use crate::reshare::{CHUNK_SLOTS, receive_shares, restore_shares};
pub use crate::rule::{Profile, Rule, RuleError};
pub use crate::share::{QueryShare, STORED_SHARE_BYTES, StoredShare};
pub use crate::step::Step;
pub use crate::task::{Task, TaskResult};
pub use crate::transcript::{Transcript, Way};
pub use boop_kernel::{Kernel, LANES};

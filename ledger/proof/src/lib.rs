//! Proofs about the public log: what it contains, and that it only ever grew [LED-2].
//!
//! - [`hash`]: leaves, nodes and the empty root of an RFC 6962 tree.
//! - [`tree`]: a growing tree that answers with roots and proofs.
//! - [`verify`]: checks inclusion and consistency proofs; needs no tree.
//! - [`key`], [`note`]: C2SP signed notes, Ed25519 keys and witness cosignatures.
//! - `mldsa`: cosignatures that hold against quantum computers; behind the feature `ml-dsa`.
//! - [`checkpoint`]: the signed statement "the log has this size and this root".
//! - [`cose`]: proofs as COSE receipts (RFC 9942).
//! - [`receipt`]: the `tlog-proof` text that proves one entry offline.
//! - [`witness`]: what a witness cosigns and what it refuses, without I/O.
//! - [`policy`]: which logs count, and whose cosignatures make a quorum.
//! - [`tile`]: paths of the published tiles.
//!
//! The crate reads no clock, holds no randomness and does no I/O. A log, its clients, the
//! parties and an auditor all use it, so that there is one opinion of what a proof is.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod checkpoint;
pub mod cose;
pub mod hash;
pub mod key;
#[cfg(feature = "ml-dsa")]
pub mod mldsa;
pub mod note;
pub mod policy;
pub mod receipt;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod witness;

mod text;

pub use checkpoint::Checkpoint;
pub use hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
pub use key::{KeyName, SignerKey, VerifierKey};
pub use note::Note;
pub use receipt::ProofText;
pub use tree::Tree;
pub use verify::{verify_consistency, verify_inclusion};

//! Fuzz targets: one for each parser of attestation evidence and of what stands around it.
//!
//! A target is a plain function of bytes. It panics when something that must hold of every input
//! does not, which is more than that nothing crashes: bytes come back as they came, writers undo
//! readers, verdicts agree with their own steps, two implementations of the signature checks say
//! the same, and nothing that a fuzzer made is ever believed.
//!
//! `cargo xtask fuzz` feeds the targets through libFuzzer; `tests/corpus.rs` replays what is kept
//! in `corpus/`, and the vectors where they are.
#![forbid(unsafe_code)]

mod crypto;
mod fixture;
mod invariants;
mod targets;

pub use targets::{TARGETS, Target};

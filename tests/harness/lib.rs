//! What whole-system tests share.
//!
//! - [`anybody`]: TLS with whoever is there.
//! - [`program`]: where the programs under test lie.
//! - [`bound`]: what a case of the vectors wants evidence to be bound to.
//! - [`simulation`]: three parties on one thread, with their hosts and custodians.

pub mod anybody;
pub mod bound;
pub mod program;
pub mod simulation;

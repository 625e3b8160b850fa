//! What whole-system tests share.
//!
//! - [`program`]: where the programs under test lie.

pub mod program;

//! The commands that developers, newcomers and CI type: `cargo xtask ...`.
//!
//! - [`demo`]: builds the whole network and runs it once.
//! - [`mod@test`]: all tests, in the order they need.
//! - [`vectors`]: the vectors folder against our code.
//! - [`prove`]: the claims as programs.
//! - [`mod@bench`]: benchmarks, each with its reference beside it.
//! - [`fuzz`]: parsers fed with what a fuzzer makes.
//! - [`tcb`]: what the measured binary links.
//! - [`check`]: the list that CI runs.
//!
//! The package stays small, because a newcomer waits for it before anything else: no crate of
//! the product is linked. What needs one is a program of its own that a command here builds and
//! starts.

pub mod bench;
pub mod check;
pub mod demo;
pub mod fuzz;
pub mod prove;
pub mod release;
pub mod tcb;
pub mod test;
pub mod vectors;
pub mod workspace;

mod duration;
mod progress;

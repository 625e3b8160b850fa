//! Vector arithmetic of the matching: dot products, bit slices and the field of the proofs,
//! behind safe functions.
//!
//! Every function exists in a portable form, which is the definition, and in forms for the vector
//! units of the processors that parties run on. [`Kernel::best`] chooses at start, and takes a
//! vector form only after it has given the portable form's answers. This crate is where the
//! unsafe code of the matching lives; nothing here branches on or indexes by a secret.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod dot;
mod field;
mod kernel;
mod skip;
mod slices;

pub use crate::dot::{Base, CELLS, CODE, LANES, Rows, Shift, Tile};
pub use crate::field::Gf64;
pub use crate::kernel::Kernel;
pub use crate::skip::{SKIP_POINTS, SKIP_ROWS, SKIP_VARIABLES, SkipSums, SkipWeights};
pub use crate::slices::SUM_SLOTS;

//! Policy files: every field, every error, and what the shipped ones accept of genuine evidence.
//!
//! The last part needs the shared vectors; without them it says so and passes, unless `CI` is set.

mod errors;
mod forms;
mod genuine;
mod support;
#[path = "../support/vectors.rs"]
mod vectors;

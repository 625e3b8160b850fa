//! `cargo xtask check`: the list that CI runs.

use std::process::Command;

use anyhow::Result;

use crate::workspace;

/// Runs `.ci/run`.
///
/// # Errors
/// If a step of it fails.
pub fn run() -> Result<()> {
    let root = workspace::root();
    workspace::run(Command::new(root.join(".ci/run")).current_dir(root))
}

//! `cargo xtask vectors`: the vectors folder against our code.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::workspace;

/// Arguments of `cargo xtask vectors`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Writes the table to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Another folder of the same layout.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Builds the program that compares, and runs it.
///
/// # Errors
/// If it does not build, or a case is judged otherwise than it states.
pub fn run(args: &Args) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["run", "--quiet", "--locked", "--package", "boop-tests"]);
    command.args(["--bin", "boop-vectors", "--"]);
    let folder = args.dir.clone().unwrap_or_else(folder);
    command.arg("--dir").arg(absolute(&folder)?);
    if let Some(file) = &args.json {
        command.arg("--json").arg(absolute(file)?);
    }
    workspace::run(&mut command)
}

/// Where the vectors are: `BOOP_VECTORS`, else `shared/vectors` beside the workspace.
#[must_use]
pub fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("BOOP_VECTORS") {
        return PathBuf::from(folder);
    }
    let root = workspace::root();
    root.parent().unwrap_or(&root).join("shared/vectors")
}

/// The program runs at the root of the workspace, whatever the caller's folder is.
fn absolute(path: &Path) -> Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}

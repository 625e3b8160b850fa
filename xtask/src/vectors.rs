//! `cargo xtask vectors`: the vectors folder against our code.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::workspace;

/// The vectors of simulated hardware that the repository keeps, below its root.
const KEPT: &str = "tests/vectors/attestation";

/// Arguments of `cargo xtask vectors`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Writes the table to a file.
    #[arg(long, value_name = "FILE", conflicts_with = "write")]
    json: Option<PathBuf>,
    /// Another folder of the same layout; roots that it lacks come from the vectors folder.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Makes the vectors of simulated hardware anew, under new keys, where the repository keeps
    /// them or in `--dir`.
    #[arg(long)]
    write: bool,
}

/// Builds the program that compares, and runs it.
///
/// # Errors
/// If it does not build, or a case is judged otherwise than it states.
pub fn run(args: &Args) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["run", "--quiet", "--locked", "--package", "boop-tests"]);
    command.args(["--bin", "boop-vectors", "--"]);
    let usual = if args.write {
        workspace::root().join(KEPT)
    } else {
        folder()
    };
    let chosen = args.dir.clone().unwrap_or(usual);
    command.arg("--dir").arg(absolute(&chosen)?);
    if args.write {
        command.arg("--write");
    } else if args.dir.is_some() && folder().is_dir() {
        command.arg("--roots").arg(absolute(&folder())?);
    }
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

//! `boop-vectors --dir DIR`: every case of a vectors folder against our code.
//!
//! A case that states one verdict and gets another is a disagreement; so is a case that cannot be
//! read. The exit code is 0 when all agree. `cargo xtask vectors` builds and runs it.

mod attestation;
mod ledger;
mod suite;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::suite::Suite;

/// Holds every case of a vectors folder against our code.
#[derive(Debug, Parser)]
struct Args {
    /// The folder.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Writes the table to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Compares, reports, and says whether all cases agree.
fn run(args: &Args) -> Result<bool> {
    ensure!(args.dir.is_dir(), "no folder {}", args.dir.display());
    let mut suites = attestation::suites(&args.dir.join("attestation"))?;
    suites.extend(ledger::suites(&args.dir.join("ledger"))?);
    let cases: usize = suites.iter().map(Suite::cases).sum();
    ensure!(cases > 0, "no cases in {}", args.dir.display());

    let mut text = suite::table(&suites);
    let unread = unread(&args.dir)?;
    if !unread.is_empty() {
        let unread = unread.join(", ");
        text += &format!("without a suite here: {unread}\n");
    }
    std::io::stdout().write_all(text.as_bytes())?;
    if let Some(file) = &args.json {
        let json = serde_json::to_string_pretty(&suite::json(&suites))?;
        fs::write(file, json + "\n").with_context(|| file.display().to_string())?;
    }
    Ok(suites.iter().all(|suite| suite.disagreements.is_empty()))
}

/// Folders for which there is no suite.
fn unread(folder: &Path) -> Result<Vec<String>> {
    let mut names = vec![];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !["attestation", "ledger"].contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

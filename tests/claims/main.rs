//! `boop-claims --dir DIR`: the claims of area `attestation`, each as a program that tries to
//! break it, with a control.
//!
//! The evidence is that of a vectors folder. `cargo xtask prove attestation` builds and runs it.

mod claim;
mod crypto;
mod evidence;
mod mutation;
mod pitfalls;
mod policies;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::claim::Sheet;
use crate::evidence::Evidence;

/// Tries to break the claims of area `attestation`.
#[derive(Debug, Parser)]
struct Args {
    /// The vectors.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Tries a sample of the changes.
    #[arg(long)]
    quick: bool,
    /// Writes the outcome to a file.
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

/// Tries, reports, and says whether everything held.
fn run(args: &Args) -> Result<bool> {
    let evidence = Evidence::read(&args.dir.join("attestation"))
        .with_context(|| format!("vectors in {}", args.dir.display()))?;
    println!("trying to break the claims of area attestation");
    println!("evidence: {} in {}", evidence.origin(), args.dir.display());

    let mut sheet = Sheet::begin();
    mutation::claims(&evidence, args.quick, &mut sheet)?;
    policies::claims(&evidence, &mut sheet)?;
    pitfalls::claims(&evidence, &mut sheet);

    if let Some(file) = &args.json {
        sheet.write(file)?;
    }
    Ok(sheet.all_held())
}

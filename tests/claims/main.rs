//! `boop-claims AREA`: the claims of an area, each as a program that tries to break it, with a
//! control.
//!
//! The evidence is that of a vectors folder. `cargo xtask prove AREA` builds and runs it.

mod claim;
mod crypto;
mod custody;
mod evidence;
mod matching;
mod mutation;
mod pitfalls;
mod policies;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::claim::{Area, Sheet};
use crate::evidence::Evidence;

/// Tries to break the claims of an area.
#[derive(Debug, Parser)]
struct Args {
    /// Which claims.
    #[arg(value_enum)]
    area: Area,
    /// The vectors of area `attestation`.
    #[arg(long, value_name = "DIR", required_if_eq("area", "attestation"))]
    dir: Option<PathBuf>,
    /// Tries a sample of what there is to try.
    #[arg(long)]
    quick: bool,
    /// Tries one claim of area `matching` or `custody` alone; a wrong name lists them.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
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
    println!("trying to break the claims of area {}", args.area.as_str());
    let sheet = match args.area {
        Area::Attestation => attestation(args)?,
        Area::Matching => claim::sheet(args.area, matching::CLAIMS, args)?,
        Area::Custody => claim::sheet(args.area, custody::CLAIMS, args)?,
    };
    if let Some(file) = &args.json {
        sheet.write(file)?;
    }
    Ok(sheet.all_held())
}

fn attestation(args: &Args) -> Result<Sheet> {
    let dir = args.dir.as_deref().context("no vectors are given")?;
    let evidence = Evidence::read(&dir.join("attestation"))
        .with_context(|| format!("vectors in {}", dir.display()))?;
    println!("evidence: {} in {}", evidence.origin(), dir.display());

    let mut sheet = Sheet::begin(args.area);
    mutation::claims(&evidence, args.quick, &mut sheet)?;
    policies::claims(&evidence, &mut sheet)?;
    pitfalls::claims(&evidence, &mut sheet);
    Ok(sheet)
}

//! `cargo xtask bench`: benchmarks, each with its reference in the same run.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use boop_bench::{attestation, bridge, custody, gateway, matching, palm, rounds::Effort};
use clap::Parser;

/// Measures, each figure beside a stated reference in the same run.
#[derive(Debug, Parser)]
struct Args {
    /// Which benchmark.
    #[arg(value_enum, default_value_t = Name::Attestation)]
    name: Name,
    /// Writes the rows to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fewer rounds: figures to look at, not to quote.
    #[arg(long)]
    quick: bool,
    /// How many templates `match` compares with [default: 8192].
    #[arg(long, value_name = "N")]
    templates: Option<usize>,
    /// Where the token of `custody-softhsm` is.
    #[arg(long, hide = true, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// How often `custody-softhsm` measures.
    #[arg(long, hide = true, value_name = "N", default_value_t = 1)]
    rounds: usize,
}

/// A benchmark.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Name {
    /// Verification of evidence.
    Attestation,
    /// Searches by three parties.
    Match,
    /// Extraction and comparison of palms.
    Palm,
    /// Key releases, and opening of sealed stores.
    Custody,
    /// Requests and new connections of the doors.
    Gateway,
    /// Sockets and events.
    Bridge,
    /// The server that `gateway` is held against.
    #[value(hide = true)]
    Bare,
    /// The part of `custody` that needs a process of its own.
    #[value(hide = true)]
    CustodySofthsm,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let effort = if args.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    let table = match args.name {
        Name::Attestation => attestation::run(effort)?,
        Name::Match => matching::run(effort, args.templates)?,
        Name::Palm => palm::run(effort)?,
        Name::Custody => custody::run(effort)?,
        Name::Gateway => gateway::run(effort)?,
        Name::Bridge => bridge::run(effort)?,
        Name::Bare => return gateway::serve_bare(),
        Name::CustodySofthsm => {
            return custody::print_with_softhsm(&args.folder, args.rounds);
        }
    };
    print!("{table}");
    if let Some(file) = &args.json {
        fs::write(file, serde_json::to_string_pretty(&table.to_json())? + "\n")?;
    }
    Ok(())
}

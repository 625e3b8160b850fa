//! `boop-vectors --dir DIR`: every case of a vectors folder against our code.
//!
//! A case that states one verdict and gets another is a disagreement; so is a case that cannot be
//! read. The exit code is 0 when all agree. Evidence is judged by both implementations of the
//! signature checks. `cargo xtask vectors` builds and runs it; with `--write` it makes the vectors
//! of simulated hardware anew instead.

#[cfg(test)]
mod coverage;
mod evidence;
mod ledger;
mod measure;
mod run;
mod sd_jwt;
mod suite;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Holds every case of a vectors folder against our code.
#[derive(Debug, Parser)]
struct Args {
    /// The folder.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where the roots are that the folder lacks: another folder of the same layout.
    #[arg(long, value_name = "DIR")]
    roots: Option<PathBuf>,
    /// Writes the table to a file.
    #[arg(long, value_name = "FILE", conflicts_with = "write")]
    json: Option<PathBuf>,
    /// Writes vectors of simulated hardware, under new keys, into the folder instead.
    #[arg(long)]
    write: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = if args.write {
        run::write(&args.dir)
    } else {
        run::compare(&args.dir, args.roots.as_deref(), args.json.as_deref())
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

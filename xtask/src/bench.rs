//! `cargo xtask bench`: benchmarks, each with its reference in the same run.

use std::path::PathBuf;

use anyhow::Result;

use crate::release;

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which benchmark.
    #[arg(value_enum, default_value_t = Name::Attestation)]
    name: Name,
    /// Writes the rows to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fewer rounds: figures to look at, not to quote.
    #[arg(long)]
    quick: bool,
}

/// A benchmark.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Name {
    /// Verification of evidence beside the signature checks that it cannot avoid.
    Attestation,
    /// Searches by three parties in one process, beside the peaks of the processor.
    Match,
    /// A scanner's work on a capture, part by part, and comparison in the clear.
    Palm,
}

impl Name {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::Match => "match",
            Self::Palm => "palm",
        }
    }
}

/// Builds the benchmarks and runs one; returns only on an error.
///
/// # Errors
/// If the build fails or the program cannot be started.
pub fn run(args: &Args) -> Result<()> {
    let mut bench = release::bench()?;
    bench.arg(args.name.as_str());
    if args.quick {
        bench.arg("--quick");
    }
    if let Some(file) = &args.json {
        bench.arg("--json").arg(file);
    }
    release::become_program(&mut bench)
}

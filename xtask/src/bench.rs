//! `cargo xtask bench`: benchmarks, each with its reference in the same run.

use std::path::PathBuf;

use anyhow::{Result, ensure};

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
    /// How many are enrolled in `search`; may be given several times [default: 1000 and 10000].
    #[arg(long, value_name = "N")]
    people: Vec<u32>,
    /// How many templates `match` compares with [default: 8192].
    #[arg(long, value_name = "N")]
    templates: Option<usize>,
}

/// A benchmark.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Name {
    /// Verification of evidence beside the signature checks that it cannot avoid.
    Attestation,
    /// Searches by three parties in one process, beside the peaks of the processor.
    Match,
    /// Key releases, and the opening of sealed stores beside reading and AES-GCM alone.
    Custody,
    /// The gateway's requests and new connections beside a bare server's.
    Gateway,
    /// Idle sockets, fan-out and durable events of the gateway.
    Bridge,
    /// A scanner's work on a capture, part by part, and comparison in the clear.
    Palm,
    /// Searches through the whole system, all its processes, with a crowd enrolled.
    Search,
}

impl Name {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::Bridge => "bridge",
            Self::Custody => "custody",
            Self::Gateway => "gateway",
            Self::Match => "match",
            Self::Palm => "palm",
            Self::Search => "search",
        }
    }
}

/// Builds the benchmarks and runs one; returns only on an error.
///
/// # Errors
/// If the build fails or the program cannot be started.
pub fn run(args: &Args) -> Result<()> {
    let mut bench = match args.name {
        Name::Attestation | Name::Custody | Name::Match | Name::Palm => release::bench()?,
        // These start a network, as the demonstration does.
        Name::Bridge | Name::Gateway => release::bench_of_network()?,
        Name::Search => release::world()?,
    };
    bench.arg(args.name.as_str());
    match args.name {
        Name::Attestation
        | Name::Bridge
        | Name::Custody
        | Name::Gateway
        | Name::Match
        | Name::Palm => {
            ensure!(args.people.is_empty(), "--people belongs to `search`");
        }
        Name::Search => {
            for people in &args.people {
                bench.arg("--people").arg(people.to_string());
            }
        }
    }
    if let Some(templates) = args.templates {
        ensure!(
            matches!(args.name, Name::Match),
            "--templates belongs to `match`"
        );
        bench.arg("--templates").arg(templates.to_string());
    }
    if args.quick {
        bench.arg("--quick");
    }
    if let Some(file) = &args.json {
        bench.arg("--json").arg(file);
    }
    release::become_program(&mut bench)
}

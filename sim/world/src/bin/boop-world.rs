//! `boop-world`: runs whole networks of simulated machines. `boop up`, `boop palm generate` and
//! `boop palm accuracy` hand over to it.

use std::path::PathBuf;
use std::process::ExitCode;

use boop_world::demo::{self, DemoOptions};
use boop_world::mock::{self, ScannerOptions};
use boop_world::palms::{self, AccuracyOptions, Captures};
use boop_world::prove::{self, ProveOptions};
use boop_world::search::{self, SearchOptions};
use boop_world::up;
use clap::{Parser, Subcommand, ValueEnum};

/// Runs whole boop networks of simulated machines on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a network, enrols people, pays, verifies, attacks, and shows what came of it.
    Demo {
        /// People to enrol.
        #[arg(long, default_value_t = 200)]
        people: usize,
        /// Folder of the network's files; an earlier network in it is deleted.
        #[arg(long, default_value = "boop-data/demo")]
        data: PathBuf,
        /// Writes the figures to this file as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Leaves the network up until Ctrl-C.
        #[arg(long)]
        stay: bool,
        /// What palms follow from; the same seed gives the same people.
        #[arg(long, default_value_t = 2026)]
        seed: u64,
    },
    /// Starts the network of a folder, or makes one there, and keeps it up until it is stopped.
    Up {
        /// Folder of the network's files.
        #[arg(long, default_value = "boop-data/network")]
        data: PathBuf,
        /// Port of the gateway on 127.0.0.1, for a new network.
        #[arg(long, default_value_t = 7443)]
        port: u16,
    },
    /// Serves a terminal of a simulated network: shows a synthetic palm for every context.
    Scanner(ScannerOptions),
    /// Tries to break the project's claims.
    Prove {
        /// Which claims: journey.
        area: Area,
        /// Fewer rounds of each.
        #[arg(long)]
        quick: bool,
        /// Writes the outcome to this file as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Folder of the network's files; an earlier network in it is deleted.
        #[arg(long, default_value = "boop-data/prove")]
        data: PathBuf,
        /// What palms follow from.
        #[arg(long, default_value_t = 2026)]
        seed: u64,
    },
    /// Measures searches through the whole system, with crowds of several sizes enrolled.
    Search {
        /// Sizes of the crowd.
        #[arg(long, default_values_t = [1_000, 10_000])]
        people: Vec<usize>,
        /// Fewer searches: figures to look at, not to quote.
        #[arg(long)]
        quick: bool,
        /// Writes the figures to this file as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Folder of the network's files; an earlier network in it is deleted.
        #[arg(long, default_value = "boop-data/search")]
        data: PathBuf,
        /// What palms follow from.
        #[arg(long, default_value_t = 2026)]
        seed: u64,
    },
    /// Generates pictures of synthetic palms.
    Palm {
        #[command(subcommand)]
        command: PalmCommand,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Area {
    /// From a palm over a scanner to a receipt in a vendor's hands.
    Journey,
}

#[derive(Debug, Subcommand)]
enum PalmCommand {
    /// Writes captures of synthetic palms as PNG.
    Generate {
        /// Seed; the same one gives the same people.
        #[arg(long, default_value_t = 2026)]
        seed: u64,
        /// Folder for the pictures.
        #[arg(long, default_value = "palms")]
        out: PathBuf,
        /// How many people.
        #[arg(long, default_value_t = 2)]
        people: u64,
        /// How many captures of each.
        #[arg(long, default_value_t = 3)]
        captures: u64,
    },
    /// Compares captures of many palms and tells how often the match rule errs.
    Accuracy {
        /// Seed; the same one gives the same people.
        #[arg(long, default_value_t = 2026)]
        seed: u64,
        /// How many palms.
        #[arg(long, default_value_t = 60)]
        #[arg(value_parser = clap::value_parser!(u32).range(2..=10_000))]
        identities: u32,
        /// How many captures of each.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=100))]
        captures: u32,
        /// Folder of captures to read in place of drawn ones.
        #[arg(long, conflicts_with_all = ["seed", "identities", "captures"])]
        images: Option<PathBuf>,
        /// Writes the figures to this file as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Folder for the error curve and the histograms, as SVG.
        #[arg(long)]
        svg: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Demo {
            people,
            data,
            json,
            stay,
            seed,
        } => {
            let options = DemoOptions {
                people,
                data,
                json,
                stay,
                seed,
            };
            Ok(exit(Box::pin(demo::run(&options)).await?))
        }
        Command::Prove {
            area: Area::Journey,
            quick,
            json,
            data,
            seed,
        } => {
            let options = ProveOptions {
                data,
                json,
                quick,
                seed,
            };
            Ok(exit(Box::pin(prove::journey(&options)).await?))
        }
        Command::Search {
            people,
            quick,
            json,
            data,
            seed,
        } => {
            let options = SearchOptions {
                people,
                data,
                json,
                quick,
                seed,
            };
            Ok(exit(Box::pin(search::run(&options)).await?))
        }
        Command::Scanner(options) => {
            Box::pin(mock::run(&options)).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Up { data, port } => up::run(&data, port).await.map(|()| ExitCode::SUCCESS),
        Command::Palm { command } => palm(command).map(|()| ExitCode::SUCCESS),
    }
}

const fn exit(held: bool) -> ExitCode {
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn palm(command: PalmCommand) -> anyhow::Result<()> {
    match command {
        PalmCommand::Generate {
            seed,
            out,
            people,
            captures,
        } => palms::generate(seed, &out, people, captures),
        PalmCommand::Accuracy {
            seed,
            identities,
            captures,
            images,
            json,
            svg,
        } => {
            let drawn = Captures::Drawn {
                seed,
                identities,
                captures,
            };
            let captures = images.map_or(drawn, Captures::Read);
            palms::accuracy(&AccuracyOptions {
                captures,
                json,
                svg,
            })
        }
    }
}

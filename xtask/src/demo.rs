//! `cargo xtask demo`: the whole network on this machine, once through.

use std::path::PathBuf;

use anyhow::Result;

use crate::release;

/// Arguments of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many people to enrol.
    #[arg(long, value_name = "N")]
    people: Option<u32>,
    /// Keeps the network running at the end, until interrupted.
    #[arg(long)]
    stay: bool,
    /// Writes what happened, and how long each step took, to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the network keeps its data, instead of a folder that goes away.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Builds the network's programs and runs the demonstration; returns only on an error.
///
/// # Errors
/// If the build fails or the program cannot be started.
pub fn run(args: &Args) -> Result<()> {
    let mut world = release::world()?;
    world.arg("demo");
    if let Some(people) = args.people {
        world.arg("--people").arg(people.to_string());
    }
    if args.stay {
        world.arg("--stay");
    }
    if let Some(file) = &args.json {
        world.arg("--json").arg(file);
    }
    if let Some(folder) = &args.data {
        world.arg("--data").arg(folder);
    }
    release::become_program(&mut world)
}

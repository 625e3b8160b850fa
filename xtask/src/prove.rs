//! `cargo xtask prove`: the claims of the project as programs that try to break them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{release, vectors, workspace};

mod doors;

/// Arguments of `cargo xtask prove`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which claims.
    #[arg(value_enum, default_value_t = Area::Journey)]
    area: Area,
    /// Fewer rounds of each.
    #[arg(long)]
    quick: bool,
    /// Writes the outcome to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A group of claims.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Area {
    /// From a palm over a scanner to a receipt in a vendor's hands.
    Journey,
    /// Evidence of hardware, changed bit by bit and in every way that verifiers fell for.
    Attestation,
    /// Palms compared by three parties, one of which may deviate.
    Matching,
    /// Keys, sealed stores and what custodians have on record.
    Custody,
    /// The gateway's doors, which other people's tools and clients try too.
    Doors,
}

impl Area {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Journey => "journey",
            Self::Attestation => "attestation",
            Self::Matching => "matching",
            Self::Custody => "custody",
            Self::Doors => "doors",
        }
    }
}

/// Builds what the claims are tried on and tries them; for some areas it returns only on an error.
///
/// # Errors
/// If the build fails, the program cannot be started, or a claim did not hold.
pub fn run(args: &Args) -> Result<()> {
    match args.area {
        Area::Journey => journey(args),
        Area::Attestation => attestation(args),
        Area::Matching | Area::Custody => plain(args),
        Area::Doors => doors::run(args.quick, args.json.as_deref()),
    }
}

fn journey(args: &Args) -> Result<()> {
    let mut world = release::world()?;
    world.args(["prove", args.area.as_str()]);
    pass_on(args, &mut world)?;
    release::become_program(&mut world)
}

/// The claims on evidence, of genuine hardware where its vectors are.
fn attestation(args: &Args) -> Result<()> {
    let mut command = claims(args);
    let shared = vectors::folder();
    let own = workspace::root().join("tests/vectors");
    let folder = if shared.join("attestation").is_dir() {
        shared
    } else {
        own
    };
    command.arg("--dir").arg(std::path::absolute(folder)?);
    pass_on(args, &mut command)?;
    workspace::run(&mut command)
}

/// The claims that need nothing but the program.
fn plain(args: &Args) -> Result<()> {
    let mut command = claims(args);
    pass_on(args, &mut command)?;
    workspace::run(&mut command)
}

/// The program that tries an area's claims, built first.
fn claims(args: &Args) -> Command {
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--locked", "--package", "boop-tests"]);
    command.args(["--bin", "boop-claims", "--", args.area.as_str()]);
    command
}

fn pass_on(args: &Args, program: &mut Command) -> Result<()> {
    if args.quick {
        program.arg("--quick");
    }
    if let Some(file) = &args.json {
        // The program may run in another folder than its caller.
        program.arg("--json").arg(std::path::absolute(file)?);
    }
    Ok(())
}

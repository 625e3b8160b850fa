//! `cargo xtask prove`: the claims of the project as programs that try to break them.

use std::path::PathBuf;

use anyhow::Result;

use crate::release;

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
}

impl Area {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Journey => "journey",
        }
    }
}

/// Builds the network and runs the claims against it; returns only on an error.
///
/// # Errors
/// If the build fails or the program cannot be started.
pub fn run(args: &Args) -> Result<()> {
    let mut world = release::world()?;
    world.args(["prove", args.area.as_str()]);
    if args.quick {
        world.arg("--quick");
    }
    if let Some(file) = &args.json {
        world.arg("--json").arg(file);
    }
    release::become_program(&mut world)
}

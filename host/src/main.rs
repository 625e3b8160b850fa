//! `boop-host`: the untrusted relay beside one party's enclave.

mod errands;
mod running;

use std::path::PathBuf;
use std::process::ExitCode;

use boop_daemon::from_toml;
use boop_host::{Errand, HostSettings, Phase, ask, read_status};
use clap::{Parser, Subcommand};

use errands::{print_status, refresh};

/// The untrusted relay beside one party's enclave.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file (TOML).
    #[arg(long)]
    config: PathBuf,
    /// Accept evidence of simulated hardware, under the roots in the configuration.
    #[arg(long)]
    danger_simulated_tee: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Has the running host's enclave finish what runs and retire, and waits until it has.
    Drain,
    /// Has the three parties give all records new shares under new keys, and waits until nothing
    /// is left of the old ones here. Of party 0's host alone.
    Refresh,
    /// Says where the running host's enclave is in its life.
    Status,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let settings: HostSettings = from_toml(&arguments.config)?;
    let run = settings.enclave.directory().to_owned();
    match arguments.command {
        None => running::host(settings, &run, arguments.danger_simulated_tee).await?,
        Some(Command::Drain) => {
            let status = ask(&run, Errand::Drain).await?;
            print_status(&status);
            return Ok(ExitCode::from(u8::from(status.phase != Phase::Retired)));
        }
        Some(Command::Refresh) => refresh(&settings, &run).await?,
        Some(Command::Status) => print_status(&read_status(&run)?),
    }
    Ok(ExitCode::SUCCESS)
}

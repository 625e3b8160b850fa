//! `boop-custodian`: keeps one party's key, and releases it to that party's attested enclave.

mod commands;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use boop_daemon::{from_toml, init_logs, shutdown_signal};
use boop_hsm::{CustodianSettings, Custody, OperatorsWord, follow, note_manifest, serve};
use clap::Parser;
use tokio::net::TcpListener;

use commands::{Command, Word};

/// Keeps one party's key, and releases it to that party's attested enclave.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Arguments {
    /// Configuration file (TOML).
    #[arg(long, required = true)]
    config: Option<PathBuf>,
    /// Accept evidence of simulated hardware, under the roots in the configuration.
    #[arg(long)]
    danger_simulated_tee: bool,
    #[command(flatten)]
    word: Word,
    #[command(subcommand)]
    command: Option<Command>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let word = arguments.word.into();
    match (arguments.command, arguments.config) {
        (Some(command), _) => command.run(word),
        (None, Some(config)) => run(&config, arguments.danger_simulated_tee, word).await,
        (None, None) => anyhow::bail!("--config is missing"),
    }
}

async fn run(
    config: &Path,
    danger_simulated: bool,
    word: OperatorsWord,
) -> anyhow::Result<ExitCode> {
    let settings: CustodianSettings = from_toml(config)?;
    init_logs(&settings.log);
    let asked_to_stop = shutdown_signal();
    let custody_settings = settings.custody()?;
    let party = custody_settings.party;
    let trust = settings.trust.establish(danger_simulated)?;
    note_manifest(&settings.register, &trust.now().manifest().head())?;
    let token = commands::open(&settings, word)?;
    let records = commands::open_records(&settings, &*token, &trust.now())?;
    let custody = Custody::new(custody_settings, Arc::clone(&trust), token, records)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen at {}", settings.listen))?;
    tracing::info!(event = "listening", party = party.get(), address = %listener.local_addr()?);
    tokio::select! {
        () = follow(trust, Arc::clone(&custody), settings.register) => {}
        () = serve(listener, custody) => {}
        () = asked_to_stop => tracing::info!(event = "stopped", party = party.get()),
    }
    Ok(ExitCode::SUCCESS)
}

//! `boop-host`: the untrusted relay beside one party's enclave.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use boop_daemon::{from_toml, init_logs, now_ms, shutdown_signal};
use boop_host::{
    BlobStore, DrainDoor, Host, HostSettings, Phase, Plan, Status, ask_to_drain, read_status,
    serve, supervise,
};
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

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
    /// Says where the running host's enclave is in its life.
    Status,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let settings: HostSettings = from_toml(&arguments.config)?;
    let run = settings.enclave.directory().to_owned();
    match arguments.command {
        None => host(settings, &run, arguments.danger_simulated_tee).await?,
        Some(Command::Drain) => {
            let status = ask_to_drain(&run).await?;
            print_status(&status);
            return Ok(ExitCode::from(u8::from(status.phase != Phase::Retired)));
        }
        Some(Command::Status) => print_status(&read_status(&run)?),
    }
    Ok(ExitCode::SUCCESS)
}

fn print_status(status: &Status) {
    println!("party {}: {}", status.party, status.phase.name());
    if let Some(refusal) = &status.last_refusal {
        println!(
            "last refusal: {} ({}: {})",
            refusal.refusal, refusal.far_end, refusal.reason
        );
    }
}

async fn host(settings: HostSettings, run: &Path, simulated: bool) -> anyhow::Result<()> {
    init_logs(&settings.log);
    let asked_to_stop = shutdown_signal();
    let plan = Plan::new(&settings)?;
    let trust = settings.trust.establish(simulated)?;
    let blobs = BlobStore::open(&settings.blobs)
        .with_context(|| format!("blobs {}", settings.blobs.display()))?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen at {}", settings.listen))?;
    let door = DrainDoor::open(run).context("the socket for draining")?;
    let host = Host::new(plan, trust, blobs, listener.local_addr()?, now_ms());

    let (stop, stopping) = watch::channel(false);
    let mut wanted = signal(SignalKind::user_defined1())?;
    let asked = Arc::clone(&host);
    let refreshes = tokio::spawn(async move {
        while wanted.recv().await.is_some() {
            asked.ask_for_refresh();
        }
    });
    let relay = tokio::spawn(serve(listener, Arc::clone(&host)));
    let mut supervisor = tokio::spawn(supervise(host, stopping));
    // Whoever asked waits for as long as this is kept.
    let _asking = tokio::select! {
        () = asked_to_stop => None,
        asked = door.asked() => asked.ok(),
        ended = &mut supervisor => {
            relay.abort();
            return ended.context("the supervisor failed");
        }
    };
    stop.send_replace(true);
    supervisor.await.context("the supervisor failed")?;
    relay.abort();
    refreshes.abort();
    Ok(())
}

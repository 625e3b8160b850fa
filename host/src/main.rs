//! `boop-host`: the untrusted relay beside one party's enclave.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use boop_daemon::{from_toml, init_logs, now_ms, shutdown_signal};
use boop_host::{BlobStore, Host, HostSettings, Plan, serve, supervise};
use clap::Parser;
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings: HostSettings = from_toml(&arguments.config)?;
    init_logs(&settings.log);
    let asked_to_stop = shutdown_signal();
    let plan = Plan::new(&settings)?;
    let trust = settings.trust.establish(arguments.danger_simulated_tee)?;
    let blobs = BlobStore::open(&settings.blobs)
        .with_context(|| format!("blobs {}", settings.blobs.display()))?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen at {}", settings.listen))?;
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
    let supervisor = tokio::spawn(supervise(host, stopping));
    asked_to_stop.await;
    stop.send_replace(true);
    supervisor.await.context("the supervisor failed")?;
    relay.abort();
    refreshes.abort();
    Ok(())
}

//! `boop up`: the network of a folder, until it is stopped.

use std::path::Path;

use crate::clients::wait_until_ready;
use crate::clock::now_ms;
use crate::layout::Layout;
use crate::network::Network;
use crate::provision::{Binaries, GatewayOptions, provision};

/// Starts the network in `data`, making it if there is none, and runs it until Ctrl-C.
///
/// # Errors
/// If it does not start.
pub async fn run(data: &Path, port: u16) -> anyhow::Result<()> {
    std::fs::create_dir_all(data)?;
    let layout = Layout::new(data.canonicalize()?);
    let new = !layout.exists();
    println!(
        "{} the network in {}",
        if new { "making" } else { "starting" },
        data.display()
    );
    let gateway = GatewayOptions {
        port: Some(port),
        ..GatewayOptions::default()
    };
    let provisioned = provision(layout, Binaries::beside_this_program()?, &gateway, now_ms())?;
    let version = provisioned.manifest_version;
    let network = Network::start(provisioned)?;
    wait_until_ready(&network).await?;
    let layout = &network.provisioned().layout;
    println!("gateway    https://{}", network.gateway());
    println!(
        "ledger     http://127.0.0.1:{}",
        network.provisioned().ports.ledger_public
    );
    println!(
        "manifest   version {version}, {}",
        layout.path("manifest.json").display()
    );
    println!("clients    {}", layout.path("network.toml").display());
    println!(
        "admin      token in {}",
        layout.path("admin-token").display()
    );
    println!("logs       {}", layout.path("logs").display());
    println!("hardware   SIMULATED: for development only");
    println!("up; Ctrl-C stops it");
    stopped().await?;
    println!("stopping");
    network.stop();
    Ok(())
}

async fn stopped() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

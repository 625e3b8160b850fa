//! What clients of a simulated network start from.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use boop_sdk::{ClientTrust, Connection, NetworkFile};
use boop_wire::api::HealthResponse;

use crate::network::Network;

/// How long a network may take until its gateway has a session with everybody.
const READY_TIME_MAX: Duration = Duration::from_secs(60);
/// How often it is asked.
const POLL: Duration = Duration::from_millis(100);

/// Returns what a client of this network believes, and the gateway's address.
///
/// # Errors
/// If the network's client file cannot be read.
pub fn client_trust(network: &Network) -> anyhow::Result<(ClientTrust, String)> {
    let file = network.provisioned().layout.path("network.toml");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let settings: NetworkFile = toml::from_str(&text)?;
    Ok((settings.trust(true)?, settings.gateway.clone()))
}

/// Waits until the gateway has sessions with all three parties and the ledger.
///
/// # Errors
/// If it has not within a minute.
#[expect(clippy::disallowed_methods, reason = "the launcher waits in real time")]
pub async fn wait_until_ready(network: &Network) -> anyhow::Result<()> {
    let (client, gateway) = client_trust(network)?;
    let until = Instant::now() + READY_TIME_MAX;
    loop {
        match health(&client, &gateway).await {
            Ok(health) if health.status == "ok" => return Ok(()),
            Ok(health) if Instant::now() > until => {
                bail!(
                    "the gateway is {}, parties {:?}",
                    health.status,
                    health.parties
                )
            }
            Err(error) if Instant::now() > until => return Err(error),
            Ok(_) | Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

async fn health(client: &ClientTrust, gateway: &str) -> anyhow::Result<HealthResponse> {
    Ok(Connection::open(client, gateway)
        .await?
        .get_json("/health")
        .await?)
}

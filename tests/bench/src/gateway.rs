//! The gateway of a whole network beside a bare server with the same TLS: requests of vendors on
//! connections that stay open, and new connections that the gateway proves itself on.
//!
//! Servers run on one core and clients on another, where there are two, so that the servers are
//! what is waited for. Both servers are asked in turn, in short windows.

pub(crate) mod bare;
pub(crate) mod cores;
pub(crate) mod load;

pub use bare::serve as serve_bare;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use boop_sdk::{AdminClient, Connection};
use boop_world::{
    Binaries, GatewayOptions, Layout, Network, client_trust, now_ms, provision, wait_until_ready,
};

use crate::gateway::bare::Bare;
use crate::gateway::load::{Lane, Sessions};
use crate::rounds::{Comparison, Effort, median};
use crate::table::{Goal, Row, Table};

/// Connections that stay open, each of a vendor of its own.
const CONNECTIONS: usize = 32;
/// Connections that are made at a time.
const NEWCOMERS: usize = 8;
/// Authenticated requests over those of a server that only greets.
const REQUESTS_GOAL: Goal = Goal::AtLeast(0.8);
/// Attested connections over bare handshakes.
const SESSIONS_GOAL: Goal = Goal::AtLeast(0.6);

/// What one window has measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Done in a second.
    per_second: f64,
    /// Of one, in microseconds, so that 99 of 100 took no longer.
    p99_us: f64,
    /// Time of the server's cores for one, in microseconds.
    core_us: f64,
}

/// Runs the benchmark.
///
/// # Errors
/// If the network does not start, or an answer is not what it should be.
pub fn run(effort: Effort) -> Result<Table> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let network = start(folder.path(), &GatewayOptions::default())?;
    let bare = Bare::start()?;
    let rows = runtime.block_on(measure(&network, &bare, effort));
    network.stop();
    Ok(Table {
        name: "gateway",
        subject: format!("a network's gateway; {CONNECTIONS} vendors, each on its connection"),
        effort: windows(effort),
        rows: rows?,
    })
}

/// Starts a network in a folder.
pub(crate) fn start(folder: &std::path::Path, options: &GatewayOptions) -> Result<Network> {
    let layout = Layout::new(folder.join("net"));
    let binaries = Binaries::beside_this_program()?;
    Network::start(provision(layout, binaries, options, now_ms())?)
}

/// Returns how many windows are measured, and how long each.
const fn windows(effort: Effort) -> Effort {
    Effort {
        rounds: effort.rounds / 20 + 1,
        batch: Duration::from_millis(500),
    }
}

async fn measure(network: &Network, bare: &Bare, effort: Effort) -> Result<Vec<Row>> {
    wait_until_ready(network).await?;
    let (trust, address) = client_trust(network)?;
    let gateway: SocketAddr = address.parse()?;
    let pid = network.pid("gateway").context("the gateway has a pid")?;
    cores::split(&[pid, bare.pid()])?;
    let keys = vendors(network).await?;
    let keyed = keys.iter().map(|key| {
        format!(
            "POST /api/v1/auth HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\n\
             content-length: 0\r\n\r\n"
        )
    });
    let mut vendors = Lane::open(gateway, keyed).await?;
    let hello = || String::from("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut greeted = Lane::open(bare.address(), (0..CONNECTIONS).map(|_| hello())).await?;
    let effort = windows(effort);
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        own.push(vendors.window(effort.batch, pid).await?);
        other.push(greeted.window(effort.batch, bare.pid()).await?);
    }
    let hello = "axum and rustls, GET / that greets";
    let mut rows = rows_of("requests", hello, REQUESTS_GOAL, &own, &other);
    let judged = Connection::open(&trust, &address).await?;
    let attested = Sessions::attested(gateway, judged.gateway().clone());
    let plain = Sessions::bare(bare.address());
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        own.push(attested.window(NEWCOMERS, effort.batch, pid).await?);
        other.push(plain.window(NEWCOMERS, effort.batch, bare.pid()).await?);
    }
    let handshake = "TLS 1.3 handshakes, same key and group";
    rows.extend(rows_of("sessions", handshake, SESSIONS_GOAL, &own, &other));
    Ok(rows)
}

/// Adds a vendor for each connection.
async fn vendors(network: &Network) -> Result<Vec<Arc<str>>> {
    let (trust, gateway) = client_trust(network)?;
    let token = std::fs::read_to_string(network.provisioned().layout.path("admin-token"))?;
    let mut admin = AdminClient::connect(&trust, &gateway, token.trim()).await?;
    let mut keys = Vec::new();
    for number in 0..CONNECTIONS {
        let vendor = admin.create_vendor(&format!("Shop {number}")).await?;
        keys.push(vendor.api_key.into());
    }
    Ok(keys)
}

fn rows_of(what: &str, against: &str, goal: Goal, own: &[Window], other: &[Window]) -> Vec<Row> {
    let row = |id: &str, unit, goal, part: fn(&Window) -> f64| Row {
        id: format!("{what}/{id}"),
        unit,
        against: against.to_owned(),
        comparison: comparison(own, other, part),
        goal,
    };
    vec![
        row("rate", "/s", goal, |window| window.per_second),
        row("p99", "us", Goal::None, |window| window.p99_us),
        row("server-core", "us", Goal::None, |window| window.core_us),
    ]
}

fn comparison(own: &[Window], other: &[Window], part: fn(&Window) -> f64) -> Comparison {
    let ratios = own
        .iter()
        .zip(other)
        .map(|(own, other)| part(own) / part(other));
    Comparison {
        measured_us: median(own.iter().map(part).collect()),
        reference_us: median(other.iter().map(part).collect()),
        ratio: median(ratios.collect()),
    }
}

/// Says that an answer is good.
pub(crate) fn ensure_good(head: &str) -> Result<()> {
    ensure!(
        head.starts_with("HTTP/1.1 20"),
        "answered {:?}",
        head.lines().next()
    );
    Ok(())
}

//! The bridge of a whole network's gateway: memory of sockets on which nothing comes, one event to
//! all sockets of a vendor, and events that are kept before anybody hears of them.
//!
//! The sockets of the reference are the libraries' own: axum, tungstenite and rustls as they come.

mod outbox;
mod sockets;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use boop_sdk::AdminClient;
use boop_world::{GatewayOptions, Network, client_trust, wait_until_ready};
use serde_json::json;

use crate::bridge::sockets::{Crowd, Scanner};
use crate::gateway::bare::Bare;
use crate::gateway::load::Lane;
use crate::gateway::{cores, start};
use crate::rounds::{Comparison, Effort, median, micros, wall};
use crate::table::{Goal, Row, Table};

/// Sockets on which nothing comes.
const SOCKETS: [usize; 2] = [10_000, 1_000];
/// Bytes of a server for each of them.
const BYTES_GOAL: f64 = 25.0 * 1024.0;
/// How long a server has to come to rest before its memory is looked at.
const REST: Duration = Duration::from_secs(3);
/// Events to all sockets of a vendor.
const EVENTS: [usize; 2] = [21, 5];
/// Sockets of one vendor; the gateway allows no more.
const OF_A_VENDOR: usize = 64;
const TERMINAL: &str = "till-1";

/// Runs the benchmark.
///
/// # Errors
/// If the network does not start, or a socket hears something else than it should.
pub fn run(effort: Effort) -> Result<Table> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let quick = usize::from(effort == Effort::QUICK);
    let folder = tempfile::tempdir()?;
    let mut rows = outbox::rows(folder.path(), effort, &runtime)?;
    let places = u32::try_from(SOCKETS[0] + 1_000)?;
    let options = GatewayOptions {
        connections: Some(places),
        connections_per_address: Some(places),
        ..GatewayOptions::default()
    };
    let network = start(folder.path(), &options)?;
    let bare = Bare::start()?;
    let measured = runtime.block_on(measure(&network, &bare, SOCKETS[quick], EVENTS[quick]));
    network.stop();
    rows.extend(measured?);
    Ok(Table {
        name: "bridge",
        subject: format!(
            "{} idle sockets, {OF_A_VENDOR} of each vendor; events to {OF_A_VENDOR}",
            SOCKETS[quick]
        ),
        effort: outbox::windows(effort),
        rows,
    })
}

async fn measure(
    network: &Network,
    bare: &Bare,
    sockets: usize,
    events: usize,
) -> Result<Vec<Row>> {
    wait_until_ready(network).await?;
    let (trust, address) = client_trust(network)?;
    let gateway: SocketAddr = address.parse()?;
    let pid = network.pid("gateway").context("the gateway has a pid")?;
    cores::split(&[pid, bare.pid()])?;
    let token = std::fs::read_to_string(network.provisioned().layout.path("admin-token"))?;
    let mut admin = AdminClient::connect(&trust, &address, token.trim()).await?;
    let mut logins = Vec::new();
    for number in 0..sockets.div_ceil(OF_A_VENDOR) {
        let vendor = admin.create_vendor(&format!("Shop {number}")).await?;
        let (id, key) = (vendor.vendor_id, vendor.api_key);
        logins.push(format!("x-vendor-id: {id}\r\nx-api-key: {key}\r\n"));
    }
    let quiet = vec![String::new(); logins.len()];
    // One crowd after the other: both together are more than a process may hold.
    let (others, other_bytes) = filled(bare.address(), "/ws", &quiet, sockets, bare.pid()).await?;
    drop(others);
    let (_idle, own_bytes) = filled(gateway, "/vendor/connect", &logins, sockets, pid).await?;
    let shop = admin.create_vendor("Shop").await?;
    let terminal = TERMINAL.parse()?;
    let scanner = admin
        .create_scanner(shop.vendor_id.clone(), terminal)
        .await?;
    let _scanner = Scanner::connect(gateway, &scanner).await?;
    let key = format!("x-api-key: {}\r\n", shop.api_key);
    let login = format!("x-vendor-id: {}\r\n{key}", shop.vendor_id);
    let mut own = Crowd::open(gateway, "/vendor/connect", &login, OF_A_VENDOR).await?;
    let mut other = Crowd::open(bare.address(), "/heard", "", OF_A_VENDOR).await?;
    let mut vendor = Lane::open(gateway, [String::new()]).await?;
    let mut shouter = Lane::open(bare.address(), [String::new()]).await?;
    let (mut own_times, mut other_times) = (Vec::new(), Vec::new());
    for event in 0..events {
        let context = format!("event-{event}");
        let opening = json!({
            "context_id": context,
            "requirements": { "type": "entrance", "terminal_id": TERMINAL },
        });
        vendor
            .post("/api/v1/auth/create", &key, &opening.to_string())
            .await?;
        let start = wall();
        let cancelling = format!("/api/v1/auth/{context}/cancel");
        vendor.post(&cancelling, &key, "").await?;
        own_times.push(own.heard(&context, start).await?);
        let start = wall();
        shouter.post(&format!("/shout/{context}"), "", "").await?;
        other_times.push(other.heard(&context, start).await?);
    }
    Ok(vec![
        Row {
            id: "idle-socket".into(),
            unit: "B",
            against: "axum's own, that keeps nothing".into(),
            comparison: Comparison {
                measured_us: own_bytes,
                reference_us: other_bytes,
                ratio: own_bytes / BYTES_GOAL,
            },
            goal: Goal::AtMost(1.0),
        },
        fan_out("fan-out/p50", &own_times, &other_times, 50),
        fan_out("fan-out/p99", &own_times, &other_times, 99),
    ])
}

/// Opens sockets, lets the server come to rest, and returns its bytes for each.
async fn filled(
    address: SocketAddr,
    path: &str,
    logins: &[String],
    sockets: usize,
    server: u32,
) -> Result<(Vec<Crowd>, f64)> {
    let before = cores::resident(server)?;
    let mut crowds = Vec::new();
    for (number, login) in logins.iter().enumerate() {
        let many = OF_A_VENDOR.min(sockets - number * OF_A_VENDOR);
        crowds.push(Crowd::open(address, path, login, many).await?);
    }
    tokio::time::sleep(REST).await;
    let grown = cores::resident(server)?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "bytes of a process")]
    let each = grown as f64 / sockets as f64;
    for crowd in &crowds {
        crowd.ensure_open()?;
    }
    Ok((crowds, each))
}

fn fan_out(id: &str, own: &[Vec<Duration>], other: &[Vec<Duration>], percent: usize) -> Row {
    let part = |times: &Vec<Duration>| {
        let last = times.len().saturating_sub(1);
        micros(times[(times.len() * percent / 100).min(last)])
    };
    let ratios = own
        .iter()
        .zip(other)
        .map(|(own, other)| part(own) / part(other));
    Row {
        id: id.into(),
        unit: "us",
        against: "a channel of tokio's to axum's sockets".into(),
        comparison: Comparison {
            measured_us: median(own.iter().map(part).collect()),
            reference_us: median(other.iter().map(part).collect()),
            ratio: median(ratios.collect()),
        },
        goal: Goal::None,
    }
}

//! The demonstration: a network on this machine, people who enrol and pay, and attacks that fail.

mod figures;
mod shop;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

pub use figures::{Figures, PartyFigures, Stage};

use crate::clients::wait_until_ready;
use crate::layout::Layout;
use crate::network::Network;
use crate::provision::{Binaries, GatewayOptions, provision};
use crate::refusals;
use shop::Shop;

/// What a demonstration is asked to do.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// People to enrol.
    pub people: usize,
    /// Where the network keeps its files; made anew.
    pub data: PathBuf,
    /// Where the figures are written as JSON.
    pub json: Option<PathBuf>,
    /// Whether the network goes on until it is stopped.
    pub stay: bool,
    /// What palms and people follow from.
    pub seed: u64,
}

/// Runs the demonstration and prints what it shows; true if everything held.
///
/// # Errors
/// If the network does not start, or something fails that is no ordinary refusal.
#[expect(
    clippy::disallowed_methods,
    reason = "the demonstration measures real time"
)]
pub async fn run(options: &DemoOptions) -> anyhow::Result<bool> {
    let start = std::time::Instant::now();
    let network = start_network(options).await?;
    let mut shop = Shop::open(&network, options.seed).await?;
    shop.enrol_everyone(options.people).await?;
    shop.take_payments().await?;
    shop.turn_strangers_away().await?;
    shop.refuse_second_enrolments().await?;
    shop.refuse_empty_accounts().await?;
    shop.check_receipts();
    let (mut figures, till) = shop.into_figures();
    println!("\n4. Attacks, each of which must fail");
    figures.refusals = Box::pin(refusals::all(&network, till, options.seed)).await?;
    figures.elapsed_s = start.elapsed().as_secs_f64();
    println!("\n{}\n", figures.table());
    println!("{}", where_to_look(&network));
    if let Some(file) = &options.json {
        let json = serde_json::to_string_pretty(&figures)?;
        std::fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if options.stay {
        println!("\nThe network stays up; Ctrl-C stops it.");
        tokio::signal::ctrl_c().await?;
    }
    network.stop();
    Ok(figures.all_held())
}

async fn start_network(options: &DemoOptions) -> anyhow::Result<Network> {
    println!("1. Starting the network: 3 chips, 3 hosts with their parties, 3 custodians,");
    println!("   a ledger, a gateway");
    make_empty(&options.data)?;
    let layout = Layout::new(options.data.canonicalize()?);
    let binaries = Binaries::beside_this_program()?;
    let provisioned = provision(
        layout,
        binaries,
        &GatewayOptions::default(),
        crate::clock::now_ms(),
    )?;
    let network = Network::start(provisioned)?;
    wait_until_ready(&network).await?;
    println!("   up at https://{}, hardware simulated", network.gateway());
    Ok(network)
}

/// Empties the folder of an earlier network; any other folder must be empty already.
pub(crate) fn make_empty(folder: &Path) -> anyhow::Result<()> {
    if Layout::new(folder).exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let empty = std::fs::read_dir(folder)?.next().is_none();
    anyhow::ensure!(
        empty,
        "{} is not empty and holds no network",
        folder.display()
    );
    Ok(())
}

fn where_to_look(network: &Network) -> String {
    let provisioned = network.provisioned();
    let root = provisioned.layout.root().display();
    let boop = provisioned.binaries.path("boop");
    let boop = boop.display();
    let ledger = provisioned.ports.ledger_public;
    format!(
        "The data is in {root}. What to try next:\n  \
         {boop} up --data {root}\n  \
         {boop} verify https://{gateway} --network {root}/network.toml \
         --danger-simulated-tee --explain\n  \
         {boop} ledger verify {root}/receipts/payment-1.receipt --network {root}/network.toml \
         --danger-simulated-tee\n  \
         {boop} ledger prove --ledger http://127.0.0.1:{ledger} 0\n  \
         {boop} palm generate --people 1 --captures 2 --out palms",
        gateway = network.gateway(),
    )
}

/// Returns a progress bar that draws on a terminal alone.
pub(crate) fn progress(length: usize, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length as u64).with_message(what);
    let style = ProgressStyle::with_template("   {msg:<12} {bar:40} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

//! How long a search takes through the whole system: gateway, bridge, three parties, ledger, all
//! of them processes, with a crowd enrolled.
//!
//! A crowd is written into the stores ([`crate::crowd`]); some people enrol at the door like
//! everybody, and are then recognised over and over: one at a time, and by several tills at once.
//! Strangers have to be turned away. One wrong answer fails the benchmark.

mod fit;
mod parties;
mod report;
mod tills;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;

use crate::clients::wait_until_ready;
use crate::clock::now_ms;
use crate::crowd;
use crate::demo::progress;
use crate::layout::Layout;
use crate::network::Network;
use crate::people::{Visitor, visitors};
use crate::provision::{Binaries, GatewayOptions, Provisioned, provision};
use parties::Parties;
use report::{Level, Report};
use tills::Tills;

/// People who enrol at the door.
const CUSTOMERS: u64 = 16;
/// Strangers who are turned away, of every size.
const STRANGERS: u64 = 4;
/// Numbers of people who never enrol.
const STRANGERS_FROM: u64 = 1_000_000;
/// Tills that ask at the same time; fewer over a crowd so large that all of them together would
/// wait longer than a vendor does.
const TILLS: usize = 8;
const TILLS_LARGE: usize = 4;
const LARGE: usize = 50_000;
/// How long the gateway waits: a little less than vendors do.
const DEADLINE_MS: u64 = 14_000;
/// Searches one after another.
const ALONE: usize = 50;
const ALONE_QUICK: usize = 12;
/// Searches of each till while all ask.
const TOGETHER: usize = 8;
const TOGETHER_QUICK: usize = 2;

/// What is measured.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// Sizes of the crowd.
    pub people: Vec<usize>,
    /// Folder of the network's files; made anew for every size.
    pub data: PathBuf,
    /// Where the figures are written as JSON.
    pub json: Option<PathBuf>,
    /// Fewer searches.
    pub quick: bool,
    /// What palms follow from.
    pub seed: u64,
}

/// Runs the benchmark and prints its figures; true if every answer was right.
///
/// # Errors
/// If a network does not start, or something fails that is no ordinary answer.
pub async fn run(options: &SearchOptions) -> anyhow::Result<bool> {
    let count = CUSTOMERS + STRANGERS;
    println!("drawing the palms of {count} people");
    let indices = (0..CUSTOMERS).chain(STRANGERS_FROM..STRANGERS_FROM + STRANGERS);
    let bar = progress(usize::try_from(count)?, "drawing");
    let prepared = visitors(options.seed, indices.collect());
    let people: Vec<Visitor> = tokio::task::block_in_place(|| {
        let each = prepared.iter().inspect(|_| bar.inc(1));
        each.collect::<anyhow::Result<_>>()
    })?;
    bar.finish_and_clear();
    let mut report = Report::default();
    for &size in &options.people {
        let level = level(options, size, &people).await?;
        println!("{level}");
        report.levels.push(level);
    }
    println!("{report}");
    if let Some(file) = &options.json {
        let json = serde_json::to_string_pretty(&report.to_json())? + "\n";
        std::fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report.all_right())
}

/// Measures with a crowd of one size.
#[expect(clippy::disallowed_methods, reason = "measures real time")]
async fn level(options: &SearchOptions, size: usize, people: &[Visitor]) -> anyhow::Result<Level> {
    crate::demo::make_empty(&options.data)?;
    let layout = Layout::new(options.data.canonicalize()?);
    let gateway = GatewayOptions {
        deadline_ms: Some(DEADLINE_MS),
        ..GatewayOptions::default()
    };
    let provisioned = provision(layout, Binaries::beside_this_program()?, &gateway, now_ms())?;
    let bar = progress(size, "sealing");
    println!("\nsealing a crowd of {size} into three stores, but those who enrol at the door");
    let crowd = size.saturating_sub(usize::try_from(CUSTOMERS)?);
    let settled = crowd::settle(&provisioned.layout, crowd, options.seed, &|| bar.inc(1));
    bar.finish_and_clear();
    settled?;
    let start = Instant::now();
    let network = start_network(provisioned).await?;
    let opening = start.elapsed();
    println!("the network serves after {:.1} s", opening.as_secs_f64());
    let (customers, strangers) = people.split_at(usize::try_from(CUSTOMERS)?);
    let count = if size < LARGE { TILLS } else { TILLS_LARGE };
    let mut tills = Tills::open(&network, options.seed, count).await?;
    let enrolment = tills.enrol(customers).await?;
    let (alone, together) = match options.quick {
        true => (ALONE_QUICK, TOGETHER_QUICK),
        false => (ALONE, TOGETHER),
    };
    let mut level = Level::new(size, opening, &enrolment);
    let turned_away = tills.turn_away(strangers).await?;
    level.turned_away(turned_away, strangers.len());
    let mut parties = Parties::listen(&network)?;
    let start = Instant::now();
    let mut times = tills.one_at_a_time(customers, alone).await?;
    let elapsed = start.elapsed();
    parties.heard(&mut times)?;
    level.alone(&times, elapsed);
    tills.open_anew(&network).await?;
    let start = Instant::now();
    let mut times = tills.all_at_once(customers, together).await?;
    let elapsed = start.elapsed();
    parties.heard(&mut times)?;
    level.together(count, &times, elapsed);
    network.stop();
    let _ = std::fs::remove_dir_all(&options.data);
    Ok(level)
}

async fn start_network(provisioned: Provisioned) -> anyhow::Result<Network> {
    let network = tokio::task::block_in_place(|| Network::start(provisioned))?;
    wait_until_ready(&network).await?;
    Ok(network)
}

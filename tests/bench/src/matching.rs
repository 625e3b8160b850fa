//! The matching: dot products beside the processor's multiply-add, and whole searches by three
//! parties in one process, on one core.
//!
//! - The kernel stands beside a loop of as many multiply-adds on registers alone.
//! - A search that is secure with abort stands beside a semi-honest one.
//! - Rates stand beside those of the strongest public system, which were measured earlier, on
//!   another machine (iris-mpc at c3ecdf92, CPU path, Zen 4): a comparison across machines.
//!
//! Stored shares are random and the same at all parties, as those of a palm shared with rho = 0:
//! the work does not depend on what they hold.

use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use boop_mpc::{
    Audit, Context, Database, Job, Kernel, PairwiseSeeds, Rule, STORED_SHARE_BYTES, Security,
    StoredShare, accept, identify, local, split,
};
use boop_wire::PartyIndex;
use boop_wire::template::{ALIGNMENT_COUNT, CELLS, CODE_BITS, Encodings, Template};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustix::time::{ClockId, clock_gettime};

use crate::rounds::{Comparison, Effort, compare, median, micros, spent};
use crate::table::{Goal, Row, Table};

const SEED: u64 = 4;
const SLOTS: usize = 8_192;
const SLOTS_QUICK: usize = 2_048;
const SEARCHES: usize = 9;
const SEARCHES_QUICK: usize = 3;
/// The kernel's share of the multiply-add peak that is aimed at, as time over the peak's time.
const KERNEL_GOAL: Goal = Goal::AtMost(1.0 / 0.9);
const ABORT_GOAL: Goal = Goal::AtMost(1.3);
const BYTES_GOAL: Goal = Goal::AtMost(8.1);
const PEER_GOAL: Goal = Goal::AtLeast(5.0);
/// The peer's templates a second at 31 alignments, three parties on one core.
const PEER_RATE: f64 = 12_900.0;
/// The peer's bytes per comparison and party.
const PEER_BYTES: f64 = 32.2;

/// Runs the benchmark.
///
/// # Errors
/// If a search fails.
pub fn run(effort: Effort) -> Result<Table> {
    let quick = effort == Effort::QUICK;
    let slots = if quick { SLOTS_QUICK } else { SLOTS };
    let trio = Trio::new(slots);
    let mut rows = vec![kernel(&trio, effort)];
    let searches = searches(&trio, if quick { SEARCHES_QUICK } else { SEARCHES })?;
    rows.extend(searches.rows(&trio));
    rows.push(two_cores(&trio, searches.micros[0])?);
    let names = trio.kernel.names().join(", ");
    Ok(Table {
        name: "match",
        subject: format!(
            "{slots} templates, {ALIGNMENT_COUNT} alignments, three parties; kernels: {names}"
        ),
        effort,
        rows,
    })
}

/// The dot products of one party beside the multiply-adds in them.
fn kernel(trio: &Trio, effort: Effort) -> Row {
    let scoring = Scoring::random();
    let products = (CODE_BITS + 2 * CELLS) * ALIGNMENT_COUNT * Scoring::TEMPLATES;
    let (each, _) = trio.kernel.multiply_add_peak(1);
    let rounds = u32::try_from(products as u64 / each.max(1)).unwrap_or(u32::MAX);
    let Comparison {
        measured_us,
        reference_us,
        ratio,
    } = compare(
        effort,
        || {
            black_box(scoring.run(trio.kernel));
        },
        || {
            black_box(trio.kernel.multiply_add_peak(black_box(rounds)));
        },
    );
    let templates = Scoring::TEMPLATES as f64;
    let per_template = Comparison {
        measured_us: measured_us / templates,
        reference_us: reference_us / templates,
        ratio,
    };
    row(
        "kernel-31",
        "us",
        "the multiply-adds alone, on registers",
        per_template,
        KERNEL_GOAL,
    )
}

/// What whole searches took, in the middle: semi-honest, then with abort.
struct Searches {
    micros: [f64; 2],
    bytes: [f64; 2],
    /// Of the times of neighbouring searches.
    ratio: f64,
}

/// Runs whole searches in both modes, in turn.
fn searches(trio: &Trio, rounds: usize) -> Result<Searches> {
    let mut times = [Vec::new(), Vec::new()];
    let mut bytes = [0.0; 2];
    let modes = [Security::SemiHonest, Security::Abort];
    let audits = trio.prepared()?;
    for round in 0..rounds {
        for (mode, security) in modes.into_iter().enumerate() {
            let number = u8::try_from(2 * round + mode + 1)?;
            let search = trio.search(security, number, &audits)?;
            times[mode].push(search.micros);
            bytes[mode] = search.bytes;
        }
    }
    let ratios = times[1].iter().zip(&times[0]).map(|(a, s)| a / s).collect();
    Ok(Searches {
        micros: times.map(median),
        bytes,
        ratio: median(ratios),
    })
}

impl Searches {
    fn rows(&self, trio: &Trio) -> Vec<Row> {
        let [semi, abort] = self.micros;
        let rate = |us: f64| trio.slots as f64 / us * 1e6;
        let comparisons = (trio.slots * ALIGNMENT_COUNT) as f64;
        let beside = (semi / 3.0 - trio.dot_products_us()).max(0.0) * 1e3 / comparisons;
        let times = Comparison {
            measured_us: abort,
            reference_us: semi,
            ratio: self.ratio,
        };
        let peer = "iris-mpc, measured earlier elsewhere";
        let rates = format!("three parties on one core, templates a second; {peer}");
        let bytes = format!("a comparison and party; {peer}");
        let beside_what = "a comparison and party, all but the dot products; 1 ns";
        vec![
            row(
                "semi-honest-rate",
                "1/s",
                &rates,
                beside_fixed(rate(semi), PEER_RATE),
                PEER_GOAL,
            ),
            row(
                "abort-rate",
                "1/s",
                &rates,
                beside_fixed(rate(abort), PEER_RATE),
                Goal::None,
            ),
            row(
                "abort-time",
                "us",
                "the semi-honest search",
                times,
                ABORT_GOAL,
            ),
            row(
                "beside-dot-products",
                "ns",
                beside_what,
                beside_fixed(beside, 1.0),
                Goal::AtMost(5.0),
            ),
            row(
                "semi-honest-bytes",
                "B",
                "a comparison and party; 1 B",
                beside_fixed(self.bytes[0], 1.0),
                BYTES_GOAL,
            ),
            row(
                "abort-bytes",
                "B",
                &bytes,
                beside_fixed(self.bytes[1], PEER_BYTES),
                Goal::None,
            ),
        ]
    }
}

fn beside_fixed(measured: f64, reference: f64) -> Comparison {
    Comparison {
        measured_us: measured,
        reference_us: reference,
        ratio: measured / reference,
    }
}

/// Two searches at once, each on a core of its own, beside one.
fn two_cores(trio: &Trio, alone_us: f64) -> Result<Row> {
    let audits: [Arc<Audit>; 3] = Default::default();
    let start = wall();
    let both = thread::scope(|scope| {
        let search = |number| {
            let audits = &audits;
            scope.spawn(move || trio.search(Security::SemiHonest, number, audits))
        };
        [search(101), search(102)].map(|thread| thread.join())
    });
    let wall_us = micros(wall().saturating_sub(start));
    for search in both {
        ensure!(matches!(search, Ok(Ok(_))), "a search on two cores failed");
    }
    let rate = |us: f64| trio.slots as f64 / us * 1e6;
    let comparison = Comparison {
        measured_us: 2.0 * rate(wall_us),
        reference_us: rate(alone_us),
        ratio: 2.0 * alone_us / wall_us,
    };
    Ok(row(
        "two-cores-rate",
        "1/s",
        "one core",
        comparison,
        Goal::None,
    ))
}

/// Three parties with the same store, and a client's palm.
struct Trio {
    kernel: Kernel,
    slots: usize,
    database: Database,
}

/// What a search took.
struct Search {
    micros: f64,
    bytes: f64,
}

impl Trio {
    fn new(slots: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut database = Database::new();
        let mut bytes = vec![0; STORED_SHARE_BYTES];
        for _ in 0..slots {
            rng.fill_bytes(&mut bytes);
            // Bytes of this length are a share.
            if let Ok(share) = StoredShare::from_bytes(&bytes) {
                database.push(&share);
            }
        }
        Self {
            kernel: Kernel::best(),
            slots,
            database,
        }
    }

    /// Prepares the audit, which a party does once and not for every search.
    fn prepared(&self) -> Result<[Arc<Audit>; 3]> {
        let jobs = PartyIndex::ALL.map(|me| {
            let seeds = seeds(me, 0);
            let (kernel, database) = (self.kernel, self.database.clone());
            Job::new(me, |mut channel| async move {
                let context = &mut Context::new(me, &seeds, Security::Abort);
                let mut audit = Audit::default();
                let coins = [me.get(); 32];
                audit
                    .extend(context, &mut channel, kernel, &database, &coins)
                    .await?;
                Ok(Arc::new(audit))
            })
        });
        let mut audits: [Arc<Audit>; 3] = Default::default();
        for (audit, result) in audits.iter_mut().zip(local::run(jobs).results) {
            *audit = result.ok_or_else(|| anyhow::anyhow!("an audit stopped"))??;
        }
        Ok(audits)
    }

    fn search(&self, security: Security, number: u8, audits: &[Arc<Audit>; 3]) -> Result<Search> {
        let palm = Encodings([Template::empty(), Template::empty(), Template::empty()]);
        let inputs = split(&palm, &[[1; 32], [2; 32], [3; 32]]);
        let start = spent();
        let jobs = PartyIndex::ALL.map(|me| {
            let seeds = seeds(me, number);
            let (kernel, database) = (self.kernel, self.database.clone());
            let (input, audit) = (
                inputs[me.as_usize()].clone(),
                Arc::clone(&audits[me.as_usize()]),
            );
            Job::new(me, |mut channel| async move {
                let context = &mut Context::new(me, &seeds, security);
                let palm = accept(context, &mut channel, kernel, &input).await?;
                let query = palm.query(Rule::PALM);
                identify(context, &mut channel, kernel, &query, &database, &audit).await
            })
        });
        let outcome = local::run(jobs);
        let micros = micros(spent().saturating_sub(start));
        for result in outcome.results {
            let found = result.ok_or_else(|| anyhow::anyhow!("a search stopped"))??;
            ensure!(!found.contains(&true), "nothing matches an empty palm");
        }
        let sent: u64 = outcome.counters.iter().map(|c| c.bytes_sent).sum();
        let comparisons = (self.slots * ALIGNMENT_COUNT) as f64;
        Ok(Search {
            micros,
            bytes: sent as f64 / 3.0 / comparisons,
        })
    }

    /// The dot products of one party over as many templates.
    fn dot_products_us(&self) -> f64 {
        let scoring = Scoring::random();
        let start = spent();
        for _ in 0..self.slots / Scoring::TEMPLATES {
            black_box(scoring.run(self.kernel));
        }
        micros(spent().saturating_sub(start))
    }
}

/// The time on the wall, for work on several cores.
fn wall() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::try_from(time).unwrap_or_default()
}

/// One party's dot products.
struct Scoring {
    rows: boop_kernel::Rows,
    tiles: Vec<boop_kernel::Tile>,
}

impl Scoring {
    const TILES: usize = 32;
    const TEMPLATES: usize = Self::TILES * boop_kernel::LANES;

    fn random() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + 1);
        let mut values = || {
            let code: Vec<u16> = (0..CODE_BITS).map(|_| low(rng.next_u32())).collect();
            let cells: Vec<u32> = (0..CELLS).map(|_| rng.next_u32()).collect();
            (code, cells)
        };
        let rows: Vec<_> = (0..ALIGNMENT_COUNT).map(|_| values()).collect();
        let rows = rows.iter().map(|(code, cells)| (&code[..], &cells[..]));
        let rows = boop_kernel::Rows::new(rows);
        let tiles = (0..Self::TILES).map(|_| {
            let mut tile = boop_kernel::Tile::new();
            for lane in 0..boop_kernel::LANES {
                let (code, cells) = values();
                tile.set(lane, &code, &cells);
            }
            tile
        });
        Self {
            rows,
            tiles: tiles.collect(),
        }
    }

    fn run(&self, kernel: Kernel) -> Vec<u32> {
        let mut scores = vec![0; ALIGNMENT_COUNT * Self::TEMPLATES];
        let tiles: Vec<_> = self.tiles.iter().collect();
        kernel.scores(&self.rows, &tiles, &mut scores, Self::TEMPLATES);
        scores
    }
}

fn low(value: u32) -> u16 {
    let [a, b, ..] = value.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// The pairwise seeds of a run; no two runs have the same.
fn seeds(me: PartyIndex, number: u8) -> PairwiseSeeds {
    let pair = |other: PartyIndex| {
        let mut seed = [number; 32];
        seed[0] = me.get() + other.get();
        seed
    };
    PairwiseSeeds {
        with_next: pair(me.next()),
        with_previous: pair(me.previous()),
    }
}

fn row(id: &str, unit: &'static str, against: &str, comparison: Comparison, goal: Goal) -> Row {
    Row {
        id: id.to_owned(),
        unit,
        against: against.to_owned(),
        comparison,
        goal,
    }
}

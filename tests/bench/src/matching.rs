//! The matching: dot products beside the processor's multiply-add, and whole searches by three
//! parties in one process, on one core.
//!
//! - The kernel stands beside a loop of as many multiply-adds on registers alone, and beside a
//!   plain loop over as many products as the peer computes.
//! - A search that is secure with abort stands beside a semi-honest one.
//! - Rates stand beside those of the strongest public system, which were measured earlier, on
//!   another machine (iris-mpc at c3ecdf92, CPU path, Zen 4): a comparison across machines.
//!
//! Stored shares are random and the same at all parties, as those of a palm shared with rho = 0:
//! the work does not depend on what they hold.

mod driver;
mod kernel;

use std::sync::Arc;
use std::thread;

use anyhow::{Result, ensure};
use boop_mpc::{
    Audit, Context, Database, Job, Kernel, PairwiseSeeds, Rule, STORED_SHARE_BYTES, Security,
    StoredShare, accept, identify, local, split,
};
use boop_wire::PartyIndex;
use boop_wire::template::{ALIGNMENT_COUNT, Encodings, Template};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::rounds::{Comparison, Effort, median, micros, wall};
use crate::table::{Goal, Row, Table};

const SEED: u64 = 4;
const SLOTS: usize = 8_192;
const SLOTS_QUICK: usize = 2_048;
const SEARCHES: usize = 9;
const SEARCHES_QUICK: usize = 3;
const ABORT_GOAL: Goal = Goal::AtMost(1.3);
const BYTES_GOAL: Goal = Goal::AtMost(8.1);
const PEER_GOAL: Goal = Goal::AtLeast(5.0);
const SIGN_GOAL: Goal = Goal::AtMost(5.0);
/// The peer's templates a second at 31 alignments, three parties on one core.
const PEER_RATE: f64 = 12_900.0;
/// The peer's bytes per comparison and party.
const PEER_BYTES: f64 = 32.2;

/// Runs the benchmark, over so many templates unless a default will do.
///
/// # Errors
/// If a search fails.
pub fn run(effort: Effort, templates: Option<usize>) -> Result<Table> {
    let quick = effort == Effort::QUICK;
    let slots = templates.unwrap_or(if quick { SLOTS_QUICK } else { SLOTS });
    let trio = Trio::new(slots);
    let mut rows = kernel::rows(trio.kernel, effort);
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

/// What whole searches took, in the middle: semi-honest, then with abort.
struct Searches {
    micros: [f64; 2],
    bytes: [f64; 2],
    /// Of the times of neighbouring searches.
    ratio: f64,
    /// A party's nanoseconds a comparison in a semi-honest search, but for the dot products and
    /// for what does not grow with the database.
    sign_test_ns: f64,
    /// The same with what does not grow.
    beside_ns: f64,
}

/// Runs whole searches in both modes, in turn.
fn searches(trio: &Trio, rounds: usize) -> Result<Searches> {
    let mut times = [Vec::new(), Vec::new()];
    let (mut sign_tests, mut besides) = (Vec::new(), Vec::new());
    let (mut bytes, mut beside) = ([0.0; 2], [0.0; 2]);
    let half = trio.half();
    let comparisons = |slots| (slots * ALIGNMENT_COUNT) as f64;
    let modes = [Security::SemiHonest, Security::Abort];
    let audits = trio.prepared()?;
    for round in 0..rounds {
        for (mode, security) in modes.into_iter().enumerate() {
            let number = u8::try_from(3 * round + mode + 1)?;
            let search = trio.search(security, number, &audits)?;
            times[mode].push(search.micros);
            bytes[mode] = search.bytes;
            beside[mode] = search.micros_beside;
        }
        let less = half.search(Security::SemiHonest, u8::try_from(3 * round + 3)?, &audits)?;
        let added = (beside[0] - less.micros_beside) / 3.0;
        sign_tests.push(added * 1e3 / comparisons(trio.slots - half.slots));
        besides.push(beside[0] / 3.0 * 1e3 / comparisons(trio.slots));
    }
    let ratios = times[1].iter().zip(&times[0]).map(|(a, s)| a / s).collect();
    Ok(Searches {
        micros: times.map(median),
        bytes,
        ratio: median(ratios),
        sign_test_ns: median(sign_tests),
        beside_ns: median(besides),
    })
}

impl Searches {
    fn rows(&self, trio: &Trio) -> Vec<Row> {
        let [semi, abort] = self.micros;
        let rate = |us: f64| trio.slots as f64 / us * 1e6;
        let times = Comparison {
            measured_us: abort,
            reference_us: semi,
            ratio: self.ratio,
        };
        let peer = "iris-mpc, measured earlier elsewhere";
        let rates = format!("three parties on one core, templates a second; {peer}");
        let bytes = format!("a comparison and party; {peer}");
        let sign_test = "a comparison and party, all but the dot products that the second half \
                         of the templates adds to a semi-honest search; 1 ns";
        let beside = "a comparison and party, all but the dot products, also the acceptance of \
                      the palm; 1 ns";
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
                "sign-test",
                "ns",
                sign_test,
                beside_fixed(self.sign_test_ns, 1.0),
                SIGN_GOAL,
            ),
            row(
                "beside-dot-products",
                "ns",
                beside,
                beside_fixed(self.beside_ns, 1.0),
                Goal::None,
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
    /// All but the dot products.
    micros_beside: f64,
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

    /// The same parties with the first half of the store.
    fn half(&self) -> Self {
        let slots = self.slots / 2;
        Self {
            kernel: self.kernel,
            slots,
            database: self.database.first(slots),
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
        let outcome = driver::run(jobs);
        for result in outcome.results {
            let found = result.ok_or_else(|| anyhow::anyhow!("a search stopped"))??;
            ensure!(!found.contains(&true), "nothing matches an empty palm");
        }
        let comparisons = (self.slots * ALIGNMENT_COUNT) as f64;
        Ok(Search {
            micros: micros(outcome.all),
            micros_beside: micros(outcome.all.saturating_sub(outcome.tasks)),
            bytes: outcome.bytes_sent as f64 / 3.0 / comparisons,
        })
    }
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

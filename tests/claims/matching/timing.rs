//! How long a party computes does not depend on what is compared.
//!
//! As Reparaz, Balasch and Verbauwhede do (*Dude, is my code constant time?*, DATE 2017): runs of
//! three classes in random order, the processor time of a party's thread, the longest times left
//! out at several percentiles, Welch's t of every two classes. Above 4.5, which chance exceeds
//! seven times in a million tests, times depend on the class.
//!
//! Every run has shares, seeds and memory of its own, so that no class is tied to addresses.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, ensure};
use boop_mpc::plain::packed::{Packed, PackedQuery};
use boop_mpc::{Input, Output, Rule, Security, SharedPalm};
use boop_wire::id::PartyIndex;
use boop_wire::template::{Encodings, THRESHOLD, Template};
use rand_chacha::ChaCha8Rng;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::claim::Claim;
use crate::matching::palms::{full_palm, noisy, upright};
use crate::matching::world::{
    Search, World, accept_palm, any, on_all_cores, pairwise_seeds, search_ready, seeded,
};

/// Measures searches of palms that match everything, nothing, and that show nothing.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let (batches, planted_slots) = if quick {
        (3, 4 * SLOTS)
    } else {
        (200, SLOTS / 4)
    };
    let scene = Scene::new(planted_slots)?;
    let all = on_all_cores(SEED..SEED + batches, |seed| scene.batch(seed))?;
    let blocks: Vec<Block> = all.into_iter().flatten().collect();
    let mut tests = vec![];
    for party in PartyIndex::ALL {
        let times = |run: &Run| run.times[party.as_usize()];
        tests.extend(compared(&blocks, times, &format!("party {party}")));
    }
    let planted = |run: &Run| run.times[0] + run.early_exit;
    let planted = compared(&blocks, planted, "party 0, with an early exit");
    let largest = tests.iter().map(|test| test.t).fold(0.0, f64::max);
    let found = planted.iter().map(|test| test.t).fold(0.0, f64::max);
    // Of what is kept, what finds most; of parties and classes, those where least is found.
    let of_kept = tests.chunks_exact(KEPT_PER_MILLE.len()).map(|tests| {
        let detectable = tests.iter().map(|test| test.detectable);
        detectable.fold(f64::INFINITY, f64::min)
    });
    let power = of_kept.fold(0.0, f64::max);
    let planted_share = planted.iter().map(|test| test.difference.abs());
    let planted_share = planted_share.fold(0.0, f64::max);
    let mean = blocks.iter().map(|[run, ..]| run.times[0]).sum::<f64>() / count(blocks.len());
    Ok(Claim {
        id: "time-does-not-tell".into(),
        claim: "how long a party computes does not depend on what is compared".into(),
        held: largest < BOUND,
        control: found > BOUND,
        summary: format!(
            "runs {}, of {:.1} ms a party; largest t {largest:.2}, bound {BOUND}; differences of \
             {:.2} % would be found; an early exit that saves {:.2} % gives {found:.0}",
            blocks.len() * CLASSES.len(),
            mean / 1e6,
            power * 100.0,
            planted_share * 100.0,
        ),
        figures: json!({
            "seed": SEED,
            "slots": SLOTS,
            "slots_of_the_planted_search": planted_slots,
            "classes": CLASSES.map(|class| format!("{class:?}")),
            "runs": blocks.len() * CLASSES.len(),
            "mean_milliseconds_of_party_0": mean / 1e6,
            "bound": BOUND,
            "largest_t": largest,
            "difference_found_with_probability_0.95": power,
            "tests": tests.iter().map(Test::to_json).collect::<Vec<_>>(),
            "control_early_exit": planted.iter().map(Test::to_json).collect::<Vec<_>>(),
        }),
    })
}

/// What a palm comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It matches every slot.
    Match,
    /// It matches none.
    NoMatch,
    /// None of its cells is valid.
    EmptyMask,
}

const CLASSES: [Class; 3] = [Class::Match, Class::NoMatch, Class::EmptyMask];

/// Parties whose slots all hold one palm, with noise, and accepted palms of each class.
struct Scene {
    world: World,
    /// What the planted search in the clear looks at.
    stored: Vec<Packed>,
    palms: [Vec<(PackedQuery, [SharedPalm; 3])>; 3],
}

/// A run of each class, one after the other.
type Block = [Run; 3];

/// What one run took, in nanoseconds.
struct Run {
    times: [f64; 3],
    /// What a search in the clear takes that ends at the first match.
    early_exit: f64,
}

impl Scene {
    fn new(planted_slots: usize) -> Result<Self> {
        let mut rng = seeded(SEED);
        let palm = full_palm(&mut rng);
        let stored: Vec<_> = (0..SLOTS)
            .map(|_| noisy(&mut rng, &palm.0[0], 60))
            .collect();
        let mut accepted = |class: Class| -> Result<Vec<_>> {
            let palms = (0..PALMS).map(|_| {
                let shown = match class {
                    Class::Match => Encodings([(); 3].map(|()| noisy(&mut rng, &palm.0[0], 60))),
                    Class::NoMatch => full_palm(&mut rng),
                    Class::EmptyMask => upright(Template::empty()),
                };
                Ok((PackedQuery::of(&shown), accept_palm(&mut rng, &shown)?))
            });
            palms.collect()
        };
        let [matching, other, empty] = CLASSES.map(&mut accepted);
        let palms = [matching?, other?, empty?];
        let planted = stored.iter().cycle().take(planted_slots).map(Packed::of);
        Ok(Self {
            world: World::enrolling(&mut rng, &stored)?,
            stored: planted.collect(),
            palms,
        })
    }

    /// Runs blocks, each in random order.
    fn batch(&self, seed: u64) -> Result<Vec<Block>> {
        let mut rng = seeded(seed);
        let blocks = (0..BLOCKS_OF_A_BATCH).map(|_| {
            let mut order = CLASSES;
            order.swap(2, any(&mut rng, 3));
            order.swap(1, any(&mut rng, 2));
            let mut runs = [const { None }; 3];
            for class in order {
                runs[class as usize] = Some(self.run(&mut rng, class)?);
            }
            let [one, two, three] = runs.map(|run| run.context("a class was left out"));
            Ok([one?, two?, three?])
        });
        // The first runs of a thread find cold caches.
        blocks.skip(1).collect()
    }

    fn run(&self, rng: &mut ChaCha8Rng, class: Class) -> Result<Run> {
        let palms = &self.palms[class as usize];
        let (packed, palm) = &palms[any(rng, palms.len())];
        let queries = palm.each_ref().map(|palm| palm.query(Rule::PALM).into());
        let seeds = pairwise_seeds(rng);
        let jobs = search_ready(&seeds, &queries, &self.world, Security::Abort);
        let (found, times) = timed(jobs)?;
        let expected = class == Class::Match;
        let right = found.iter().all(|found| *found == [expected; SLOTS]);
        ensure!(right, "a search of class {class:?} found something else");
        let begun = thread_time();
        let matches = |stored: &Packed| packed.matches(stored, THRESHOLD);
        let any = self.stored.iter().any(matches);
        let early_exit = count(thread_time() - begun);
        ensure!(
            any == expected,
            "the search in the clear found something else"
        );
        Ok(Run { times, early_exit })
    }
}

/// Runs jobs on this thread, and returns what they found and how long each computed.
fn timed(mut jobs: Search) -> Result<([Vec<bool>; 3], [f64; 3])> {
    let mut found = [const { None }; 3];
    let mut nanoseconds = [0; 3];
    let mut inputs: VecDeque<_> = PartyIndex::ALL.map(|to| (to, Input::Start)).into();
    while let Some((party, input)) = inputs.pop_front() {
        let begun = thread_time();
        let outputs = jobs[party.as_usize()].handle(input);
        nanoseconds[party.as_usize()] += thread_time() - begun;
        for output in outputs {
            match output {
                Output::Send { to, bytes } => {
                    inputs.push_back((to, Input::Message { from: party, bytes }));
                }
                Output::Compute(task) => {
                    let begun = thread_time();
                    let result = task.run();
                    nanoseconds[party.as_usize()] += thread_time() - begun;
                    inputs.push_back((party, Input::Computed(result)));
                }
                Output::Done(result) => found[party.as_usize()] = Some(result?),
            }
        }
    }
    let [zero, one, two] = found.map(|found| found.context("a run stopped"));
    Ok(([zero?, one?, two?], nanoseconds.map(count)))
}

/// The processor time of this thread, in nanoseconds.
fn thread_time() -> usize {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanoseconds = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    usize::try_from(nanoseconds).unwrap_or_default()
}

/// A comparison of the times of two classes.
struct Test {
    what: String,
    classes: [Class; 2],
    /// The share of the times that was left, the longest left out.
    kept: f64,
    t: f64,
    /// Of the means, as a share of the mean.
    difference: f64,
    /// The difference that is found with probability 0.95.
    detectable: f64,
}

fn compared(blocks: &[Block], time: impl Fn(&Run) -> f64, what: &str) -> Vec<Test> {
    let mut tests = vec![];
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let both = |block: &Block| pair.map(|class| time(&block[class]));
        let times: Vec<[f64; 2]> = blocks.iter().map(both).collect();
        for per_mille in KEPT_PER_MILLE {
            let [difference, error] = welch(&times, per_mille);
            tests.push(Test {
                what: what.into(),
                classes: pair.map(|class| CLASSES[class]),
                kept: count(per_mille) / 1_000.0,
                t: difference.abs() / error,
                difference,
                detectable: (BOUND + 1.645) * error,
            });
        }
    }
    tests
}

/// Returns the difference of two means and its standard error, as shares of the mean.
fn welch(times: &[[f64; 2]], per_mille: usize) -> [f64; 2] {
    let longest = quantile(times.as_flattened().to_vec(), per_mille);
    let [one, other] = [0, 1].map(|class| {
        let of_class = times.iter().map(|pair| pair[class]);
        Moments::of(of_class.filter(|time| *time <= longest))
    });
    let error = (one.variance / one.count + other.variance / other.count).sqrt();
    let mean = f64::midpoint(one.mean, other.mean);
    [(one.mean - other.mean) / mean, error / mean]
}

fn quantile(mut values: Vec<f64>, per_mille: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = values.get(last * per_mille / 1_000);
    at.copied().unwrap_or_default()
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<_> = values.collect();
        let count = count(values.len());
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        Self {
            count,
            mean,
            variance: squares.sum::<f64>() / (count - 1.0),
        }
    }
}

impl Test {
    fn to_json(&self) -> Value {
        json!({
            "what": self.what,
            "classes": self.classes.map(|class| format!("{class:?}")),
            "kept": self.kept,
            "t": self.t,
            "difference": self.difference,
            "difference_found_with_probability_0.95": self.detectable,
        })
    }
}

/// Converts a number that is far below 2^53.
fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

const SEED: u64 = 8_000_000;
const SLOTS: usize = 64;
/// Accepted palms of each class.
const PALMS: usize = 8;
/// Blocks of a batch, with the first, which does not count.
const BLOCKS_OF_A_BATCH: usize = 51;
const BOUND: f64 = 4.5;
const KEPT_PER_MILLE: [usize; 5] = [1_000, 990, 900, 750, 500];

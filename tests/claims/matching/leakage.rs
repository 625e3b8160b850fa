//! What a party receives depends on public numbers and chance alone [MPC-1] to [MPC-3].
//!
//! Bytes of two samples of one size are compared by a chi-square of their histograms, with 255
//! degrees of freedom: mean 255, standard deviation 22.6. The bound lies six of them above the
//! mean, which chance exceeds less than once in a million tests. For samples of n bytes it is
//! exceeded with probability 0.97 as soon as half of the byte values are more frequent by a
//! share d in one of them, n d^2 / 2 = 200.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use boop_mpc::local::Envelope;
use boop_mpc::{Counters, Security};
use boop_wire::template::{Encodings, Template};
use serde_json::{Value, json};

use crate::claim::Claim;
use crate::matching::palms::{full_palm, noisy, upright};
use crate::matching::world::{
    BOTH, HEADER_BYTES, World, on_all_cores, record, seeded, session, shares_of,
};

/// Compares what parties receive over two databases of equal shape, and two captures.
pub(super) fn claim(quick: bool) -> Result<Claim> {
    let sessions = if quick { 12 } else { 128 };
    let mut rng = seeded(SEED);
    let query = full_palm(&mut rng);
    // No slot matches in either world, so the results are the same.
    let near: Vec<_> = (0..SLOTS)
        .map(|_| noisy(&mut rng, &query.0[0], 370))
        .collect();
    let near = World::enrolling(&mut rng, &near)?;
    let far = World::enrolling(&mut rng, &vec![Template::empty(); SLOTS])?;
    let larger = World::enrolling(&mut rng, &vec![Template::empty(); SLOTS + 1])?;
    let nobody = upright(Template::empty());
    let mut tests = vec![];
    let (mut shapes_equal, mut larger_differs, mut biased) = (true, true, f64::INFINITY);
    for (security, seed) in BOTH.into_iter().zip([SEED, SEED + 1_000_000]) {
        let of_near = received(&query, &near, security, seed, sessions)?;
        let of_far = received(&nobody, &far, security, seed + 100_000, sessions)?;
        let of_larger = received(&nobody, &larger, security, seed + 200_000, 1)?;
        shapes_equal &= of_near.shapes == of_far.shapes;
        larger_differs &= of_near.shapes.first() != of_larger.shapes.first();
        ensure!(of_near.samples.keys().eq(of_far.samples.keys()));
        for (what, near) in &of_near.samples {
            tests.push(Test::of(security, *what, near, &of_far.samples[what]));
        }
        let largest = of_near
            .samples
            .iter()
            .max_by_key(|(_, sample)| sample.bytes());
        let (what, largest) = largest.context("nothing was received")?;
        biased = biased.min(largest.with_bias().distance(&of_far.samples[what]));
    }
    Ok(told(sessions, &tests, shapes_equal, larger_differs, biased))
}

fn told(sessions: u64, tests: &[Test], equal: bool, differs: bool, biased: f64) -> Claim {
    let largest = tests.iter().map(|test| test.distance).fold(0.0, f64::max);
    let bytes: u32 = tests.iter().map(|test| test.bytes).sum();
    let most = tests
        .iter()
        .map(|test| test.bytes)
        .max()
        .unwrap_or_default();
    Claim {
        id: "what-a-party-receives-tells-nothing".into(),
        claim: "sizes, counts and bytes received do not depend on what is enrolled or shown".into(),
        held: equal && !tests.is_empty() && largest < BOUND,
        control: differs && biased > BOUND,
        summary: format!(
            "{} tests on {bytes} bytes, largest chi-square {largest:.0}, bound {BOUND:.0}; \
             a bias of 2 % planted in {most} bytes gives {biased:.0}",
            tests.len()
        ),
        figures: json!({
            "seed": SEED,
            "slots": SLOTS,
            "sessions_of_each_kind": sessions,
            "sizes_and_counts_equal": equal,
            "sizes_and_counts_with_another_tile_differ": differs,
            "bytes_compared": bytes,
            "bound": BOUND,
            "largest_chi_square": largest,
            "tests": tests.iter().map(Test::to_json).collect::<Vec<_>>(),
            "control_bias_planted": 1.0 / f64::from(EVERY),
            "control_chi_square": biased,
        }),
    }
}

/// What the parties received in some sessions.
struct Received {
    /// Of each session: counters, and each message without its payload.
    shapes: Vec<(Vec<Counters>, Vec<Shape>)>,
    /// Payloads by step and receiver.
    samples: BTreeMap<(u8, u8), Sample>,
}

/// What a message shows to everybody: from whom, to whom, its header and its length.
type Shape = (u8, u8, Vec<u8>, usize);

fn received(
    query: &Encodings,
    world: &World,
    security: Security,
    seed: u64,
    sessions: u64,
) -> Result<Received> {
    let all = on_all_cores(seed..seed + sessions, |seed| {
        let mut rng = seeded(seed);
        let inputs = shares_of(&mut rng, query);
        let (outcome, transcript) = record(session(&mut rng, &inputs, world, security));
        let ended = outcome.results.iter().flatten().flatten();
        let none = ended.filter(|found| !found.contains(&true)).count();
        ensure!(
            none == outcome.results.len(),
            "somebody matched, or stopped"
        );
        let mut samples = BTreeMap::<_, Sample>::new();
        for envelope in &transcript {
            let what = (envelope.bytes[0], envelope.to.get());
            let payload = &envelope.bytes[HEADER_BYTES..];
            if !payload.is_empty() {
                samples.entry(what).or_default().add(payload);
            }
        }
        let shapes = transcript.iter().map(shape).collect();
        Ok(((outcome.counters.to_vec(), shapes), samples))
    })?;
    let mut received = Received {
        shapes: vec![],
        samples: BTreeMap::new(),
    };
    for (shape, samples) in all {
        received.shapes.push(shape);
        for (what, sample) in samples {
            received.samples.entry(what).or_default().join(&sample);
        }
    }
    Ok(received)
}

fn shape(envelope: &Envelope) -> Shape {
    let header = envelope.bytes[..HEADER_BYTES].to_vec();
    let (from, to) = (envelope.from.get(), envelope.to.get());
    (from, to, header, envelope.bytes.len())
}

/// The comparison of two samples.
struct Test {
    security: Security,
    step: u8,
    to: u8,
    bytes: u32,
    distance: f64,
}

impl Test {
    fn of(security: Security, (step, to): (u8, u8), near: &Sample, far: &Sample) -> Self {
        Self {
            security,
            step,
            to,
            bytes: near.bytes(),
            distance: near.distance(far),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "mode": format!("{:?}", self.security),
            "step": self.step,
            "to": self.to,
            "bytes": self.bytes,
            "chi_square": self.distance,
            "bias_found_with_probability_0.97": (400.0 / f64::from(self.bytes)).sqrt(),
        })
    }
}

/// How often each byte value occurs.
#[derive(Clone)]
struct Sample {
    counts: [u32; 256],
    /// The counts of the same bytes, the highest bit of some of them cleared.
    biased: [u32; 256],
    turn: u32,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            counts: [0; 256],
            biased: [0; 256],
            turn: 0,
        }
    }
}

impl Sample {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let replaced = self.turn.is_multiple_of(EVERY);
            let other = if replaced { byte & 0x7f } else { *byte };
            self.turn = self.turn.wrapping_add(1);
            self.counts[usize::from(*byte)] += 1;
            self.biased[usize::from(other)] += 1;
        }
    }

    fn join(&mut self, other: &Self) {
        let counts = self.counts.iter_mut().zip(other.counts);
        let biased = self.biased.iter_mut().zip(other.biased);
        counts.chain(biased).for_each(|(sum, count)| *sum += count);
    }

    /// Returns the same sample with a bias.
    fn with_bias(&self) -> Self {
        Self {
            counts: self.biased,
            ..self.clone()
        }
    }

    fn bytes(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Returns the chi-square of two samples of the same size.
    fn distance(&self, other: &Self) -> f64 {
        let pairs = self.counts.iter().zip(&other.counts);
        let terms = pairs.filter(|(a, b)| **a + **b > 0).map(|(a, b)| {
            let difference = f64::from(a.abs_diff(*b));
            difference * difference / f64::from(a + b)
        });
        terms.sum()
    }
}

const SEED: u64 = 5_000_000;
const SLOTS: usize = 64;
/// One byte in so many is changed by the planted bias.
const EVERY: u32 = 50;
const BOUND: f64 = 255.0 + 6.0 * 22.6;

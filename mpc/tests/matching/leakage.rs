//! What a party sees looks like chance, whatever the palms are [MPC-1], [MPC-2].
//!
//! Bytes of two samples are compared by a chi-square of their histograms, with 255 degrees of
//! freedom: mean 255, standard deviation 22.6. The bound lies six of them above the mean, which
//! chance exceeds less than once in a million tests. For samples of n bytes it is exceeded with
//! probability 0.97 as soon as half of the byte values are more frequent by a share d in one of
//! them, n d^2 / 2 = 200: 2 % for a million bytes.

use std::collections::BTreeMap;

use boop_mpc::{Rule, Security, Step};
use boop_wire::template::{Encodings, Template};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::support::{
    BOTH, HEADER_BYTES, World, enrol, full_palm, full_template, noisy, record, search, seeded,
    session_jobs, shares_of, upright,
};

#[test]
fn the_comparison_of_samples_tells_a_two_percent_bias() {
    let mut rng = seeded(1);
    let (mut even, mut biased, mut even_too) = (Sample::new(), Sample::new(), Sample::new());
    for _ in 0..MILLION {
        even.add(&[any_byte(&mut rng)]);
        even_too.add(&[any_byte(&mut rng)]);
        let byte = any_byte(&mut rng);
        let replaced = rng.next_u32().is_multiple_of(50);
        biased.add(&[if replaced { byte & 0x7f } else { byte }]);
    }

    assert!(even.distance(&even_too) < BOUND);
    assert!(even.distance(&biased) > BOUND);
}

#[test]
fn a_stored_share_tells_nothing_of_the_palm() {
    let mut rng = seeded(2);
    let palm = full_template(&mut rng);
    let mut sample = |template: &Template| {
        let mut samples = [(); 3].map(|()| Sample::new());
        for _ in 0..32 {
            for (sample, share) in samples.iter_mut().zip(enrol(&mut rng, template)) {
                sample.add(&share.to_bytes());
            }
        }
        samples
    };

    let (ours, nothing) = (sample(&palm), sample(&Template::empty()));

    for (ours, nothing) in ours.iter().zip(&nothing) {
        assert!(ours.bytes() >= MILLION && ours.distance(nothing) < BOUND);
        assert!(2.0 * ours.distance(&Sample::even(ours.bytes())) < BOUND);
    }
}

#[test]
fn a_clients_share_tells_nothing_of_the_palm() {
    let mut rng = seeded(3);
    let palm = full_palm(&mut rng);
    let mut sample = |palm: &Encodings| {
        let mut samples = [(); 3].map(|()| Sample::new());
        for _ in 0..16_384 {
            let shares = shares_of(&mut rng, palm);
            for (sample, share) in samples.iter_mut().zip(&shares) {
                sample.add(&share.to_bytes()[1..]);
            }
        }
        samples
    };

    let (ours, nothing) = (sample(&palm), sample(&upright(Template::empty())));

    for (ours, nothing) in ours.iter().zip(&nothing) {
        assert!(ours.bytes() >= MILLION && ours.distance(nothing) < BOUND);
    }
}

#[test]
fn what_a_party_receives_tells_nothing_of_the_palms() {
    let mut rng = seeded(4);
    let query = full_palm(&mut rng);
    // No slot matches in either world, so the results are the same.
    let near: Vec<_> = (0..64).map(|_| noisy(&mut rng, &query.0[0], 370)).collect();
    let near = World::enrolling(&mut rng, &near);
    let far = World::enrolling(&mut rng, &vec![Template::empty(); 64]);
    let nobody = upright(Template::empty());
    for security in BOTH {
        assert_eq!(
            search(&mut rng, &query, &near, Rule::PALM, security),
            [false; 64]
        );

        let of_near = received(&mut rng, &query, &near, security);
        let of_far = received(&mut rng, &nobody, &far, security);

        assert!(of_near.keys().eq(of_far.keys()));
        for (what, near) in &of_near {
            let distance = near.distance(&of_far[what]);
            assert!(distance < BOUND, "{security:?} {what:?}: {distance}");
        }
        let carries = |sample: &BTreeMap<_, Sample>| sample[&(Step::Carry.tag(), 0)].bytes();
        assert!(carries(&of_near) > 100_000 && of_near.len() >= 20);
    }
}

/// Runs a search again and again and returns the bytes of every step that each party receives.
fn received(
    rng: &mut ChaCha8Rng,
    query: &Encodings,
    world: &World,
    security: Security,
) -> BTreeMap<(u8, u8), Sample> {
    let mut samples = BTreeMap::new();
    for _ in 0..16 {
        let inputs = shares_of(rng, query);
        let jobs = session_jobs(rng, &inputs, world, Rule::PALM, security);
        for envelope in record(jobs).1 {
            let payload = &envelope.bytes[HEADER_BYTES..];
            let what = (envelope.bytes[0], envelope.to.get());
            if !payload.is_empty() {
                samples.entry(what).or_insert_with(Sample::new).add(payload);
            }
        }
    }
    samples
}

/// How often each byte value occurs.
struct Sample {
    counts: [u64; 256],
}

impl Sample {
    fn new() -> Self {
        Self { counts: [0; 256] }
    }

    /// Returns the sample in which all values occur equally often.
    fn even(bytes: u64) -> Self {
        Self {
            counts: [bytes / 256; 256],
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.counts[usize::from(*byte)] += 1;
        }
    }

    fn bytes(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the chi-square of two samples of the same size.
    fn distance(&self, other: &Self) -> f64 {
        let pairs = self.counts.iter().zip(&other.counts);
        let terms = pairs.filter(|(a, b)| *a + *b > 0).map(|(a, b)| {
            let difference = as_f64(a.abs_diff(*b));
            difference * difference / as_f64(a + b)
        });
        terms.sum()
    }
}

fn any_byte(rng: &mut ChaCha8Rng) -> u8 {
    rng.next_u32().to_le_bytes()[0]
}

fn as_f64(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

const MILLION: u64 = 1_000_000;
const BOUND: f64 = 255.0 + 6.0 * 22.6;

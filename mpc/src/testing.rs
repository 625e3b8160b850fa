//! Running a protocol at three parties, for the unit tests of its steps.

use alloc::vec::Vec;
use core::future::Future;

use boop_wire::id::PartyIndex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::bits::BitShare;
use crate::context::{Context, PairwiseSeeds, Security};
use crate::error::MpcError;
use crate::gates::{Gates, Noted, ProverLog};
use crate::job::{Job, Mailbox};
use crate::local::run;
use crate::values::{ReplicatedValues, Values};

/// Returns a generator of test data; the seed is printed if the test fails.
pub(crate) fn seeded(seed: u64) -> ChaCha8Rng {
    std::println!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Returns the three parties' contexts of a semi-honest run, with seeds that fit.
pub(crate) fn contexts(rng: &mut ChaCha8Rng) -> [Context; 3] {
    contexts_of(rng, Security::SemiHonest)
}

/// Returns the three parties' contexts, with seeds that fit.
pub(crate) fn contexts_of(rng: &mut ChaCha8Rng, security: Security) -> [Context; 3] {
    let mut pair = [[0; 32]; 3];
    pair.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    PartyIndex::ALL.map(|me| {
        let with_next = pair[me.as_usize()];
        let with_previous = pair[me.previous().as_usize()];
        Context::new(
            me,
            &PairwiseSeeds {
                with_next,
                with_previous,
            },
            security,
        )
    })
}

/// Runs a protocol that succeeds, and returns the parties' results.
pub(crate) fn run_three<'a, T, F>(
    rng: &mut ChaCha8Rng,
    mut protocol: impl FnMut(Context, Mailbox) -> F,
) -> [T; 3]
where
    F: Future<Output = Result<T, MpcError>> + Send + 'a,
{
    let jobs =
        contexts(rng).map(|context| Job::new(context.me(), |mailbox| protocol(context, mailbox)));
    run(jobs).results.map(|result| result.unwrap().unwrap())
}

/// Checks that what three parties noted are true statements, position by position.
pub(crate) fn check_gates(gates: &[Gates; 3]) {
    for prover in PartyIndex::ALL {
        let known = |sides: &[Noted; 2]| sides.each_ref().map(Noted::to_vec);
        let ProverLog { a, b } = &gates[prover.as_usize()].own;
        let (a, b) = (known(a), known(b));
        let next = &gates[prover.next().as_usize()].of_previous;
        let previous = &gates[prover.previous().as_usize()].of_next;
        let sides = (known(&next.side), known(&previous.side));
        assert_eq!((&a, &b), (&sides.0, &sides.1), "prover {prover}");
        let claimed = crate::bits::xor(&next.claim.to_vec(), &previous.claim.to_vec());
        let product = |side: usize| a[side].iter().zip(&b[side]).map(|(a, b)| a & b);
        let shown: Vec<u64> = product(0).zip(product(1)).map(|(x, y)| x ^ y).collect();
        assert_eq!(shown, claimed, "prover {prover}");
    }
}

/// Returns random words.
pub(crate) fn words(rng: &mut ChaCha8Rng, count: usize) -> Vec<u64> {
    (0..count).map(|_| rng.next_u64()).collect()
}

/// Shares bits at random.
pub(crate) fn share_bits(rng: &mut ChaCha8Rng, bits: &[u64]) -> [BitShare; 3] {
    let (a, b) = (words(rng, bits.len()), words(rng, bits.len()));
    let c = bits
        .iter()
        .zip(a.iter().zip(&b))
        .map(|(x, (a, b))| x ^ a ^ b)
        .collect();
    let components = [a, b, c];
    PartyIndex::ALL.map(|me| BitShare {
        with_next: components[me.previous().as_usize()].clone(),
        with_previous: components[me.next().as_usize()].clone(),
    })
}

/// Puts shared bits together and checks that the holders of each component agree.
pub(crate) fn reveal_bits(shares: &[BitShare; 3]) -> Vec<u64> {
    for me in PartyIndex::ALL {
        let next = &shares[me.next().as_usize()];
        assert_eq!(shares[me.as_usize()].with_next, next.with_previous);
    }
    let [a, b, c] = shares;
    let components = a.with_next.iter().zip(&b.with_next).zip(&c.with_next);
    components.map(|((a, b), c)| a ^ b ^ c).collect()
}

/// Shares values at random.
pub(crate) fn share_values(rng: &mut ChaCha8Rng, values: &Values) -> [ReplicatedValues; 3] {
    let mut random = || {
        let bytes = Values::byte_count(values.code.len(), values.cells.len());
        let mut drawn = alloc::vec![0; bytes];
        rng.fill_bytes(&mut drawn);
        Values::from_bytes(&drawn, values.code.len())
    };
    let (a, b, mut c) = (random(), random(), values.clone());
    c.subtract(&a);
    c.subtract(&b);
    let components = [a, b, c];
    PartyIndex::ALL.map(|me| ReplicatedValues {
        with_next: components[me.previous().as_usize()].clone(),
        with_previous: components[me.next().as_usize()].clone(),
    })
}

/// Puts shared values together and checks that the holders of each component agree.
pub(crate) fn reveal_values(shares: &[ReplicatedValues; 3]) -> Values {
    for me in PartyIndex::ALL {
        let next = &shares[me.next().as_usize()];
        assert_eq!(
            shares[me.as_usize()].with_next.to_bytes(),
            next.with_previous.to_bytes()
        );
    }
    let mut sum = shares[0].with_next.clone();
    sum.add(&shares[1].with_next);
    sum.add(&shares[2].with_next);
    sum
}

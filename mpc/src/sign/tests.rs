//! The sign test against plain arithmetic.

use boop_wire::template::ALIGNMENT_COUNT;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::*;
use crate::bits::open;
use crate::context::Security;
use crate::job::Job;
use crate::local::run;
use crate::testing::{check_gates, contexts_of, reveal_bits, run_three, seeded, words};

const BOTH: [Security; 2] = [Security::SemiHonest, Security::Abort];

#[test]
fn the_sign_of_every_boundary_value_is_exact() {
    let mut rng = seeded(1);
    let near = [
        0,
        1,
        2,
        3,
        1 << 15,
        1 << 16,
        1 << 30,
        (1 << 31) - 1,
        1 << 31,
        u32::MAX,
    ];
    let around = near.into_iter().flat_map(|n: u32| {
        [
            n.wrapping_sub(1),
            n,
            n.wrapping_add(1),
            0_u32.wrapping_sub(n),
        ]
    });
    let powers = (0..32).flat_map(|bit| [1_u32 << bit, (1_u32 << bit).wrapping_neg()]);
    let mut values: Vec<_> = around.chain(powers).collect();
    values.resize(ALIGNMENT_COUNT * 64, 0);

    for (turn, security) in (0..3).flat_map(|turn| BOTH.map(|security| (turn, security))) {
        check_signs(&mut rng, turn, security, &values);
        let upper = upper_values(&values);
        check_signs_of(&mut rng, Profile::Sixteen, turn, security, &upper);
    }
}

#[test]
fn the_sign_of_random_values_is_exact() {
    let mut rng = seeded(2);
    for (turn, security) in (0..9).flat_map(|turn| BOTH.map(|security| (turn, security))) {
        let values: Vec<_> = (0..ALIGNMENT_COUNT * 1_024)
            .map(|_| rng.next_u32())
            .collect();

        check_signs(&mut rng, turn, security, &values);
        let upper = upper_values(&values);
        check_signs_of(&mut rng, Profile::Sixteen, turn, security, &upper);
    }
}

#[test]
fn every_dealer_can_share_bits() {
    let mut rng = seeded(4);
    for dealer in PartyIndex::ALL {
        let secret = words(&mut rng, 5);

        let shares = run_three(&mut rng, |mut context, mut channel| {
            let own = Wiping::from(secret.clone());
            async move {
                let (context, channel) = (&mut context, &mut channel);
                let count = own.len();
                let share = if context.me() == dealer {
                    deal(context, channel, own)
                } else {
                    receive_dealt(context, channel, dealer, count).await?
                };
                Ok(share.plus(0, &BitShare::zero(count)))
            }
        });

        assert_eq!(reveal_bits(&shares), secret);
    }
}

#[test]
fn a_lane_is_all_negative_unless_one_alignment_is_not() {
    let mut rng = seeded(3);
    let mut values = vec![0; ALIGNMENT_COUNT * 64];
    for row in 0..ALIGNMENT_COUNT {
        values[row * 64 + row + 1] = u32::try_from(row + 1).unwrap();
    }
    let shares = additive(&mut rng, &values);

    let opened = run_three(&mut rng, |mut context, mut channel| {
        let scores = shares[context.me().as_usize()].clone();
        async move {
            let (context, channel, kernel) = (&mut context, &mut channel, Kernel::best());
            let profile = Profile::Exact;
            let count = scores.len();
            let summands = two_summands(context, channel, kernel, profile, 0, scores).await?;
            let top = top_bits(context, channel, profile, count, summands).await?;
            let all = and_alignments(context, channel, ALIGNMENT_COUNT, top).await?;
            open(context, channel, &all).await
        }
    });

    let expected = !(((1_u64 << ALIGNMENT_COUNT) - 1) << 1);
    assert_eq!(opened, [(); 3].map(|()| vec![expected]));
}

/// Runs the adder on shares of the values and compares each opened top bit with the sign of
/// the value less 1; and everything noted for the proofs must be true.
fn check_signs(rng: &mut ChaCha8Rng, turn: u32, security: Security, values: &[u32]) {
    check_signs_of(rng, Profile::Exact, turn, security, values);
}

fn check_signs_of(
    rng: &mut ChaCha8Rng,
    profile: Profile,
    turn: u32,
    security: Security,
    values: &[u32],
) {
    let mut shares = additive(rng, values);
    if profile == Profile::Sixteen {
        // The lower halves of all values are 0, so those of three summands that add up to
        // them may be left out together.
        let [a, b, _] = shares;
        let (a, b) = (upper_values(&a), upper_values(&b));
        let rest = combine(
            values,
            &combine(&a, &b, u32::wrapping_add),
            u32::wrapping_sub,
        );
        shares = [a, b, rest];
    }
    let jobs = contexts_of(rng, security).map(|mut context| {
        let scores = shares[context.me().as_usize()].clone();
        Job::new(context.me(), |mut channel| async move {
            let (context, channel, kernel) = (&mut context, &mut channel, Kernel::best());
            let count = scores.len();
            let summands = match security {
                Security::SemiHonest => {
                    two_summands(context, channel, kernel, profile, turn, scores).await?
                }
                Security::Abort => {
                    let (scores, _) = rescore(context, channel, profile, scores).await?;
                    rescored_summands(context, channel, kernel, profile, turn, scores).await?
                }
            };
            let top = top_bits(context, channel, profile, count, summands).await?;
            let gates = context.take_gates();
            Ok((open(context, channel, &top).await?, gates))
        })
    });

    let results = run(jobs).results.map(|result| result.unwrap().unwrap());

    for (index, value) in values.iter().enumerate() {
        let negative = results[0].0[index / 64] >> (index % 64) & 1;
        let expected = value.wrapping_sub(profile.unit()).cast_signed() < 0;
        assert_eq!(negative == 1, expected, "value {value:#x}, turn {turn}");
    }
    let gates = results.map(|(_, gates)| gates.unwrap_or_default());
    assert_eq!(
        gates[0].own.a[0].len() == 0,
        security == Security::SemiHonest
    );
    check_gates(&gates);
}

/// Returns values with nothing in their lower halves: the upper ones, and the lower ones.
fn upper_values(values: &[u32]) -> Vec<u32> {
    values.iter().map(|value| value & 0xffff_0000).collect()
}

fn combine(values: &[u32], others: &[u32], operation: fn(u32, u32) -> u32) -> Vec<u32> {
    let pairs = values.iter().zip(others);
    pairs
        .map(|(value, other)| operation(*value, *other))
        .collect()
}

fn additive(rng: &mut ChaCha8Rng, values: &[u32]) -> [Vec<u32>; 3] {
    let a: Vec<_> = values.iter().map(|_| rng.next_u32()).collect();
    let b: Vec<_> = values.iter().map(|_| rng.next_u32()).collect();
    let rest = values.iter().zip(a.iter().zip(&b));
    let c = rest
        .map(|(v, (a, b))| v.wrapping_sub(*a).wrapping_sub(*b))
        .collect();
    [a, b, c]
}

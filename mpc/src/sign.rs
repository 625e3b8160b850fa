//! The sign test: from additive shares of scores to one opened bit a template.
//!
//! ```text
//!   scores -> two summands u + v -> bit slices -> ripple of carries -> top bit of each score
//!          -> AND over the alignments -> opened: 1 where no alignment matches
//! ```

use alloc::vec;
use alloc::vec::Vec;

use crate::bits::{BitShare, and, deal, open};
use crate::channel::Channel;
use crate::context::{Context, Held, Role};
use crate::error::MpcError;
use crate::step::Step;
use boop_wire::id::PartyIndex;
use boop_wire::template::ALIGNMENT_COUNT;

/// Opens, for each lane, whether every one of its scores is negative [MPC-30].
///
/// `scores` holds the party's summands, `lanes` to an alignment; `lanes` is a multiple of 64.
pub(crate) async fn all_negative<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    scores: Vec<u32>,
) -> Result<Vec<u64>, MpcError> {
    let (u, v) = two_summands(context, channel, scores).await?;
    let negative = top_bits(context, channel, &u, &v).await?;
    let none = and_alignments(context, channel, negative).await?;
    open(context, channel, &none).await
}

/// Splits the scores into a summand u of party 1 and v of party 2 and shares their bits [MPC-31].
async fn two_summands<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    scores: Vec<u32>,
) -> Result<(BitShare, BitShare), MpcError> {
    let [zero, one, two] = PartyIndex::ALL;
    let bytes = 4 * scores.len();
    let own = match context.role() {
        Role::Zero => {
            let mask = context.draw(Held::WithPrevious, bytes);
            let masked = combine(&scores, &mask, u32::wrapping_add);
            context.send(channel, one, Step::Score, &to_bytes(&masked));
            vec![0; scores.len()]
        }
        Role::One => scores,
        Role::Two => combine(
            &scores,
            &context.draw(Held::WithNext, bytes),
            u32::wrapping_sub,
        ),
    };
    let own_slices = if context.role() == Role::Two {
        slices(&own)
    } else {
        blank(own.len())
    };
    let v = deal(context, channel, two, &own_slices).await?;
    let own_slices = if context.role() == Role::One {
        let masked = context.receive(channel, zero, Step::Score, bytes).await?;
        slices(&combine(&own, &masked, u32::wrapping_add))
    } else {
        blank(own.len())
    };
    let u = deal(context, channel, one, &own_slices).await?;
    Ok((u, v))
}

/// Adds u and v bit by bit and returns bit 31 of the sum [MPC-32].
async fn top_bits<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    u: &BitShare,
    v: &BitShare,
) -> Result<BitShare, MpcError> {
    let words = u.words() / SCORE_BITS;
    let mut carry = BitShare::zero(words);
    for bit in 0..SCORE_BITS - 1 {
        let slice = bit * words..(bit + 1) * words;
        let x = u.slice(slice.clone()).xor(&carry);
        let y = v.slice(slice).xor(&carry);
        carry = and(context, channel, Step::Carry, &x, &y)
            .await?
            .xor(&carry);
    }
    let top = (SCORE_BITS - 1) * words..SCORE_BITS * words;
    Ok(u.slice(top.clone()).xor(&v.slice(top)).xor(&carry))
}

/// Computes, lane by lane, the AND over the rows of all alignments, as a tree [MPC-33].
async fn and_alignments<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    bits: BitShare,
) -> Result<BitShare, MpcError> {
    let words = bits.words() / ALIGNMENT_COUNT;
    let mut rows = bits;
    let mut count = ALIGNMENT_COUNT;
    while count > 1 {
        let half = count / 2;
        let first = rows.slice(0..half * words);
        let second = rows.slice(half * words..2 * half * words);
        let odd = rows.slice(2 * half * words..count * words);
        rows = and(context, channel, Step::Alignments, &first, &second).await?;
        rows.append(&odd);
        count -= half;
    }
    Ok(rows)
}

/// Turns rows of 32-bit values into 32 slices of bits, the lowest bit first.
fn slices(values: &[u32]) -> Vec<u64> {
    let words = values.len() / 64;
    let mut slices = vec![0; SCORE_BITS * words];
    for (word, lanes) in values.as_chunks::<64>().0.iter().enumerate() {
        for bit in 0..SCORE_BITS {
            let gathered = lanes
                .iter()
                .rev()
                .fold(0, |all, v| all << 1 | u64::from(v >> bit & 1));
            slices[bit * words + word] = gathered;
        }
    }
    slices
}

fn blank(values: usize) -> Vec<u64> {
    vec![0; SCORE_BITS * (values / 64)]
}

fn combine(values: &[u32], bytes: &[u8], operation: fn(u32, u32) -> u32) -> Vec<u32> {
    let others = bytes
        .as_chunks()
        .0
        .iter()
        .map(|chunk| u32::from_le_bytes(*chunk));
    values
        .iter()
        .zip(others)
        .map(|(value, other)| operation(*value, other))
        .collect()
}

fn to_bytes(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

const SCORE_BITS: usize = 32;

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::testing::{run_three, seeded};

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

        check_signs(&mut rng, &values);
    }

    #[test]
    fn the_sign_of_random_values_is_exact() {
        let mut rng = seeded(2);
        for _ in 0..16 {
            let values: Vec<_> = (0..ALIGNMENT_COUNT * 1_024)
                .map(|_| rng.next_u32())
                .collect();

            check_signs(&mut rng, &values);
        }
    }

    #[test]
    fn a_lane_is_all_negative_unless_one_alignment_is_not() {
        let mut rng = seeded(3);
        let mut values = vec![u32::MAX; ALIGNMENT_COUNT * 64];
        for row in 0..ALIGNMENT_COUNT {
            values[row * 64 + row + 1] = u32::try_from(row).unwrap();
        }
        let shares = additive(&mut rng, &values);

        let opened = run_three(&mut rng, |mut context, mut channel| {
            let scores = shares[context.me().as_usize()].clone();
            async move { all_negative(&mut context, &mut channel, scores).await }
        });

        let expected = !(((1_u64 << ALIGNMENT_COUNT) - 1) << 1);
        assert_eq!(opened, [(); 3].map(|()| vec![expected]));
    }

    /// Runs the adder on shares of the values and compares each opened top bit.
    fn check_signs(rng: &mut ChaCha8Rng, values: &[u32]) {
        let shares = additive(rng, values);

        let opened = run_three(rng, |mut context, mut channel| {
            let scores = shares[context.me().as_usize()].clone();
            async move {
                let (u, v) = two_summands(&mut context, &mut channel, scores).await?;
                let top = top_bits(&mut context, &mut channel, &u, &v).await?;
                open(&mut context, &mut channel, &top).await
            }
        });

        for (index, value) in values.iter().enumerate() {
            let negative = opened[0][index / 64] >> (index % 64) & 1;
            assert_eq!(negative == 1, value.cast_signed() < 0, "value {value:#x}");
        }
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
}

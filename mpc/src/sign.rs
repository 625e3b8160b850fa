//! The sign test: from additive shares of scores to one shared bit a template.
//!
//! ```text
//!   scores -> two summands u + v -> bit slices -> ripple of carries -> top bit of each score
//!          -> AND over the alignments: 1 where no alignment matches
//! ```

use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::Kernel;

use crate::bits::{BitShare, and, deal};
use crate::channel::Channel;
use crate::context::{Context, Held, Role};
use crate::error::MpcError;
use crate::gates::Addition;
use crate::rule::Profile;
use crate::step::Step;

/// The parties' summands, passed on so that two of them know each [MPC-35].
pub(crate) struct Rescored {
    /// This party's masked summand, which the next party knows too.
    pub(crate) with_next: Vec<u32>,
    /// The previous party's masked summand.
    pub(crate) with_previous: Vec<u32>,
    /// This party's half of the previous party's summands; the next party has the other.
    pub(crate) half_of_previous: Vec<u32>,
    /// This party's half of the next party's summands; the previous party has the other.
    pub(crate) half_of_next: Vec<u32>,
}

/// Passes the scores on, masked [MPC-35].
pub(crate) async fn rescore<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    profile: Profile,
    scores: &[u32],
) -> Result<Rescored, MpcError> {
    let bytes = profile.score_bytes() * scores.len();
    let zero_with_next = draw(context, profile, Held::WithNext, scores.len());
    let zero_with_previous = draw(context, profile, Held::WithPrevious, scores.len());
    let masked = combine(scores, &zero_with_next, u32::wrapping_add);
    let with_next = combine(&masked, &zero_with_previous, u32::wrapping_sub);
    let (next, previous) = (context.me().next(), context.me().previous());
    context.send(channel, next, Step::Rescore, &pack(profile, &with_next));
    let received = context
        .receive(channel, previous, Step::Rescore, bytes)
        .await?;
    let with_previous = unpack(profile, &received);
    Ok(Rescored {
        half_of_previous: combine(&with_previous, &zero_with_previous, u32::wrapping_sub),
        half_of_next: zero_with_next,
        with_next,
        with_previous,
    })
}

/// Splits scores into a summand u of one party and v of another and shares their bits, less the
/// 1 by which a score of 0 is no match [MPC-23], [MPC-31]. Party `turn` modulo 3 has role zero.
pub(crate) async fn two_summands<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
    profile: Profile,
    turn: u32,
    scores: Vec<u32>,
) -> Result<[BitShare; 2], MpcError> {
    let (next, previous) = (context.me().next(), context.me().previous());
    let bytes = profile.score_bytes() * scores.len();
    let blank = blank(profile, scores.len());
    match context.role_from(turn) {
        Role::Zero => {
            let mask = draw(context, profile, Held::WithPrevious, scores.len());
            let masked = combine(&scores, &mask, u32::wrapping_add);
            context.send(channel, next, Step::Score, &pack(profile, &masked));
            let v = deal(context, channel, previous, &blank).await?;
            let u = deal(context, channel, next, &blank).await?;
            Ok([u, v])
        }
        Role::One => {
            let v = deal(context, channel, next, &blank).await?;
            let masked = context
                .receive(channel, previous, Step::Score, bytes)
                .await?;
            let own = combine(&scores, &unpack(profile, &masked), u32::wrapping_add);
            let own = slices(kernel, profile, &own);
            let u = deal(context, channel, context.me(), &own).await?;
            Ok([u, v])
        }
        Role::Two => {
            let mask = draw(context, profile, Held::WithNext, scores.len());
            let own = combine(&scores, &mask, u32::wrapping_sub);
            let own = slices(kernel, profile, &less_one(profile, own));
            let v = deal(context, channel, context.me(), &own).await?;
            let u = deal(context, channel, previous, &blank).await?;
            Ok([u, v])
        }
    }
}

/// Shares the bits of passed-on scores, less 1: the dealer, role one, deals the sum of the two
/// components that it knows, and the bits of the third need no message [MPC-36].
pub(crate) async fn rescored_summands<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
    profile: Profile,
    turn: u32,
    scores: &Rescored,
) -> Result<[BitShare; 2], MpcError> {
    let (me, rows) = (context.me(), profile.score_bits());
    let blank = blank(profile, scores.with_next.len());
    let sliced = |values: &[u32]| slices(kernel, profile, values);
    let next = sliced(&scores.with_next);
    let previous = sliced(&scores.with_previous);
    let mut v = BitShare {
        with_next: blank.clone(),
        with_previous: blank.clone(),
    };
    match context.role_from(turn) {
        Role::One => {
            let both = combine(&scores.with_next, &scores.with_previous, u32::wrapping_add);
            let u = deal(context, channel, me, &sliced(&both)).await?;
            if let Some(gates) = context.gates() {
                let addition = Addition::Prover {
                    a: &next,
                    b: &previous,
                    w_next: &u.with_next,
                    w_previous: &u.with_previous,
                };
                gates.note_addition(rows, &addition);
            }
            Ok([u, v])
        }
        Role::Two => {
            v.with_next = sliced(&less_one(profile, scores.with_next.clone()));
            let u = deal(context, channel, me.previous(), &blank).await?;
            if let Some(gates) = context.gates() {
                let (a, w) = (&previous, &u.with_previous);
                gates.note_addition(rows, &Addition::Next { a, w });
            }
            Ok([u, v])
        }
        Role::Zero => {
            v.with_previous = sliced(&less_one(profile, scores.with_previous.clone()));
            let u = deal(context, channel, me.next(), &blank).await?;
            if let Some(gates) = context.gates() {
                let (b, w) = (&next, &u.with_next);
                gates.note_addition(rows, &Addition::Previous { b, w });
            }
            Ok([u, v])
        }
    }
}

/// Adds u and v bit by bit and returns the top bit of the sum [MPC-32].
pub(crate) async fn top_bits<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    profile: Profile,
    u: &BitShare,
    v: &BitShare,
) -> Result<BitShare, MpcError> {
    let bits = profile.score_bits();
    let words = u.words() / bits;
    let mut carry = BitShare::zero(words);
    for bit in 0..bits - 1 {
        let slice = bit * words..(bit + 1) * words;
        let x = u.slice(slice.clone()).xor(&carry);
        let y = v.slice(slice).xor(&carry);
        carry = and(context, channel, Step::Carry, &x, &y)
            .await?
            .xor(&carry);
    }
    let top = (bits - 1) * words..bits * words;
    Ok(u.slice(top.clone()).xor(&v.slice(top)).xor(&carry))
}

/// Computes, lane by lane, the AND over the rows of all alignments, as a tree [MPC-33].
pub(crate) async fn and_alignments<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    alignments: usize,
    bits: BitShare,
) -> Result<BitShare, MpcError> {
    let words = bits.words() / alignments;
    let mut rows = bits;
    let mut count = alignments;
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

/// Turns rows of scores into slices of bits, the lowest that is not always 0 first.
fn slices(kernel: Kernel, profile: Profile, values: &[u32]) -> Vec<u64> {
    let mut slices = blank(profile, values.len());
    match profile {
        Profile::Exact => kernel.slices32(values, &mut slices),
        Profile::Sixteen => kernel.slices16(&upper_halves(values), &mut slices),
    }
    slices
}

fn blank(profile: Profile, values: usize) -> Vec<u64> {
    vec![0; profile.score_bits() * (values / 64)]
}

fn less_one(profile: Profile, mut values: Vec<u32>) -> Vec<u32> {
    let one = profile.unit();
    values.iter_mut().for_each(|v| *v = v.wrapping_sub(one));
    values
}

fn upper_halves(values: &[u32]) -> Vec<u16> {
    values.iter().map(|value| (value >> 16) as u16).collect()
}

fn combine(values: &[u32], others: &[u32], operation: impl Fn(u32, u32) -> u32) -> Vec<u32> {
    let pairs = values.iter().zip(others);
    pairs
        .map(|(value, other)| operation(*value, *other))
        .collect()
}

/// Draws scores, as many of whose bytes as are not always 0.
fn draw(context: &mut Context, profile: Profile, held: Held, scores: usize) -> Vec<u32> {
    match profile {
        Profile::Exact => context.draw_values(held, scores),
        Profile::Sixteen => unpack(profile, &context.draw(held, profile.score_bytes() * scores)),
    }
}

/// Returns the bytes of scores that are not always 0.
fn pack(profile: Profile, values: &[u32]) -> Vec<u8> {
    match profile {
        Profile::Exact => to_bytes(values),
        Profile::Sixteen => {
            let halves = upper_halves(values).into_iter();
            halves.flat_map(u16::to_le_bytes).collect()
        }
    }
}

/// Reads what [`pack`] has written.
fn unpack(profile: Profile, bytes: &[u8]) -> Vec<u32> {
    match profile {
        Profile::Exact => to_values(bytes),
        Profile::Sixteen => {
            let (halves, _) = bytes.as_chunks();
            let halves = halves.iter().map(|half| u16::from_le_bytes(*half));
            halves.map(|half| u32::from(half) << 16).collect()
        }
    }
}

/// Reads little-endian values.
pub(crate) fn to_values(bytes: &[u8]) -> Vec<u32> {
    let (values, _) = bytes.as_chunks();
    values
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect()
}

/// Returns the little-endian bytes of values.
pub(crate) fn to_bytes(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use boop_wire::template::ALIGNMENT_COUNT;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::bits::open;
    use crate::context::Security;
    use crate::job::Job;
    use crate::local::run;
    use crate::testing::{check_gates, contexts_of, run_three, seeded};

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
                let [u, v] = two_summands(context, channel, kernel, profile, 0, scores).await?;
                let top = top_bits(context, channel, profile, &u, &v).await?;
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
                let [u, v] = match security {
                    Security::SemiHonest => {
                        two_summands(context, channel, kernel, profile, turn, scores).await?
                    }
                    Security::Abort => {
                        let scores = rescore(context, channel, profile, &scores).await?;
                        rescored_summands(context, channel, kernel, profile, turn, &scores).await?
                    }
                };
                let top = top_bits(context, channel, profile, &u, &v).await?;
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
            gates[0].own.a[0].is_empty(),
            security == Security::SemiHonest
        );
        check_gates(&gates);
    }

    /// Returns values with nothing in their lower halves: the upper ones, and the lower ones.
    fn upper_values(values: &[u32]) -> Vec<u32> {
        values.iter().map(|value| value & 0xffff_0000).collect()
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

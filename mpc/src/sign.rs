//! The sign test: from additive shares of scores to one shared bit a template.
//!
//! ```text
//!   scores -> two summands u + v -> bit slices -> ripple of carries -> top bit of each score
//!          -> AND over the alignments: 1 where no alignment matches
//! ```
//!
//! The scores of a block are as long as a cache: what can be done in place is.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::Kernel;
use boop_wire::id::PartyIndex;

use crate::bits::{BitShare, and_of, xor};
use crate::channel::Channel;
use crate::context::{Context, Held, Role};
use crate::error::MpcError;
use crate::gates::{Addition, Words};
use crate::rule::Profile;
use crate::step::Step;
use crate::wipe::Wiping;

/// The parties' summands, passed on so that two of them know each [MPC-35].
pub(crate) struct Rescored {
    /// This party's masked summand, which the next party knows too.
    pub(crate) with_next: Wiping<u32>,
    /// The previous party's masked summand.
    pub(crate) with_previous: Wiping<u32>,
}

/// A party's halves of its neighbours' summands, of which the audit is.
pub(crate) struct Halves {
    /// This party's half of the previous party's summands; the next party has the other.
    pub(crate) of_previous: Wiping<u32>,
    /// This party's half of the next party's summands; the previous party has the other.
    pub(crate) of_next: Wiping<u32>,
}

/// The bit slices of a summand that one party dealt, in shares; a component that is none is
/// zeros, as one of a party's own is at most.
#[derive(Default)]
pub(crate) struct Summand {
    with_next: Option<Words>,
    with_previous: Option<Words>,
}

/// Passes the scores on, masked [MPC-35].
pub(crate) async fn rescore<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    profile: Profile,
    scores: Vec<u32>,
) -> Result<(Rescored, Halves), MpcError> {
    let mut with_next = Wiping::from(scores);
    let count = with_next.len();
    let drawn = |context: &mut Context, held| {
        let mut zeros = Wiping::from(vec![0; count]);
        draw_into(context, profile, held, &mut zeros, |_, drawn| drawn);
        zeros
    };
    let zero_with_next = drawn(context, Held::WithNext);
    let zero_with_previous = drawn(context, Held::WithPrevious);
    let zeros = zero_with_next.iter().zip(zero_with_previous.iter());
    for (score, (next, previous)) in with_next.iter_mut().zip(zeros) {
        *score = score.wrapping_add(*next).wrapping_sub(*previous);
    }
    let (next, previous) = (context.me().next(), context.me().previous());
    send(context, channel, next, Step::Rescore, profile, &with_next);
    let mut with_previous = Wiping::from(vec![0; count]);
    let (step, sums) = (Step::Rescore, &mut with_previous);
    receive_added(context, channel, previous, step, profile, sums).await?;
    let mut of_previous = zero_with_previous;
    for (half, sum) in of_previous.iter_mut().zip(with_previous.iter()) {
        *half = sum.wrapping_sub(*half);
    }
    let halves = Halves {
        of_previous,
        of_next: zero_with_next,
    };
    let rescored = Rescored {
        with_next,
        with_previous,
    };
    Ok((rescored, halves))
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
) -> Result<[Summand; 2], MpcError> {
    let mut scores = Wiping::from(scores);
    let (next, previous) = (context.me().next(), context.me().previous());
    let words = slice_words(profile, scores.len());
    match context.role_from(turn) {
        Role::Zero => {
            let held = Held::WithPrevious;
            draw_into(context, profile, held, &mut scores, u32::wrapping_add);
            send(context, channel, next, Step::Score, profile, &scores);
            drop(scores);
            let v = receive_dealt(context, channel, previous, words).await?;
            let u = receive_dealt(context, channel, next, words).await?;
            Ok([u, v])
        }
        Role::One => {
            let v = receive_dealt(context, channel, next, words).await?;
            let (step, own) = (Step::Score, &mut scores);
            receive_added(context, channel, previous, step, profile, own).await?;
            let u = deal(context, channel, slices(kernel, profile, &scores));
            Ok([u, v])
        }
        Role::Two => {
            let held = Held::WithNext;
            draw_into(context, profile, held, &mut scores, u32::wrapping_sub);
            take_one(profile, &mut scores);
            let v = deal(context, channel, slices(kernel, profile, &scores));
            let u = receive_dealt(context, channel, previous, words).await?;
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
    scores: Rescored,
) -> Result<[Summand; 2], MpcError> {
    let Rescored {
        mut with_next,
        mut with_previous,
    } = scores;
    let (me, rows) = (context.me(), profile.score_bits());
    let words = slice_words(profile, with_next.len());
    let sliced = |values: &[u32]| slices(kernel, profile, values);
    let mut v = Summand::default();
    match context.role_from(turn) {
        Role::One => {
            let (a, b) = (sliced(&with_next), sliced(&with_previous));
            for (sum, value) in with_next.iter_mut().zip(with_previous.iter()) {
                *sum = sum.wrapping_add(*value);
            }
            drop(with_previous);
            let both = sliced(&with_next);
            drop(with_next);
            let u = deal(context, channel, both);
            if let (Some(gates), Some(w_next), Some(w_previous)) = (
                context.gates(),
                u.with_next.clone(),
                u.with_previous.clone(),
            ) {
                let addition = Addition::Prover {
                    a,
                    b,
                    w_next,
                    w_previous,
                };
                gates.note_addition(rows, addition);
            }
            Ok([u, v])
        }
        Role::Two => {
            let a = sliced(&with_previous);
            drop(with_previous);
            take_one(profile, &mut with_next);
            v.with_next = Some(Arc::new(sliced(&with_next)));
            drop(with_next);
            let u = receive_dealt(context, channel, me.previous(), words).await?;
            if let Some((gates, w)) = context.gates().zip(u.with_previous.clone()) {
                gates.note_addition(rows, Addition::Next { a, w });
            }
            Ok([u, v])
        }
        Role::Zero => {
            let b = sliced(&with_next);
            drop(with_next);
            take_one(profile, &mut with_previous);
            v.with_previous = Some(Arc::new(sliced(&with_previous)));
            drop(with_previous);
            let u = receive_dealt(context, channel, me.next(), words).await?;
            if let Some((gates, w)) = context.gates().zip(u.with_next.clone()) {
                gates.note_addition(rows, Addition::Previous { b, w });
            }
            Ok([u, v])
        }
    }
}

/// Adds u and v, of `scores` values, bit by bit and returns the top bit of the sum [MPC-32].
pub(crate) async fn top_bits<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    profile: Profile,
    scores: usize,
    [u, v]: [Summand; 2],
) -> Result<BitShare, MpcError> {
    let (bits, words) = (profile.score_bits(), scores / 64);
    let mut carry = BitShare::zero(words);
    for bit in 0..bits - 1 {
        let x = u.plus(bit, &carry);
        let y = v.plus(bit, &carry);
        let product = and_of(context, channel, Step::Carry, x, y).await?;
        carry.add(&product);
    }
    Ok(v.plus(bits - 1, &u.plus(bits - 1, &carry)))
}

impl Summand {
    /// Returns the sum of a slice and a bit of each value.
    fn plus(&self, bit: usize, bits: &BitShare) -> BitShare {
        BitShare {
            with_next: plus_slice(self.with_next.as_ref(), bit, &bits.with_next),
            with_previous: plus_slice(self.with_previous.as_ref(), bit, &bits.with_previous),
        }
    }
}

fn plus_slice(slices: Option<&Words>, bit: usize, bits: &[u64]) -> Vec<u64> {
    match slices {
        Some(slices) => xor(&slices[bit * bits.len()..][..bits.len()], bits),
        None => bits.to_vec(),
    }
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
        let products = and_of(context, channel, Step::Alignments, first, second).await?;
        count -= half;
        rows = BitShare::with_room(count * words);
        rows.append(&products);
        rows.append(&odd);
    }
    Ok(rows)
}

/// Shares slices that this party alone knows; the two others receive them as [`receive_dealt`]
/// does.
fn deal<C: Channel>(context: &mut Context, channel: &mut C, own: Wiping<u64>) -> Summand {
    let with_previous = Wiping::from(context.draw_words(Held::WithPrevious, own.len()));
    let mut with_next = own;
    let pairs = with_next.iter_mut().zip(with_previous.iter());
    pairs.for_each(|(word, mask)| *word ^= mask);
    context.send_numbers(channel, context.me().next(), Step::Summand, &with_next);
    Summand {
        with_next: Some(Arc::new(with_next)),
        with_previous: Some(Arc::new(with_previous)),
    }
}

/// Receives this party's share of so many words that another one deals.
async fn receive_dealt<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    dealer: PartyIndex,
    words: usize,
) -> Result<Summand, MpcError> {
    let mut share = Summand::default();
    if context.me() == dealer.previous() {
        let drawn = Wiping::from(context.draw_words(Held::WithNext, words));
        share.with_next = Some(Arc::new(drawn));
    } else {
        let received = context.receive_numbers(channel, dealer, Step::Summand, words);
        let received = Wiping::from(received.await?);
        share.with_previous = Some(Arc::new(received));
    }
    Ok(share)
}

/// Turns rows of scores into slices of bits, the lowest that is not always 0 first.
fn slices(kernel: Kernel, profile: Profile, values: &[u32]) -> Wiping<u64> {
    let mut slices = Wiping::from(vec![0; slice_words(profile, values.len())]);
    match profile {
        Profile::Exact => kernel.slices32(values, &mut slices),
        Profile::Sixteen => {
            let halves = Wiping::from(upper_halves(values));
            kernel.slices16(&halves, &mut slices);
        }
    }
    slices
}

/// Returns the words of all slices of so many values.
fn slice_words(profile: Profile, values: usize) -> usize {
    profile.score_bits() * (values / 64)
}

fn take_one(profile: Profile, values: &mut [u32]) {
    let one = profile.unit();
    values.iter_mut().for_each(|v| *v = v.wrapping_sub(one));
}

fn upper_halves(values: &[u32]) -> Vec<u16> {
    values.iter().map(|value| (value >> 16) as u16).collect()
}

fn upper(half: u16) -> u32 {
    u32::from(half) << 16
}

/// Combines scores with drawn ones, as many of whose bytes are drawn as are not always 0.
fn draw_into(
    context: &mut Context,
    profile: Profile,
    held: Held,
    scores: &mut [u32],
    combine: impl Fn(u32, u32) -> u32,
) {
    match profile {
        Profile::Exact => {
            let mix = |score: &mut u32, drawn: u32| *score = combine(*score, drawn);
            context.draw_into(held, scores, mix);
        }
        Profile::Sixteen => {
            let mix = |score: &mut u32, drawn: u16| *score = combine(*score, upper(drawn));
            context.draw_into(held, scores, mix);
        }
    }
}

/// Sends the bytes of scores that are not always 0.
fn send<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    to: PartyIndex,
    step: Step,
    profile: Profile,
    scores: &[u32],
) {
    match profile {
        Profile::Exact => context.send_numbers(channel, to, step, scores),
        Profile::Sixteen => context.send_numbers(channel, to, step, &upper_halves(scores)),
    }
}

/// Adds received scores to scores.
async fn receive_added<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    from: PartyIndex,
    step: Step,
    profile: Profile,
    sums: &mut [u32],
) -> Result<(), MpcError> {
    match profile {
        Profile::Exact => {
            let add = |sum: &mut u32, score: u32| *sum = sum.wrapping_add(score);
            context.receive_into(channel, from, step, sums, add).await
        }
        Profile::Sixteen => {
            let add = |sum: &mut u32, score: u16| *sum = sum.wrapping_add(upper(score));
            context.receive_into(channel, from, step, sums, add).await
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
mod tests;

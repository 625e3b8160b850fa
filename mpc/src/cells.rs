//! Whether every encoding of a palm has enough valid cells, as one shared bit [MPC-15].
//!
//! A template with few valid cells is like many others by chance. Scanners refuse such a palm,
//! but a scanner may lie; so the parties count for themselves, and open one bit.
//!
//! ```text
//!   component 0 of a count, less the least one ┐                 bit 11 of the sum,
//!   component 1                                ├ carry-save, 1 round ┐  a 1 if too few
//!   component 2                                ┘                 carry, 5 ┐
//!                                                     AND over the encodings, 2
//! ```

use alloc::vec;
use alloc::vec::Vec;

use crate::bits::{BitShare, and, open};
use crate::channel::Channel;
use crate::context::Context;
use crate::error::MpcError;
use crate::predicate::{carry, inverted};
use crate::step::Step;
use crate::values::ReplicatedValues;
use boop_wire::id::PartyIndex;
use boop_wire::template::{CELLS, ROTATIONS, VALID_CELLS_MIN};

/// A shared bit, the lowest of a word: 1 if each encoding has [`VALID_CELLS_MIN`] valid cells.
#[derive(Clone)]
pub(crate) struct EnoughCells {
    bit: BitShare,
}

impl EnoughCells {
    /// Counts the valid cells of each encoding and compares, an encoding to a lane.
    pub(crate) async fn compute<C: Channel>(
        context: &mut Context,
        channel: &mut C,
        palm: &ReplicatedValues,
    ) -> Result<Self, MpcError> {
        let (me, low) = (context.me(), 0..SIGN);
        let [a, b, c] = PartyIndex::ALL.map(|component| summand(me, palm, component));
        let [x, y, z] = [a.xor(&c), b.xor(&c), c.clone()].map(|bits| bits.slice(low.clone()));
        let carries = and(context, channel, Step::Compare, &x, &y).await?.xor(&z);
        let sum = a.xor(&b).xor(&c);
        // What is carried into a bit stands one place lower; into the lowest comes nothing.
        let x: Vec<_> = (1..SIGN).map(|bit| sum.slice(bit..bit + 1)).collect();
        let y: Vec<_> = (1..SIGN).map(|bit| carries.slice(bit - 1..bit)).collect();
        let carried = carry(context, channel, &x, &y).await?;
        let too_few = sum
            .slice(SIGN..SIGN + 1)
            .xor(&carries.slice(SIGN - 1..SIGN))
            .xor(&carried);
        let bit = every_lane(context, channel, inverted(me, &too_few)).await?;
        Ok(Self { bit })
    }

    /// Opens the bit, and ends the run at all parties if it is 0. In a run that is secure with
    /// abort everything sent has to be proved and accepted before.
    pub(crate) async fn demand<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<(), MpcError> {
        match open(context, channel, &self.bit).await?.as_slice() {
            [1] => Ok(()),
            _ => Err(MpcError::TooFewValidCells),
        }
    }
}

/// Returns the bits of one component of the counts, whose holders need no message to share them;
/// the least count is taken off component 0.
fn summand(me: PartyIndex, palm: &ReplicatedValues, component: PartyIndex) -> BitShare {
    let least = if component.get() == 0 {
        VALID_CELLS_MIN
    } else {
        0
    };
    let bits = |held: PartyIndex, cells: &[u32]| {
        let mut slices = vec![0; SIGN + 1];
        if held == component {
            for (lane, cells) in cells.chunks_exact(CELLS).enumerate() {
                let sum = cells
                    .iter()
                    .fold(0_u32, |sum, cell| sum.wrapping_add(*cell));
                let value = u64::from(sum).wrapping_sub(least as u64);
                let bits = slices.iter_mut().enumerate();
                bits.for_each(|(bit, slice)| *slice |= (value >> bit & 1) << lane);
            }
        }
        slices
    };
    BitShare {
        with_next: bits(me.previous(), &palm.with_next.cells),
        with_previous: bits(me.next(), &palm.with_previous.cells),
    }
}

/// Computes the AND of the lanes of the encodings, and clears all others.
async fn every_lane<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    lanes: BitShare,
) -> Result<BitShare, MpcError> {
    let mut all = lanes.clone();
    for lane in 1..ROTATIONS {
        let one = moved(&lanes, lane);
        all = and(context, channel, Step::Conjunction, &all, &one).await?;
    }
    let lowest = |words: &[u64]| words.iter().map(|word| word & 1).collect();
    Ok(BitShare {
        with_next: lowest(&all.with_next),
        with_previous: lowest(&all.with_previous),
    })
}

/// Moves the lanes down.
fn moved(bits: &BitShare, lanes: usize) -> BitShare {
    let down = |words: &[u64]| words.iter().map(|word| word >> lanes).collect();
    BitShare {
        with_next: down(&bits.with_next),
        with_previous: down(&bits.with_previous),
    }
}

/// The bit of a count less the least one, modulo 2^12, that is its sign.
const SIGN: usize = 11;
const _: () = assert!(
    CELLS < 1 << SIGN && VALID_CELLS_MIN <= CELLS && ROTATIONS <= 64,
    "no difference of counts leaves the range, and every encoding has a lane"
);

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::context::Security;
    use crate::job::Job;
    use crate::local::run;
    use crate::testing::{check_gates, contexts_of, seeded, share_values};
    use crate::values::Values;

    const LEAST: usize = VALID_CELLS_MIN;

    #[test]
    fn each_encoding_needs_the_least_count_and_no_more() {
        let mut rng = seeded(1);
        let mut counts = vec![
            [LEAST; 3],
            [CELLS; 3],
            [0; 3],
            [CELLS, LEAST, LEAST + 1],
            [1_000, 1_000, 1_000],
        ];
        for rotation in 0..ROTATIONS {
            for few in [0, 1, LEAST / 2, LEAST - 2, LEAST - 1] {
                let mut one = [CELLS; 3];
                one[rotation] = few;
                counts.push(one);
            }
        }
        counts.extend(
            (0..30).map(|_| {
                [(); 3].map(|()| LEAST - 2 + usize::try_from(rng.next_u32() % 5).unwrap())
            }),
        );
        let mut enough = 0;

        for counts in counts {
            for security in [Security::SemiHonest, Security::Abort] {
                let expected = counts.iter().all(|count| *count >= LEAST);
                let verdict = if expected {
                    Ok(())
                } else {
                    Err(MpcError::TooFewValidCells)
                };
                enough += usize::from(expected);
                assert_eq!(
                    judged(&mut rng, counts, security),
                    [(); 3].map(|()| verdict.clone()),
                    "{counts:?}, {security:?}"
                );
            }
        }
        assert!(enough > 5, "{enough}");
    }

    /// Runs the count on palms with so many valid cells, anywhere; and everything noted for the
    /// proofs must be true.
    fn judged(
        rng: &mut ChaCha8Rng,
        counts: [usize; ROTATIONS],
        security: Security,
    ) -> [Result<(), MpcError>; 3] {
        let mut palm = Values {
            code: vec![],
            cells: vec![0; ROTATIONS * CELLS],
        };
        for (cells, count) in palm.cells.chunks_exact_mut(CELLS).zip(counts) {
            cells[..count].fill(1);
            for last in (1..CELLS).rev() {
                cells.swap(last, usize::try_from(rng.next_u32()).unwrap() % (last + 1));
            }
        }
        let shares = share_values(rng, &palm);
        let jobs = contexts_of(rng, security).map(|mut context| {
            let palm = shares[context.me().as_usize()].clone();
            Job::new(context.me(), |mut channel| async move {
                let (context, channel) = (&mut context, &mut channel);
                let enough = EnoughCells::compute(context, channel, &palm).await?;
                let gates = context.take_gates().unwrap_or_default();
                Ok((enough.demand(context, channel).await, gates))
            })
        });
        let [a, b, c] = run(jobs).results.map(|result| result.unwrap().unwrap());
        check_gates(&[a.1, b.1, c.1]);
        [a.0, b.0, c.0]
    }
}

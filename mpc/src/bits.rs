//! Bits in replicated sharing, 64 to a word, and the steps on them [MPC-1].

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use zeroize::ZeroizeOnDrop;

use crate::channel::Channel;
use crate::context::{Context, Held};
use crate::error::MpcError;
use crate::gates::{Claims, Words};
use crate::step::Step;
use crate::wipe::{Wiping, wipe};
use boop_wire::id::PartyIndex;

/// A party's two components of shared bits. The XOR of all three components is the secret.
#[derive(Clone)]
pub(crate) struct BitShare {
    pub(crate) with_next: Vec<u64>,
    pub(crate) with_previous: Vec<u64>,
}

impl BitShare {
    /// Returns shares of `words` words of zeros.
    pub(crate) fn zero(words: usize) -> Self {
        Self {
            with_next: vec![0; words],
            with_previous: vec![0; words],
        }
    }

    /// Returns the number of words.
    pub(crate) fn words(&self) -> usize {
        self.with_next.len()
    }

    /// Returns the share of a range of words.
    pub(crate) fn slice(&self, range: core::ops::Range<usize>) -> Self {
        Self {
            with_next: self.with_next[range.clone()].to_vec(),
            with_previous: self.with_previous[range].to_vec(),
        }
    }

    /// Appends the words of another share, for which room was made.
    pub(crate) fn append(&mut self, other: &Self) {
        self.with_next.extend_from_slice(&other.with_next);
        self.with_previous.extend_from_slice(&other.with_previous);
    }

    /// Makes room for as many words in all.
    pub(crate) fn with_room(words: usize) -> Self {
        Self {
            with_next: Vec::with_capacity(words),
            with_previous: Vec::with_capacity(words),
        }
    }

    /// Adds another share to this one.
    pub(crate) fn add(&mut self, other: &Self) {
        xor_into(&mut self.with_next, &other.with_next);
        xor_into(&mut self.with_previous, &other.with_previous);
    }

    /// Returns the component held with the next party, then that held with the previous one.
    pub(crate) fn into_words(mut self) -> [Words; 2] {
        let components = [&mut self.with_next, &mut self.with_previous];
        components.map(|words| Arc::new(core::mem::take(words).into()))
    }

    /// Returns the share of the XOR.
    pub(crate) fn xor(&self, other: &Self) -> Self {
        Self {
            with_next: xor(&self.with_next, &other.with_next),
            with_previous: xor(&self.with_previous, &other.with_previous),
        }
    }

    /// Returns the XOR of the two components that this party holds, which no other party knows.
    pub(crate) fn held_part(&self) -> Vec<u64> {
        xor(&self.with_next, &self.with_previous)
    }

    /// Adds this party's summand of the AND to `sum`: the three summands XOR to it [MPC-1].
    fn add_and_summand(&self, other: &Self, sum: &mut [u64]) {
        let mine = self.with_next.iter().zip(&self.with_previous);
        let others = other.with_next.iter().zip(&other.with_previous);
        for (sum, ((xn, xp), (yn, yp))) in sum.iter_mut().zip(mine.zip(others)) {
            *sum ^= xn & (yn ^ yp) ^ xp & yn;
        }
    }
}

impl Drop for BitShare {
    fn drop(&mut self) {
        wipe(&mut self.with_next);
        wipe(&mut self.with_previous);
    }
}

impl ZeroizeOnDrop for BitShare {}

/// Computes shares of `x AND y`, sending one bit a bit [MPC-1], and notes what was sent for the
/// proofs [MPC-40].
pub(crate) async fn and<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    step: Step,
    x: &BitShare,
    y: &BitShare,
) -> Result<BitShare, MpcError> {
    let (product, claims) = multiply(context, channel, step, x, y).await?;
    if let Some((gates, claims)) = context.gates().zip(claims) {
        gates.note_and(x.clone(), y.clone(), claims);
    }
    Ok(product)
}

/// As [`and`], of shares that are not used any more.
pub(crate) async fn and_of<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    step: Step,
    x: BitShare,
    y: BitShare,
) -> Result<BitShare, MpcError> {
    let (product, claims) = multiply(context, channel, step, &x, &y).await?;
    if let Some((gates, claims)) = context.gates().zip(claims) {
        gates.note_and(x, y, claims);
    }
    Ok(product)
}

/// Computes shares of `x AND y`, and if something is to be proved what there is to claim of it.
///
/// The zero share makes each party's summand uniform to the party that receives it.
async fn multiply<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    step: Step,
    x: &BitShare,
    y: &BitShare,
) -> Result<(BitShare, Option<Claims>), MpcError> {
    let words = x.words();
    let zero_with_next = Wiping::from(context.draw_words(Held::WithNext, words));
    let mut zero_with_previous = Wiping::from(context.draw_words(Held::WithPrevious, words));
    let mut with_next = xor(&zero_with_next, &zero_with_previous);
    x.add_and_summand(y, &mut with_next);

    context.send_numbers(channel, context.me().next(), step, &with_next);
    let previous = context.me().previous();
    let mut product = BitShare {
        with_next,
        with_previous: Vec::new(),
    };
    let received = context.receive_numbers(channel, previous, step, words);
    product.with_previous = received.await?;

    let claims = context.gates().map(|_| {
        let known = x.with_previous.iter().zip(&y.with_previous);
        let sent = product.with_previous.iter().zip(known);
        for (claim, (z, (x, y))) in zero_with_previous.iter_mut().zip(sent) {
            *claim ^= z ^ (x & y);
        }
        Claims {
            of_previous: zero_with_previous,
            of_next: zero_with_next,
        }
    });
    Ok((product, claims))
}

/// Opens bits to everybody. The missing component comes from the next party and its hash from
/// the previous one, so no party alone can falsify what another one sees [MPC-34].
pub(crate) async fn open<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    share: &BitShare,
) -> Result<Vec<u64>, MpcError> {
    let me = context.me();
    context.send(
        channel,
        me.previous(),
        Step::Open,
        &to_bytes(&share.with_next),
    );
    let hash = hash_component(me.next(), &share.with_previous);
    context.send(channel, me.next(), Step::OpenHash, &hash);

    let bytes = 8 * share.words();
    let missing = to_words(
        &context
            .receive(channel, me.next(), Step::Open, bytes)
            .await?,
    );
    let hash = context
        .receive(channel, me.previous(), Step::OpenHash, hash.len())
        .await?;
    if hash != hash_component(me, &missing) {
        return Err(MpcError::InconsistentOpening);
    }
    Ok(xor(&share.held_part(), &missing))
}

/// Reads little-endian words. The length is a multiple of eight.
pub(crate) fn to_words(bytes: &[u8]) -> Vec<u64> {
    let (words, rest) = bytes.as_chunks();
    debug_assert!(rest.is_empty(), "whole words");
    words.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

/// Returns the little-endian bytes of words.
pub(crate) fn to_bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn xor_into(target: &mut [u64], other: &[u64]) {
    debug_assert_eq!(target.len(), other.len(), "vectors of one shape");
    target.iter_mut().zip(other).for_each(|(t, o)| *t ^= o);
}

pub(crate) fn xor(a: &[u64], b: &[u64]) -> Vec<u64> {
    debug_assert_eq!(a.len(), b.len(), "vectors of one shape");
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// Hashes the component that `missing_at` lacks.
fn hash_component(missing_at: PartyIndex, words: &[u64]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"boop/opened-component/v1\0");
    hash.update([missing_at.get()]);
    hash.update(to_bytes(words));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Job;
    use crate::local::{Envelope, run_through};
    use crate::testing::{contexts, reveal_bits, run_three, seeded, share_bits, words};

    #[test]
    fn the_and_of_shared_bits_is_the_and() {
        let mut rng = seeded(2);
        let (x, y) = (words(&mut rng, 100), words(&mut rng, 100));
        let (xs, ys) = (share_bits(&mut rng, &x), share_bits(&mut rng, &y));

        let shares = run_three(&mut rng, |mut context, mut channel| {
            let me = context.me().as_usize();
            let (x, y) = (xs[me].clone(), ys[me].clone());
            async move { and(&mut context, &mut channel, Step::Blank, &x, &y).await }
        });

        let expected: Vec<_> = x.iter().zip(&y).map(|(x, y)| x & y).collect();
        assert_eq!(reveal_bits(&shares), expected);
    }

    #[test]
    fn opened_bits_reach_everybody() {
        let mut rng = seeded(4);
        let secret = words(&mut rng, 3);
        let shares = share_bits(&mut rng, &secret);

        let opened = run_three(&mut rng, |mut context, mut channel| {
            let share = shares[context.me().as_usize()].clone();
            async move { open(&mut context, &mut channel, &share).await }
        });

        assert_eq!(opened, [(); 3].map(|()| secret.clone()));
    }

    #[test]
    fn a_lie_about_an_opened_bit_or_its_hash_is_noticed_by_its_receiver() {
        let mut rng = seeded(5);
        for (liar, step) in PartyIndex::ALL
            .map(|p| [(p, Step::Open), (p, Step::OpenHash)])
            .concat()
        {
            let secret = words(&mut rng, 3);
            let shares = share_bits(&mut rng, &secret);
            let jobs = contexts(&mut rng).map(|mut context| {
                let share = shares[context.me().as_usize()].clone();
                Job::new(context.me(), |mut channel| async move {
                    open(&mut context, &mut channel, &share).await
                })
            });
            let victim = if step == Step::Open {
                liar.previous()
            } else {
                liar.next()
            };

            let outcome = run_through(jobs, |mut envelope: Envelope| {
                if envelope.from == liar && envelope.bytes[0] == step.tag() {
                    envelope.bytes[16] ^= 4;
                }
                vec![envelope]
            });

            for party in PartyIndex::ALL {
                let lied_to = party == victim;
                let expected = if lied_to {
                    Err(MpcError::InconsistentOpening)
                } else {
                    Ok(secret.clone())
                };
                assert_eq!(outcome.results[party.as_usize()], Some(expected));
            }
        }
    }
}

//! Bits in replicated sharing, 64 to a word, and the steps on them [MPC-1].

use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::channel::Channel;
use crate::context::{Context, Held};
use crate::error::MpcError;
use crate::step::Step;
use boop_wire::id::PartyIndex;

/// A party's two components of shared bits. The XOR of all three components is the secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
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

    /// Appends the words of another share.
    pub(crate) fn append(&mut self, other: &Self) {
        self.with_next.extend_from_slice(&other.with_next);
        self.with_previous.extend_from_slice(&other.with_previous);
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

    /// Returns this party's summand of the AND: the three summands XOR to it [MPC-1].
    fn and_summand(&self, other: &Self) -> Vec<u64> {
        let mine = self.with_next.iter().zip(&self.with_previous);
        let others = other.with_next.iter().zip(&other.with_previous);
        mine.zip(others)
            .map(|((xn, xp), (yn, yp))| xn & (yn ^ yp) ^ xp & yn)
            .collect()
    }
}

/// Computes shares of `x AND y`, sending one bit a bit [MPC-1], and notes what was sent for the
/// proofs [MPC-40].
///
/// The zero share makes each party's summand uniform to the party that receives it.
pub(crate) async fn and<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    step: Step,
    x: &BitShare,
    y: &BitShare,
) -> Result<BitShare, MpcError> {
    let words = x.words();
    let zero_with_next = context.draw_words(Held::WithNext, words);
    let zero_with_previous = context.draw_words(Held::WithPrevious, words);
    let mut with_next = x.and_summand(y);
    xor_into(&mut with_next, &zero_with_next);
    xor_into(&mut with_next, &zero_with_previous);

    context.send(channel, context.me().next(), step, &to_bytes(&with_next));
    let previous = context.me().previous();
    let received = context.receive(channel, previous, step, 8 * words).await?;
    let with_previous = to_words(&received);

    if let Some(gates) = context.gates() {
        let own = &mut gates.own;
        own.a[0].extend_from_slice(&x.with_next);
        own.b[0].extend_from_slice(&y.with_previous);
        own.a[1].extend_from_slice(&y.with_next);
        own.b[1].extend_from_slice(&x.with_previous);
        let log = &mut gates.of_previous;
        log.side[0].extend_from_slice(&x.with_previous);
        log.side[1].extend_from_slice(&y.with_previous);
        let known = x.with_previous.iter().zip(&y.with_previous);
        let sent = with_previous.iter().zip(&zero_with_previous);
        log.claim
            .extend(sent.zip(known).map(|((z, f), (x, y))| z ^ f ^ (x & y)));
        let log = &mut gates.of_next;
        log.side[0].extend_from_slice(&y.with_next);
        log.side[1].extend_from_slice(&x.with_next);
        log.claim.extend_from_slice(&zero_with_next);
    }
    Ok(BitShare {
        with_next,
        with_previous,
    })
}

/// Shares bits that `dealer` alone knows. `own` is read at the dealer.
pub(crate) async fn deal<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    dealer: PartyIndex,
    own: &[u64],
) -> Result<BitShare, MpcError> {
    let words = own.len();
    let me = context.me();
    let mut share = BitShare::zero(words);
    if me == dealer {
        share.with_previous = context.draw_words(Held::WithPrevious, words);
        share.with_next = xor(own, &share.with_previous);
        context.send(
            channel,
            me.next(),
            Step::Summand,
            &to_bytes(&share.with_next),
        );
    } else if me == dealer.previous() {
        share.with_next = context.draw_words(Held::WithNext, words);
    } else {
        let received = context
            .receive(channel, dealer, Step::Summand, 8 * words)
            .await?;
        share.with_previous = to_words(&received);
    }
    Ok(share)
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
    fn every_dealer_can_share_bits() {
        let mut rng = seeded(3);
        for dealer in PartyIndex::ALL {
            let secret = words(&mut rng, 5);

            let shares = run_three(&mut rng, |mut context, mut channel| {
                let own = if context.me() == dealer {
                    secret.clone()
                } else {
                    vec![0; 5]
                };
                async move { deal(&mut context, &mut channel, dealer, &own).await }
            });

            assert_eq!(reveal_bits(&shares), secret);
        }
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

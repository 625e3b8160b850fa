//! Proofs that every message was computed as the protocol says: the statements of [`Gates`], all
//! at once, without revealing anything [MPC-42].
//!
//! Every party proves its own statements to the two others; the three proofs run in lock step.
//! A value that the prover P sends is shared between the next party N and the previous one V:
//! V draws its share from the key it has in common with P, and N receives the XOR of value and
//! share. What is checked is linear in the shares, so both keep shares of all sums to the end,
//! where V tells N the little that N needs to decide. N draws the challenges from the key it has
//! in common with V and tells P each one when it has P's message.
//!
//! ```text
//!   N -> P  weights            the statements become one sum over 128 rows of words
//!   P -> N  3^7 values         of the polynomial in the row's seven bits
//!   N -> P  point              the sum becomes an inner product over GF(2^64)
//!   P -> N  2 values           of the polynomial that joins its halves
//!   N -> P  point              the inner product becomes one of half the length; repeat
//!   P -> N  5 coefficients     of the last such polynomial, with random terms added
//!   P -> V  the challenges     that P was given
//!   V -> N  its half           at a point that P never learns
//! ```
//!
//! P hands the challenges on to V because N could have given it others: sums that do not fit
//! together depend on secrets, and V would tell N by how much they differ. V compares first.
//!
//! Both holders of a key draw from it in this order, in every round:
//!
//! | key with the next party  | at the next party, with its previous | what is drawn           |
//! |---                       |---                                   |---                      |
//! | as V of the next's proof | as P                                 | V's share of values     |
//! | as V of the next's proof | as P                                 | last round: masks of b  |
//! | as P                     | as N of the previous' proof          | last round: masks of a  |
//! | as N of the previous'    | as V of the next's                   | challenge               |

use alloc::vec::Vec;

use boop_kernel::{Gf64, Kernel};
use boop_wire::id::PartyIndex;

use crate::bits::{to_bytes, to_words, xor};
use crate::channel::Channel;
use crate::context::{Context, Held};
use crate::error::MpcError;
use crate::gates::Gates;
use crate::step::Step;

mod prover;
mod rows;
mod vector;
mod verifier;
mod weights;

use prover::{BitProver, Prover};
use verifier::{BitVerifier, End, Verifier};
use weights::{POINTS, ROWS, SEED_BYTES, VARIABLES, Weights};

/// The longest vector that is not halved once more.
const FINAL: usize = 1_024;
/// The coefficients of the last polynomial, which has degree 4.
const COEFFICIENTS: usize = 5;

/// Proves this party's statements and checks those of the others.
///
/// Every party has to have all messages that the statements speak of. The verdict is this
/// party's own: whether the others accept, the caller asks them.
///
/// # Errors
/// Returns [`MpcError::ProofRejected`] where this party is next to a prover whose statements do
/// not hold, or is previous to one that was given other challenges than were drawn; and what the
/// channel gives.
pub(crate) async fn verify<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
    gates: Gates,
) -> Result<(), MpcError> {
    let words = gates.words();
    if words == 0 {
        return Ok(());
    }
    let mut talk = Talk::new(context, channel);
    let mut proofs = first_step(&mut talk, kernel, gates, words.div_ceil(ROWS)).await?;
    while proofs.own.len() > FINAL {
        let values = talk.values(&proofs.own.values()).await?;
        let point = talk.challenges(8).await?.map(|word| element(&word));
        proofs.own.fold(point.own);
        proofs
            .of_previous
            .fold(&values.of_previous, point.of_previous);
        proofs.of_next.fold(&values.of_next, point.of_next);
    }
    last_step(talk, kernel, proofs).await
}

/// One thing of each of the three proofs: this party's own, the previous party's, in which this
/// one is N, and the next party's, in which this one is V.
struct Each<Own, Other = Own> {
    own: Own,
    of_previous: Other,
    of_next: Other,
}

/// Shares of what a prover sent.
struct Values {
    of_previous: Vec<u64>,
    of_next: Vec<u64>,
}

/// The step that treats the seven bits of a row's number at once.
async fn first_step<C: Channel>(
    talk: &mut Talk<'_, C>,
    kernel: Kernel,
    gates: Gates,
    columns: usize,
) -> Result<Each<Prover, Verifier>, MpcError> {
    let weights = talk.challenges(SEED_BYTES).await?;
    let weights = weights.map(|seed| Weights::expand(&seed, columns));
    let own = BitProver::new(kernel, gates.own, weights.own);
    let of_previous = BitVerifier::new(kernel, gates.of_previous, weights.of_previous);
    let of_next = BitVerifier::new(kernel, gates.of_next, weights.of_next);

    let values = talk.values(&own.values()).await?;
    debug_assert_eq!(values.of_next.len(), POINTS, "one value a point");
    let point = talk.challenges(8 * VARIABLES).await?;
    let point = point.map(|words| core::array::from_fn(|i| element(&words[8 * i..])));
    Ok(Each {
        own: own.fold(&point.own),
        of_previous: of_previous.fold_weighted(&values.of_previous, &point.of_previous),
        of_next: of_next.fold(&values.of_next, &point.of_next),
    })
}

/// The step in which what is left of the vectors is masked and shown [MPC-44].
async fn last_step<C: Channel>(
    mut talk: Talk<'_, C>,
    kernel: Kernel,
    proofs: Each<Prover, Verifier>,
) -> Result<(), MpcError> {
    let half = proofs.own.len().div_ceil(2);
    let share = talk.draw(Held::WithPrevious, COEFFICIENTS);
    let b_mask = talk.draw(Held::WithPrevious, half);
    let of_next = talk.draw(Held::WithNext, COEFFICIENTS);
    let b_mask_of_next = talk.draw(Held::WithNext, half);
    let a_mask = talk.draw(Held::WithNext, half);
    let a_mask_of_previous = talk.draw(Held::WithPrevious, half);

    let coefficients = proofs.own.coefficients(&a_mask, &b_mask);
    talk.repeat_challenges();
    let values = talk.exchange(&coefficients, &share, of_next).await?;
    talk.compare_challenges().await?;

    let of_previous = last_point(&talk.draw(Held::WithNext, 1));
    let of_next = last_point(&talk.draw(Held::WithPrevious, 1));
    let verifier = proofs.of_next;
    let end = verifier.end(&values.of_next, &b_mask_of_next, of_next);
    let verifier = proofs.of_previous;
    let own_end = verifier.end(&values.of_previous, &a_mask_of_previous, of_previous);
    let other_end = talk.end(&end).await?;
    if own_end.fits(&other_end, kernel) {
        Ok(())
    } else {
        let prover = talk.me().previous();
        Err(MpcError::ProofRejected { prover })
    }
}

impl<T> Each<T> {
    fn map<U>(self, mut f: impl FnMut(T) -> U) -> Each<U> {
        Each {
            own: f(self.own),
            of_previous: f(self.of_previous),
            of_next: f(self.of_next),
        }
    }
}

/// What the proofs say to each other, and draw.
struct Talk<'a, C> {
    context: &'a mut Context,
    channel: &'a mut C,
    /// The challenges that this party was given as a prover.
    given: Vec<u8>,
    /// The challenges that the next party should have been given.
    drawn: Vec<u8>,
}

impl<'a, C: Channel> Talk<'a, C> {
    fn new(context: &'a mut Context, channel: &'a mut C) -> Self {
        Self {
            context,
            channel,
            given: Vec::new(),
            drawn: Vec::new(),
        }
    }

    fn me(&self) -> PartyIndex {
        self.context.me()
    }

    fn draw(&mut self, held: Held, words: usize) -> Vec<u64> {
        self.context.draw_words(held, words)
    }

    /// Draws V's shares, sends what this party proves, and receives what the previous one does.
    async fn values(&mut self, own: &[u64]) -> Result<Values, MpcError> {
        let share = self.draw(Held::WithPrevious, own.len());
        let of_next = self.draw(Held::WithNext, own.len());
        self.exchange(own, &share, of_next).await
    }

    /// Sends what this party proves, masked by V's share of it, and receives what the previous
    /// one does.
    async fn exchange(
        &mut self,
        own: &[u64],
        share: &[u64],
        of_next: Vec<u64>,
    ) -> Result<Values, MpcError> {
        let (next, previous) = (self.me().next(), self.me().previous());
        let message = to_bytes(&xor(own, share));
        let (context, channel) = (&mut *self.context, &mut *self.channel);
        context.send(channel, next, Step::Proof, &message);
        let bytes = message.len();
        let received = context.receive(channel, previous, Step::Proof, bytes);
        Ok(Values {
            of_previous: to_words(&received.await?),
            of_next,
        })
    }

    /// Draws the challenges of the others' proofs, sends that of the previous one's, and receives
    /// that of this party's.
    async fn challenges(&mut self, bytes: usize) -> Result<Each<Vec<u8>>, MpcError> {
        let (next, previous) = (self.me().next(), self.me().previous());
        let (context, channel) = (&mut *self.context, &mut *self.channel);
        let of_previous = context.draw(Held::WithNext, bytes).to_vec();
        let of_next = context.draw(Held::WithPrevious, bytes).to_vec();
        context.send(channel, previous, Step::Challenge, &of_previous);
        let received = context.receive(channel, next, Step::Challenge, bytes);
        let own = received.await?;
        self.given.extend_from_slice(&own);
        self.drawn.extend_from_slice(&of_next);
        Ok(Each {
            own,
            of_previous,
            of_next,
        })
    }

    /// Tells V which challenges this party was given.
    fn repeat_challenges(&mut self) {
        let previous = self.me().previous();
        let given = core::mem::take(&mut self.given);
        self.context
            .send(self.channel, previous, Step::Repeat, &given);
    }

    /// Makes sure that the next party was given the challenges of its proof.
    async fn compare_challenges(&mut self) -> Result<(), MpcError> {
        let (prover, bytes) = (self.me().next(), self.drawn.len());
        let (context, channel) = (&mut *self.context, &mut *self.channel);
        let given = context
            .receive(channel, prover, Step::Repeat, bytes)
            .await?;
        if given == self.drawn {
            Ok(())
        } else {
            Err(MpcError::ChallengesDiffer { prover })
        }
    }

    /// Sends this party's end of the next party's proof to N, and receives the next party's end
    /// of the previous one's.
    async fn end(&mut self, end: &End) -> Result<End, MpcError> {
        let (next, previous) = (self.me().next(), self.me().previous());
        let (context, channel) = (&mut *self.context, &mut *self.channel);
        let message = to_bytes(&end.to_words());
        context.send(channel, previous, Step::ProofEnd, &message);
        let bytes = message.len();
        let received = context.receive(channel, next, Step::ProofEnd, bytes);
        Ok(End::from_words(to_words(&received.await?)))
    }
}

impl Gates {
    /// Returns the number of words of the longest of the three logs. All parties know it.
    pub(crate) fn words(&self) -> usize {
        let others = self.of_previous.claim.len().max(self.of_next.claim.len());
        self.own.a[0].len().max(others)
    }
}

/// Reads the element at the start of bytes that hold one.
fn element(bytes: &[u8]) -> Gf64 {
    let bytes = bytes.first_chunk().copied().unwrap_or_default();
    Gf64(u64::from_le_bytes(bytes))
}

/// Makes a drawn word a point of the last polynomial: not 0 or 1, where the masks vanish.
fn last_point(drawn: &[u64]) -> Gf64 {
    let word = drawn[0];
    Gf64(if word < 2 { word + 2 } else { word })
}

#[cfg(test)]
mod tests;

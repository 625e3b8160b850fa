//! Shared bits that predicates give: NOT, AND and OR of them, and their opening [MPC-66].

use alloc::vec::Vec;
use core::fmt;

use boop_kernel::Kernel;

use crate::bits::{BitShare, and};
use crate::channel::Channel;
use crate::conclude::conclude;
use crate::context::Context;
use crate::error::MpcError;
use crate::predicate::shared::{PredicateError, lanes, same_count};
use crate::step::Step;
use boop_wire::id::PartyIndex;

/// A predicate's answers, one shared bit for each integer.
#[derive(Clone)]
pub struct SharedBits {
    me: PartyIndex,
    count: usize,
    /// A lane for each answer; what the lanes beyond hold is public and is not opened.
    bits: BitShare,
}

/// Answers to combine lane by lane.
#[derive(Clone)]
pub struct Terms {
    count: usize,
    terms: Vec<SharedBits>,
}

/// Opens the answers to all three parties. With [`Security::Abort`](crate::Security::Abort),
/// everything that the lane of `context` has sent is proved and accepted first.
///
/// # Errors
/// Returns [`MpcError::ProofRejected`], [`MpcError::ChallengesDiffer`] or
/// [`MpcError::InconsistentOpening`] when a party deviates, and what the channel gives.
pub async fn reveal<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    kernel: Kernel,
    answers: &SharedBits,
) -> Result<Vec<bool>, MpcError> {
    let used = answers.used_lanes();
    let opened = conclude(context, channel, kernel, &used).await?;
    let bits = opened
        .iter()
        .flat_map(|word| (0..64).map(move |lane| word >> lane & 1 == 1));
    Ok(bits.take(answers.count).collect())
}

impl SharedBits {
    pub(super) fn new(me: PartyIndex, count: usize, bits: BitShare) -> Self {
        Self { me, count, bits }
    }

    /// Returns the same public answer for every integer.
    pub(super) fn public(me: PartyIndex, count: usize, answer: bool) -> Self {
        let zero = BitShare::zero(count.div_ceil(64));
        let bits = if answer { inverted(me, &zero) } else { zero };
        Self { me, count, bits }
    }

    /// Returns how many answers there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the opposite answers, without a message.
    #[must_use]
    pub fn not(&self) -> Self {
        Self {
            bits: inverted(self.me, &self.bits),
            ..*self
        }
    }

    pub(super) fn bits(&self) -> &BitShare {
        &self.bits
    }

    /// Clears the lanes beyond the answers.
    fn used_lanes(&self) -> BitShare {
        let used = |words: &[u64]| {
            let words = words.iter().zip(lanes(self.count));
            words.map(|(word, used)| word & used).collect()
        };
        BitShare {
            with_next: used(&self.bits.with_next),
            with_previous: used(&self.bits.with_previous),
        }
    }
}

impl Terms {
    /// Collects answers about the same integers.
    ///
    /// # Errors
    /// Returns [`PredicateError::NoTerms`] without any, and [`PredicateError::CountsDiffer`] if
    /// they are not about as many integers.
    pub fn new(terms: Vec<SharedBits>) -> Result<Self, PredicateError> {
        let first = terms.first().ok_or(PredicateError::NoTerms)?;
        let count = first.count;
        terms
            .iter()
            .try_for_each(|term| same_count(count, term.count))?;
        Ok(Self { count, terms })
    }

    /// Tells for each integer whether all answers are yes.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn all<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<SharedBits, MpcError> {
        let terms = self.terms.iter().map(|term| term.bits.clone()).collect();
        self.conjunction(context, channel, terms).await
    }

    /// Tells for each integer whether any answer is yes.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn any<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<SharedBits, MpcError> {
        let terms = self.terms.iter().map(|term| term.not().bits).collect();
        let none = self.conjunction(context, channel, terms).await?;
        Ok(none.not())
    }

    async fn conjunction<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        terms: Vec<BitShare>,
    ) -> Result<SharedBits, MpcError> {
        let words = self.count.div_ceil(64);
        let bits = conjunction(context, channel, words, terms).await?;
        Ok(SharedBits::new(context.me(), self.count, bits))
    }
}

impl fmt::Debug for SharedBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedBits({}, [secret])", self.count)
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms({}, [secret])", self.terms.len())
    }
}

/// ANDs of one round, sent in one message.
pub(super) struct Products {
    words: usize,
    count: usize,
    x: BitShare,
    y: BitShare,
}

impl Products {
    /// Prepares a round of ANDs of slices of so many words.
    pub(super) fn new(words: usize) -> Self {
        Self {
            words,
            count: 0,
            x: BitShare::zero(0),
            y: BitShare::zero(0),
        }
    }

    /// Asks for an AND.
    pub(super) fn push(&mut self, x: &BitShare, y: &BitShare) {
        self.count += 1;
        self.x.append(x);
        self.y.append(y);
    }

    /// Returns the ANDs in the order in which they were asked for; without any, no round is
    /// spent.
    pub(super) async fn compute<C: Channel>(
        self,
        context: &mut Context,
        channel: &mut C,
        step: Step,
    ) -> Result<alloc::vec::IntoIter<BitShare>, MpcError> {
        if self.count == 0 {
            return Ok(Vec::new().into_iter());
        }
        let products = and(context, channel, step, &self.x, &self.y).await?;
        let slices = (0..self.count).map(|i| products.slice(i * self.words..(i + 1) * self.words));
        Ok(slices.collect::<Vec<_>>().into_iter())
    }
}

/// Computes the AND of slices; that of none is one.
pub(super) async fn conjunction<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    words: usize,
    slices: Vec<BitShare>,
) -> Result<BitShare, MpcError> {
    let mut group = slices;
    halve(context, channel, words, core::slice::from_mut(&mut group)).await?;
    Ok(first_of(context.me(), words, group))
}

/// Computes the AND of the slices of each group, all groups in the same rounds.
pub(super) async fn conjunctions<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    words: usize,
    mut groups: Vec<Vec<BitShare>>,
) -> Result<Vec<BitShare>, MpcError> {
    halve(context, channel, words, &mut groups).await?;
    let groups = groups.into_iter();
    Ok(groups
        .map(|group| first_of(context.me(), words, group))
        .collect())
}

/// Replaces pairs by their ANDs until no group has two slices.
async fn halve<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    words: usize,
    groups: &mut [Vec<BitShare>],
) -> Result<(), MpcError> {
    while groups.iter().any(|group| group.len() > 1) {
        let mut products = Products::new(words);
        for pair in groups.iter().flat_map(|group| group.chunks_exact(2)) {
            products.push(&pair[0], &pair[1]);
        }
        let mut products = products
            .compute(context, channel, Step::Conjunction)
            .await?;
        for group in &mut *groups {
            let odd = group.chunks_exact(2).remainder().to_vec();
            let pairs = group.len() / 2;
            *group = products.by_ref().take(pairs).chain(odd).collect();
        }
    }
    Ok(())
}

fn first_of(me: PartyIndex, words: usize, group: Vec<BitShare>) -> BitShare {
    let first = group.into_iter().next();
    first.unwrap_or_else(|| inverted(me, &BitShare::zero(words)))
}

/// Returns the NOT of shared bits: the two holders of component 0 turn it over.
pub(crate) fn inverted(me: PartyIndex, share: &BitShare) -> BitShare {
    let [zero, ..] = PartyIndex::ALL;
    let turned = |words: &[u64], turn: bool| {
        let mask = if turn { u64::MAX } else { 0 };
        words.iter().map(|word| word ^ mask).collect()
    };
    BitShare {
        with_next: turned(&share.with_next, me.previous() == zero),
        with_previous: turned(&share.with_previous, me.next() == zero),
    }
}

//! Comparing integers with public constants and with each other [MPC-63], [MPC-64].
//!
//! Neighbouring groups of bits merge like the carries of a prefix adder: x is greater in both
//! together if it is in the higher, or equal there and greater in the lower. "Greater" and
//! "equal" exclude each other, so OR is XOR. A constant's bit leaves one of the two trivial:
//! at a one, x is never greater there, and at a zero it is greater or equal; a merge then takes
//! one AND instead of two, or none.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::bits::BitShare;
use crate::channel::Channel;
use crate::context::Context;
use crate::error::MpcError;
use crate::predicate::bits::{Products, SharedBits, conjunction, inverted};
use crate::predicate::shared::{INTEGER_BITS, SharedIntegers, SharedPairs};
use crate::step::Step;

impl SharedIntegers {
    /// Tells for each integer whether it is greater than a public constant.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn greater_than<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        bound: u32,
    ) -> Result<SharedBits, MpcError> {
        let [greater] = self.exceed(context, channel, [bound]).await?;
        Ok(greater)
    }

    /// Tells for each integer whether it is a public constant or more.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn at_least<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        bound: u32,
    ) -> Result<SharedBits, MpcError> {
        match bound.checked_sub(1) {
            Some(below) => self.greater_than(context, channel, below).await,
            None => Ok(SharedBits::public(self.me(), self.count(), true)),
        }
    }

    /// Tells for each integer whether it lies in a range of public bounds, both included. In a
    /// range that ends before it begins lies nothing.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn within<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        range: RangeInclusive<u32>,
    ) -> Result<SharedBits, MpcError> {
        let (low, high) = (*range.start(), *range.end());
        if low > high {
            return Ok(SharedBits::public(self.me(), self.count(), false));
        }
        let Some(below) = low.checked_sub(1) else {
            return Ok(self.greater_than(context, channel, high).await?.not());
        };
        let [above, beyond] = self.exceed(context, channel, [below, high]).await?;
        let mut both = Products::new(self.words());
        both.push(above.bits(), beyond.not().bits());
        let mut both = both.compute(context, channel, Step::Compare).await?;
        Ok(self.answer(both.next().unwrap_or_else(|| BitShare::zero(self.words()))))
    }

    /// Tells for each integer whether it is a public constant.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn equal_to<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        value: u32,
    ) -> Result<SharedBits, MpcError> {
        let literals = (0..INTEGER_BITS).map(|bit| self.literal(bit, value >> bit & 1 == 1));
        let equal = conjunction(context, channel, self.words(), literals.collect()).await?;
        Ok(self.answer(equal))
    }

    /// Tells for each integer and each of some bounds whether it is greater, in common rounds.
    async fn exceed<C: Channel, const N: usize>(
        &self,
        context: &mut Context,
        channel: &mut C,
        bounds: [u32; N],
    ) -> Result<[SharedBits; N], MpcError> {
        let trees = bounds.map(|bound| {
            // Below the lowest zero of the bound nothing makes x greater.
            let lowest = bound.trailing_ones() as usize;
            let bits = lowest..INTEGER_BITS;
            bits.map(|bit| self.against(bit, bound >> bit & 1 == 1))
                .collect()
        });
        let greater = merge(context, channel, self.words(), trees).await?;
        Ok(greater.map(|greater| self.answer(greater)))
    }

    /// Returns whether a bit is this one.
    pub(super) fn literal(&self, bit: usize, one: bool) -> BitShare {
        let slice = self.slice(bit);
        if one {
            slice
        } else {
            inverted(self.me(), &slice)
        }
    }

    /// Returns what was computed of these integers.
    pub(super) fn answer(&self, bits: BitShare) -> SharedBits {
        SharedBits::new(self.me(), self.count(), bits)
    }

    /// Compares a bit with a constant's.
    fn against(&self, bit: usize, one: bool) -> Group {
        Group {
            greater: (!one).then(|| self.slice(bit)),
            equal: self.literal(bit, one),
            or_greater: !one,
        }
    }
}

impl SharedPairs {
    /// Tells for each pair whether the left integer is greater than the right one.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn greater<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<SharedBits, MpcError> {
        let (left, right) = (self.left(), self.right());
        let bits = 0..INTEGER_BITS;
        let x: Vec<_> = bits.clone().map(|bit| left.slice(bit)).collect();
        let not_y: Vec<_> = bits.map(|bit| right.literal(bit, false)).collect();
        let greater = carry(context, channel, &x, &not_y).await?;
        Ok(left.answer(greater))
    }

    /// Tells for each pair whether the left integer is the right one or greater.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn greater_or_equal<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<SharedBits, MpcError> {
        let less = self.reversed().greater(context, channel).await?;
        Ok(less.not())
    }

    /// Tells for each pair whether both integers are the same.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn equal<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<SharedBits, MpcError> {
        let left = self.left();
        let equal = conjunction(context, channel, left.words(), self.same_bits()).await?;
        Ok(left.answer(equal))
    }

    /// Returns for each bit whether both integers have it in common.
    pub(super) fn same_bits(&self) -> Vec<BitShare> {
        (0..INTEGER_BITS).map(|bit| self.same(bit)).collect()
    }

    fn same(&self, bit: usize) -> BitShare {
        let (left, right) = (self.left(), self.right());
        inverted(left.me(), &left.slice(bit).xor(&right.slice(bit)))
    }
}

/// Computes lane by lane the carry out of x + y, slices of bits with the lowest first: whether x
/// is greater than NOT y.
pub(crate) async fn carry<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    x: &[BitShare],
    y: &[BitShare],
) -> Result<BitShare, MpcError> {
    let words = x.first().map_or(0, BitShare::words);
    let mut products = Products::new(words);
    for (x, y) in x.iter().zip(y) {
        products.push(x, y);
    }
    let both = products.compute(context, channel, Step::Compare).await?;
    let groups = both.zip(x.iter().zip(y)).map(|(both, (x, y))| Group {
        greater: Some(both),
        equal: x.xor(y),
        or_greater: false,
    });
    let [carry] = merge(context, channel, words, [groups.collect()]).await?;
    Ok(carry)
}

/// What a group of neighbouring bits says of x against y.
struct Group {
    /// Whether x is greater there; none if it never is.
    greater: Option<BitShare>,
    /// Whether they are equal there.
    equal: BitShare,
    /// Whether x is always equal or greater there, so that one answer is the other's opposite.
    or_greater: bool,
}

/// Merges groups of bits, the lowest first, until one is left of each tree, all trees in the
/// same rounds. Returns whether x is greater. Without an AND to compute, a level takes no round.
async fn merge<C: Channel, const N: usize>(
    context: &mut Context,
    channel: &mut C,
    words: usize,
    mut trees: [Vec<Group>; N],
) -> Result<[BitShare; N], MpcError> {
    while trees.iter().any(|tree| tree.len() > 1) {
        let mut products = Products::new(words);
        for (index, [low, high]) in trees.iter().flat_map(|tree| pairs(tree)) {
            if let Some(greater) = &low.greater {
                products.push(&high.equal, greater);
            }
            if wanted(index, low) {
                products.push(&high.equal, &low.equal);
            }
        }
        let mut products = products.compute(context, channel, Step::Compare).await?;
        for tree in &mut trees {
            let odd = (tree.len() % 2 == 1).then(|| tree.pop()).flatten();
            let merged = pairs(tree).map(|(index, [low, high])| {
                let mut next = |ask: bool| ask.then(|| products.next()).flatten();
                let through = next(low.greater.is_some());
                let equal = next(wanted(index, low));
                high.over(low, through, equal)
            });
            *tree = merged.chain(odd).collect();
        }
    }
    Ok(trees.map(|tree| {
        let greater = tree.into_iter().next().and_then(|group| group.greater);
        greater.unwrap_or_else(|| BitShare::zero(words))
    }))
}

/// Returns the pairs of neighbours of a tree, numbered.
fn pairs(tree: &[Group]) -> impl Iterator<Item = (usize, &[Group; 2])> {
    tree.as_chunks().0.iter().enumerate()
}

/// Tells whether a merge has to compute its own "equal": the lowest pair needs none, and where
/// the lower group is equal or greater, it follows from the other product.
const fn wanted(index: usize, low: &Group) -> bool {
    index > 0 && !low.or_greater
}

impl Group {
    /// Merges with the lower group, given `equal AND lower greater` and `equal AND lower equal`.
    fn over(&self, low: &Self, through: Option<BitShare>, equal: Option<BitShare>) -> Self {
        let greater = match (&self.greater, &through) {
            (Some(greater), Some(through)) => Some(greater.xor(through)),
            (greater, through) => greater.clone().or_else(|| through.clone()),
        };
        let equal = equal.unwrap_or_else(|| match &through {
            Some(through) => self.equal.xor(through),
            None => self.equal.clone(),
        });
        Self {
            greater,
            equal,
            or_greater: self.or_greater && low.or_greater,
        }
    }
}

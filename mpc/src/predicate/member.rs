//! Membership in a set, public or shared [MPC-65].
//!
//! In a public set, a tree over the bits holds at each node one shared bit for every value that
//! an element has there: 2 at each bit, at most 4 at each pair of them, and so on. Elements
//! exclude each other, so that their OR is the XOR. In a shared set, every element is compared.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use crate::bits::BitShare;
use crate::channel::Channel;
use crate::context::Context;
use crate::error::MpcError;
use crate::predicate::bits::{Products, SharedBits, conjunction, conjunctions, inverted};
use crate::predicate::shared::{
    INTEGER_BITS, PredicateError, SharedIntegers, SharedPairs, same_count,
};
use crate::step::Step;

/// Elements of a set at most.
pub const SET_MAX: usize = 256;

/// A set that everybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicSet {
    values: BTreeSet<u32>,
}

/// A set of shared integers for each of some integers; elements may repeat.
#[derive(Clone)]
pub struct SharedSet {
    count: usize,
    elements: Vec<SharedIntegers>,
}

impl PublicSet {
    /// Collects values; repeated ones count once.
    ///
    /// # Errors
    /// Returns [`PredicateError::SetTooLarge`] beyond [`SET_MAX`] values, repeated ones included.
    pub fn new(values: &[u32]) -> Result<Self, PredicateError> {
        checked_size(values.len())?;
        Ok(Self {
            values: values.iter().copied().collect(),
        })
    }
}

impl SharedSet {
    /// Collects elements for `count` integers: each element has a value for every one of them
    /// (see [`SharedIntegers::repeat`] for one that all have in common).
    ///
    /// # Errors
    /// Returns [`PredicateError::SetTooLarge`] beyond [`SET_MAX`] elements and
    /// [`PredicateError::CountsDiffer`] for an element of another number of values.
    pub fn new(count: usize, elements: Vec<SharedIntegers>) -> Result<Self, PredicateError> {
        checked_size(elements.len())?;
        elements
            .iter()
            .try_for_each(|element| same_count(count, element.count()))?;
        Ok(Self { count, elements })
    }

    /// Sets integers against every element.
    ///
    /// # Errors
    /// Returns [`PredicateError::CountsDiffer`] if the set is for another number of integers.
    pub fn against(&self, integers: &SharedIntegers) -> Result<SetPairs, PredicateError> {
        same_count(integers.count(), self.count)?;
        let pairs = self.elements.iter().cloned();
        let pairs = pairs.map(|element| SharedPairs::new(integers.clone(), element));
        Ok(SetPairs {
            integers: integers.clone(),
            pairs: pairs.collect::<Result<_, _>>()?,
        })
    }
}

/// Integers against the elements of a shared set.
#[derive(Debug, Clone)]
pub struct SetPairs {
    integers: SharedIntegers,
    pairs: Vec<SharedPairs>,
}

impl SetPairs {
    /// Tells for each integer whether it is an element. Nothing is in an empty set.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn member<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
    ) -> Result<SharedBits, MpcError> {
        let Self { integers, pairs } = self;
        let (me, words) = (integers.me(), integers.words());
        let groups = pairs.iter().map(SharedPairs::same_bits).collect();
        let equal = conjunctions(context, channel, words, groups).await?;
        let differ = equal.iter().map(|equal| inverted(me, equal)).collect();
        let none = conjunction(context, channel, words, differ).await?;
        Ok(integers.answer(none).not())
    }
}

impl SharedIntegers {
    /// Tells for each integer whether it is in a public set. Nothing is in an empty one.
    ///
    /// # Errors
    /// Returns what the channel gives.
    pub async fn member_of<C: Channel>(
        &self,
        context: &mut Context,
        channel: &mut C,
        set: &PublicSet,
    ) -> Result<SharedBits, MpcError> {
        let mut nodes: Vec<Node> = (0..INTEGER_BITS).map(|bit| self.leaf(bit, set)).collect();
        while nodes.len() > 2 {
            nodes = level(context, channel, self.words(), set, &nodes).await?;
        }
        let member = match &nodes[..] {
            [low, high] => root(context, channel, self.words(), set, low, high).await?,
            _ => BitShare::zero(self.words()),
        };
        Ok(self.answer(member))
    }

    fn leaf(&self, bit: usize, set: &PublicSet) -> Node {
        let mut node = Node {
            start: bit,
            width: 1,
            holds: BTreeMap::new(),
        };
        for value in node.values(set) {
            node.holds.insert(value, self.literal(bit, value == 1));
        }
        node
    }
}

/// Bits `start..start + width`: for each value that an element has there, whether the integer
/// has it too.
struct Node {
    start: usize,
    width: usize,
    holds: BTreeMap<u32, BitShare>,
}

impl Node {
    /// Returns what a value has at these bits.
    fn part(&self, value: u32) -> u32 {
        value >> self.start & ((1 << self.width) - 1)
    }

    fn values(&self, set: &PublicSet) -> BTreeSet<u32> {
        set.values.iter().map(|value| self.part(*value)).collect()
    }

    fn holds(&self, value: u32) -> &BitShare {
        let part = self.part(value);
        self.holds.get(&part).expect("every element has its parts")
    }
}

/// Merges neighbours, the lower first.
async fn level<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    words: usize,
    set: &PublicSet,
    nodes: &[Node],
) -> Result<Vec<Node>, MpcError> {
    let mut products = Products::new(words);
    let mut merged = Vec::with_capacity(nodes.len() / 2);
    for [low, high] in nodes.as_chunks().0 {
        let node = Node {
            start: low.start,
            width: low.width + high.width,
            holds: BTreeMap::new(),
        };
        for value in node.values(set) {
            let value = value << node.start;
            products.push(high.holds(value), low.holds(value));
        }
        merged.push(node);
    }
    let mut products = products.compute(context, channel, Step::Member).await?;
    for node in &mut merged {
        let values = node.values(set).into_iter();
        node.holds = values.zip(products.by_ref()).collect();
    }
    Ok(merged)
}

/// Merges the two halves into membership: one AND for each value of the half that has fewer,
/// with the XOR of all that the other half may hold beside it.
async fn root<C: Channel>(
    context: &mut Context,
    channel: &mut C,
    words: usize,
    set: &PublicSet,
    low: &Node,
    high: &Node,
) -> Result<BitShare, MpcError> {
    let (few, many) = if high.holds.len() <= low.holds.len() {
        (high, low)
    } else {
        (low, high)
    };
    let mut beside: BTreeMap<u32, BitShare> = BTreeMap::new();
    for value in &set.values {
        let sum = beside
            .entry(few.part(*value))
            .or_insert_with(|| BitShare::zero(words));
        *sum = sum.xor(many.holds(*value));
    }
    let mut products = Products::new(words);
    for (part, sum) in &beside {
        products.push(few.holds(part << few.start), sum);
    }
    let products = products.compute(context, channel, Step::Member).await?;
    Ok(products.fold(BitShare::zero(words), |sum, product| sum.xor(&product)))
}

fn checked_size(found: usize) -> Result<(), PredicateError> {
    if found > SET_MAX {
        return Err(PredicateError::SetTooLarge { found });
    }
    Ok(())
}

impl fmt::Debug for SharedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSet({}, [secret])", self.elements.len())
    }
}

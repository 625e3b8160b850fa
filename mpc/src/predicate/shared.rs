//! Integers as the parties hold them: bit slices over lanes, one lane an integer [MPC-62].

use alloc::vec::Vec;
use core::fmt;

use crate::bits::BitShare;
use crate::context::Context;
use crate::predicate::input::IntegerInput;
use boop_wire::id::PartyIndex;

/// Bits of an integer.
pub(super) const INTEGER_BITS: usize = 32;
/// Integers that go through predicates together at most.
pub const INTEGERS_MAX: usize = 4_096;

/// Integers shared between the parties; predicates answer for all of them at once.
#[derive(Clone)]
pub struct SharedIntegers {
    me: PartyIndex,
    count: usize,
    /// For each bit, the lowest first, a word for every 64 integers; lanes beyond are zero.
    slices: BitShare,
}

/// As many integers as others to compare them with, one by one.
#[derive(Clone)]
pub struct SharedPairs {
    left: SharedIntegers,
    right: SharedIntegers,
}

/// Why integers or bits do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// A client's share was made for another party.
    #[error("the share is meant for party {meant_for}")]
    ForeignShare {
        /// The party it was made for.
        meant_for: PartyIndex,
    },
    /// There are more integers than go together.
    #[error("{found} integers are more than {INTEGERS_MAX}")]
    TooManyIntegers {
        /// How many there are.
        found: usize,
    },
    /// A set is larger than a predicate takes.
    #[error("a set of {found} is too large")]
    SetTooLarge {
        /// How many elements it has.
        found: usize,
    },
    /// What should stand lane by lane has different numbers of lanes.
    #[error("there are {found} lanes, expected {expected}")]
    CountsDiffer {
        /// How many lanes the first has.
        expected: usize,
        /// How many lanes another has.
        found: usize,
    },
    /// There is no integer of this number.
    #[error("there is no integer {lane}")]
    NoSuchLane {
        /// The number given.
        lane: usize,
    },
    /// There is nothing to combine.
    #[error("there is nothing to combine")]
    NoTerms,
}

impl SharedIntegers {
    /// Puts clients' shares side by side, in the order that all three parties use.
    ///
    /// # Errors
    /// Returns [`PredicateError::ForeignShare`] for another party's share, and
    /// [`PredicateError::TooManyIntegers`] beyond [`INTEGERS_MAX`].
    pub fn accept(context: &Context, inputs: &[IntegerInput]) -> Result<Self, PredicateError> {
        let (me, count) = (context.me(), inputs.len());
        if count > INTEGERS_MAX {
            return Err(PredicateError::TooManyIntegers { found: count });
        }
        if let Some(foreign) = inputs.iter().find(|input| input.party() != me) {
            let meant_for = foreign.party();
            return Err(PredicateError::ForeignShare { meant_for });
        }
        let with_next = inputs.iter().map(IntegerInput::expose_with_next);
        let with_previous = inputs.iter().map(IntegerInput::expose_with_previous);
        let slices = BitShare {
            with_next: sliced(count, with_next),
            with_previous: sliced(count, with_previous),
        };
        Ok(Self { me, count, slices })
    }

    /// Returns how many integers there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Repeats one of the integers `count` times, to meet as many others.
    ///
    /// # Errors
    /// Returns [`PredicateError::NoSuchLane`] and [`PredicateError::TooManyIntegers`].
    pub fn repeat(&self, lane: usize, count: usize) -> Result<Self, PredicateError> {
        if lane >= self.count {
            return Err(PredicateError::NoSuchLane { lane });
        }
        if count > INTEGERS_MAX {
            return Err(PredicateError::TooManyIntegers { found: count });
        }
        let words = self.words();
        let repeated = |slices: &[u64]| {
            let bits = slices.chunks_exact(words);
            let bits = bits.map(|slice| slice[lane / 64] >> (lane % 64) & 1);
            bits.flat_map(|bit| lanes(count).map(move |used| bit.wrapping_neg() & used))
                .collect()
        };
        Ok(Self {
            me: self.me,
            count,
            slices: BitShare {
                with_next: repeated(&self.slices.with_next),
                with_previous: repeated(&self.slices.with_previous),
            },
        })
    }

    /// Returns the party that holds this share.
    pub(super) fn me(&self) -> PartyIndex {
        self.me
    }

    /// Returns the shares of one bit of all integers.
    pub(super) fn slice(&self, bit: usize) -> BitShare {
        let words = self.words();
        self.slices.slice(bit * words..(bit + 1) * words)
    }

    /// Returns the words of a slice.
    pub(super) fn words(&self) -> usize {
        self.count.div_ceil(64)
    }
}

impl SharedPairs {
    /// Sets integers against others.
    ///
    /// # Errors
    /// Returns [`PredicateError::CountsDiffer`] if there are not as many of them.
    pub fn new(left: SharedIntegers, right: SharedIntegers) -> Result<Self, PredicateError> {
        same_count(left.count, right.count)?;
        Ok(Self { left, right })
    }

    pub(super) fn left(&self) -> &SharedIntegers {
        &self.left
    }

    pub(super) fn right(&self) -> &SharedIntegers {
        &self.right
    }

    /// Returns the pairs the other way round.
    pub(super) fn reversed(&self) -> Self {
        Self {
            left: self.right.clone(),
            right: self.left.clone(),
        }
    }
}

impl fmt::Debug for SharedIntegers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedIntegers({}, [secret])", self.count)
    }
}

impl fmt::Debug for SharedPairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedPairs({}, [secret])", self.left.count)
    }
}

pub(super) fn same_count(expected: usize, found: usize) -> Result<(), PredicateError> {
    if expected == found {
        Ok(())
    } else {
        Err(PredicateError::CountsDiffer { expected, found })
    }
}

/// Returns words with a one in each of the first `count` lanes.
pub(super) fn lanes(count: usize) -> impl Iterator<Item = u64> {
    (0..count.div_ceil(64)).map(move |word| match count - 64 * word {
        used @ ..64 => (1 << used) - 1,
        _ => u64::MAX,
    })
}

/// Turns values into 32 slices of bits, the lowest bit first.
fn sliced(count: usize, values: impl Iterator<Item = u32>) -> Vec<u64> {
    let words = count.div_ceil(64);
    let mut slices = alloc::vec![0; INTEGER_BITS * words];
    for (lane, value) in values.enumerate() {
        for bit in 0..INTEGER_BITS {
            slices[bit * words + lane / 64] |= u64::from(value >> bit & 1) << (lane % 64);
        }
    }
    slices
}

/// Shares integers at random.
#[cfg(test)]
pub(super) fn share_integers(
    rng: &mut rand_chacha::ChaCha8Rng,
    values: &[u32],
) -> [SharedIntegers; 3] {
    let count = values.len();
    let slices = sliced(count, values.iter().copied());
    let mut shares = crate::testing::share_bits(rng, &slices).into_iter();
    PartyIndex::ALL.map(|me| SharedIntegers {
        me,
        count,
        slices: shares.next().expect("three shares"),
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;
    use crate::predicate::{PublicSet, SharedBits, SharedSet, Terms, split_integer};
    use crate::testing::{contexts, seeded};

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let mut rng = seeded(74);
        let [context, ..] = contexts(&mut rng);
        let [three, ..] = share_integers(&mut rng, &[1, 2, 3]);
        let [two, ..] = share_integers(&mut rng, &[1, 2]);
        let differ = |expected, found| Some(PredicateError::CountsDiffer { expected, found });
        let me = context.me();

        let foreign = split_integer(1, &[[0; 32]; 3]);
        assert_eq!(
            SharedIntegers::accept(&context, &foreign[1..2]).err(),
            Some(PredicateError::ForeignShare {
                meant_for: me.next()
            })
        );
        let many = vec![foreign[0].clone(); INTEGERS_MAX + 1];
        let found = many.len();
        let too_many = Some(PredicateError::TooManyIntegers { found });
        assert_eq!(SharedIntegers::accept(&context, &many).err(), too_many);
        assert_eq!(three.repeat(0, found).err(), too_many);
        assert_eq!(
            three.repeat(3, 1).err(),
            Some(PredicateError::NoSuchLane { lane: 3 })
        );
        assert_eq!(
            SharedPairs::new(three.clone(), two.clone()).err(),
            differ(3, 2)
        );
        let too_large = Some(PredicateError::SetTooLarge { found: 257 });
        assert_eq!(PublicSet::new(&[0; 257]).err(), too_large);
        assert_eq!(SharedSet::new(3, vec![three.clone(); 257]).err(), too_large);
        assert_eq!(
            SharedSet::new(3, vec![three.clone(), two.clone()]).err(),
            differ(3, 2)
        );
        let set = SharedSet::new(2, vec![two]).unwrap();
        assert_eq!(set.against(&three).err(), differ(3, 2));
        assert_eq!(Terms::new(vec![]).err(), Some(PredicateError::NoTerms));
        let terms = [3, 2].map(|count| SharedBits::public(me, count, true));
        assert_eq!(Terms::new(terms.to_vec()).err(), differ(3, 2));
    }

    #[test]
    fn nothing_shared_prints_its_bits() {
        let mut rng = seeded(75);
        let [integers, ..] = share_integers(&mut rng, &[1, 2]);
        let me = PartyIndex::ALL[0];
        let bits = SharedBits::public(me, 2, true);
        let pairs = SharedPairs::new(integers.clone(), integers.clone()).unwrap();
        let set = SharedSet::new(2, vec![integers.clone()]).unwrap();
        let terms = Terms::new(vec![bits.clone()]).unwrap();

        let printed = format!("{integers:?} {pairs:?} {set:?} {bits:?} {terms:?}");
        assert_eq!(
            printed,
            "SharedIntegers(2, [secret]) SharedPairs(2, [secret]) SharedSet(1, [secret]) \
             SharedBits(2, [secret]) Terms(1, [secret])"
        );
    }
}

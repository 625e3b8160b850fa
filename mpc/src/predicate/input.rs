//! What a client sends of an integer: a replicated sharing of its 32 bits, two components for
//! each party, in the form of a palm's [MPC-10], [MPC-61].

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::ShareDecodeError;
use crate::input::SEED_BYTES;
use crate::prg::Prg;
use boop_wire::id::{Digest, PartyIndex};

/// What one party receives of an integer: the two components of its sharing that it holds.
#[derive(Clone, ZeroizeOnDrop)]
pub struct IntegerInput {
    #[zeroize(skip)]
    party: PartyIndex,
    with_next: Component,
    with_previous: Component,
}

/// One component of a shared integer, as it travels.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
enum Component {
    /// Component 0 or 1: the seed of a stream.
    Seed([u8; SEED_BYTES]),
    /// Component 2: the integer masked by both streams, behind a salt for its commitment.
    Masked {
        salt: [u8; SEED_BYTES],
        value: [u8; VALUE_BYTES],
    },
}

/// Splits an integer into three components, whose XOR gives it back, and hands each party the
/// two that it holds.
///
/// The seeds are fresh from the client's random generator for every integer: the first two are
/// components 0 and 1, the third keeps the commitment to component 2 from telling the integer
/// to the party that knows both streams.
pub fn split_integer(value: u32, seeds: &[[u8; SEED_BYTES]; 3]) -> [IntegerInput; 3] {
    let [zero, one, salt] = *seeds;
    let components = [
        Component::Seed(zero),
        Component::Seed(one),
        Component::Masked {
            salt,
            value: (value ^ expand(&zero) ^ expand(&one)).to_le_bytes(),
        },
    ];
    PartyIndex::ALL.map(|party| IntegerInput {
        party,
        with_next: components[component_with_next(party)].clone(),
        with_previous: components[component_with_previous(party)].clone(),
    })
}

/// Returns the commitments to the three components of an integer, by which the parties know
/// that they work on one client's integer.
pub fn integer_commitments(shares: &[IntegerInput; 3]) -> [Digest; 3] {
    let [zero, one, _] = shares;
    [
        commit(0, &one.with_next),
        commit(1, &zero.with_previous),
        commit(2, &zero.with_next),
    ]
}

impl IntegerInput {
    /// Returns the party that this share is for.
    pub fn party(&self) -> PartyIndex {
        self.party
    }

    /// Returns the canonical bytes: the party's number, then the component that it has in common
    /// with the next party, and the one that it has in common with the previous one.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(input_bytes(self.party)));
        bytes.push(self.party.get());
        for component in [&self.with_next, &self.with_previous] {
            component.for_each_part(|part| bytes.extend_from_slice(part));
        }
        bytes
    }

    /// Reads a share.
    ///
    /// # Errors
    /// Returns a [`ShareDecodeError`] for a party that does not exist or any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ShareDecodeError> {
        let (&index, body) = bytes.split_first().ok_or(ShareDecodeError::Empty)?;
        let party = PartyIndex::new(index).ok_or(ShareDecodeError::NoSuchParty { index })?;
        let wrong_length = || ShareDecodeError::WrongLength {
            expected: input_bytes(party),
            found: bytes.len(),
        };
        let (with_next, body) =
            Component::read(component_with_next(party), body).ok_or_else(wrong_length)?;
        let (with_previous, rest) =
            Component::read(component_with_previous(party), body).ok_or_else(wrong_length)?;
        if !rest.is_empty() {
            return Err(wrong_length());
        }
        Ok(Self {
            party,
            with_next,
            with_previous,
        })
    }

    /// Tells whether the commitments are to the components of this share, and one to a third.
    pub fn matches(&self, commitments: &[Digest]) -> bool {
        let [next, previous] = [
            (component_with_next(self.party), &self.with_next),
            (component_with_previous(self.party), &self.with_previous),
        ]
        .map(|(index, component)| commitments.get(index) == Some(&commit(index, component)));
        commitments.len() == PartyIndex::COUNT && next && previous
    }

    /// Shows the component of the integer that the next party holds too.
    pub(crate) fn expose_with_next(&self) -> u32 {
        self.with_next.expose_value()
    }

    /// Shows the component of the integer that the previous party holds too.
    pub(crate) fn expose_with_previous(&self) -> u32 {
        self.with_previous.expose_value()
    }
}

impl fmt::Debug for IntegerInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IntegerInput(party {}, [secret])", self.party.get())
    }
}

impl Component {
    fn read(index: usize, bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (seed, rest) = bytes.split_first_chunk::<SEED_BYTES>()?;
        if index < 2 {
            return Some((Self::Seed(*seed), rest));
        }
        let (value, rest) = rest.split_first_chunk()?;
        let (salt, value) = (*seed, *value);
        Some((Self::Masked { salt, value }, rest))
    }

    fn for_each_part(&self, mut take: impl FnMut(&[u8])) {
        match self {
            Self::Seed(seed) => take(seed),
            Self::Masked { salt, value } => {
                take(salt);
                take(value);
            }
        }
    }

    fn expose_value(&self) -> u32 {
        match self {
            Self::Seed(seed) => expand(seed),
            Self::Masked { value, .. } => u32::from_le_bytes(*value),
        }
    }
}

/// Component A is missing at party A.
const fn component_with_next(party: PartyIndex) -> usize {
    party.previous().as_usize()
}

const fn component_with_previous(party: PartyIndex) -> usize {
    party.next().as_usize()
}

/// Only party 2 lacks component 2, the long one.
const fn input_bytes(party: PartyIndex) -> usize {
    match party.get() {
        2 => 1 + 2 * SEED_BYTES,
        _ => 1 + 2 * SEED_BYTES + VALUE_BYTES,
    }
}

fn commit(index: usize, component: &Component) -> Digest {
    let mut hash = Sha256::new();
    hash.update(COMMITMENT_DOMAIN);
    hash.update([u8::try_from(index).unwrap_or(u8::MAX)]);
    component.for_each_part(|part| hash.update(part));
    Digest::new(hash.finalize().into())
}

fn expand(seed: &[u8; SEED_BYTES]) -> u32 {
    let stream = Prg::new(SHARE_DOMAIN, seed).draw(VALUE_BYTES);
    let bytes = stream.first_chunk().expect("as many bytes as were drawn");
    u32::from_le_bytes(*bytes)
}

const VALUE_BYTES: usize = 4;
const SHARE_DOMAIN: &[u8] = b"boop/integer-seed/v1\0";
const COMMITMENT_DOMAIN: &[u8] = b"boop/integer-commitment/v1\0";

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::testing::seeded;

    #[test]
    fn the_components_that_three_parties_hold_give_the_integer_back() {
        let (value, shares) = sample(1);

        let sum = shares.each_ref().map(IntegerInput::expose_with_next);
        assert_eq!(sum[0] ^ sum[1] ^ sum[2], value);
        for party in PartyIndex::ALL {
            let (me, next) = (party.as_usize(), party.next().as_usize());
            assert_eq!(
                shares[me].expose_with_next(),
                shares[next].expose_with_previous()
            );
        }
    }

    #[test]
    fn an_integer_share_reads_back_from_its_bytes() {
        let (_, shares) = sample(2);
        let commitments = integer_commitments(&shares);
        for share in shares {
            let bytes = share.to_bytes();
            let read = IntegerInput::from_bytes(&bytes).unwrap();

            assert_eq!((read.party(), read.to_bytes()), (share.party(), bytes));
            assert!(read.matches(&commitments));
        }
    }

    #[test]
    fn bytes_that_are_no_integer_share_are_refused() {
        let refused = |bytes: &[u8]| IntegerInput::from_bytes(bytes).unwrap_err();

        assert_eq!(refused(&[]), ShareDecodeError::Empty);
        assert_eq!(
            refused(&[3; 69]),
            ShareDecodeError::NoSuchParty { index: 3 }
        );
        for (party, expected) in [(0, 69), (1, 69), (2, 65)] {
            for found in [1, 32, 33, 64, expected - 1, expected + 1, 500] {
                let wrong = ShareDecodeError::WrongLength { expected, found };
                assert_eq!(refused(&vec![party; found]), wrong);
            }
        }
    }

    #[test]
    fn commitments_bind_every_byte_of_every_component() {
        let (_, shares) = sample(3);
        let all = integer_commitments(&shares);

        for share in &shares {
            let bytes = share.to_bytes();
            for index in 1..bytes.len() {
                let mut changed = bytes.to_vec();
                changed[index] ^= 1;
                assert!(!IntegerInput::from_bytes(&changed).unwrap().matches(&all));
            }
            assert!(share.matches(&all) && !share.matches(&all[..2]));
            assert!(!share.matches(&[all[1], all[2], all[0]]));
        }
    }

    #[test]
    fn the_two_components_of_a_party_do_not_depend_on_the_integer() {
        // Parties 0 and 1 hold the masked integer and one of two masks; party 2 both masks.
        let mut ones = [[0_u32; 32]; 3];
        let mut rng = seeded(4);
        for _ in 0..4_000 {
            let mut seeds = [[0; SEED_BYTES]; 3];
            seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
            for share in split_integer(0, &seeds) {
                let word = share.expose_with_next() ^ share.expose_with_previous();
                let counts = ones[share.party().as_usize()].iter_mut();
                counts.enumerate().for_each(|(i, n)| *n += word >> i & 1);
            }
        }

        // Six standard deviations of a fair coin thrown 4,000 times.
        let fair = 2_000 - 190..=2_000 + 190;
        assert!(ones.iter().flatten().all(|count| fair.contains(count)));
    }

    #[test]
    fn an_integer_share_does_not_print_its_value() {
        let [_, one, _] = sample(5).1;

        assert_eq!(format!("{one:?}"), "IntegerInput(party 1, [secret])");
    }

    fn sample(seed: u64) -> (u32, [IntegerInput; 3]) {
        let mut rng = seeded(seed);
        let mut seeds = [[0; SEED_BYTES]; 3];
        seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
        let value = rng.next_u32();
        (value, split_integer(value, &seeds))
    }
}

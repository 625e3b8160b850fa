//! What a client sends: a replicated sharing of a palm's bits, two components for each party
//! [MPC-10].

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::error::ShareDecodeError;
use crate::prg::Prg;
use boop_wire::id::Digest;
use boop_wire::id::PartyIndex;
use boop_wire::template::{ENCODINGS_BYTES, Encodings, TEMPLATE_BYTES};

/// Bytes of a seed that stands for a component, and of the salt of the third.
pub const SEED_BYTES: usize = 32;

/// What one party receives of the bits of a palm at every rotation: the two components of their
/// replicated sharing that it holds.
#[derive(Clone, ZeroizeOnDrop)]
pub struct ShareInput {
    #[zeroize(skip)]
    party: PartyIndex,
    with_next: Vec<u8>,
    with_previous: Vec<u8>,
}

/// Splits a palm's bits into three components, whose XOR gives them back, and hands each party
/// the two that it holds.
///
/// The seeds are fresh from the client's random generator. Components 0 and 1 are streams of the
/// first two; component 2 is the bits masked by both, behind the third, which keeps the hash of
/// the component from telling its bits to the party that knows both streams.
pub fn split(encodings: &Encodings, seeds: &[[u8; SEED_BYTES]; 3]) -> [ShareInput; 3] {
    let [zero, one, salt] = seeds;
    let mut masked = Vec::with_capacity(MASKED_BYTES);
    masked.extend_from_slice(salt);
    for template in &encodings.0 {
        masked.extend_from_slice(template.expose_bytes());
    }
    for seed in [zero, one] {
        let mask = expand(seed);
        let bits = masked[SEED_BYTES..].iter_mut();
        bits.zip(mask.iter()).for_each(|(bit, mask)| *bit ^= mask);
    }
    let components = [zero.to_vec(), one.to_vec(), masked];
    PartyIndex::ALL.map(|party| ShareInput {
        party,
        with_next: components[component_with_next(party)].clone(),
        with_previous: components[component_with_previous(party)].clone(),
    })
}

/// Returns the commitments to the three components, by which the parties know that they work on
/// one client's bits.
pub fn commitments(shares: &[ShareInput; 3]) -> [Digest; 3] {
    let [zero, one, _] = shares;
    [
        commit(0, &one.with_next),
        commit(1, &zero.with_previous),
        commit(2, &zero.with_next),
    ]
}

impl ShareInput {
    /// Returns the party that this share is for.
    pub fn party(&self) -> PartyIndex {
        self.party
    }

    /// Returns the canonical bytes: the party's number, then the component that it has in common
    /// with the next party, and the one that it has in common with the previous one.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let length = 1 + self.with_next.len() + self.with_previous.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.push(self.party.get());
        bytes.extend_from_slice(&self.with_next);
        bytes.extend_from_slice(&self.with_previous);
        bytes
    }

    /// Reads a share.
    ///
    /// # Errors
    /// Returns a [`ShareDecodeError`] for a party that does not exist or any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ShareDecodeError> {
        let (&index, body) = bytes.split_first().ok_or(ShareDecodeError::Empty)?;
        let party = PartyIndex::new(index).ok_or(ShareDecodeError::NoSuchParty { index })?;
        let with_next = component_bytes(component_with_next(party));
        let expected = 1 + with_next + component_bytes(component_with_previous(party));
        if bytes.len() != expected {
            return Err(ShareDecodeError::WrongLength {
                expected,
                found: bytes.len(),
            });
        }
        let (with_next, with_previous) = body.split_at(with_next);
        Ok(Self {
            party,
            with_next: with_next.to_vec(),
            with_previous: with_previous.to_vec(),
        })
    }

    /// Tells whether the commitments are to the components of this share, and one to a third.
    pub fn matches(&self, commitments: &[Digest]) -> bool {
        let [next, previous] = [
            (component_with_next(self.party), &self.with_next),
            (component_with_previous(self.party), &self.with_previous),
        ]
        .map(|(component, body)| commitments.get(component) == Some(&commit(component, body)));
        commitments.len() == PartyIndex::COUNT && next && previous
    }

    /// Shows the component of the bits that the next party holds too.
    pub(crate) fn expose_with_next(&self) -> Zeroizing<Vec<u8>> {
        bits_of(&self.with_next)
    }

    /// Shows the component of the bits that the previous party holds too.
    pub(crate) fn expose_with_previous(&self) -> Zeroizing<Vec<u8>> {
        bits_of(&self.with_previous)
    }
}

impl fmt::Debug for ShareInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShareInput(party {}, [secret])", self.party.get())
    }
}

/// Component A is missing at party A.
const fn component_with_next(party: PartyIndex) -> usize {
    party.previous().as_usize()
}

const fn component_with_previous(party: PartyIndex) -> usize {
    party.next().as_usize()
}

const fn component_bytes(component: usize) -> usize {
    match component {
        2 => MASKED_BYTES,
        _ => SEED_BYTES,
    }
}

fn commit(component: usize, body: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update(COMMITMENT_DOMAIN);
    hash.update([u8::try_from(component).unwrap_or(u8::MAX)]);
    hash.update(body);
    Digest::new(hash.finalize().into())
}

fn bits_of(component: &[u8]) -> Zeroizing<Vec<u8>> {
    match <&[u8; SEED_BYTES]>::try_from(component) {
        Ok(seed) => expand(seed),
        Err(_) => Zeroizing::new(component[SEED_BYTES..].to_vec()),
    }
}

fn expand(seed: &[u8; SEED_BYTES]) -> Zeroizing<Vec<u8>> {
    Prg::new(SHARE_DOMAIN, seed).draw(ENCODINGS_BYTES)
}

const MASKED_BYTES: usize = SEED_BYTES + ENCODINGS_BYTES;
const SHARE_DOMAIN: &[u8] = b"boop/share-seed/v2\0";
const COMMITMENT_DOMAIN: &[u8] = b"boop/share-commitment/v2\0";
const _: () = assert!(ENCODINGS_BYTES == 3 * TEMPLATE_BYTES);

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use boop_wire::template::{ROTATIONS, Template};
    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::testing::seeded;

    #[test]
    fn the_components_that_three_parties_hold_give_the_bits_back() {
        let (encodings, shares) = sample(1);

        let with_next = shares.clone().map(|share| share.expose_with_next());
        let with_previous = shares.map(|share| share.expose_with_previous());

        let bits = encodings.0.iter().flat_map(|t| t.expose_bytes().to_vec());
        for (index, bit) in bits.enumerate() {
            assert_eq!(with_next.iter().fold(0, |xor, c| xor ^ c[index]), bit);
        }
        for party in PartyIndex::ALL {
            let (me, next) = (party.as_usize(), party.next().as_usize());
            assert_eq!(with_next[me], with_previous[next]);
        }
    }

    #[test]
    fn a_share_reads_back_from_its_bytes() {
        let (_, shares) = sample(2);
        let commitments = commitments(&shares);
        for share in shares {
            let bytes = share.to_bytes();
            let read = ShareInput::from_bytes(&bytes).unwrap();

            assert_eq!((read.party(), read.to_bytes()), (share.party(), bytes));
            assert!(read.matches(&commitments));
        }
    }

    #[test]
    fn bytes_that_are_no_share_are_refused() {
        let refused = |bytes: &[u8]| ShareInput::from_bytes(bytes).unwrap_err();
        let wrong = |expected, found| ShareDecodeError::WrongLength { expected, found };

        assert_eq!(refused(&[]), ShareDecodeError::Empty);
        assert_eq!(
            refused(&[3; 33]),
            ShareDecodeError::NoSuchParty { index: 3 }
        );
        assert_eq!(refused(&[0; 32]), wrong(5_465, 32));
        assert_eq!(refused(&vec![1; 5_466]), wrong(5_465, 5_466));
        assert_eq!(refused(&[2; 64]), wrong(65, 64));
        assert_eq!(refused(&[2; 66]), wrong(65, 66));
    }

    #[test]
    fn commitments_bind_every_byte_of_every_component() {
        let (_, shares) = sample(3);
        let all = commitments(&shares);

        for share in &shares {
            let bytes = share.to_bytes();
            for index in [1, 32, 33, bytes.len() - 1] {
                let mut changed = bytes.to_vec();
                changed[index] ^= 1;
                assert!(!ShareInput::from_bytes(&changed).unwrap().matches(&all));
            }
            assert!(share.matches(&all) && !share.matches(&all[..2]));
            assert!(!share.matches(&[all[1], all[2], all[0]]));
        }
    }

    #[test]
    fn a_share_does_not_print_its_bits() {
        let [zero, ..] = sample(4).1;

        assert_eq!(format!("{zero:?}"), "ShareInput(party 0, [secret])");
    }

    fn sample(seed: u64) -> (Encodings, [ShareInput; 3]) {
        let mut rng = seeded(seed);
        let encodings = Encodings([(); ROTATIONS].map(|()| {
            let mut bits = [0; TEMPLATE_BYTES];
            rng.fill_bytes(&mut bits);
            Template::from_bytes(&bits)
        }));
        let mut seeds = [[0; 32]; 3];
        seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
        let shares = split(&encodings, &seeds);
        (encodings, shares)
    }
}

//! What a client sends: three shares of a palm's bits, one for each party [MPC-10].

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::error::ShareDecodeError;
use crate::prg::Prg;
use boop_wire::id::Digest;
use boop_wire::id::PartyIndex;
use boop_wire::template::{ENCODINGS_BYTES, Encodings, TEMPLATE_BYTES};

/// Bytes of a seed that stands for a share.
pub const SEED_BYTES: usize = 32;

/// One party's share of the bits of a palm at every rotation.
#[derive(Clone, ZeroizeOnDrop)]
pub struct ShareInput {
    #[zeroize(skip)]
    party: PartyIndex,
    body: Vec<u8>,
}

/// Splits a palm's bits so that the XOR of the three shares gives them back.
///
/// Each seed is fresh from the client's random generator: parties 0 and 1 receive one each, and
/// party 2 receives the bits masked by both.
pub fn split(encodings: &Encodings, seeds: &[[u8; SEED_BYTES]; 2]) -> [ShareInput; 3] {
    let mut masked = Vec::with_capacity(ENCODINGS_BYTES);
    for template in &encodings.0 {
        masked.extend_from_slice(template.expose_bytes());
    }
    for seed in seeds {
        let mask = expand(seed);
        masked
            .iter_mut()
            .zip(mask.iter())
            .for_each(|(bit, mask)| *bit ^= mask);
    }
    let [zero, one, two] = PartyIndex::ALL;
    [
        ShareInput {
            party: zero,
            body: seeds[0].to_vec(),
        },
        ShareInput {
            party: one,
            body: seeds[1].to_vec(),
        },
        ShareInput {
            party: two,
            body: masked,
        },
    ]
}

impl ShareInput {
    /// Returns the party that this share is for.
    pub fn party(&self) -> PartyIndex {
        self.party
    }

    /// Returns the canonical bytes: the party's number, then its seed or the masked bits.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + self.body.len()));
        bytes.push(self.party.get());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads a share.
    ///
    /// # Errors
    /// Returns a [`ShareDecodeError`] for a party that does not exist or any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ShareDecodeError> {
        let (&index, body) = bytes.split_first().ok_or(ShareDecodeError::Empty)?;
        let party = PartyIndex::new(index).ok_or(ShareDecodeError::NoSuchParty { index })?;
        let expected = 1 + body_bytes(party);
        if bytes.len() != expected {
            return Err(ShareDecodeError::WrongLength {
                expected,
                found: bytes.len(),
            });
        }
        Ok(Self {
            party,
            body: body.to_vec(),
        })
    }

    /// Returns the hash by which the parties know that they work on one client's bits.
    pub fn commitment(&self) -> Digest {
        let mut hash = Sha256::new();
        hash.update(COMMITMENT_DOMAIN);
        hash.update(&*self.to_bytes());
        Digest::new(hash.finalize().into())
    }

    /// Shows this party's piece of the bits; the three pieces XOR to the client's bits.
    pub(crate) fn expose_piece(&self) -> Zeroizing<Vec<u8>> {
        match <&[u8; SEED_BYTES]>::try_from(self.body.as_slice()) {
            Ok(seed) => expand(seed),
            Err(_) => Zeroizing::new(self.body.clone()),
        }
    }
}

impl fmt::Debug for ShareInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShareInput(party {}, [secret])", self.party.get())
    }
}

fn body_bytes(party: PartyIndex) -> usize {
    match party.get() {
        2 => ENCODINGS_BYTES,
        _ => SEED_BYTES,
    }
}

fn expand(seed: &[u8; SEED_BYTES]) -> Zeroizing<Vec<u8>> {
    Prg::new(SHARE_DOMAIN, seed).draw(ENCODINGS_BYTES)
}

const SHARE_DOMAIN: &[u8] = b"boop/share-seed/v1\0";
const COMMITMENT_DOMAIN: &[u8] = b"boop/share-commitment/v1\0";
const _: () = assert!(ENCODINGS_BYTES == 3 * TEMPLATE_BYTES && ENCODINGS_BYTES != SEED_BYTES);

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use boop_wire::template::{ROTATIONS, Template};
    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::testing::seeded;

    #[test]
    fn the_pieces_of_three_shares_give_the_bits_back() {
        let (encodings, shares) = sample(1);

        let pieces = shares.map(|share| share.expose_piece());

        let bits = encodings.0.iter().flat_map(|t| t.expose_bytes().to_vec());
        for (index, bit) in bits.enumerate() {
            assert_eq!(pieces[0][index] ^ pieces[1][index] ^ pieces[2][index], bit);
        }
    }

    #[test]
    fn a_share_reads_back_from_its_bytes() {
        for share in sample(2).1 {
            let bytes = share.to_bytes();
            let read = ShareInput::from_bytes(&bytes).unwrap();

            assert_eq!((read.party(), read.to_bytes()), (share.party(), bytes));
            assert_eq!(read.commitment(), share.commitment());
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
        assert_eq!(refused(&[0; 32]), wrong(33, 32));
        assert_eq!(refused(&[1; 34]), wrong(33, 34));
        assert_eq!(refused(&[2; 33]), wrong(5_401, 33));
        assert_eq!(refused(&vec![2; 5_402]), wrong(5_401, 5_402));
    }

    #[test]
    fn commitments_bind_the_party_and_every_byte() {
        let [zero, one, _] = sample(3).1;
        let mut bytes = zero.to_bytes();
        bytes[0] = 1;
        let moved = ShareInput::from_bytes(&bytes).unwrap();
        bytes[32] ^= 1;
        let changed = ShareInput::from_bytes(&bytes).unwrap();

        let all = [zero, one, moved, changed].map(|share| share.commitment());

        for (index, commitment) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(commitment), "share {index}");
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
        let mut seeds = [[0; 32]; 2];
        seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
        let shares = split(&encodings, &seeds);
        (encodings, shares)
    }
}

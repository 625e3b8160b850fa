//! The second secret of a party's store [KEY-5].

use core::fmt;

use boop_wire::codec::{domain_separated, to_canonical};
use boop_wire::{NetworkId, PartyIndex};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Half of what opens a party's store; the custodian's key is the other. Wipes itself.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Secret(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

#[derive(Encode)]
struct KeyInfo {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    party: PartyIndex,
    #[n(2)]
    epoch: u32,
}

impl Secret {
    pub(crate) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([secret])")
    }
}

/// Derives the key of the store from the released key and the second secret, or, without one, the
/// key of what is kept for the peers.
pub(crate) fn derive(
    released: &[u8; 32],
    second: Option<&Secret>,
    network: NetworkId,
    party: PartyIndex,
    epoch: u32,
) -> Zeroizing<[u8; 32]> {
    let info = to_canonical(&KeyInfo {
        network,
        party,
        epoch,
    });
    let (domain, salt) = match second {
        Some(secret) => ("store-key", Some(&secret.0[..])),
        None => ("escrow-key", None),
    };
    let mut key = Zeroizing::new([0; 32]);
    // 32 bytes are far below HKDF's limit of 255 hashes.
    let _ = Hkdf::<Sha256>::new(salt, released).expand(&domain_separated(domain, &info), &mut *key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkId = NetworkId::new([1; 32]);
    const PARTY: PartyIndex = PartyIndex::ALL[1];

    #[test]
    fn keys_differ_by_everything_that_they_are_made_of() {
        let secret = Secret::new([7; 32]);
        let key = |released, second, network, party, epoch| {
            *derive(
                &[released; 32],
                second,
                NetworkId::new([network; 32]),
                party,
                epoch,
            )
        };
        let mut keys = alloc::vec![
            *derive(&[3; 32], Some(&secret), NETWORK, PARTY, 0),
            key(4, Some(&secret), 1, PARTY, 0),
            key(3, Some(&Secret::new([8; 32])), 1, PARTY, 0),
            key(3, Some(&secret), 2, PARTY, 0),
            key(3, Some(&secret), 1, PartyIndex::ALL[2], 0),
            key(3, Some(&secret), 1, PARTY, 1),
            key(3, None, 1, PARTY, 0),
            // HKDF without a salt takes zeros: another domain keeps the two apart.
            key(3, Some(&Secret::new([0; 32])), 1, PARTY, 0),
        ];

        keys.sort_unstable();
        keys.dedup();

        assert_eq!(keys.len(), 8);
    }

    #[test]
    fn a_secret_prints_nothing_of_itself_and_wipes_itself() {
        fn wipes<T: ZeroizeOnDrop>(value: &T) -> &T {
            value
        }
        let secret = Secret::new([7; 32]);

        assert_eq!(alloc::format!("{:?}", wipes(&secret)), "Secret([secret])");
    }
}

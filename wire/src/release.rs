//! Key release: what a party and its custodian say to each other, through the party's host.

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::evidence::EvidenceBundle;
use crate::id::{Digest, InstanceId, NetworkId, PartyIndex};
use crate::refusal::Refusal;
use crate::session::Signature;

/// Largest encoded message, in bytes.
pub const RELEASE_BYTES_MAX: usize = 64 * 1024;

/// From the party.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ReleaseRequest {
    /// Asks for a challenge.
    #[n(0)]
    Begin {
        /// For which party.
        #[n(0)]
        party: PartyIndex,
    },
    /// Asks for the key.
    #[n(1)]
    Prove {
        /// Evidence for key release over the challenge and the setup key.
        #[n(0)]
        evidence: EvidenceBundle,
        /// X25519 public key to which the data key is sealed; its digest is in the evidence.
        #[cbor(n(1), with = "minicbor::bytes")]
        setup: [u8; 32],
    },
    /// Asks that a newer head of the store be put on record.
    #[n(2)]
    Anchor(#[n(0)] SignedAnchor),
}

/// From the custodian.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ReleaseAnswer {
    /// What the evidence must be made over.
    #[n(0)]
    Challenge {
        /// Random, used once.
        #[cbor(n(0), with = "minicbor::bytes")]
        challenge: [u8; 32],
    },
    /// The key, sealed to the setup key.
    #[n(1)]
    Released(#[n(0)] ReleasedKey),
    /// No key.
    #[n(2)]
    Refused {
        /// Why.
        #[n(0)]
        refusal: Refusal,
    },
    /// The head is on record.
    #[n(3)]
    Anchored {
        /// By the custodian's key over the move, under the domain `anchored`.
        #[n(0)]
        signature: Signature,
    },
}

/// A data key on its way to one instance.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReleasedKey {
    /// Encapsulated key (RFC 9180).
    #[cbor(n(0), with = "minicbor::bytes")]
    pub enc: [u8; 32],
    /// The 32-byte data key, sealed with the [`ReleaseContext`] as info.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ciphertext: Vec<u8>,
    /// The context.
    #[n(2)]
    pub context: ReleaseContext,
    /// By the custodian's key over context, `enc` and ciphertext, under the domain `key-release`.
    #[n(3)]
    pub signature: Signature,
}

impl ReleasedKey {
    /// Returns the bytes that the custodian signs.
    pub fn signed_bytes(context: &ReleaseContext, enc: &[u8; 32], ciphertext: &[u8]) -> Vec<u8> {
        let context = crate::codec::to_canonical(context);
        let joined = [context.as_slice(), enc, ciphertext].concat();
        crate::codec::domain_separated("key-release", &joined)
    }
}

/// For whom a key was wrapped; a wrapped key fits no other place.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReleaseContext {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The party.
    #[n(1)]
    pub party: PartyIndex,
    /// The key's epoch.
    #[n(2)]
    pub epoch: u32,
    /// The instance that proved itself.
    #[n(3)]
    pub instance: InstanceId,
    /// One more than the last: the highest lease wins.
    #[n(4)]
    pub lease: u64,
    /// The newest head of the store that is on record.
    #[n(5)]
    pub anchor: Option<Anchor>,
}

/// A head of a store: how many records, and the chain over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Anchor {
    /// How many records.
    #[n(0)]
    pub version: u64,
    /// The chain over them.
    #[n(1)]
    pub root: Digest,
}

/// From one head on record to a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AnchorMove {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The party.
    #[n(1)]
    pub party: PartyIndex,
    /// The epoch of the store.
    #[n(2)]
    pub epoch: u32,
    /// The lease of the instance that moves it.
    #[n(3)]
    pub lease: u64,
    /// What is on record.
    #[n(4)]
    pub from: Option<Anchor>,
    /// What takes its place.
    #[n(5)]
    pub to: Anchor,
}

/// A move, signed by the instance that has the newest lease.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedAnchor {
    /// The move.
    #[n(0)]
    pub what: AnchorMove,
    /// By the instance's identity key, under the domain `anchor`.
    #[n(1)]
    pub signature: Signature,
}

impl AnchorMove {
    /// Returns the bytes that the party signs.
    pub fn asked_bytes(&self) -> Vec<u8> {
        crate::codec::domain_separated("anchor", &crate::codec::to_canonical(self))
    }

    /// Returns the bytes that the custodian signs.
    pub fn done_bytes(&self) -> Vec<u8> {
        crate::codec::domain_separated("anchored", &crate::codec::to_canonical(self))
    }
}

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
        /// Public key to which the data key is wrapped, of the kind that the mechanism needs; its
        /// digest is in the evidence.
        #[cbor(n(1), with = "minicbor::bytes")]
        setup: Vec<u8>,
    },
    /// Asks that a newer head of the store be put on record.
    #[n(2)]
    Anchor(#[n(0)] SignedAnchor),
    /// Asks for a challenge, for the key of the epoch after the present one.
    #[n(3)]
    BeginNext {
        /// For which party.
        #[n(0)]
        party: PartyIndex,
    },
    /// Asks that the key of an epoch be destroyed.
    #[n(4)]
    Retire(#[n(0)] SignedRetirement),
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
        /// How the key will be wrapped, which tells what setup key to make.
        #[n(1)]
        mechanism: WrapMechanism,
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
    /// The key is destroyed, and the next epoch is the present one.
    #[n(4)]
    Retired {
        /// By the custodian's key over the retirement, under the domain `retired`.
        #[n(0)]
        signature: Signature,
    },
}

/// A data key on its way to one instance.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReleasedKey {
    /// Encapsulated key (RFC 9180), or the token's ephemeral point; empty for RSA.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub enc: Vec<u8>,
    /// The 32-byte data key, wrapped for the [`ReleaseContext`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ciphertext: Vec<u8>,
    /// The context.
    #[n(2)]
    pub context: ReleaseContext,
    /// By the custodian's key over all the rest, under the domain `key-release`.
    #[n(3)]
    pub signature: Signature,
    /// How it was wrapped.
    #[n(4)]
    pub mechanism: WrapMechanism,
}

impl ReleasedKey {
    /// Returns the bytes that the custodian signs: the answer without its signature.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut unsigned = self.clone();
        unsigned.signature = Signature([0; 64]);
        crate::codec::domain_separated("key-release", &crate::codec::to_canonical(&unsigned))
    }
}

/// How a data key is wrapped to a setup key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum WrapMechanism {
    /// HPKE (RFC 9180) to an X25519 key, by a custodian whose token is a file.
    #[n(0)]
    Hpke,
    /// RSA-OAEP with SHA-256 for hash and mask; the context is the label.
    #[n(1)]
    RsaOaepSha256,
    /// ECDH on P-256, ANSI X9.63 key derivation with SHA-256 over the context, AES key wrap.
    #[n(2)]
    EcdhX963Sha256,
    /// ECDH on P-256, the shared x-coordinate as the key of an AES key wrap. The context is bound
    /// by the custodian's signature alone.
    #[n(3)]
    EcdhPlain,
    /// RSA-OAEP with SHA-1 and no label. The context is bound by the custodian's signature alone.
    #[n(4)]
    DangerRsaOaepSha1,
    /// CMS `EnvelopedData` (RFC 5652 §6) as AWS KMS makes it for the key in a Nitro document: a
    /// content key by RSA-OAEP with SHA-256, the data key by AES-256-CBC. The context is bound by
    /// the custodian's signature alone.
    #[n(5)]
    AwsKmsRecipient,
}

/// Which kind of setup key a mechanism wraps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupKind {
    /// An X25519 key pair.
    X25519,
    /// A key pair on P-256.
    P256,
    /// An RSA-3072 key pair.
    Rsa3072,
}

impl WrapMechanism {
    /// Those of tokens, strongest first.
    pub const OF_TOKENS: [Self; 4] = [
        Self::RsaOaepSha256,
        Self::EcdhX963Sha256,
        Self::EcdhPlain,
        Self::DangerRsaOaepSha1,
    ];

    /// Returns the name that stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hpke => "hpke-x25519",
            Self::RsaOaepSha256 => "rsa-oaep-sha256",
            Self::EcdhX963Sha256 => "ecdh-p256-x963-sha256-aes-kw",
            Self::EcdhPlain => "ecdh-p256-aes-kw",
            Self::DangerRsaOaepSha1 => "danger-rsa-oaep-sha1",
            Self::AwsKmsRecipient => "aws-kms-recipient",
        }
    }

    /// Returns the kind of setup key it needs.
    pub const fn setup_kind(self) -> SetupKind {
        match self {
            Self::Hpke => SetupKind::X25519,
            Self::RsaOaepSha256 | Self::DangerRsaOaepSha1 | Self::AwsKmsRecipient => {
                SetupKind::Rsa3072
            }
            Self::EcdhX963Sha256 | Self::EcdhPlain => SetupKind::P256,
        }
    }

    /// Tells whether it wraps to the key that evidence names, as whoever wraps reads it there.
    pub const fn is_recipients(self) -> bool {
        matches!(self, Self::AwsKmsRecipient)
    }

    /// Tells whether it is used only where somebody said so.
    pub const fn is_dangerous(self) -> bool {
        matches!(self, Self::DangerRsaOaepSha1)
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

/// The end of an epoch, all of whose records all three parties have in the next one [REF-5].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Retirement {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The party.
    #[n(1)]
    pub party: PartyIndex,
    /// The epoch that ends.
    #[n(2)]
    pub epoch: u32,
    /// The lease that the instance has of it.
    #[n(3)]
    pub lease: u64,
    /// The head of the next epoch, which is put on record.
    #[n(4)]
    pub next: Anchor,
}

/// A retirement, signed by the instance that has the newest lease of both epochs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedRetirement {
    /// The retirement.
    #[n(0)]
    pub what: Retirement,
    /// By the instance's identity key, under the domain `retire`.
    #[n(1)]
    pub signature: Signature,
}

impl Retirement {
    /// Returns the bytes that the party signs.
    pub fn asked_bytes(&self) -> Vec<u8> {
        crate::codec::domain_separated("retire", &crate::codec::to_canonical(self))
    }

    /// Returns the bytes that the custodian signs.
    pub fn done_bytes(&self) -> Vec<u8> {
        crate::codec::domain_separated("retired", &crate::codec::to_canonical(self))
    }
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

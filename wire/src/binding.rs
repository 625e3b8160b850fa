//! What evidence vouches for: the [`Binding`] whose digest a chip signs, and its closed fields
//! [EVI-1].

use alloc::vec::Vec;

use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha512};

use crate::codec::{domain_separated, to_canonical};
use crate::id::{Digest, InstanceId, NetworkId, PartyIndex};

/// What a piece of evidence was made for. Evidence for one purpose is refused for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// Made at boot and renewed; its identity key signs session proofs.
    #[n(0)]
    Boot,
    /// Made over a custodian's challenge and a setup key.
    #[n(1)]
    KeyRelease,
    /// Made over a client's challenge.
    #[n(2)]
    Challenge,
}

/// What a process is in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// One of the three that match.
    #[n(0)]
    Party,
    /// Ends TLS and routes.
    #[n(1)]
    Gateway,
    /// Orders events and keeps balances.
    #[n(2)]
    Ledger,
    /// Keeps a party's key.
    #[n(3)]
    Custodian,
    /// A vendor, scanner or user: no evidence, only the other side's is checked.
    #[n(4)]
    Client,
}

/// What hardware signs the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum PlatformKind {
    /// AMD SEV-SNP: an attestation report.
    #[n(0)]
    Snp,
    /// AWS Nitro Enclaves: an attestation document.
    #[n(1)]
    Nitro,
}

/// A place in the log that a process has verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LogPosition {
    /// Entries in the log.
    #[n(0)]
    pub size: u64,
    /// Root of the tree.
    #[n(1)]
    pub root: Digest,
}

/// The public keys of a measured process, made inside it at boot.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BoundKeys {
    /// Ed25519: signs session proofs and outcomes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub identity: [u8; 32],
    /// SHA-256 of the TLS key's SubjectPublicKeyInfo.
    #[n(1)]
    pub tls_spki: Digest,
    /// X25519: opens what clients seal (RFC 9180, DHKEM(X25519, HKDF-SHA256)).
    #[cbor(n(2), with = "minicbor::bytes")]
    pub hpke: [u8; 32],
    /// SHA-256 of the key to which a custodian wraps, in evidence for key release.
    #[n(3)]
    pub setup: Option<Digest>,
}

/// Everything evidence vouches for. No interface lets a caller choose a field.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Binding {
    /// What the evidence is for.
    #[n(0)]
    pub purpose: Purpose,
    /// The network.
    #[n(1)]
    pub network: NetworkId,
    /// Digest of the manifest in force.
    #[n(2)]
    pub manifest: Digest,
    /// What the process is.
    #[n(3)]
    pub role: Role,
    /// Which party, if it is one.
    #[n(4)]
    pub party: Option<PartyIndex>,
    /// What signs.
    #[n(5)]
    pub platform: PlatformKind,
    /// SHA-256 of the configuration the process read; the chip vouches for the same.
    #[n(6)]
    pub config: Digest,
    /// Random per boot.
    #[n(7)]
    pub instance: InstanceId,
    /// The fencing number of the last key release, 0 before it.
    #[n(8)]
    pub lease: u64,
    /// Keys made inside.
    #[n(9)]
    pub keys: BoundKeys,
    /// The verifier's challenge, or zero.
    #[cbor(n(10), with = "minicbor::bytes")]
    pub challenge: [u8; 32],
    /// When the evidence was asked for, Unix milliseconds of the process's clock.
    #[n(11)]
    pub made_at_ms: u64,
    /// The log as last verified.
    #[n(12)]
    pub checkpoint: Option<LogPosition>,
}

impl Binding {
    /// Returns the 64 bytes for REPORT_DATA or `user_data`: SHA-512 under a domain.
    pub fn report_data(&self) -> [u8; 64] {
        Self::report_data_of(&to_canonical(self))
    }

    /// Returns the 64 bytes for a binding's canonical encoding.
    pub fn report_data_of(canonical: &[u8]) -> [u8; 64] {
        let bytes: Vec<u8> = domain_separated("binding", canonical);
        Sha512::digest(bytes).into()
    }
}

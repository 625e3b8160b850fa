//! Messages of the attested session: what both sides send once TLS 1.3 stands.

use minicbor::{Decode, Encode};

use crate::evidence::EvidenceBundle;
use crate::id::{Digest, NetworkId};

/// Label of the TLS exporter (RFC 8446 §7.5) whose value session proofs sign.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-boop-attested-session-v1";

/// Which end of the TLS connection a proof is made on; stops reflection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Side {
    /// Opened the connection.
    #[n(0)]
    Client,
    /// Accepted it.
    #[n(1)]
    Server,
}

impl Side {
    /// Returns the other end.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// First message of each side: its evidence, and a nonce for the other's proof.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Offer {
    /// Random per session.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    /// Boot evidence; none from a client, which proves nothing.
    #[n(1)]
    pub evidence: Option<EvidenceBundle>,
}

/// What the identity key signs to bind evidence to one TLS connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ProofStatement {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The manifest in force.
    #[n(1)]
    pub manifest: Digest,
    /// The signer's end.
    #[n(2)]
    pub side: Side,
    /// Exporter value of this connection.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub exporter: [u8; 32],
    /// Digest of the signer's binding.
    #[n(4)]
    pub own: Digest,
    /// Digest of the peer's binding, if it offered evidence.
    #[n(5)]
    pub peer: Option<Digest>,
    /// The signer's nonce.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub own_nonce: [u8; 32],
    /// The peer's nonce.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub peer_nonce: [u8; 32],
}

/// Second message: the signature over the [`ProofStatement`] that both sides compute.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Proof {
    /// Ed25519 by the bound identity key, under the domain `session-proof`; absent from a client
    /// without evidence.
    #[n(0)]
    pub signature: Option<Signature>,
}

/// An Ed25519 signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Signature(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 64]);

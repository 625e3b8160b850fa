//! Evidence as it travels: the chip's bytes, the certificates that endorse them, the binding.

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::binding::{Binding, PlatformKind};
use crate::codec::{CodecError, domain_digest, from_canonical};
use crate::id::Digest;

/// Largest encoded bundle, in bytes.
pub const BUNDLE_BYTES_MAX: usize = 32 * 1024;

/// Evidence with what is needed to judge it, except roots, time and policy.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EvidenceBundle {
    /// What signed.
    #[n(0)]
    pub platform: PlatformKind,
    /// The report or document, as the chip gave it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub evidence: Vec<u8>,
    /// DER of the VCEK or VLEK, then of its issuer; none for Nitro, which carries its own.
    #[n(2)]
    pub endorsements: Vec<Certificate>,
    /// Canonical bytes of the [`Binding`] that the evidence vouches for.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub binding: Vec<u8>,
}

/// A certificate's DER.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Certificate(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

impl EvidenceBundle {
    /// Reads the binding. It is a claim until the evidence is verified.
    ///
    /// # Errors
    /// If the bytes are not a binding's canonical encoding.
    pub fn binding(&self) -> Result<Binding, CodecError> {
        from_canonical(&self.binding)
    }

    /// Returns the digest by which session proofs and ledger entries name the binding.
    pub fn binding_digest(&self) -> Digest {
        domain_digest("binding", &self.binding)
    }
}

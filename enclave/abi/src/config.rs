//! The configuration of a party: a blob on its standard input, whose hash the platform vouches
//! for.

use alloc::vec::Vec;

use boop_wire::PartyIndex;
use boop_wire::binding::PlatformKind;
use boop_wire::manifest::Approvers;
use minicbor::{Decode, Encode};

/// Largest configuration blob, in bytes.
pub const CONFIG_BYTES_MAX: usize = 64 * 1024;

/// What a party must know before it hears anyone: canonical CBOR.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartyConfig {
    /// Which party it is.
    #[n(0)]
    pub index: PartyIndex,
    /// Which hardware it runs on.
    #[n(1)]
    pub platform: PlatformKind,
    /// Who may approve manifests.
    #[n(2)]
    pub approvers: Approvers,
    /// Roots of simulated hardware. The production binary refuses a configuration that has any.
    #[n(3)]
    pub simulated_roots: Option<SimulatedRootSet>,
}

/// Roots of simulated hardware, DER.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SimulatedRootSet {
    /// ARK that stands for Genoa.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub genoa: Vec<u8>,
    /// ARK that stands for Turin.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub turin: Vec<u8>,
    /// Root that stands for AWS Nitro.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub nitro: Vec<u8>,
}

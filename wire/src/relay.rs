//! How a host asks another host for a pipe to its enclave. A fuse, not a protection: enclaves
//! repeat every check.

use minicbor::{Decode, Encode};

use crate::binding::Role;
use crate::evidence::EvidenceBundle;
use crate::id::{NetworkId, PartyIndex};
use crate::refusal::Refusal;

/// Largest encoded hello or answer, in bytes.
pub const HELLO_BYTES_MAX: usize = 64 * 1024;

/// First frame on a connection to a host: a 4-byte big-endian length, then these bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RelayHello {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// What the caller is.
    #[n(1)]
    pub from: Role,
    /// Which party the caller is, if it is one.
    #[n(2)]
    pub from_party: Option<PartyIndex>,
    /// Which party it wants.
    #[n(3)]
    pub to: PartyIndex,
    /// The caller's boot evidence.
    #[n(4)]
    pub evidence: EvidenceBundle,
}

/// The answer; after [`RelayAnswer::Accepted`] the connection carries bytes for the enclave.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RelayAnswer {
    /// The pipe is open.
    #[n(0)]
    Accepted {
        /// Boot evidence of the enclave behind this host.
        #[n(0)]
        evidence: EvidenceBundle,
    },
    /// There is no pipe.
    #[n(1)]
    Refused {
        /// Why.
        #[n(0)]
        refusal: Refusal,
    },
}

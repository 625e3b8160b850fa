//! Manifests in the public log, where they are before anything happens under them [EVI-7].

use minicbor::{Decode, Encode};

use crate::codec::digest_of;
use crate::custody::{REPORT_BYTES_MAX, SignedReport};
use crate::id::{Digest, NetworkId};
use crate::manifest::{SIGNED_MANIFEST_BYTES_MAX, SignedManifest};

/// Largest encoded [`LogRequest`], in bytes: a manifest, and room for its approvals.
pub const LOG_REQUEST_BYTES_MAX: usize = SIGNED_MANIFEST_BYTES_MAX + REPORT_BYTES_MAX;

/// What operators and custodians ask of the ledger; nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum LogRequest {
    /// To record what a custodian does.
    #[n(0)]
    Report(#[n(0)] SignedReport),
    /// To record a manifest: the version that follows the one in force, or one that is recorded.
    #[n(1)]
    Publish(#[n(0)] SignedManifest),
    /// For the receipt of a version.
    #[n(2)]
    Published {
        /// Of this network.
        #[n(0)]
        network: NetworkId,
        /// The version.
        #[n(1)]
        version: u64,
    },
}

/// A version of a network's manifest, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Publication {
    /// Of which network.
    #[n(0)]
    pub network: NetworkId,
    /// The version.
    #[n(1)]
    pub version: u64,
    /// Digest of the manifest.
    #[n(2)]
    pub manifest: Digest,
    /// From when on it counts, Unix milliseconds: its delay runs from when it came into the log.
    #[n(3)]
    pub from_ms: u64,
}

/// Names a version in the log: a second manifest of the same version is refused.
pub fn publication_id(network: NetworkId, version: u64) -> Digest {
    #[derive(Encode)]
    struct Named {
        #[n(0)]
        network: NetworkId,
        #[n(1)]
        version: u64,
    }
    digest_of("manifest-entry", &Named { network, version })
}

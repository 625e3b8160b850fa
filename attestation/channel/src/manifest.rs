//! Checking a signed manifest against the approvers that a configuration names [EVI-4].
//!
//! What a reviewer asks about manifests stands in the parts: whether one follows another, what
//! differs between two, and whether the parties differ as they must.

mod chain;
mod change;
mod diversity;
mod form;
#[cfg(test)]
pub(crate) mod samples;
mod succession;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use boop_wire::codec::{CodecError, domain_separated, from_canonical_max};
use boop_wire::manifest::{Approval, Approvers, MANIFEST_BYTES_MAX, Manifest, SignedManifest};
use boop_wire::{Digest, NetworkId, PartyIndex};

pub use chain::{CHAIN_MAX, ChainError, Head, check_lineage};
pub use change::{Change, ChangeKind, Effect, changes, is_restriction};
pub use diversity::{Breach, DiversityRule, Member, diversity_breaches};
pub use form::FormError;
pub use succession::{Counts, VersionKind, check_successor, verify_succession};

use crate::keys::verify_signature;

/// Greatest number of approvers or approvals that are looked at.
pub const APPROVERS_MAX: usize = 32;
/// Largest threshold for which the match rule cannot overflow its ring.
const THRESHOLD_MAX: u32 = 65_536;

/// Why a manifest is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are not a manifest.
    #[error("the manifest does not decode")]
    Encoding(#[from] CodecError),
    /// Too few of the approvers have signed it.
    #[error("{found} of {needed} needed approvals verify")]
    Approvals {
        /// Distinct approvers whose signature verifies.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The approvers of the configuration can approve nothing.
    #[error("the configuration names {keys} approvers and needs {needed}")]
    Approvers {
        /// Keys named.
        keys: usize,
        /// Approvals needed.
        needed: usize,
    },
    /// There are not three parties.
    #[error("the manifest names {found} parties, not 3")]
    PartyCount {
        /// How many it names.
        found: usize,
    },
    /// The genesis names a predecessor, or a later version names none.
    #[error("version {version} and its predecessor fields do not fit together")]
    Lineage {
        /// The manifest's version.
        version: u64,
    },
    /// It says something in a way that could be read in two.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The parties of a network on real hardware do not differ as they must.
    #[error("the parties do not differ as they must: {0}")]
    Diversity(Breach),
    /// The match threshold is outside what the rule can compute.
    #[error("threshold {threshold} is above 65536")]
    Threshold {
        /// The threshold.
        threshold: u32,
    },
}

/// A manifest that enough approvers have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedManifest {
    manifest: Manifest,
    digest: Digest,
    network: NetworkId,
    signed: SignedManifest,
}

impl VerifiedManifest {
    /// Checks form and approvals.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(signed: SignedManifest, approvers: &Approvers) -> Result<Self, ManifestError> {
        let manifest: Manifest = from_canonical_max(&signed.manifest, MANIFEST_BYTES_MAX)?;
        check_approvals(&signed, approvers)?;
        let digest = signed.digest();
        let network = network_of(&manifest, digest)?;
        check_diversity(&manifest, Some(approvers))?;
        Ok(Self {
            manifest,
            digest,
            network,
            signed,
        })
    }

    /// Returns the manifest's content.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the digest by which bindings name it.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the id of its network.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Returns the manifest with its approvals, to hand on.
    pub const fn signed(&self) -> &SignedManifest {
        &self.signed
    }
}

/// Checks that the parties differ as they must. A network that protects nothing from its operator
/// may be one operator's.
fn check_diversity(
    manifest: &Manifest,
    approvers: Option<&Approvers>,
) -> Result<(), ManifestError> {
    let mut breaches = diversity_breaches(manifest, approvers).into_iter();
    match breaches.find(|breach| !breach.is_warning(manifest.simulated)) {
        Some(breach) if !manifest.simulated => Err(ManifestError::Diversity(breach)),
        Some(_) | None => Ok(()),
    }
}

/// Returns the network of a manifest whose form holds.
fn network_of(manifest: &Manifest, digest: Digest) -> Result<NetworkId, ManifestError> {
    if manifest.parties.len() != PartyIndex::COUNT {
        return Err(ManifestError::PartyCount {
            found: manifest.parties.len(),
        });
    }
    if manifest.threshold > THRESHOLD_MAX {
        return Err(ManifestError::Threshold {
            threshold: manifest.threshold,
        });
    }
    form::check_form(manifest)?;
    let version = manifest.version;
    match (version, manifest.previous, manifest.network) {
        (1, None, None) => Ok(NetworkId::new(*digest.as_bytes())),
        (2.., Some(_), Some(network)) => Ok(network),
        _ => Err(ManifestError::Lineage { version }),
    }
}

/// Returns the bytes that an approver of a manifest signs.
pub fn approval_bytes(signed: &SignedManifest) -> Vec<u8> {
    domain_separated("manifest-approval", &signed.manifest)
}

/// Says whether an approval is of this manifest, by whoever holds the key that it names.
pub fn approval_holds(signed: &SignedManifest, approval: &Approval) -> bool {
    let signature = boop_wire::session::Signature(approval.signature);
    verify_signature(&approval.key, &approval_bytes(signed), &signature)
}

fn check_approvals(signed: &SignedManifest, approvers: &Approvers) -> Result<(), ManifestError> {
    let needed = usize::from(approvers.needed);
    let distinct: BTreeSet<[u8; 32]> = approvers.keys.iter().map(|key| key.0).collect();
    if needed == 0 || distinct.len() < needed || distinct.len() > APPROVERS_MAX {
        return Err(ManifestError::Approvers {
            keys: distinct.len(),
            needed,
        });
    }
    let bytes = approval_bytes(signed);
    let valid: BTreeSet<[u8; 32]> = signed
        .approvals
        .iter()
        .take(APPROVERS_MAX)
        .filter(|approval| distinct.contains(&approval.key))
        .filter(|approval| {
            let signature = boop_wire::session::Signature(approval.signature);
            verify_signature(&approval.key, &bytes, &signature)
        })
        .map(|approval| approval.key)
        .collect();
    if valid.len() < needed {
        return Err(ManifestError::Approvals {
            found: valid.len(),
            needed,
        });
    }
    Ok(())
}

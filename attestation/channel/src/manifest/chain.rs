//! Succession of manifests: from the genesis that names a network to the newest version [EVI-4].
//!
//! The approvers are an argument of every step, since they come with the configuration. Who may
//! approve version n is a rule of version n - 1, never of version n itself.

use alloc::vec::Vec;

use boop_wire::codec::from_canonical_max;
use boop_wire::manifest::{Approvers, MANIFEST_BYTES_MAX, Manifest, SignedManifest};
use boop_wire::{Digest, NetworkId, PartyIndex};

use super::succession::Counts;
use super::{ManifestError, VerifiedManifest, network_of};

/// Most versions that are looked at in one chain.
pub const CHAIN_MAX: usize = 4096;

/// Why a manifest does not follow another, or a chain does not lead from a genesis to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// There is nothing in the chain.
    #[error("the chain is empty")]
    Empty,
    /// There are more versions than are looked at.
    #[error("the chain has {found} versions, more than {CHAIN_MAX}")]
    TooLong {
        /// How many it has.
        found: usize,
    },
    /// The first one is no genesis.
    #[error("the chain begins with version {version}, not with a genesis")]
    NotGenesis {
        /// The version it begins with.
        version: u64,
    },
    /// One of the chain is not accepted by itself.
    #[error("number {place} of the chain is not accepted: {error}")]
    Refused {
        /// Its place, counted from 1.
        place: usize,
        /// Why.
        error: ManifestError,
    },
    /// A version is missing, repeated, or lower than the one before.
    #[error("version {found} stands where version {expected} must follow")]
    Version {
        /// One more than the version before.
        expected: u64,
        /// What it says.
        found: u64,
    },
    /// It names another predecessor.
    #[error("version {version} follows another manifest than the one before it")]
    Previous {
        /// The version that does.
        version: u64,
    },
    /// Too few of those have approved it that the version before names.
    #[error("version {version} is approved by {found}; it needs {needed}")]
    Approvals {
        /// The version that is.
        version: u64,
        /// Who has.
        found: Counts,
        /// Who must.
        needed: Counts,
    },
    /// It was not made after the one before it.
    #[error("version {version} was not made after the one before it")]
    Created {
        /// The version that was not.
        version: u64,
    },
    /// Its delay has not passed.
    #[error("version {version} counts from {from_ms} on")]
    TooEarly {
        /// The version that waits.
        version: u64,
        /// From when on it counts, in Unix milliseconds.
        from_ms: u64,
    },
    /// It counts a party's recoveries otherwise than one by one, upwards [REC-1].
    #[error("version {version} does not count the recoveries of party {party} one by one")]
    Recoveries {
        /// The version that does not.
        version: u64,
        /// Whose.
        party: PartyIndex,
    },
    /// It is of another network.
    #[error("version {version} names another network")]
    Network {
        /// The version that does.
        version: u64,
    },
}

/// What the next version must name of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its version.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
    /// The network's id.
    pub network: NetworkId,
    /// When it was made; the next one is made later.
    pub created_ms: u64,
}

impl Head {
    /// Reads the head of a manifest whose form holds; approvals are not looked at.
    ///
    /// # Errors
    /// If it does not decode or its form does not hold.
    pub fn read(signed: &SignedManifest) -> Result<(Self, Manifest), ManifestError> {
        let manifest: Manifest = from_canonical_max(&signed.manifest, MANIFEST_BYTES_MAX)?;
        let digest = signed.digest();
        let head = Self {
            version: manifest.version,
            digest,
            network: network_of(&manifest, digest)?,
            created_ms: manifest.created_ms,
        };
        Ok((head, manifest))
    }

    /// Checks that a manifest names this one as its predecessor.
    ///
    /// # Errors
    /// [`ChainError::Version`], [`ChainError::Previous`] or [`ChainError::Network`].
    pub fn check_next(&self, next: &Manifest) -> Result<(), ChainError> {
        let version = next.version;
        let expected = self.version.saturating_add(1);
        if version != expected {
            let found = version;
            return Err(ChainError::Version { expected, found });
        }
        if next.previous != Some(self.digest) {
            return Err(ChainError::Previous { version });
        }
        if next.network != Some(self.network) {
            return Err(ChainError::Network { version });
        }
        Ok(())
    }
}

impl VerifiedManifest {
    /// Returns what the next version must name of this one.
    pub const fn head(&self) -> Head {
        Head {
            version: self.manifest.version,
            digest: self.digest,
            network: self.network,
            created_ms: self.manifest.created_ms,
        }
    }
}

/// Checks a whole chain, oldest first, and returns its newest manifest.
///
/// # Errors
/// The first manifest that is not accepted, or does not follow the one before it.
pub fn verify_chain(
    chain: Vec<SignedManifest>,
    approvers: &Approvers,
) -> Result<VerifiedManifest, ChainError> {
    let found = chain.len();
    if found > CHAIN_MAX {
        return Err(ChainError::TooLong { found });
    }
    let mut newest: Option<VerifiedManifest> = None;
    for (index, signed) in chain.into_iter().enumerate() {
        let place = index + 1;
        let next = VerifiedManifest::verify(signed, approvers)
            .map_err(|error| ChainError::Refused { place, error })?;
        match &newest {
            Some(before) => before.head().check_next(next.manifest())?,
            None if next.manifest().version == 1 => {}
            None => {
                let version = next.manifest().version;
                return Err(ChainError::NotGenesis { version });
            }
        }
        newest = Some(next);
    }
    newest.ok_or(ChainError::Empty)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use boop_wire::codec::CodecError;

    use super::*;
    use crate::manifest::samples::{approvers, followed, genesis, signed};

    #[test]
    fn a_chain_leads_from_the_genesis_to_the_newest() {
        let chain = chain_of(3);
        let network = NetworkId::new(*chain[0].digest().as_bytes());
        let digest = chain[2].digest();

        let newest = verify_chain(chain, &approvers(2)).unwrap();

        assert_eq!(newest.head().version, 3);
        assert_eq!((newest.digest(), newest.network()), (digest, network));
    }

    #[test]
    fn an_empty_chain_and_one_without_a_genesis_are_refused() {
        let without = chain_of(3).split_off(1);

        assert_eq!(verify_chain(vec![], &approvers(2)), Err(ChainError::Empty));
        assert_eq!(
            verify_chain(without, &approvers(2)),
            Err(ChainError::NotGenesis { version: 2 })
        );
    }

    #[test]
    fn a_chain_beyond_the_limit_is_refused_unread() {
        let nothing = SignedManifest {
            manifest: vec![],
            approvals: vec![],
        };

        let refused = verify_chain(vec![nothing; CHAIN_MAX + 1], &approvers(2));

        let found = CHAIN_MAX + 1;
        assert_eq!(refused, Err(ChainError::TooLong { found }));
    }

    #[test]
    fn a_version_that_is_missing_or_repeated_is_refused() {
        let mut missing = chain_of(3);
        missing.remove(1);
        let mut repeated = chain_of(2);
        repeated.push(repeated[1].clone());

        let version = |expected, found| Err(ChainError::Version { expected, found });
        assert_eq!(verify_chain(missing, &approvers(2)), version(2, 3));
        assert_eq!(verify_chain(repeated, &approvers(2)), version(3, 2));
    }

    #[test]
    fn a_version_after_another_predecessor_is_refused() {
        let mut chain = chain_of(2);
        let (head, mut manifest) = Head::read(&chain[1]).unwrap();
        manifest.name = "a fork".into();
        chain[1] = signed(&manifest, 2);
        let mut third = manifest;
        third.version = 3;
        third.previous = Some(head.digest);
        chain.push(signed(&third, 2));

        assert_eq!(
            verify_chain(chain, &approvers(2)),
            Err(ChainError::Previous { version: 3 })
        );
    }

    #[test]
    fn a_version_of_another_network_is_refused() {
        let mut chain = chain_of(2);
        let (_, mut manifest) = Head::read(&chain[1]).unwrap();
        manifest.network = Some(NetworkId::new([9; 32]));
        chain[1] = signed(&manifest, 2);

        assert_eq!(
            verify_chain(chain, &approvers(2)),
            Err(ChainError::Network { version: 2 })
        );
    }

    #[test]
    fn every_version_of_the_chain_needs_its_approvals() {
        for place in 1..=3 {
            let mut chain = chain_of(3);
            chain[place - 1].approvals.pop();

            let (found, needed) = (1, 2);
            let error = ManifestError::Approvals { found, needed };
            assert_eq!(
                verify_chain(chain, &approvers(2)),
                Err(ChainError::Refused { place, error })
            );
        }
    }

    #[test]
    fn bytes_that_are_no_manifest_are_refused_in_their_place() {
        let mut chain = chain_of(2);
        chain[1].manifest.push(0);

        let error = ManifestError::Encoding(CodecError::NotCanonical);
        assert_eq!(
            verify_chain(chain, &approvers(2)),
            Err(ChainError::Refused { place: 2, error })
        );
    }

    #[test]
    fn the_head_of_a_manifest_with_a_bad_form_is_not_read() {
        let mut manifest = genesis();
        manifest.version = 2;
        let error = ManifestError::Lineage { version: 2 };
        assert_eq!(Head::read(&signed(&manifest, 0)), Err(error));

        manifest.parties.pop();
        let error = ManifestError::PartyCount { found: 2 };
        assert_eq!(Head::read(&signed(&manifest, 0)), Err(error));
    }

    /// A genesis and its successors, each approved by two.
    fn chain_of(versions: usize) -> Vec<SignedManifest> {
        let mut chain = vec![signed(&genesis(), 2)];
        while chain.len() < versions {
            let next = followed(&chain[chain.len() - 1]);
            chain.push(signed(&next, 2));
        }
        chain
    }
}

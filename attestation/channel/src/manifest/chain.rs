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
    #[error("{error} (number {place} of the versions given)")]
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

impl ChainError {
    /// Says at which place of several the version is that is not accepted.
    pub(crate) fn at(self, at: usize) -> Self {
        match self {
            Self::Refused { error, .. } => Self::Refused { place: at, error },
            other => other,
        }
    }
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

    /// Accepts the versions of a file or message, oldest first: one that k of n approvers signed,
    /// and every later one because it follows [EVI-4], [EVI-5]. Those before it are passed over.
    /// Returns what is believed, the newest last; one whose time has not come ends it.
    ///
    /// # Errors
    /// If the approvers signed none, or a later one does not follow.
    pub fn newest_of(
        versions: &[SignedManifest],
        approvers: &Approvers,
        now_ms: u64,
    ) -> Result<(Vec<Self>, Self), ChainError> {
        let mut versions = versions.iter().enumerate();
        let mut first = Err(ChainError::Empty);
        while first.is_err()
            && let Some((index, signed)) = versions.next()
        {
            let place = index + 1;
            first = Self::verify(signed.clone(), approvers)
                .map_err(|error| ChainError::Refused { place, error });
        }
        let (mut before, mut newest) = (Vec::new(), first?);
        for (index, signed) in versions {
            match newest.followed_by(signed.clone(), now_ms) {
                Ok(next) => before.push(core::mem::replace(&mut newest, next)),
                // It was handed out before its time; a running process takes it then.
                Err(ChainError::TooEarly { .. }) => break,
                Err(error) => return Err(error.at(index + 1)),
            }
        }
        Ok((before, newest))
    }
}

/// Checks that versions, oldest first, lead from a genesis to their end, each naming the one before
/// it. Who approved them is not looked at.
///
/// # Errors
/// The first version that is none, or does not follow the one before it.
pub fn check_lineage(versions: &[SignedManifest]) -> Result<Head, ChainError> {
    let found = versions.len();
    if found > CHAIN_MAX {
        return Err(ChainError::TooLong { found });
    }
    let mut newest: Option<Head> = None;
    for (index, signed) in versions.iter().enumerate() {
        let place = index + 1;
        let (head, next) =
            Head::read(signed).map_err(|error| ChainError::Refused { place, error })?;
        match &newest {
            Some(before) => before.check_next(&next)?,
            None if next.version == 1 => {}
            None => {
                let version = next.version;
                return Err(ChainError::NotGenesis { version });
            }
        }
        newest = Some(head);
    }
    newest.ok_or(ChainError::Empty)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use boop_wire::codec::CodecError;

    use super::*;
    use crate::manifest::samples::{followed, genesis, signed};

    #[test]
    fn a_chain_leads_from_the_genesis_to_the_newest() {
        let chain = chain_of(3);
        let network = NetworkId::new(*chain[0].digest().as_bytes());
        let digest = chain[2].digest();

        let newest = check_lineage(&chain).unwrap();

        assert_eq!(newest.version, 3);
        assert_eq!((newest.digest, newest.network), (digest, network));
    }

    #[test]
    fn an_empty_chain_and_one_without_a_genesis_are_refused() {
        let without = chain_of(3).split_off(1);

        assert_eq!(check_lineage(&[]), Err(ChainError::Empty));
        assert_eq!(
            check_lineage(&without),
            Err(ChainError::NotGenesis { version: 2 })
        );
    }

    #[test]
    fn a_chain_beyond_the_limit_is_refused_unread() {
        let nothing = SignedManifest {
            manifest: vec![],
            approvals: vec![],
        };

        let refused = check_lineage(&vec![nothing; CHAIN_MAX + 1]);

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
        assert_eq!(check_lineage(&missing), version(2, 3));
        assert_eq!(check_lineage(&repeated), version(3, 2));
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
            check_lineage(&chain),
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
            check_lineage(&chain),
            Err(ChainError::Network { version: 2 })
        );
    }

    #[test]
    fn bytes_that_are_no_manifest_are_refused_in_their_place() {
        let mut chain = chain_of(2);
        chain[1].manifest.push(0);

        let error = ManifestError::Encoding(CodecError::NotCanonical);
        assert_eq!(
            check_lineage(&chain),
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

//! Taking versions of the manifest: those that a process starts with, and those that come while it
//! runs [EVI-8].

use alloc::sync::Arc;
use alloc::vec::Vec;

use boop_verifier::{Roots, SimulatedEvidence};
use boop_wire::Digest;
use boop_wire::codec::to_canonical;
use boop_wire::manifest::{Approvers, Manifest, SignedManifest};

use crate::manifest::{ChainError, Head, VerifiedManifest};
use crate::overlap::{Overlap, Rule};
use crate::trust::Trust;

/// Why a running process does not take the versions that it is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    /// One does not follow the one before it, is not agreed to, or still waits.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// They end before the version that is in force.
    #[error("the newest version is {found}, and version {known} is in force")]
    Older {
        /// The newest that was given.
        found: u64,
        /// The version in force.
        known: u64,
    },
    /// Another manifest of the version in force.
    #[error("another manifest of version {version} is in force")]
    Other {
        /// The version of both.
        version: u64,
    },
    /// What all must change at the same time changes.
    #[error("version {version} changes {what}, so all processes have to start again with it")]
    NeedsStart {
        /// The version that does.
        version: u64,
        /// What it changes.
        what: &'static str,
    },
}

impl Trust {
    /// Believes the newest of the versions that a process starts with, oldest first: one that the
    /// configured approvers signed, and every later one because it follows [EVI-4], [EVI-5].
    /// Versions before it are passed over.
    ///
    /// # Errors
    /// If the approvers signed none, or a later one does not follow.
    pub fn start(
        versions: &[SignedManifest],
        approvers: &Approvers,
        (roots, simulated): (Arc<Roots>, SimulatedEvidence),
        now_ms: u64,
    ) -> Result<Self, ChainError> {
        let (before, newest) = VerifiedManifest::newest_of(versions, approvers, now_ms)?;
        let earlier: Vec<Rule> = before.iter().map(VerifiedManifest::rule).collect();
        let overlap = Overlap::at_start(&earlier, newest.rule(), now_ms);
        let mut trust = Self::new(Arc::new(newest), roots, simulated);
        trust.overlap = overlap;
        trust.before = Arc::new(before.into_iter().map(Arc::new).collect());
        Ok(trust)
    }

    /// Takes, while the process runs, those of the versions that come after the one in force.
    /// Returns nothing if there are none.
    ///
    /// # Errors
    /// If one does not follow, or only a start can bring it.
    pub fn take(
        &self,
        versions: &[SignedManifest],
        now_ms: u64,
    ) -> Result<Option<Self>, TakeError> {
        let known = self.manifest().head();
        let mut found = 0;
        let mut taken: Option<Self> = None;
        for (index, signed) in versions.iter().enumerate() {
            let place = index + 1;
            let (head, _) =
                Head::read(signed).map_err(|error| ChainError::Refused { place, error })?;
            found = head.version;
            if head.version == known.version && head.digest != known.digest {
                let version = head.version;
                return Err(TakeError::Other { version });
            }
            if head.version > known.version {
                let newest = taken.as_ref().unwrap_or(self);
                taken = match newest.take_next(signed, now_ms) {
                    Ok(next) => Some(next),
                    Err(TakeError::Chain(ChainError::TooEarly { .. })) if taken.is_some() => break,
                    Err(error) => return Err(error.at(place)),
                };
            }
        }
        if found < known.version {
            let known = known.version;
            return Err(TakeError::Older { found, known });
        }
        Ok(taken)
    }

    fn take_next(&self, signed: &SignedManifest, now_ms: u64) -> Result<Self, TakeError> {
        let newest = self.manifest();
        let next = newest.followed_by(signed.clone(), now_ms)?;
        if let Some(what) = needs_start(newest.manifest(), next.manifest()) {
            let version = next.manifest().version;
            return Err(TakeError::NeedsStart { version, what });
        }
        let before = self.before.iter().chain([&self.manifest]);
        let mut trust = self.clone();
        trust.overlap = self.overlap.take(next.rule(), now_ms);
        trust.before = Arc::new(before.cloned().collect());
        trust.manifest = Arc::new(next);
        Ok(trust)
    }

    /// Returns the digest of the version that own evidence names at `now_ms`.
    pub fn shown(&self, now_ms: u64) -> Digest {
        self.overlap.shown(now_ms)
    }

    /// Says whether the peers' evidence may name a version at `now_ms`.
    pub fn admits(&self, manifest: Digest, now_ms: u64) -> bool {
        self.admitted(now_ms).any(|admitted| admitted == manifest)
    }

    /// Returns the versions that the peers' evidence may name at `now_ms`, the newest first.
    pub fn admitted(&self, now_ms: u64) -> impl Iterator<Item = Digest> {
        self.overlap.admitted(now_ms).map(|rule| rule.digest)
    }

    /// Returns all versions that this process was given and believes, one after the other, as
    /// [`SignedManifest::versions`] reads them.
    pub fn versions(&self) -> Vec<u8> {
        let all = self.before.iter().chain([&self.manifest]);
        let signed = all.map(|version| version.signed());
        signed.flat_map(to_canonical).collect()
    }

    /// Returns what was believed under one of these versions alone, as for what was made then.
    pub fn under(&self, manifest: Digest) -> Option<Self> {
        let mut all = self.before.iter().chain([&self.manifest]);
        let version = all.find(|version| version.digest() == manifest)?;
        Some(Self {
            manifest: Arc::clone(version),
            before: Arc::default(),
            overlap: Overlap::none(version.rule()),
            ..self.clone()
        })
    }
}

impl TakeError {
    /// Says at which place of several the version is that does not follow.
    fn at(self, place: usize) -> Self {
        match self {
            Self::Chain(error) => Self::Chain(error.at(place)),
            Self::Older { .. } | Self::Other { .. } | Self::NeedsStart { .. } => self,
        }
    }
}

impl VerifiedManifest {
    /// Returns how evidence that names this version is judged, while it may.
    pub(crate) fn rule(&self) -> Rule {
        Rule {
            digest: self.digest(),
            age_max_ms: u64::from(self.manifest().evidence_age_max_s) * 1000,
        }
    }
}

/// Returns what changes that the three compute by, or that a process holds from its start on.
fn needs_start(before: &Manifest, next: &Manifest) -> Option<&'static str> {
    let ledger = |manifest: &Manifest| (manifest.ledger.origin.clone(), manifest.ledger.key);
    [
        (before.simulated != next.simulated, "simulated"),
        (ledger(before) != ledger(next), "the ledger's origin or key"),
        (before.threshold != next.threshold, "threshold"),
        (before.quality_min != next.quality_min, "quality_min"),
        (before.matching != next.matching, "matching"),
        (before.profile != next.profile, "profile"),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use boop_wire::manifest::{MatchProfile, Matching};

    use super::*;
    use crate::manifest::samples::{CREATED_MS, approvers, followed, genesis, key, signed_by};
    use crate::manifest::{Counts, ManifestError};

    const NOW_MS: u64 = CREATED_MS + 1_000_000_000_000;
    const WINDOW_MS: u64 = 3_600_000;
    /// Who approves what changes nothing, or adds trust: two operators, release signer, reviewer.
    const ORDINARY: [u8; 4] = [0, 1, 3, 4];

    #[test]
    fn a_process_starts_under_the_newest_of_several_and_admits_those_before() {
        let versions = versions(3);

        let trust = start(&versions).unwrap();

        assert_eq!(trust.manifest().head().version, 3);
        assert_eq!(trust.shown(NOW_MS), versions[2].digest());
        assert_eq!(admitted(&trust, NOW_MS), digests(&versions, &[2, 1, 0]));
        let later_ms = NOW_MS + 2 * WINDOW_MS;
        assert_eq!(admitted(&trust, later_ms), digests(&versions, &[2]));
        assert_eq!(SignedManifest::versions(&trust.versions()), Ok(versions));
    }

    #[test]
    fn a_version_alone_needs_the_configured_approvers_and_admits_no_other() {
        let versions = versions(2);

        let trust = start(&versions[1..]).unwrap();

        assert_eq!(admitted(&trust, NOW_MS), digests(&versions, &[1]));
    }

    #[test]
    fn approvers_that_a_version_names_approve_the_next_whatever_the_configuration_says() {
        let genesis = signed_by(&genesis(), &[0, 1, 2]);
        let rotated = rotated(&genesis);
        let next = signed_by(&followed(&rotated), &[10, 11, 3, 4]);
        let versions = [genesis, rotated, next];

        let trust = start(&versions).unwrap();
        let alone = start(&versions[2..]).map(|_| ());

        assert_eq!(trust.manifest().head().version, 3);
        let error = ManifestError::Approvals {
            found: 0,
            needed: 2,
        };
        assert_eq!(alone, Err(ChainError::Refused { place: 1, error }));
    }

    #[test]
    fn approvers_that_were_replaced_approve_nothing_any_more() {
        let genesis = signed_by(&genesis(), &[0, 1, 2]);
        let rotated = rotated(&genesis);
        let by_the_old = signed_by(&followed(&rotated), &ORDINARY);
        let versions = [genesis, rotated, by_the_old];

        let started = start(&versions).map(|_| ());
        let running = start(&versions[..2]).unwrap();
        let taken = running.take(&versions, NOW_MS).map(|_| ());

        let refused = approvals(3, 0);
        assert_eq!(started, Err(refused.clone()));
        assert_eq!(taken, Err(TakeError::Chain(refused)));
    }

    #[test]
    fn versions_before_one_that_the_configured_approvers_signed_are_passed_over() {
        let mut versions = versions(3);
        versions[0].approvals.clear();

        let trust = start(&versions).unwrap();

        assert_eq!(trust.manifest().head().version, 3);
        let believed = SignedManifest::versions(&trust.versions());
        assert_eq!(believed.unwrap(), versions[1..]);
    }

    #[test]
    fn what_no_configured_approver_signed_is_not_believed() {
        let mut versions = versions(2);
        versions[0].approvals.clear();
        versions[1].approvals.truncate(1);

        let error = ManifestError::Approvals {
            found: 1,
            needed: 2,
        };
        let refused = ChainError::Refused { place: 2, error };
        assert_eq!(start(&versions).map(|_| ()), Err(refused));
        assert_eq!(start(&[]).map(|_| ()), Err(ChainError::Empty));
    }

    #[test]
    fn a_running_process_takes_what_follows_with_an_overlap() {
        let versions = versions(3);
        let running = start(&versions[..1]).unwrap();

        let taken = running.take(&versions, NOW_MS).unwrap().unwrap();

        assert_eq!(taken.manifest().head().version, 3);
        assert_eq!(taken.shown(NOW_MS), versions[0].digest());
        assert_eq!(taken.shown(NOW_MS + WINDOW_MS), versions[2].digest());
        assert_eq!(admitted(&taken, NOW_MS), digests(&versions, &[2, 1, 0]));
        let later_ms = NOW_MS + 2 * WINDOW_MS;
        assert_eq!(admitted(&taken, later_ms), digests(&versions, &[2]));
        assert_eq!(SignedManifest::versions(&taken.versions()), Ok(versions));
    }

    #[test]
    fn a_running_process_takes_a_version_alone_as_well() {
        let versions = versions(2);
        let running = start(&versions[..1]).unwrap();

        let taken = running.take(&versions[1..], NOW_MS).unwrap().unwrap();

        assert_eq!(taken.manifest().head().version, 2);
    }

    #[test]
    fn nothing_new_is_nothing_taken() {
        let versions = versions(2);
        let running = start(&versions).unwrap();

        assert!(running.take(&versions, NOW_MS).unwrap().is_none());
        assert!(running.take(&versions[1..], NOW_MS).unwrap().is_none());
    }

    #[test]
    fn a_running_process_goes_neither_back_nor_aside() {
        let versions = versions(3);
        let running = start(&versions[..2]).unwrap();
        let mut aside = followed(&versions[0]);
        aside.name = "another".into();
        let aside = signed_by(&aside, &ORDINARY);
        let take = |versions: &[SignedManifest]| running.take(versions, NOW_MS).map(|_| ());

        let older = TakeError::Older { found: 1, known: 2 };
        assert_eq!(take(&versions[..1]), Err(older));
        assert_eq!(take(&[aside]), Err(TakeError::Other { version: 2 }));
        let (expected, found) = (3, 4);
        let skipped = signed_by(&followed(&versions[2]), &ORDINARY);
        let error = ChainError::Version { expected, found };
        assert_eq!(take(&[skipped]), Err(TakeError::Chain(error)));
    }

    #[test]
    fn a_version_that_too_few_approved_is_not_taken() {
        let first = versions(1);
        let next = signed_by(&followed(&first[0]), &[0, 3, 4]);
        let running = start(&first).unwrap();

        let refused = running.take(&[next], NOW_MS).map(|_| ());

        assert_eq!(refused, Err(TakeError::Chain(approvals(2, 1))));
    }

    #[test]
    fn a_version_handed_out_before_its_time_is_taken_when_it_comes() {
        let first = signed_by(&genesis(), &[0, 1, 2]);
        let mut next = followed(&first);
        next.created_ms = NOW_MS;
        next.releases[0].measurement.0[0] += 1;
        let next = signed_by(&next, &ORDINARY);
        let from_ms = NOW_MS + u64::from(genesis().delays.ordinary_s) * 1000;
        let (before, versions) = (vec![first.clone()], [first, next]);

        let early = start(&versions).unwrap();
        let running = start(&before).unwrap();
        let refused = running.take(&versions, from_ms - 1).map(|_| ());
        let taken = early.take(&versions, from_ms).unwrap().unwrap();

        assert!(from_ms > NOW_MS);
        assert_eq!(early.manifest().head().version, 1);
        let (version, error) = (2, TakeError::Chain);
        let too_early = ChainError::TooEarly { version, from_ms };
        assert_eq!(refused, Err(error(too_early)));
        assert_eq!(taken.manifest().head().version, 2);
    }

    #[test]
    fn what_all_must_change_together_is_not_taken_by_a_running_process() {
        let first = versions(1);
        let running = start(&first).unwrap();
        let refused = |change: fn(&mut Manifest)| {
            let mut next = followed(&first[0]);
            change(&mut next);
            let next = signed_by(&next, &ORDINARY);
            running.take(&[next], NOW_MS).map(|_| ())
        };

        for (what, refused) in [
            (
                "the ledger's origin or key",
                refused(|it| it.ledger.key[0] ^= 1),
            ),
            ("threshold", refused(|it| it.threshold -= 1)),
            ("quality_min", refused(|it| it.quality_min += 1)),
            ("matching", refused(|it| it.matching = Matching::SemiHonest)),
            ("profile", refused(|it| it.profile = MatchProfile::Sixteen)),
        ] {
            let version = 2;
            assert_eq!(refused, Err(TakeError::NeedsStart { version, what }));
        }
    }

    fn start(versions: &[SignedManifest]) -> Result<Trust, ChainError> {
        let roots = Arc::new(Roots::vendor());
        let roots = (roots, SimulatedEvidence::Refuse);
        Trust::start(versions, &approvers(2), roots, NOW_MS)
    }

    fn versions(count: usize) -> Vec<SignedManifest> {
        let mut versions = vec![signed_by(&genesis(), &[0, 1, 2])];
        while versions.len() < count {
            let next = followed(&versions[versions.len() - 1]);
            versions.push(signed_by(&next, &ORDINARY));
        }
        versions
    }

    /// The version after a genesis, in which all three operators have new keys.
    fn rotated(genesis: &SignedManifest) -> SignedManifest {
        let mut next = followed(genesis);
        for (entry, index) in next.approvers.iter_mut().zip([10, 11, 12]) {
            entry.key = key(index).verifying_key().to_bytes();
        }
        signed_by(&next, &[0, 1, 2])
    }

    fn approvals(version: u64, operators: u8) -> ChainError {
        let found = |release_signers, reviewers| Counts {
            operators,
            release_signers,
            reviewers,
        };
        ChainError::Approvals {
            version,
            found: found(1, 1),
            needed: Counts {
                operators: 2,
                ..found(1, 1)
            },
        }
    }

    fn admitted(trust: &Trust, now_ms: u64) -> Vec<Digest> {
        trust.admitted(now_ms).collect()
    }

    fn digests(versions: &[SignedManifest], places: &[usize]) -> Vec<Digest> {
        let digest = |place: &usize| versions[*place].digest();
        places.iter().map(digest).collect()
    }
}

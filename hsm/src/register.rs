//! What a custodian has on record of its party's store, on disk before it is said: who has the
//! newest lease, and the newest head [KEY-7].

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::release::{Anchor, AnchorMove, Retirement};
use minicbor::{Decode, Encode};

use crate::durable;

/// Largest file, in bytes: some hundred epochs.
const REGISTER_BYTES_MAX: usize = 16 * 1024;

/// Why the register cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The content is not a register's.
    #[error("the register is damaged")]
    Damaged,
    /// A newer lease is on record: another release was faster.
    #[error("a newer lease is on record")]
    OldLease,
    /// The ledger has a record of what this register does not know.
    #[error(
        "the ledger knows of a later time than this custodian's files; put the newest files in \
         place, and then remove the file `.behind` beside the register"
    )]
    Behind,
    /// The file cannot be read or written.
    #[error("the register cannot be read or written: {0}")]
    Io(ErrorKind),
}

impl From<std::io::Error> for RegisterError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// Why a head is not put on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// Another instance has a newer lease, or nobody has one.
    #[error("the lease is not the newest")]
    Lease,
    /// Another head is on record than the move begins at.
    #[error("another head is on record")]
    Diverged,
    /// The move does not lead to a newer head.
    #[error("the head is not newer")]
    NotNewer,
    /// The register failed.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// The register of one party.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    epochs: Mutex<BTreeMap<u32, Entry>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Entry {
    /// The newest lease.
    #[n(0)]
    pub(crate) lease: u64,
    /// The identity key of the instance that has it.
    #[cbor(n(1), with = "minicbor::bytes")]
    identity: [u8; 32],
    /// The newest head.
    #[n(2)]
    pub(crate) anchor: Option<Anchor>,
}

impl Register {
    /// Opens the register at `path`; where there is none, nothing is on record.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn open(path: &Path) -> Result<Self, RegisterError> {
        let epochs = match std::fs::read(path) {
            Ok(bytes) => from_canonical_max(&bytes, REGISTER_BYTES_MAX)
                .map_err(|_| RegisterError::Damaged)?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            path: path.into(),
            epochs: Mutex::new(epochs),
        })
    }

    /// Makes a register with these entries, where there is none. One that has just these is
    /// taken: a restore that was cut short has written it.
    pub(crate) fn create(path: &Path, epochs: BTreeMap<u32, Entry>) -> Result<Self, RegisterError> {
        if !Self::may_create(path, &epochs)? {
            return Err(RegisterError::Io(ErrorKind::AlreadyExists));
        }
        durable::replace(path, &to_canonical(&epochs))?;
        Ok(Self {
            path: path.into(),
            epochs: Mutex::new(epochs),
        })
    }

    /// Tells whether there is no register, or one that has just these entries.
    pub(crate) fn may_create(
        path: &Path,
        epochs: &BTreeMap<u32, Entry>,
    ) -> Result<bool, RegisterError> {
        Ok(!path.try_exists()? || Self::open(path)?.snapshot() == *epochs)
    }

    /// Returns all that is on record.
    pub(crate) fn snapshot(&self) -> BTreeMap<u32, Entry> {
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.clone()
    }

    /// Notes on disk that these files are an old copy, so that no later start goes on with them.
    pub(crate) fn fall_behind(&self) -> Result<(), RegisterError> {
        Ok(durable::replace(&self.mark(), b"")?)
    }

    /// Tells whether nothing says that these files are an old copy.
    ///
    /// # Errors
    /// If something does, or it cannot be found out.
    pub fn is_newest(&self) -> Result<(), RegisterError> {
        if self.mark().try_exists()? {
            return Err(RegisterError::Behind);
        }
        Ok(())
    }

    fn mark(&self) -> PathBuf {
        self.path.with_added_extension("behind")
    }

    /// Returns the newest lease of an epoch, and the newest head.
    pub fn newest(&self, epoch: u32) -> Option<(u64, Option<Anchor>)> {
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.get(&epoch).map(|entry| (entry.lease, entry.anchor))
    }

    /// Notes who has the newest lease of an epoch, and returns the newest head.
    pub(crate) fn lease(
        &self,
        epoch: u32,
        lease: u64,
        identity: [u8; 32],
    ) -> Result<Option<Anchor>, RegisterError> {
        self.change(|epochs| {
            let before = epochs.get(&epoch);
            if before.is_some_and(|entry| entry.lease >= lease) {
                return Err(RegisterError::OldLease);
            }
            let anchor = before.and_then(|entry| entry.anchor);
            let entry = Entry {
                lease,
                identity,
                anchor,
            };
            epochs.insert(epoch, entry);
            Ok(anchor)
        })
    }

    /// Returns the present epoch, if any key was released: the oldest that has not ended.
    pub(crate) fn present(&self) -> Option<u32> {
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.keys().next().copied()
    }

    /// Ends the present epoch: the next one is present, with this head on record [REF-5].
    pub(crate) fn retire(&self, what: &Retirement) -> Result<(), MoveError> {
        self.change(|epochs| {
            let ends = epochs.get(&what.epoch);
            let ends = *ends
                .filter(|ends| ends.lease == what.lease)
                .ok_or(MoveError::Lease)?;
            let next = what
                .epoch
                .checked_add(1)
                .and_then(|next| epochs.get_mut(&next));
            let next = next.filter(|next| next.identity == ends.identity);
            let next = next.ok_or(MoveError::Lease)?;
            if next.anchor.is_some() {
                return Err(MoveError::Diverged);
            }
            if what.next.version < ends.anchor.map_or(0, |anchor| anchor.version) {
                return Err(MoveError::NotNewer);
            }
            next.anchor = Some(what.next);
            epochs.remove(&what.epoch);
            Ok(())
        })
    }

    /// Tells whether an epoch has ended, and this head took its place: the answer to an earlier
    /// request was lost. Returns the identity key of the instance that has the newest lease.
    pub(crate) fn has_retired(&self, what: &Retirement) -> Option<[u8; 32]> {
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        let next = epochs.get(&what.epoch.checked_add(1)?)?;
        let ended = !epochs.contains_key(&what.epoch) && next.anchor == Some(what.next);
        ended.then_some(next.identity)
    }

    /// Returns the identity key of the instance that has this lease, if it is the newest.
    pub(crate) fn identity(&self, epoch: u32, lease: u64) -> Option<[u8; 32]> {
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = epochs.get(&epoch).filter(|entry| entry.lease == lease);
        entry.map(|entry| entry.identity)
    }

    /// Puts a newer head on record.
    pub(crate) fn advance(&self, what: &AnchorMove) -> Result<(), MoveError> {
        self.change(|epochs| {
            let entry = epochs.get_mut(&what.epoch);
            let entry = entry.filter(|entry| entry.lease == what.lease);
            let entry = entry.ok_or(MoveError::Lease)?;
            if entry.anchor == Some(what.to) {
                // The answer to an earlier request was lost.
                return Ok(());
            }
            if entry.anchor != what.from {
                return Err(MoveError::Diverged);
            }
            if what.to.version <= what.from.map_or(0, |from| from.version) {
                return Err(MoveError::NotNewer);
            }
            entry.anchor = Some(what.to);
            Ok(())
        })
    }

    /// Changes the epochs in memory once the change is on disk.
    fn change<T, E: From<RegisterError>>(
        &self,
        change: impl FnOnce(&mut BTreeMap<u32, Entry>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = epochs.clone();
        let result = change(&mut next)?;
        if next != *epochs {
            durable::replace(&self.path, &to_canonical(&next)).map_err(RegisterError::from)?;
            *epochs = next;
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::{Digest, NetworkId, PartyIndex};

    use super::*;

    #[test]
    fn heads_move_forward_one_after_the_other_and_survive() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("register");
        let register = Register::open(&path).unwrap();
        assert_eq!(register.lease(0, 1, [7; 32]), Ok(None));

        assert_eq!(register.advance(&step(1, None, 3)), Ok(()));
        assert_eq!(register.advance(&step(1, Some(3), 9)), Ok(()));

        let register = Register::open(&path).unwrap();
        assert_eq!(register.identity(0, 1), Some([7; 32]));
        assert_eq!(register.lease(0, 2, [8; 32]), Ok(Some(anchor(9))));
        assert_eq!(register.identity(0, 1), None);
        assert_eq!(register.lease(1, 1, [8; 32]), Ok(None));
    }

    #[test]
    fn a_move_that_was_made_may_be_asked_for_again() {
        let directory = tempfile::tempdir().unwrap();
        let register = Register::open(&directory.path().join("register")).unwrap();
        register.lease(0, 1, [7; 32]).unwrap();

        assert_eq!(register.advance(&step(1, None, 3)), Ok(()));
        assert_eq!(register.advance(&step(1, None, 3)), Ok(()));
    }

    #[test]
    fn moves_from_another_head_back_or_under_an_old_lease_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let register = Register::open(&directory.path().join("register")).unwrap();
        assert_eq!(register.advance(&step(1, None, 3)), Err(MoveError::Lease));
        register.lease(0, 2, [7; 32]).unwrap();
        register.advance(&step(2, None, 5)).unwrap();

        let refused = |step: &AnchorMove| register.advance(step).unwrap_err();
        assert_eq!(refused(&step(1, Some(5), 6)), MoveError::Lease);
        assert_eq!(refused(&step(3, Some(5), 6)), MoveError::Lease);
        assert_eq!(refused(&step(2, None, 6)), MoveError::Diverged);
        assert_eq!(refused(&step(2, Some(4), 6)), MoveError::Diverged);
        assert_eq!(refused(&step(2, Some(5), 4)), MoveError::NotNewer);
        assert_eq!(register.lease(0, 3, [7; 32]), Ok(Some(anchor(5))));
        let old = register.lease(0, 3, [8; 32]);
        assert_eq!(old, Err(RegisterError::OldLease));
    }

    #[test]
    fn a_register_that_is_none_is_damaged_and_one_that_cannot_be_written_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("register");
        std::fs::write(&path, b"no").unwrap();
        assert_eq!(Register::open(&path).unwrap_err(), RegisterError::Damaged);

        let folder = directory.path().join("gone");
        let register = Register::open(&folder.join("register")).unwrap();
        let error = register.lease(0, 1, [7; 32]).unwrap_err();
        assert_eq!(error, RegisterError::Io(ErrorKind::NotFound));
        assert_eq!(register.identity(0, 1), None);
    }

    fn anchor(version: u8) -> Anchor {
        Anchor {
            version: version.into(),
            root: Digest::new([version; 32]),
        }
    }

    fn step(lease: u64, from: Option<u8>, to: u8) -> AnchorMove {
        AnchorMove {
            network: NetworkId::new([1; 32]),
            party: PartyIndex::ALL[0],
            epoch: 0,
            lease,
            from: from.map(anchor),
            to: anchor(to),
        }
    }
}

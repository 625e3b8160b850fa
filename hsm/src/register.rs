//! What a custodian has on record of its party's store, on disk before it is said: who has the
//! newest lease, and the newest head [KEY-7].

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// The register and the token have not seen the same changes [KEY-9].
    #[error(
        "the register has seen {register} changes and its token {token}: one of the two is an old \
         copy; put the newest files in place"
    )]
    OldCopy {
        /// What the register counts.
        register: u64,
        /// What the token counts.
        token: u64,
    },
    /// There is no register, and the token knows of one.
    #[error(
        "there is no register, and its token has seen {token} changes of it: put it back, restore \
         a backup, or begin an empty one with `boop-custodian new-register`"
    )]
    Missing {
        /// What the token counts.
        token: u64,
    },
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
    content: Mutex<Content>,
}

/// What is in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
struct Content {
    /// Counts the changes; the token does so too, after each.
    #[n(0)]
    mark: u64,
    #[n(1)]
    epochs: BTreeMap<u32, Entry>,
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
        let content = match std::fs::read(path) {
            Ok(bytes) => from_canonical_max(&bytes, REGISTER_BYTES_MAX)
                .map_err(|_| RegisterError::Damaged)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            path: path.into(),
            content: Mutex::new(content),
        })
    }

    /// Makes an empty register, where there is none, for a token that counts so many changes.
    ///
    /// # Errors
    /// If there is one, or it cannot be written.
    pub fn begin(path: &Path, mark: u64) -> Result<Self, RegisterError> {
        let epochs = BTreeMap::new();
        Self::create(path, Content { mark, epochs })
    }

    /// Makes a register with these entries, where there is none, for a new token.
    pub(crate) fn restore(
        path: &Path,
        epochs: BTreeMap<u32, Entry>,
    ) -> Result<Self, RegisterError> {
        Self::create(path, Content { mark: 0, epochs })
    }

    /// Makes a register where there is none. One that has just this is taken: a restore that was
    /// cut short has written it.
    fn create(path: &Path, content: Content) -> Result<Self, RegisterError> {
        if path.try_exists()? && *Self::open(path)?.content() != content {
            return Err(RegisterError::Io(ErrorKind::AlreadyExists));
        }
        durable::replace(path, &to_canonical(&content))?;
        Ok(Self {
            path: path.into(),
            content: Mutex::new(content),
        })
    }

    /// Tells whether there is no register, or one that has just these entries.
    pub(crate) fn may_restore(
        path: &Path,
        epochs: &BTreeMap<u32, Entry>,
    ) -> Result<bool, RegisterError> {
        Ok(!path.try_exists()? || Self::open(path)?.snapshot() == *epochs)
    }

    /// Returns all that is on record.
    pub(crate) fn snapshot(&self) -> BTreeMap<u32, Entry> {
        self.content().epochs.clone()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the changes.
    pub(crate) fn mark(&self) -> u64 {
        self.content().mark
    }

    /// Checks that register and token go together: the register is written first, so it may have
    /// seen one change more [KEY-9].
    ///
    /// # Errors
    /// [`RegisterError::Missing`] or [`RegisterError::OldCopy`].
    pub fn check_against(&self, token: u64) -> Result<(), RegisterError> {
        let register = self.mark();
        if register == token || token.checked_add(1) == Some(register) {
            return Ok(());
        }
        Err(match self.path.try_exists()? {
            true => RegisterError::OldCopy { register, token },
            false => RegisterError::Missing { token },
        })
    }

    /// Notes on disk that these files are an old copy, so that no later start goes on with them.
    pub(crate) fn fall_behind(&self) -> Result<(), RegisterError> {
        Ok(durable::replace(&self.behind(), b"")?)
    }

    /// Tells whether nothing says that these files are an old copy.
    ///
    /// # Errors
    /// If something does, or it cannot be found out.
    pub fn is_newest(&self) -> Result<(), RegisterError> {
        if self.behind().try_exists()? {
            return Err(RegisterError::Behind);
        }
        Ok(())
    }

    fn behind(&self) -> PathBuf {
        self.path.with_added_extension("behind")
    }

    /// Returns the newest lease of an epoch, and the newest head.
    pub fn newest(&self, epoch: u32) -> Option<(u64, Option<Anchor>)> {
        let content = self.content();
        let entry = content.epochs.get(&epoch);
        entry.map(|entry| (entry.lease, entry.anchor))
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
        self.content().epochs.keys().next().copied()
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
        let content = self.content();
        let next = content.epochs.get(&what.epoch.checked_add(1)?)?;
        let ended = !content.epochs.contains_key(&what.epoch) && next.anchor == Some(what.next);
        ended.then_some(next.identity)
    }

    /// Returns the identity key of the instance that has this lease, if it is the newest.
    pub(crate) fn identity(&self, epoch: u32, lease: u64) -> Option<[u8; 32]> {
        let content = self.content();
        let entry = content
            .epochs
            .get(&epoch)
            .filter(|entry| entry.lease == lease);
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
        let mut content = self.content();
        let mut next = content.clone();
        let result = change(&mut next.epochs)?;
        if next != *content {
            next.mark = next.mark.saturating_add(1);
            durable::replace(&self.path, &to_canonical(&next)).map_err(RegisterError::from)?;
            *content = next;
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
    fn a_register_and_a_token_of_different_days_do_not_go_together() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("register");
        let register = Register::open(&path).unwrap();
        assert_eq!(register.check_against(0), Ok(()));
        let token = 3;
        let missing = RegisterError::Missing { token };
        assert_eq!(register.check_against(token), Err(missing));
        register.lease(0, 1, [7; 32]).unwrap();
        register.advance(&step(1, None, 3)).unwrap();
        register.advance(&step(1, Some(3), 5)).unwrap();
        // What changes nothing is not counted.
        register.advance(&step(1, Some(3), 5)).unwrap();

        // An end between the two leaves the register one ahead.
        let register = Register::open(&path).unwrap();
        assert_eq!(
            [2, 3].map(|token| register.check_against(token)),
            [Ok(()); 2]
        );
        for token in [0, 1, 4, 9] {
            let old = RegisterError::OldCopy { register: 3, token };
            assert_eq!(register.check_against(token), Err(old));
        }
    }

    #[test]
    fn an_empty_register_goes_with_its_token_and_is_never_put_over_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("register");
        let register = Register::begin(&path, 7).unwrap();

        assert_eq!(register.check_against(7), Ok(()));
        assert_eq!(register.lease(0, 3, [8; 32]), Ok(None));
        let exists = RegisterError::Io(ErrorKind::AlreadyExists);
        assert_eq!(Register::begin(&path, 7).unwrap_err(), exists);
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

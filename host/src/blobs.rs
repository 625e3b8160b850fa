//! Sealed blobs in files: `<slot as 16 hexadecimal digits>`, each replaced as a whole.
//!
//! The host neither knows nor checks what is in them. It promises one thing, and an enclave does
//! not rely even on that: what was acknowledged survives a crash.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use boop_abi::{BLOB_BYTES_MAX, Slot};

/// Most blobs in a store: while a refresh runs, those of two epochs.
const BLOBS_MAX: usize = (2 << 20) + 8;
/// Bits of a blob's number below its epoch, as parties number them [REF-3].
const EPOCH_SHIFT: u32 = 32;
/// Epochs that there may be; numbers beyond are of what is kept for peers.
const EPOCHS_MAX: u64 = 1 << 31;

/// Why a blob could not be read or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// The blob is longer than blobs may be.
    #[error("a blob of {bytes} bytes where at most {BLOB_BYTES_MAX} may be kept")]
    TooLarge {
        /// Its length, or one more than the limit if it is in a file.
        bytes: usize,
    },
    /// The store is full.
    #[error("the store keeps no more than {max} blobs")]
    Full {
        /// The limit.
        max: usize,
    },
    /// The file system failed.
    #[error("the file system failed: {0}")]
    Io(ErrorKind),
}

impl From<std::io::Error> for BlobError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// Returns the epochs of which there is a head in a store's directory, in order.
///
/// # Errors
/// If the directory cannot be read.
pub fn epochs(directory: &Path) -> Result<Vec<u64>, BlobError> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(directory)? {
        let name = file?.file_name();
        let number = name
            .to_str()
            .and_then(|name| u64::from_str_radix(name, 16).ok());
        let epoch = number.filter(|number| number.trailing_zeros() >= EPOCH_SHIFT);
        found.extend(
            epoch
                .map(|number| number >> EPOCH_SHIFT)
                .filter(|it| *it < EPOCHS_MAX),
        );
    }
    found.sort_unstable();
    Ok(found)
}

/// A directory of blobs.
#[derive(Debug)]
pub struct BlobStore {
    directory: PathBuf,
    blobs_max: usize,
    /// How many blobs there are; whoever writes holds it.
    count: Mutex<usize>,
}

impl BlobStore {
    /// Opens the store in `directory`, and makes it if there is none.
    ///
    /// # Errors
    /// If the directory cannot be made or read.
    pub fn open(directory: &Path) -> Result<Self, BlobError> {
        Self::open_with(directory, BLOBS_MAX)
    }

    fn open_with(directory: &Path, blobs_max: usize) -> Result<Self, BlobError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let mut count = 0;
        for entry in std::fs::read_dir(directory)? {
            let name = entry?.file_name();
            count += usize::from(name.to_str().is_some_and(is_blob_name));
        }
        Ok(Self {
            directory: directory.into(),
            blobs_max,
            count: Mutex::new(count),
        })
    }

    /// Reads a blob, if there is one.
    ///
    /// # Errors
    /// If the file cannot be read or is longer than a blob.
    pub fn get(&self, slot: Slot) -> Result<Option<Vec<u8>>, BlobError> {
        let file = match File::open(self.path(slot)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let limit = u64::try_from(BLOB_BYTES_MAX + 1).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { bytes: bytes.len() });
        }
        Ok(Some(bytes))
    }

    /// Writes a blob and returns when it is on disk.
    ///
    /// # Errors
    /// If it is too long, the store is full, or the file system fails; the old blob stays then.
    pub fn put(&self, slot: Slot, bytes: &[u8]) -> Result<(), BlobError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { bytes: bytes.len() });
        }
        let path = self.path(slot);
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let new = !path.try_exists()?;
        if new && *count >= self.blobs_max {
            return Err(BlobError::Full {
                max: self.blobs_max,
            });
        }
        let temporary = self.directory.join("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        *count += usize::from(new);
        self.sync()
    }

    /// Deletes a blob, if there is one, and returns when that is on disk.
    ///
    /// # Errors
    /// If the file system fails.
    pub fn delete(&self, slot: Slot) -> Result<(), BlobError> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        match std::fs::remove_file(self.path(slot)) {
            Ok(()) => *count = count.saturating_sub(1),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        self.sync()
    }

    fn sync(&self) -> Result<(), BlobError> {
        Ok(File::open(&self.directory)?.sync_all()?)
    }

    fn path(&self, slot: Slot) -> PathBuf {
        self.directory.join(format!("{:016x}", slot.0))
    }
}

fn is_blob_name(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_survives_reopening_and_is_replaced_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        store.put(Slot(0xab), &[1; 1000]).unwrap();
        store.put(Slot(0xab), b"two").unwrap();
        drop(store);

        let store = BlobStore::open(directory.path()).unwrap();

        assert_eq!(store.get(Slot(0xab)), Ok(Some(b"two".to_vec())));
        assert_eq!(store.get(Slot(0xac)), Ok(None));
        let names: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names, ["00000000000000ab"]);
    }

    #[test]
    fn a_write_that_was_cut_short_leaves_the_old_blob() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        store.put(Slot(1), b"old").unwrap();
        std::fs::write(directory.path().join("new"), b"ne").unwrap();

        let store = BlobStore::open(directory.path()).unwrap();

        assert_eq!(store.get(Slot(1)), Ok(Some(b"old".to_vec())));
        store.put(Slot(1), b"n").unwrap();
        assert_eq!(store.get(Slot(1)), Ok(Some(b"n".to_vec())));
    }

    #[test]
    fn a_deleted_blob_is_gone_and_deleting_again_is_done() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        store.put(Slot(u64::MAX), b"x").unwrap();

        assert_eq!(store.delete(Slot(u64::MAX)), Ok(()));
        assert_eq!(store.delete(Slot(u64::MAX)), Ok(()));

        assert_eq!(store.get(Slot(u64::MAX)), Ok(None));
    }

    #[test]
    fn a_blob_above_the_limit_is_neither_written_nor_read() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open(directory.path()).unwrap();
        let too_long = vec![0; BLOB_BYTES_MAX + 1];
        let error = BlobError::TooLarge {
            bytes: BLOB_BYTES_MAX + 1,
        };

        assert_eq!(store.put(Slot(1), &too_long), Err(error));
        assert_eq!(store.get(Slot(1)), Ok(None));
        std::fs::write(directory.path().join("0000000000000001"), &too_long).unwrap();
        assert_eq!(store.get(Slot(1)), Err(error));
        assert_eq!(store.put(Slot(2), &too_long[1..]), Ok(()));
    }

    #[test]
    fn a_full_store_replaces_and_deletes_but_takes_nothing_new() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::open_with(directory.path(), 2).unwrap();
        store.put(Slot(1), b"1").unwrap();
        store.put(Slot(2), b"2").unwrap();
        drop(store);
        let store = BlobStore::open_with(directory.path(), 2).unwrap();

        assert_eq!(store.put(Slot(3), b"3"), Err(BlobError::Full { max: 2 }));
        assert_eq!(store.put(Slot(2), b"22"), Ok(()));
        assert_eq!(store.delete(Slot(1)), Ok(()));
        assert_eq!(store.put(Slot(3), b"3"), Ok(()));
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blobs");
        std::fs::write(&path, b"").unwrap();

        assert_eq!(
            BlobStore::open(&path).unwrap_err(),
            BlobError::Io(ErrorKind::AlreadyExists)
        );
    }
}

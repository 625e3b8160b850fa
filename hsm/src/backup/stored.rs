//! The file of stored data keys: each wrapped by its key-encryption key, so not a secret.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use boop_wire::codec::{from_canonical_max, to_canonical};
use minicbor::{Decode, Encode};

use crate::durable;
use crate::token::StoredKey;

/// Largest file, in bytes: some thousand epochs.
const FILE_BYTES_MAX: usize = 64 * 1024;
/// Length of a data key under AES key wrap.
const WRAPPED_BYTES: usize = 40;

/// The stored data keys of a party, by epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredKeys(BTreeMap<u32, Wrapped>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
struct Wrapped(#[cbor(n(0), with = "minicbor::bytes")] [u8; WRAPPED_BYTES]);

/// Why the file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredKeysError {
    /// The content is not of stored keys.
    #[error("the file of stored keys is damaged")]
    Damaged,
    /// There is a file already, and its keys must not be lost.
    #[error("there is a file of stored keys already")]
    Exists,
    /// The file cannot be read or written.
    #[error("the file of stored keys cannot be read or written: {0}")]
    Io(ErrorKind),
}

impl StoredKeys {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn open(path: &Path) -> Result<Self, StoredKeysError> {
        let bytes = std::fs::read(path).map_err(|error| StoredKeysError::Io(error.kind()))?;
        from_canonical_max(&bytes, FILE_BYTES_MAX)
            .map(Self)
            .map_err(|_| StoredKeysError::Damaged)
    }

    /// Opens the file at `path`; where there is none, there are no keys.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn open_or_none(path: &Path) -> Result<Self, StoredKeysError> {
        match Self::open(path) {
            Err(StoredKeysError::Io(ErrorKind::NotFound)) => Ok(Self::default()),
            other => other,
        }
    }

    /// Takes a key.
    pub fn put(&mut self, epoch: u32, key: &StoredKey) {
        self.0.insert(epoch, Wrapped(key.0));
    }

    /// Returns the keys, in order of epoch.
    pub fn list(&self) -> Vec<(u32, StoredKey)> {
        let keys = self.0.iter();
        keys.map(|(epoch, key)| (*epoch, StoredKey(key.0)))
            .collect()
    }

    /// Replaces the file, durably.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn replace(&self, path: &Path) -> Result<(), StoredKeysError> {
        durable::replace(path, &to_canonical(&self.0))
            .map_err(|error| StoredKeysError::Io(error.kind()))
    }

    /// Writes the file where there is none.
    ///
    /// # Errors
    /// If there is one, or it cannot be written.
    pub fn create(&self, path: &Path) -> Result<(), StoredKeysError> {
        if path.exists() {
            return Err(StoredKeysError::Exists);
        }
        self.replace(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_keys_survive_their_file_and_are_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let missing = StoredKeysError::Io(ErrorKind::NotFound);
        assert_eq!(StoredKeys::open(&path), Err(missing));
        let mut keys = StoredKeys::open_or_none(&path).unwrap();
        keys.put(1, &StoredKey([1; 40]));
        keys.put(0, &StoredKey([2; 40]));

        keys.create(&path).unwrap();

        let again = StoredKeys::open(&path).unwrap();
        let expected = [(0, StoredKey([2; 40])), (1, StoredKey([1; 40]))];
        assert_eq!(again.list(), expected);
        assert_eq!(keys.create(&path), Err(StoredKeysError::Exists));
        std::fs::write(&path, b"no").unwrap();
        assert_eq!(StoredKeys::open(&path), Err(StoredKeysError::Damaged));
    }
}

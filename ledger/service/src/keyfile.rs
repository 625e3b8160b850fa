//! The log's key: a file with 64 hexadecimal digits that nobody but its owner can read.
//!
//! The manifest names the key, so the file is there before the manifest, and never made here.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use boop_proof::key::KeyType;
use boop_proof::{KeyName, SignerKey};
use zeroize::Zeroizing;

const SEED_BYTES: usize = 32;
const OTHERS: u32 = 0o077;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no file.
    #[error(
        "there is no key file {path}; it has to be made before the manifest that names its key"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("the key file cannot be read")]
    Io(#[from] io::Error),
    /// Others than the owner may use the file.
    #[error("the key file has mode {mode:o}, which lets others than its owner use it")]
    Mode {
        /// The permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error("the key file does not hold 64 hexadecimal digits")]
    Content,
    /// The file holds another key.
    #[error("the key file holds another key than the manifest names")]
    AnotherKey,
}

/// Reads the key of the log `origin`, whose public half is `key`.
///
/// # Errors
/// When the file is missing, damaged, open to others, or holds another key.
pub fn read(path: &Path, origin: KeyName, key: &[u8; 32]) -> Result<SignerKey, KeyFileError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing { path: path.into() },
        _ => KeyFileError::Io(error),
    })?;
    let signer = SignerKey::from_seed(origin, KeyType::Ed25519, &*read_seed(file)?);
    if signer.verifier().public_key() == key {
        Ok(signer)
    } else {
        Err(KeyFileError::AnotherKey)
    }
}

fn read_seed(mut file: File) -> Result<Zeroizing<[u8; SEED_BYTES]>, KeyFileError> {
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Mode { mode });
    }
    let mut digits = Zeroizing::new([0; 2 * SEED_BYTES]);
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    file.read_exact(&mut *digits)
        .map_err(|_| KeyFileError::Content)?;
    hex::decode_to_slice(*digits, &mut *seed).map_err(|_| KeyFileError::Content)?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn the_key_that_the_manifest_names_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), &"07".repeat(32), 0o600);

        let signer = read(&file, origin(), &public(&[7; 32])).unwrap();

        assert_eq!(signer.verifier().public_key(), &public(&[7; 32]));
    }

    #[test]
    fn a_key_file_that_is_not_there_is_refused_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.key");

        let refused = read(&file, origin(), &public(&[7; 32]));

        assert!(matches!(refused, Err(KeyFileError::Missing { path }) if path == file));
        assert!(!file.exists());
    }

    #[test]
    fn a_key_that_the_manifest_does_not_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), &"07".repeat(32), 0o600);

        let refused = read(&file, origin(), &public(&[8; 32]));

        assert!(matches!(refused, Err(KeyFileError::AnotherKey)));
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), &"07".repeat(32), 0o640);

        let refused = read(&file, origin(), &public(&[7; 32]));

        assert!(matches!(refused, Err(KeyFileError::Mode { mode: 0o640 })));
    }

    #[test]
    fn a_key_file_with_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();

        for content in ["", "ab", &"x".repeat(64)] {
            let file = write(folder.path(), content, 0o600);
            let refused = read(&file, origin(), &public(&[7; 32]));
            assert!(matches!(refused, Err(KeyFileError::Content)), "{content:?}");
        }
    }

    fn write(folder: &Path, content: &str, mode: u32) -> PathBuf {
        let file = folder.join("ledger.key");
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        file
    }

    fn origin() -> KeyName {
        KeyName::new("log").unwrap()
    }

    fn public(seed: &[u8; 32]) -> [u8; 32] {
        ed25519_dalek::SigningKey::from_bytes(seed)
            .verifying_key()
            .to_bytes()
    }
}

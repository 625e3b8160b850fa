//! Keys and certificates on disk, keys readable by their owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Why a vendor or chip could not be saved or loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("{file}: {kind}")]
    Io {
        /// The name of the file, without its directory.
        file: &'static str,
        /// How it failed.
        kind: io::ErrorKind,
    },
    /// A file's content is not what its name says.
    #[error("{file} is malformed")]
    Malformed {
        /// The name of the file, without its directory.
        file: &'static str,
    },
}

pub(crate) fn make_directory(directory: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(directory).map_err(failed("the directory"))
}

/// Reads a file.
pub(crate) fn read(directory: &Path, file: &'static str) -> Result<Vec<u8>, StoreError> {
    fs::read(directory.join(file)).map_err(failed(file))
}

/// Reads a file into the value that `parse` makes of it.
pub(crate) fn parse<T, E>(
    directory: &Path,
    file: &'static str,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, StoreError> {
    parse(&read(directory, file)?).map_err(|_| StoreError::Malformed { file })
}

/// Writes a new file for its owner alone, in place of an older one.
pub(crate) fn write(
    directory: &Path,
    file: &'static str,
    content: &[u8],
) -> Result<(), StoreError> {
    let path = directory.join(file);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(file)(error)),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(content))
        .map_err(failed(file))
}

fn failed(file: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |error| StoreError::Io {
        file,
        kind: error.kind(),
    }
}

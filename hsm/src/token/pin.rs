//! The PIN of a token, in a file that only its owner may read.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

/// Longest PIN, in bytes; PKCS#11 tokens take far less.
const PIN_BYTES_MAX: usize = 255;

/// Why a file gives no PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Others than the owner may read or write the file.
    #[error("the PIN file has mode {mode:03o}; only its owner may have access (600)")]
    LoosePermissions {
        /// The mode bits found.
        mode: u32,
    },
    /// It is a directory, a pipe or a device.
    #[error("the PIN file is no regular file")]
    NotAFile,
    /// It holds nothing.
    #[error("the PIN file is empty")]
    Empty,
    /// It holds more than a PIN.
    #[error("the PIN file holds more than 255 bytes")]
    TooLong,
    /// It holds more than one line, or bytes that are no text.
    #[error("the PIN file is not one line of text")]
    NotText,
    /// The note of a refusal cannot be written beside it, so the PIN is not tried at all.
    #[error("no note can be written beside the PIN file, so the PIN is not tried: {0}")]
    Mark(ErrorKind),
    /// It cannot be read.
    #[error("the PIN file cannot be read: {0}")]
    Io(ErrorKind),
}

impl From<std::io::Error> for PinError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// Reads the PIN; one line end after it is no part of it.
pub(crate) fn read(path: &Path) -> Result<AuthPin, PinError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(PinError::NotAFile);
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PinError::LoosePermissions { mode });
    }
    // Room for everything at once, so that no copy is left behind by a growing vector.
    let mut bytes = Zeroizing::new(Vec::with_capacity(PIN_BYTES_MAX + 3));
    let limit = u64::try_from(PIN_BYTES_MAX + 2).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| PinError::NotText)?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    match line {
        "" => Err(PinError::Empty),
        line if line.len() > PIN_BYTES_MAX => Err(PinError::TooLong),
        line if line.contains(char::is_control) => Err(PinError::NotText),
        line => Ok(AuthPin::from(Box::<str>::from(line))),
    }
}

/// Notes beside the PIN file that a token refused what it holds, or may have: some tokens lock
/// without a warning, and a supervisor starts a process again and again.
pub(crate) fn mark_refused(path: &Path) -> std::io::Result<()> {
    std::fs::write(
        mark(path),
        "the token refused the PIN in the file beside this one\n",
    )
}

/// Removes the note.
pub(crate) fn clear_mark(path: &Path) {
    // What is left behind only keeps us from trying, and says so.
    let _ = std::fs::remove_file(mark(path));
}

/// Tells whether the PIN was refused and the file is the same since.
pub(crate) fn was_refused(path: &Path) -> bool {
    let written = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified());
    match (written(&mark(path)), written(path)) {
        (Ok(marked), Ok(pin)) => marked >= pin,
        (Err(_), _) | (_, Err(_)) => false,
    }
}

fn mark(path: &Path) -> PathBuf {
    path.with_added_extension("refused")
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_pin_is_one_line_without_its_end() {
        for text in ["1234", "1234\n"] {
            assert_eq!(read_back(text.as_bytes(), 0o600), Ok(()), "{text:?}");
        }
        assert_eq!(read_back(&[b'7'; PIN_BYTES_MAX], 0o400), Ok(()));
    }

    #[test]
    fn a_file_that_is_no_pin_is_refused() {
        assert_eq!(read_back(b"", 0o600), Err(PinError::Empty));
        assert_eq!(read_back(b"\n", 0o600), Err(PinError::Empty));
        assert_eq!(read_back(b"1234\n5678\n", 0o600), Err(PinError::NotText));
        assert_eq!(read_back(b"1234\r\n", 0o600), Err(PinError::NotText));
        assert_eq!(read_back(&[0xff, 0xfe], 0o600), Err(PinError::NotText));
        let long = [b'7'; PIN_BYTES_MAX + 1];
        assert_eq!(read_back(&long, 0o600), Err(PinError::TooLong));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        for mode in [0o640, 0o604, 0o620, 0o644] {
            assert_eq!(
                read_back(b"1234", mode),
                Err(PinError::LoosePermissions { mode })
            );
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");

        assert_eq!(outcome(directory.path()), Err(PinError::NotAFile));
        assert_eq!(outcome(&missing), Err(PinError::Io(ErrorKind::NotFound)));
    }

    fn read_back(bytes: &[u8], mode: u32) -> Result<(), PinError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pin");
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        outcome(&path)
    }

    fn outcome(path: &Path) -> Result<(), PinError> {
        read(path).map(drop)
    }
}

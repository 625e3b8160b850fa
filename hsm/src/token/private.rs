//! Files of a token: readable by their owner alone, and in use by one process at a time.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::token::TokenError;

/// Checks that there is a file which nobody but its owner may read or write.
pub(super) fn check(path: &Path) -> Result<(), TokenError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => TokenError::Missing,
        kind => TokenError::Io(kind),
    })?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(TokenError::LoosePermissions { mode });
    }
    Ok(())
}

/// Takes the lock beside a file, which is itself replaced when it is written. The lock is held
/// for as long as the returned file is open.
pub(super) fn lock(path: &Path) -> Result<File, TokenError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path.with_added_extension("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(TokenError::InUse),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

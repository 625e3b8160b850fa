//! Credentials of AWS, in a file that whoever renews them replaces.
//!
//! The form is that of a credential process: what `aws configure export-credentials` prints.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use aws_credential_types::Credentials;
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::token::{TokenError, private};

/// Longest file: session tokens have some 1,000 bytes.
const BYTES_MAX: usize = 16 * 1024;

/// Why there are no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There is no file.
    #[error("there is no file with credentials")]
    Missing,
    /// Others than the owner may read or write it.
    #[error("the file with credentials has mode {mode:03o}; its owner alone may have access (600)")]
    LoosePermissions {
        /// The mode bits found.
        mode: u32,
    },
    /// It cannot be read.
    #[error("the file with credentials cannot be read: {0}")]
    Io(ErrorKind),
    /// It is not what a credential process prints.
    #[error("the file with credentials is not what a credential process prints, version 1")]
    Malformed,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    version: u8,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// Reads the credentials as they are now.
pub(super) fn read(path: &Path) -> Result<Credentials, CredentialsError> {
    private::check(path).map_err(|error| match error {
        TokenError::Missing => CredentialsError::Missing,
        TokenError::LoosePermissions { mode } => CredentialsError::LoosePermissions { mode },
        TokenError::Io(kind) => CredentialsError::Io(kind),
        _ => CredentialsError::Malformed,
    })?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX + 1));
    let limit = u64::try_from(BYTES_MAX + 1).unwrap_or(u64::MAX);
    let file = File::open(path).map_err(|error| CredentialsError::Io(error.kind()))?;
    let read = file.take(limit).read_to_end(&mut bytes);
    read.map_err(|error| CredentialsError::Io(error.kind()))?;
    let exported: Exported =
        serde_json::from_slice(&bytes).map_err(|_| CredentialsError::Malformed)?;
    if exported.version != 1 || bytes.len() > BYTES_MAX {
        return Err(CredentialsError::Malformed);
    }
    Ok(Credentials::new(
        exported.access_key_id.clone(),
        exported.secret_access_key.clone(),
        exported.session_token.clone(),
        None,
        "boop",
    ))
}

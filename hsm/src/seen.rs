//! The newest version of the manifest that a custodian has served under: an older one does not
//! come back with the next start [EVI-6].

use std::io::ErrorKind;
use std::path::Path;

use boop_channel::manifest::Head;
use boop_wire::Digest;
use boop_wire::codec::{from_canonical_max, to_canonical};
use minicbor::{Decode, Encode};

use crate::durable;

/// Largest file, in bytes.
const SEEN_BYTES_MAX: usize = 64;

/// Why a custodian does not serve under a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeenError {
    /// It served under a newer version before.
    #[error("manifest version {found} came after version {seen} was served under")]
    Older {
        /// The version that it is to serve under.
        found: u64,
        /// The newest that it served under.
        seen: u64,
    },
    /// It served under another manifest of the same version.
    #[error("another manifest of version {version} was served under")]
    Other {
        /// The version of both.
        version: u64,
    },
    /// The note is none.
    #[error("the note of the newest manifest is damaged")]
    Damaged,
    /// The note cannot be read or written.
    #[error("the note of the newest manifest cannot be read or written: {0}")]
    Io(ErrorKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct Seen {
    #[n(0)]
    version: u64,
    #[n(1)]
    digest: Digest,
}

/// Notes durably, beside the register, that the custodian serves under this manifest.
///
/// # Errors
/// If it served under a newer one or another of this version, or the note cannot be kept.
pub fn note_manifest(register: &Path, manifest: &Head) -> Result<(), SeenError> {
    let path = register.with_added_extension("manifest");
    let now = Seen {
        version: manifest.version,
        digest: manifest.digest,
    };
    let before: Option<Seen> = match std::fs::read(&path) {
        Ok(bytes) => {
            let seen = from_canonical_max(&bytes, SEEN_BYTES_MAX);
            Some(seen.map_err(|_| SeenError::Damaged)?)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(SeenError::Io(error.kind())),
    };
    match before {
        Some(before) if before == now => Ok(()),
        Some(before) if before.version > now.version => Err(SeenError::Older {
            found: now.version,
            seen: before.version,
        }),
        Some(before) if before.version == now.version => Err(SeenError::Other {
            version: now.version,
        }),
        Some(_) | None => durable::replace(&path, &to_canonical(&now))
            .map_err(|error| SeenError::Io(error.kind())),
    }
}

#[cfg(test)]
mod tests {
    use boop_wire::NetworkId;

    use super::*;

    #[test]
    fn an_older_manifest_does_not_come_back_and_none_is_replaced_by_its_like() {
        let folder = tempfile::tempdir().unwrap();
        let note =
            |version, mark| note_manifest(&folder.path().join("register"), &head(version, mark));

        assert_eq!(note(2, 2), Ok(()));
        assert_eq!(note(2, 2), Ok(()));
        assert_eq!(note(1, 1), Err(SeenError::Older { found: 1, seen: 2 }));
        assert_eq!(note(2, 9), Err(SeenError::Other { version: 2 }));
        assert_eq!(note(4, 4), Ok(()));
        assert_eq!(note(2, 2), Err(SeenError::Older { found: 2, seen: 4 }));
    }

    #[test]
    fn a_note_that_is_none_is_damaged_and_one_that_cannot_be_kept_is_no_note() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("register.manifest"), b"no").unwrap();
        let register = folder.path().join("register");
        assert_eq!(
            note_manifest(&register, &head(1, 1)),
            Err(SeenError::Damaged)
        );

        let gone = folder.path().join("gone").join("register");
        let error = SeenError::Io(ErrorKind::NotFound);
        assert_eq!(note_manifest(&gone, &head(1, 1)), Err(error));
    }

    fn head(version: u64, mark: u8) -> Head {
        Head {
            version,
            digest: Digest::new([mark; 32]),
            network: NetworkId::new([1; 32]),
            created_ms: version,
        }
    }
}

//! Checkpoints (C2SP tlog-checkpoint): the log of this origin has this size and this root.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use crate::hash::{EMPTY_ROOT, Hash};
use crate::key::{KeyName, SignerKey, VerifierKey};
use crate::note::{Note, NoteParseError, NoteVerifyError};
use crate::text::{decimal, hash_from_base64, to_base64};

/// Size and root of a log, under its name. No extension lines: nobody could audit them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log; also the name of its key.
    pub origin: KeyName,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

/// Why a text is no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointParseError {
    /// There are not exactly three lines.
    #[error("a checkpoint has three lines: origin, size, root")]
    Lines,
    /// The origin is no key name.
    #[error("the origin is not usable as a key name")]
    Origin,
    /// The size is not a plain decimal number.
    #[error("the size is not a decimal number without leading zeroes")]
    Size,
    /// The root is not base64 of 32 bytes.
    #[error("the root is not base64 of 32 bytes")]
    Root,
    /// The size is zero and the root is not that of the empty tree.
    #[error("the root of an empty log is the hash of nothing")]
    EmptyRoot,
}

/// Why a signed checkpoint is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointOpenError {
    /// The bytes are no signed note.
    #[error("the checkpoint is not a signed note")]
    Note(#[source] NoteParseError),
    /// The log's signature is missing or wrong.
    #[error("the log's signature is missing or wrong")]
    Signature(#[source] NoteVerifyError),
    /// The signed text is no checkpoint.
    #[error("the signed text is no checkpoint")]
    Text(#[source] CheckpointParseError),
    /// The checkpoint is that of another log.
    #[error("the checkpoint belongs to log {0}")]
    OtherLog(String),
}

impl Checkpoint {
    /// Reads the text that a log signs.
    ///
    /// # Errors
    /// [`CheckpointParseError`] names the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, CheckpointParseError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointParseError::Lines)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointParseError::Lines);
        };
        let origin = KeyName::new(origin).map_err(|_| CheckpointParseError::Origin)?;
        let size = decimal(size).ok_or(CheckpointParseError::Size)?;
        let root = hash_from_base64(root).ok_or(CheckpointParseError::Root)?;
        if size == 0 && root != EMPTY_ROOT {
            return Err(CheckpointParseError::EmptyRoot);
        }
        Ok(Self { origin, size, root })
    }

    /// Returns the note over this checkpoint with the log's signature.
    pub fn sign(&self, log: &SignerKey) -> Note {
        let mut note = Note::new(&self.text()).expect("three lines that each end in a newline");
        note.sign(log, 0);
        note
    }

    /// Reads a checkpoint that the log with `key` signed; the key's name is the log's origin.
    ///
    /// Cosignatures are left to the caller, who knows whose are needed: see [`Note::verify`].
    ///
    /// # Errors
    /// [`CheckpointOpenError`] says what is missing.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, CheckpointOpenError> {
        Self::open_note(&Note::parse(note).map_err(CheckpointOpenError::Note)?, key)
    }

    /// Does what [`Checkpoint::open`] does to a note that is already read.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open_note(note: &Note, key: &VerifierKey) -> Result<Self, CheckpointOpenError> {
        let trusted = core::slice::from_ref(key);
        note.verify(trusted)
            .map_err(CheckpointOpenError::Signature)?;
        let checkpoint = Self::parse(note.text()).map_err(CheckpointOpenError::Text)?;
        if checkpoint.origin != *key.name() {
            return Err(CheckpointOpenError::OtherLog(
                checkpoint.origin.as_str().to_owned(),
            ));
        }
        Ok(checkpoint)
    }

    /// Returns the text that is signed.
    pub fn text(&self) -> String {
        alloc::format!("{self}")
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = to_base64(self.root.as_bytes());
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::key::KeyType;

    #[test]
    fn a_signed_checkpoint_opens_under_its_key() {
        let key = signer("example.com/log", 1);
        let checkpoint = checkpoint("example.com/log", 3);

        let note = checkpoint.sign(&key).to_string();

        assert_eq!(Checkpoint::open(&note, key.verifier()), Ok(checkpoint));
    }

    #[test]
    fn a_checkpoint_of_another_key_or_log_is_refused() {
        let key = signer("example.com/log", 1);
        let other = checkpoint("example.com/other", 3).sign(&key).to_string();
        let stranger = checkpoint("example.com/log", 3).sign(&signer("example.com/log", 2));

        assert_eq!(
            Checkpoint::open(&other, key.verifier()),
            Err(CheckpointOpenError::OtherLog(
                "example.com/other".to_owned()
            ))
        );
        assert_eq!(
            Checkpoint::open(&stranger.to_string(), key.verifier()),
            Err(CheckpointOpenError::Signature(NoteVerifyError::Unsigned))
        );
        assert_eq!(
            Checkpoint::open("no note", key.verifier()),
            Err(CheckpointOpenError::Note(NoteParseError::Shape))
        );
    }

    #[test]
    fn a_signed_text_that_is_no_checkpoint_is_refused() {
        let key = signer("example.com/log", 1);
        let mut note = Note::new("example.com/log\n3\n").unwrap();
        note.sign(&key, 0);

        let refused = Checkpoint::open(&note.to_string(), key.verifier());

        assert_eq!(
            refused,
            Err(CheckpointOpenError::Text(CheckpointParseError::Lines))
        );
    }

    #[test]
    fn malformed_checkpoints_are_refused_with_the_reason() {
        let root = to_base64(&[7; 32]);
        let cases = [
            (format!("log\n1\n{root}"), CheckpointParseError::Lines),
            ("log\n1\n".to_string(), CheckpointParseError::Lines),
            (
                format!("log\n1\n{root}\nextension\n"),
                CheckpointParseError::Lines,
            ),
            (format!("log\n1\n{root}\n\n"), CheckpointParseError::Lines),
            (format!("\n1\n{root}\n"), CheckpointParseError::Origin),
            (format!("log\n01\n{root}\n"), CheckpointParseError::Size),
            (format!("log\n-1\n{root}\n"), CheckpointParseError::Size),
            ("log\n1\nAAAA\n".to_string(), CheckpointParseError::Root),
            (format!("log\n0\n{root}\n"), CheckpointParseError::EmptyRoot),
        ];

        for (text, expected) in cases {
            assert_eq!(Checkpoint::parse(&text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn the_checkpoint_of_an_empty_log_reads_back() {
        let empty = Checkpoint {
            size: 0,
            root: EMPTY_ROOT,
            ..checkpoint("log", 1)
        };

        assert_eq!(Checkpoint::parse(&empty.text()), Ok(empty));
    }

    fn checkpoint(origin: &str, size: u64) -> Checkpoint {
        Checkpoint {
            origin: KeyName::new(origin).unwrap(),
            size,
            root: Hash([7; 32]),
        }
    }

    fn signer(name: &str, seed: u8) -> SignerKey {
        SignerKey::from_seed(KeyName::new(name).unwrap(), KeyType::Ed25519, &[seed; 32])
    }
}

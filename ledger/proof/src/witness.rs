//! A witness's decision on a new checkpoint (C2SP tlog-witness, `add-checkpoint`), without I/O.
//!
//! ```text
//! text -> AddCheckpoint -> judge(latest head) -> Accepted: store `to` if `from` is still stored
//!                               |                   |
//!                          WitnessRefusal        cosign
//! ```
//!
//! The caller keeps one [`Head`] for each log. It must replace it atomically, and durably before
//! it cosigns: else two requests at once could take a log back.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::checkpoint::{Checkpoint, CheckpointParseError};
use crate::hash::{EMPTY_ROOT, Hash};
use crate::key::{KeyType, SignerKey, VerifierKey};
use crate::note::{Note, NoteParseError, NoteSignature, NoteVerifyError};
use crate::text::{decimal, hash_from_base64, to_base64};
use crate::verify::{ProofError, verify_consistency};

/// Hashes of a request's proof at most, by the C2SP text.
pub const REQUEST_HASHES_MAX: usize = 63;

/// A log's request: a checkpoint, and how it grew from the one the witness saw last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the tree that the witness saw last, as the log believes.
    pub old_size: u64,
    /// Consistency proof from that tree (RFC 6962 §2.1.2).
    pub proof: Vec<Hash>,
    /// The new checkpoint.
    pub checkpoint: Note,
}

/// What a witness remembers of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Size of the largest tree it cosigned.
    pub size: u64,
    /// Root of that tree.
    pub root: Hash,
}

/// A checkpoint that may be cosigned once the head is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    from: Head,
    checkpoint: Checkpoint,
}

/// Why a text is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddCheckpointParseError {
    /// The first line is not `old` and a size.
    #[error("the first line is not `old` and a decimal size")]
    Old,
    /// A line of the proof is no hash, or one too many.
    #[error("line {0} of the proof is no hash, or one too many")]
    Proof(usize),
    /// No empty line ends the proof.
    #[error("no empty line ends the proof")]
    Shape,
    /// What follows is no signed note.
    #[error("the checkpoint is not a signed note")]
    Checkpoint(#[source] NoteParseError),
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// The signed text is no checkpoint.
    #[error("the signed text is no checkpoint")]
    Text(#[source] CheckpointParseError),
    /// No key is known for the origin.
    #[error("the log is not known")]
    UnknownLog,
    /// The log's signature is missing or wrong.
    #[error("the log's signature is missing or wrong")]
    Signature(#[source] NoteVerifyError),
    /// The old size is above that of the checkpoint.
    #[error("the old size {old} is above the size {new} of the checkpoint")]
    Shrinks {
        /// The old size of the request.
        old: u64,
        /// The size of the checkpoint.
        new: u64,
    },
    /// The old size is not that of the head.
    #[error("the latest checkpoint cosigned has size {0}")]
    OtherSize(u64),
    /// The size is that of the head and the root is not: the log showed two trees.
    #[error("another root was cosigned at size {0}")]
    OtherRoot(u64),
    /// The tree did not grow from the head.
    #[error("the consistency proof does not verify")]
    Proof(#[source] ProofError),
}

impl AddCheckpoint {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`AddCheckpointParseError`] says what is malformed.
    pub fn parse(text: &str) -> Result<Self, AddCheckpointParseError> {
        let (old, mut rest) = text.split_once('\n').ok_or(AddCheckpointParseError::Old)?;
        let old_size = old
            .strip_prefix("old ")
            .and_then(decimal)
            .ok_or(AddCheckpointParseError::Old)?;
        let mut proof = Vec::new();
        let note = loop {
            let split = rest.split_once('\n');
            let (line, after) = split.ok_or(AddCheckpointParseError::Shape)?;
            if line.is_empty() {
                break after;
            }
            match hash_from_base64(line) {
                Some(hash) if proof.len() < REQUEST_HASHES_MAX => proof.push(hash),
                Some(_) | None => return Err(AddCheckpointParseError::Proof(proof.len())),
            }
            rest = after;
        };
        let checkpoint = Note::parse(note).map_err(AddCheckpointParseError::Checkpoint)?;
        Ok(Self {
            old_size,
            proof,
            checkpoint,
        })
    }

    /// Decides on the request, given the keys of the logs and the head of this one. A log's key
    /// bears the name of its origin; keys of cosigners are passed over.
    ///
    /// # Errors
    /// [`WitnessRefusal`] is the first check that failed.
    pub fn judge(&self, logs: &[VerifierKey], head: Head) -> Result<Accepted, WitnessRefusal> {
        let text = self.checkpoint.text();
        let checkpoint = Checkpoint::parse(text).map_err(WitnessRefusal::Text)?;
        let of_log =
            |key: &&VerifierKey| *key.name() == checkpoint.origin && key.kind() == KeyType::Ed25519;
        let keys: Vec<VerifierKey> = logs.iter().filter(of_log).cloned().collect();
        if keys.is_empty() {
            return Err(WitnessRefusal::UnknownLog);
        }
        let signed = self.checkpoint.verify(&keys);
        signed.map_err(WitnessRefusal::Signature)?;
        if self.old_size > checkpoint.size {
            let (old, new) = (self.old_size, checkpoint.size);
            return Err(WitnessRefusal::Shrinks { old, new });
        }
        if self.old_size != head.size {
            return Err(WitnessRefusal::OtherSize(head.size));
        }
        self.check_growth(head, &checkpoint)?;
        let from = head;
        Ok(Accepted { from, checkpoint })
    }

    fn check_growth(&self, head: Head, new: &Checkpoint) -> Result<(), WitnessRefusal> {
        if head.size == new.size && head.root != new.root {
            return Err(WitnessRefusal::OtherRoot(head.size));
        }
        if head.size == 0 {
            // Every tree grew from the empty one, and there is nothing to prove.
            return match self.proof.len() {
                0 => Ok(()),
                length => Err(WitnessRefusal::Proof(ProofError::Length(length))),
            };
        }
        verify_consistency(head.size, new.size, &head.root, &new.root, &self.proof)
            .map_err(WitnessRefusal::Proof)
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(f, "{}", to_base64(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl Head {
    /// What a witness remembers of a log that it never cosigned.
    pub const EMPTY: Self = Self {
        size: 0,
        root: EMPTY_ROOT,
    };
}

impl Accepted {
    /// Returns the head that must still be the stored one when [`Accepted::to`] replaces it.
    pub fn from(&self) -> Head {
        self.from
    }

    /// Returns the head to store.
    pub fn to(&self) -> Head {
        let Checkpoint { size, root, .. } = self.checkpoint;
        Head { size, root }
    }

    /// Returns the checkpoint, for a cosigner with a key of another type.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Cosigns at a time, after the head is stored (C2SP tlog-cosignature).
    pub fn cosign(&self, key: &SignerKey, time_s: u64) -> NoteSignature {
        let public = key.verifier();
        NoteSignature {
            name: public.name().clone(),
            id: public.id(),
            bytes: key.sign(&self.checkpoint.text(), time_s),
        }
    }
}

impl WitnessRefusal {
    /// Returns the HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Text(_) | Self::Shrinks { .. } => 400,
            Self::Signature(_) => 403,
            Self::UnknownLog => 404,
            Self::OtherSize(_) | Self::OtherRoot(_) => 409,
            Self::Proof(_) => 422,
        }
    }

    /// Returns the body of type `text/x.tlog.size` that tells a log where to start from.
    pub fn size_body(&self) -> Option<String> {
        match self {
            Self::OtherSize(size) => Some(alloc::format!("{size}\n")),
            Self::Text(_)
            | Self::UnknownLog
            | Self::Signature(_)
            | Self::Shrinks { .. }
            | Self::OtherRoot(_)
            | Self::Proof(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;

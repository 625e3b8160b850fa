//! Proof texts (C2SP tlog-proof): one entry's place in a signed log, in a file that needs no
//! network to be checked.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::checkpoint::{Checkpoint, CheckpointOpenError};
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::note::{NOTE_BYTES_MAX, Note, NoteParseError};
use crate::text::{decimal, from_base64, hash_from_base64, to_base64};
use crate::verify::{PROOF_HASHES_MAX, ProofError, verify_inclusion};

/// First line of a proof text.
pub const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Bytes of the largest extra data this crate reads.
pub const EXTRA_BYTES_MAX: usize = 64 * 1024;

/// An inclusion proof with the checkpoint it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofText {
    /// Data beside the proof. Nobody signed it.
    pub extra: Option<Vec<u8>>,
    /// Index of the entry.
    pub index: u64,
    /// Hashes from the leaf's sibling upward.
    pub path: Vec<Hash>,
    /// The signed checkpoint, cosignatures included.
    pub checkpoint: Note,
}

/// Why a text is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofTextError {
    /// The first line is not [`PROOF_HEADER`].
    #[error("the first line is not {PROOF_HEADER}")]
    Header,
    /// The extra line is not base64, or too long.
    #[error("the extra data is not base64 or too long")]
    Extra,
    /// The index line is missing or no decimal number.
    #[error("the index line is missing or malformed")]
    Index,
    /// A line of the path is not base64 of 32 bytes, or there are too many.
    #[error("line {0} of the path is malformed")]
    Path(usize),
    /// No empty line and checkpoint follow.
    #[error("no empty line follows the path")]
    Shape,
    /// What follows the empty line is no signed note.
    #[error("the checkpoint is not a signed note")]
    Checkpoint(#[source] NoteParseError),
}

/// Why a well-formed proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The checkpoint is not the log's.
    #[error("the checkpoint is not to be trusted")]
    Checkpoint(#[source] CheckpointOpenError),
    /// The path does not lead to the checkpoint's root.
    #[error("the path does not lead to the checkpoint")]
    Proof(#[source] ProofError),
}

impl ProofText {
    /// Reads a proof text without trusting it.
    ///
    /// # Errors
    /// [`ProofTextError`] says what is malformed.
    pub fn parse(text: &str) -> Result<Self, ProofTextError> {
        let (header, mut rest) = text.split_once('\n').ok_or(ProofTextError::Header)?;
        if header != PROOF_HEADER {
            return Err(ProofTextError::Header);
        }
        let mut extra = None;
        if let Some(line) = rest.strip_prefix("extra ") {
            let (data, after) = line.split_once('\n').ok_or(ProofTextError::Extra)?;
            // Four characters carry three bytes; checked first, so that nothing large is decoded.
            if data.len() / 4 * 3 > EXTRA_BYTES_MAX + 2 {
                return Err(ProofTextError::Extra);
            }
            extra = Some(from_base64(data).ok_or(ProofTextError::Extra)?);
            rest = after;
        }
        let (index, rest) = rest.split_once('\n').ok_or(ProofTextError::Index)?;
        let index = index
            .strip_prefix("index ")
            .and_then(decimal)
            .ok_or(ProofTextError::Index)?;
        let (path, note) = parse_path(rest)?;
        let checkpoint = Note::parse(note).map_err(ProofTextError::Checkpoint)?;
        Ok(Self {
            extra,
            index,
            path,
            checkpoint,
        })
    }

    /// Checks that the log with `key` contains `leaf` at the index, and returns its checkpoint.
    ///
    /// # Errors
    /// When the checkpoint is not the log's, or the path does not lead to it.
    pub fn verify(&self, leaf: &Hash, key: &VerifierKey) -> Result<Checkpoint, ReceiptError> {
        let checkpoint =
            Checkpoint::open_note(&self.checkpoint, key).map_err(ReceiptError::Checkpoint)?;
        verify_inclusion(
            leaf,
            self.index,
            checkpoint.size,
            &self.path,
            &checkpoint.root,
        )
        .map_err(ReceiptError::Proof)?;
        Ok(checkpoint)
    }

    /// Returns the text.
    pub fn text(&self) -> String {
        alloc::format!("{self}")
    }
}

impl fmt::Display for ProofText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{PROOF_HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", to_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", to_base64(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Splits what follows the index line into the hashes and the note after the empty line.
fn parse_path(mut rest: &str) -> Result<(Vec<Hash>, &str), ProofTextError> {
    let mut path = Vec::new();
    loop {
        let (line, after) = rest.split_once('\n').ok_or(ProofTextError::Shape)?;
        if line.is_empty() {
            return Ok((path, after));
        }
        let malformed = ProofTextError::Path(path.len());
        match hash_from_base64(line) {
            Some(hash) if path.len() < PROOF_HASHES_MAX => path.push(hash),
            Some(_) | None => return Err(malformed),
        }
        rest = after;
    }
}

const _: () = assert!(
    NOTE_BYTES_MAX > EXTRA_BYTES_MAX,
    "a proof is mostly its checkpoint"
);

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::hash::leaf_hash;
    use crate::key::{KeyName, KeyType, SignerKey};
    use crate::tree::Tree;

    #[test]
    fn a_proof_text_reads_prints_and_verifies() {
        let (mut proof, key) = sample();

        for extra in [None, Some(Vec::from(*b"context")), Some(Vec::new())] {
            proof.extra = extra;
            let read = ProofText::parse(&proof.text()).unwrap();
            assert_eq!(read, proof);
            assert_eq!(
                read.verify(&leaf_hash(&[4]), key.verifier()).unwrap().size,
                7
            );
        }
    }

    #[test]
    fn a_proof_without_hashes_is_that_of_the_only_entry() {
        let (proof, _) = sample();
        let single = ProofText {
            path: Vec::new(),
            index: 0,
            ..proof
        };

        assert_eq!(ProofText::parse(&single.text()), Ok(single));
    }

    #[test]
    fn a_proof_of_another_entry_or_log_is_refused() {
        let (proof, key) = sample();
        let stranger = signer(2);

        assert_eq!(
            proof.verify(&leaf_hash(&[5]), key.verifier()),
            Err(ReceiptError::Proof(ProofError::Root))
        );
        let refused = proof.verify(&leaf_hash(&[4]), stranger.verifier());
        assert!(matches!(refused, Err(ReceiptError::Checkpoint(_))));
    }

    #[test]
    fn malformed_proof_texts_are_refused_with_the_reason() {
        let text = sample().0.text();
        let hash = to_base64(&[7; 32]);
        let too_many = format!("{hash}\n").repeat(PROOF_HASHES_MAX + 1);
        let large = to_base64(&alloc::vec![0; EXTRA_BYTES_MAX + 3]);
        let cases = [
            (String::new(), ProofTextError::Header),
            (text.replace("@v1", "@v2"), ProofTextError::Header),
            (
                text.replace("index 4", "extra _\nindex 4"),
                ProofTextError::Extra,
            ),
            (
                text.replace("index 4", &format!("extra {large}\nindex 4")),
                ProofTextError::Extra,
            ),
            (text.replace("index 4", "index 04"), ProofTextError::Index),
            (text.replace("index 4\n", ""), ProofTextError::Index),
            (
                text.replace("index 4\n", "index 4\nAAAA\n"),
                ProofTextError::Path(0),
            ),
            (
                text.replace("index 4\n", &format!("index 4\n{too_many}")),
                ProofTextError::Path(PROOF_HASHES_MAX),
            ),
            (
                format!("{PROOF_HEADER}\nindex 4\n{hash}\n"),
                ProofTextError::Shape,
            ),
            (
                format!("{PROOF_HEADER}\nindex 4\n\nnote\n"),
                ProofTextError::Checkpoint(NoteParseError::Shape),
            ),
        ];

        for (text, expected) in cases {
            let start: String = text.chars().take(60).collect();
            assert_eq!(ProofText::parse(&text), Err(expected), "{start:?}");
        }
    }

    #[test]
    fn the_hashes_of_the_longest_path_are_read() {
        let (proof, _) = sample();
        let longest = ProofText {
            path: alloc::vec![Hash([7; 32]); PROOF_HASHES_MAX],
            ..proof
        };

        assert_eq!(ProofText::parse(&longest.to_string()), Ok(longest));
    }

    fn signer(seed: u8) -> SignerKey {
        SignerKey::from_seed(KeyName::new("log").unwrap(), KeyType::Ed25519, &[seed; 32])
    }

    fn sample() -> (ProofText, SignerKey) {
        let key = signer(1);
        let mut tree = Tree::new();
        for index in 0..7 {
            tree.append(leaf_hash(&[index]));
        }
        let origin = KeyName::new("log").unwrap();
        let checkpoint = Checkpoint {
            origin,
            size: 7,
            root: tree.root(),
        }
        .sign(&key);
        let path = tree.inclusion_proof(4, 7).unwrap();
        (
            ProofText {
                extra: None,
                index: 4,
                path,
                checkpoint,
            },
            key,
        )
    }
}

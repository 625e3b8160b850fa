//! The transcript of a ceremony: what each command said, in order, each line signed by the
//! custodian and naming the one before [BAK-4].
//!
//! A line that is changed, left out or put elsewhere is noticed. What is cut off at the end is
//! not: the name of the last line, which everyone present signs on paper, tells.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use boop_channel::verify_signature;
use boop_wire::Digest;
use boop_wire::codec::{domain_digest, domain_separated};
use boop_wire::session::Signature;
use serde::{Deserialize, Serialize};

use crate::token::{Token, TokenError};

/// What the lines are signed and named under.
const PURPOSE: &str = "custody-transcript";
/// Largest file, in bytes: some hundreds of lines.
const TRANSCRIPT_BYTES_MAX: usize = 256 * 1024;

/// One step of a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its number, from 1.
    pub step: u32,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The command.
    pub command: String,
    /// What it said: values by name.
    pub said: BTreeMap<String, Vec<String>>,
    /// The name of the line before, in hexadecimal.
    pub previous: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    step: Step,
    /// In hexadecimal.
    signature: String,
}

/// A transcript that was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The steps.
    pub steps: Vec<Step>,
    /// The name of the last line.
    pub last: Option<Digest>,
}

/// Why a transcript does not count, or no step was added to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// A line is none of a transcript.
    #[error("line {line} of the transcript is damaged, or something else")]
    Damaged {
        /// Which.
        line: u32,
    },
    /// A line does not follow on the one before: something is missing, or elsewhere.
    #[error("line {line} of the transcript does not follow on the one before")]
    Order {
        /// Which.
        line: u32,
    },
    /// This custodian did not sign a line as it stands.
    #[error("line {line} of the transcript is not as this custodian signed it")]
    Signature {
        /// Which.
        line: u32,
    },
    /// It is too long.
    #[error("the transcript is too long")]
    TooLong,
    /// The token signs nothing.
    #[error("the token")]
    Token(#[from] TokenError),
    /// The file cannot be read or written.
    #[error("the transcript cannot be read or written: {0}")]
    Io(ErrorKind),
}

impl From<std::io::Error> for TranscriptError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl Transcript {
    /// Reads a transcript of the custodian with this key, and checks every line.
    ///
    /// # Errors
    /// If it cannot be read, or is not what the custodian signed, in the order it did.
    pub fn open(path: &Path, custodian: &[u8; 32]) -> Result<Self, TranscriptError> {
        let mut text = String::new();
        let limit = u64::try_from(TRANSCRIPT_BYTES_MAX + 1).unwrap_or(u64::MAX);
        let file = OpenOptions::new().read(true).open(path)?;
        file.take(limit).read_to_string(&mut text)?;
        if text.len() > TRANSCRIPT_BYTES_MAX {
            return Err(TranscriptError::TooLong);
        }
        let mut transcript = Self::default();
        for text in text.split_inclusive('\n') {
            transcript.take(text, custodian)?;
        }
        Ok(transcript)
    }

    /// Reads a transcript that may not be there yet.
    ///
    /// # Errors
    /// As of [`Self::open`].
    pub fn open_or_none(path: &Path, custodian: &[u8; 32]) -> Result<Self, TranscriptError> {
        match Self::open(path, custodian) {
            Err(TranscriptError::Io(ErrorKind::NotFound)) => Ok(Self::default()),
            other => other,
        }
    }

    /// Adds a step to the transcript at `path`, which is made if there is none, and returns the
    /// name of the line when it is on disk.
    ///
    /// # Errors
    /// If what is there is not this custodian's, the token signs nothing, or the file cannot be
    /// written.
    pub fn append(
        path: &Path,
        token: &dyn Token,
        at_ms: u64,
        command: &str,
        table: &[(&str, String)],
    ) -> Result<Digest, TranscriptError> {
        let before = Self::open_or_none(path, &token.public_key())?;
        let mut said = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in table {
            let values = said.entry((*name).to_owned()).or_default();
            values.push(value.clone());
        }
        let step = Step {
            step: before.next(),
            at_ms,
            command: command.to_owned(),
            said,
            previous: before.last.map(|last| last.to_string()),
        };
        let signature = token.sign(&step.signed_bytes())?;
        let signature = hex::encode(signature.0);
        let mut line = to_json(&Line { step, signature });
        line.push('\n');
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let mut file = options.open(path)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        Ok(name_of(&line))
    }

    fn next(&self) -> u32 {
        u32::try_from(self.steps.len()).map_or(u32::MAX, |steps| steps.saturating_add(1))
    }

    fn take(&mut self, text: &str, custodian: &[u8; 32]) -> Result<(), TranscriptError> {
        let line = self.next();
        let damaged = TranscriptError::Damaged { line };
        let found: Line = serde_json::from_str(text).map_err(|_| damaged.clone())?;
        if format!("{}\n", to_json(&found)) != text {
            return Err(damaged);
        }
        let Line { step, signature } = found;
        let previous = self.last.map(|last| last.to_string());
        if step.step != line || step.previous != previous {
            return Err(TranscriptError::Order { line });
        }
        let mut signed = Signature([0; 64]);
        let decoded = hex::decode_to_slice(signature, &mut signed.0);
        if decoded.is_err() || !verify_signature(custodian, &step.signed_bytes(), &signed) {
            return Err(TranscriptError::Signature { line });
        }
        self.steps.push(step);
        self.last = Some(name_of(text));
        Ok(())
    }
}

impl Step {
    fn signed_bytes(&self) -> Vec<u8> {
        domain_separated(PURPOSE, to_json(self).as_bytes())
    }
}

fn name_of(line: &str) -> Digest {
    domain_digest(PURPOSE, line.as_bytes())
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("text, numbers and maps of text are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::FileToken;

    #[test]
    fn a_transcript_grows_line_by_line_and_its_end_has_a_name() {
        let (folder, token) = made();
        let path = folder.path().join("transcript");
        let opened = || Transcript::open(&path, &token.public_key());
        assert_eq!(opened(), Err(TranscriptError::Io(ErrorKind::NotFound)));

        append(&path, &token, "create-key");
        let last = append(&path, &token, "backup-key");

        let transcript = opened().unwrap();
        assert_eq!(transcript.last, Some(last));
        let [first, second] = transcript.steps.as_slice() else {
            panic!("{transcript:?}");
        };
        assert_eq!((first.step, first.command.as_str()), (1, "create-key"));
        assert_eq!((second.step, second.command.as_str()), (2, "backup-key"));
        assert_eq!(first.said["share"], ["one", "two"]);
    }

    #[test]
    fn a_line_that_is_changed_left_out_moved_or_of_another_is_noticed() {
        let (folder, token) = made();
        let path = folder.path().join("transcript");
        for command in ["one", "two", "three"] {
            append(&path, &token, command);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let opened = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Transcript::open(&path, &token.public_key()).unwrap_err()
        };

        let left_out = [lines[0], lines[2]].concat();
        assert_eq!(opened(&left_out), TranscriptError::Order { line: 2 });
        let moved = [lines[1], lines[0], lines[2]].concat();
        assert_eq!(opened(&moved), TranscriptError::Order { line: 1 });
        let changed = text.replace("\"two\"", "\"TWO\"");
        let error = TranscriptError::Signature { line: 1 };
        assert_eq!(opened(&changed), error);
        for other in [text.replace(':', ": "), text.trim_end().to_owned()] {
            let error = opened(&other);
            assert!(matches!(error, TranscriptError::Damaged { .. }), "{error}");
        }
        let long = "x".repeat(TRANSCRIPT_BYTES_MAX + 1);
        assert_eq!(opened(&long), TranscriptError::TooLong);

        std::fs::write(&path, &text).unwrap();
        let (_other_folder, other) = made();
        let added = Transcript::append(&path, &other, 7, "four", &[]);
        assert_eq!(added, Err(TranscriptError::Signature { line: 1 }));
    }

    fn made() -> (tempfile::TempDir, FileToken) {
        let folder = tempfile::tempdir().unwrap();
        let token = FileToken::create(&folder.path().join("token")).unwrap();
        (folder, token)
    }

    fn append(path: &Path, token: &FileToken, command: &str) -> Digest {
        let table = [
            ("share", String::from("one")),
            ("share", String::from("two")),
        ];
        Transcript::append(path, token, 7, command, &table).unwrap()
    }
}

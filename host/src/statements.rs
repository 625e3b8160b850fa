//! `statements.log` in the run directory: what the enclave signed about its jobs [JOB-9], and the
//! evidence that its key is in. Whoever has the logs of three hosts can compare them.
//!
//! A line is a word, a space and canonical bytes in hexadecimal digits. A full file takes the place
//! of the one before it, so there are never more than two.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use boop_wire::codec::to_canonical;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::statement::SignedStatement;

/// Length at which a file is full, in bytes: some forty thousand jobs.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The log of one host.
#[derive(Debug)]
pub(crate) struct StatementLog {
    path: PathBuf,
    file_bytes_max: u64,
    /// What vouches for the key of the statements that follow; it stands in each file.
    evidence: Mutex<Option<String>>,
}

impl StatementLog {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join("statements.log"),
            file_bytes_max: FILE_BYTES_MAX,
            evidence: Mutex::new(None),
        }
    }

    /// Notes the first evidence of an enclave's life, or that a life is over. Later evidence of the
    /// same life has the same key.
    pub(crate) fn vouch(&self, bundle: Option<&EvidenceBundle>) -> Result<(), ErrorKind> {
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        match bundle {
            Some(_) if evidence.is_some() => Ok(()),
            Some(bundle) => {
                let line = line("evidence", &to_canonical(bundle));
                self.append(&line, None)?;
                *evidence = Some(line);
                Ok(())
            }
            None => {
                *evidence = None;
                Ok(())
            }
        }
    }

    /// Adds a statement.
    pub(crate) fn add(&self, statement: &SignedStatement) -> Result<(), ErrorKind> {
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line("statement", &to_canonical(statement));
        self.append(&line, evidence.as_deref())
    }

    fn append(&self, line: &str, first: Option<&str>) -> Result<(), ErrorKind> {
        let mut file = self.open()?;
        let is_full = file.metadata().map_err(|error| error.kind())?.len() >= self.file_bytes_max;
        let mut text = String::new();
        if is_full {
            let before = self.path.with_extension("log.1");
            std::fs::rename(&self.path, before).map_err(|error| error.kind())?;
            file = self.open()?;
            text.push_str(first.unwrap_or_default());
        }
        text.push_str(line);
        file.write_all(text.as_bytes())
            .map_err(|error| error.kind())
    }

    fn open(&self) -> Result<File, ErrorKind> {
        let mut options = OpenOptions::new();
        let options = options.append(true).create(true).mode(0o600);
        options.open(&self.path).map_err(|error| error.kind())
    }
}

fn line(word: &str, bytes: &[u8]) -> String {
    format!("{word} {}\n", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use boop_wire::codec::from_canonical;
    use boop_wire::session::Signature;
    use boop_wire::statement::{Exchange, JobEnding, JobKind, JobStatement, Said};
    use boop_wire::{Digest, NetworkId, PartyIndex};

    use super::*;
    use crate::testing::{binding, bundle, trust};

    #[test]
    fn statements_stand_behind_the_evidence_of_their_key() {
        let directory = tempfile::tempdir().unwrap();
        let log = StatementLog::new(directory.path());
        let evidence = bundle(&binding(&trust(), PartyIndex::ALL[0]));

        log.vouch(Some(&evidence)).unwrap();
        log.add(&signed(1)).unwrap();
        log.vouch(Some(&evidence)).unwrap();
        log.add(&signed(2)).unwrap();
        log.vouch(None).unwrap();
        log.vouch(Some(&evidence)).unwrap();

        let (words, bytes) = lines(&directory.path().join("statements.log"));
        let expected = ["evidence", "statement", "statement", "evidence"];
        assert_eq!(words, expected);
        assert_eq!(from_canonical(&bytes[0]), Ok(evidence));
        assert_eq!(from_canonical(&bytes[1]), Ok(signed(1)));
        assert_eq!(from_canonical(&bytes[2]), Ok(signed(2)));
    }

    #[test]
    fn a_full_file_takes_the_place_of_the_one_before_and_each_has_its_evidence() {
        let directory = tempfile::tempdir().unwrap();
        let log = StatementLog {
            file_bytes_max: 2_000,
            ..StatementLog::new(directory.path())
        };
        let evidence = bundle(&binding(&trust(), PartyIndex::ALL[0]));

        log.vouch(Some(&evidence)).unwrap();
        (1..=40).for_each(|job| log.add(&signed(job)).unwrap());

        assert_eq!(directory.path().read_dir().unwrap().count(), 2);
        let mut jobs = Vec::new();
        for name in ["statements.log.1", "statements.log"] {
            let (words, bytes) = lines(&directory.path().join(name));
            assert_eq!(words[0], "evidence", "{name}");
            for bytes in &bytes[1..] {
                let signed: SignedStatement = from_canonical(bytes).unwrap();
                jobs.push(signed.statement.job);
            }
        }
        let first = jobs[0];
        assert!(jobs.len() > 1 && first > 1);
        assert_eq!(jobs, (first..=40).collect::<Vec<_>>());
    }

    #[test]
    fn a_log_that_cannot_be_written_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let log = StatementLog::new(&directory.path().join("missing"));

        assert_eq!(log.add(&signed(1)), Err(ErrorKind::NotFound));
    }

    fn lines(path: &Path) -> (Vec<String>, Vec<Vec<u8>>) {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().map(|line| line.split_once(' ').unwrap());
        let parsed = lines.map(|(word, text)| (String::from(word), hex::decode(text).unwrap()));
        parsed.unzip()
    }

    fn signed(job: u64) -> SignedStatement {
        let said = Said {
            messages: 1,
            commitment: Digest::new([3; 32]),
        };
        let exchange = Exchange {
            sent: said.clone(),
            received: said,
        };
        SignedStatement {
            statement: JobStatement {
                network: NetworkId::new([1; 32]),
                session: Digest::new([2; 32]),
                job,
                party: PartyIndex::ALL[0],
                kind: JobKind::Identify,
                ending: JobEnding::Done,
                with_next: exchange.clone(),
                with_previous: exchange,
            },
            signature: Signature([9; 64]),
        }
    }
}

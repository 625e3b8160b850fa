//! The audit file: one JSON line for each release, head and refusal, on disk before it is answered.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use boop_wire::release::WrapMechanism;
use boop_wire::{InstanceId, PartyIndex, Refusal};
use serde::Serialize;

use crate::durable;

/// Why an audit line could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit file cannot be written: {kind}")]
pub struct AuditError {
    /// What the operating system says.
    pub kind: ErrorKind,
}

impl From<std::io::Error> for AuditError {
    fn from(error: std::io::Error) -> Self {
        Self { kind: error.kind() }
    }
}

/// What happened to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The key was released under this lease.
    Released {
        /// The lease.
        lease: u64,
        /// How it was wrapped.
        mechanism: WrapMechanism,
    },
    /// A head of the store was put on record.
    Anchored {
        /// The lease of the instance that asked.
        lease: u64,
        /// How many records it has.
        version: u64,
    },
    /// The key was destroyed: all records are in the next epoch.
    Retired {
        /// The lease of the instance that asked.
        lease: u64,
        /// How many records they are.
        version: u64,
    },
    /// An operator had something done with the keys.
    Worked {
        /// What.
        what: KeyWork,
        /// How many data keys.
        keys: usize,
    },
    /// No key, or no head on record.
    Refused(Refusal),
}

/// What an operator has done with the keys of a token, while the custodian does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWork {
    /// A data key was made ahead of its first release.
    Created,
    /// The data keys are under new key-encryption keys, and the old ones are destroyed.
    Rotated,
    /// They were wrapped to the backup key.
    BackedUp,
    /// They came out of a backup.
    Restored,
    /// An empty register was begun; no head is on record.
    BegunRegister,
}

impl KeyWork {
    const fn event(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Rotated => "rotated",
            Self::BackedUp => "backed-up",
            Self::Restored => "restored",
            Self::BegunRegister => "register-begun",
        }
    }
}

/// One line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) at_ms: u64,
    pub(crate) party: PartyIndex,
    pub(crate) epoch: u32,
    /// Proved by a release, claimed by a refused request.
    pub(crate) instance: Option<InstanceId>,
    pub(crate) outcome: Outcome,
}

/// An open audit file.
#[derive(Debug)]
pub struct Audit {
    file: Mutex<File>,
}

#[derive(Serialize)]
struct Line {
    at_ms: u64,
    event: &'static str,
    party: u8,
    epoch: u32,
    instance: Option<String>,
    lease: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    refusal: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mechanism: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<usize>,
}

impl Audit {
    /// Opens the file at `path`, and makes it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened for appending.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        durable::sync_parent(path)?;
        Ok(Self {
            file: Mutex::new(file),
        })
    }

    /// Notes what an operator had done with the keys; `epoch` is the oldest that they are of.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn note(
        &self,
        what: KeyWork,
        keys: usize,
        (party, epoch): (PartyIndex, u32),
        at_ms: u64,
    ) -> Result<(), AuditError> {
        self.append(&Record {
            at_ms,
            party,
            epoch,
            instance: None,
            outcome: Outcome::Worked { what, keys },
        })
    }

    /// Appends a line and waits until it is on disk.
    pub(crate) fn append(&self, record: &Record) -> Result<(), AuditError> {
        let mut line = Line {
            at_ms: record.at_ms,
            event: "",
            party: record.party.get(),
            epoch: record.epoch,
            instance: record.instance.map(|instance| instance.to_string()),
            lease: None,
            version: None,
            refusal: None,
            mechanism: None,
            keys: None,
        };
        match record.outcome {
            Outcome::Released { lease, mechanism } => {
                line.event = "released";
                line.lease = Some(lease);
                line.mechanism = Some(mechanism.name());
            }
            Outcome::Anchored { lease, version } => {
                line.event = "anchored";
                line.lease = Some(lease);
                line.version = Some(version);
            }
            Outcome::Retired { lease, version } => {
                line.event = "retired";
                line.lease = Some(lease);
                line.version = Some(version);
            }
            Outcome::Worked { what, keys } => {
                line.event = what.event();
                line.keys = Some(keys);
            }
            Outcome::Refused(refusal) => {
                line.event = "refused";
                line.refusal = Some(refusal.code());
            }
        }
        let mut bytes = serde_json::to_vec(&line).map_err(std::io::Error::from)?;
        bytes.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&bytes)?;
        file.sync_data()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_to_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let record = |outcome| Record {
            at_ms: 7,
            party: PartyIndex::ALL[2],
            epoch: 1,
            instance: Some(InstanceId::new([0xab; 16])),
            outcome,
        };

        for outcome in [
            Outcome::Released {
                lease: 4,
                mechanism: WrapMechanism::Hpke,
            },
            Outcome::Refused(Refusal::Stale),
            Outcome::Worked {
                what: KeyWork::Rotated,
                keys: 2,
            },
        ] {
            Audit::open(&path)
                .unwrap()
                .append(&record(outcome))
                .unwrap();
        }

        let instance = "ab".repeat(16);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            format!(
                "{{\"at_ms\":7,\"event\":\"released\",\"party\":2,\"epoch\":1,\
                 \"instance\":\"{instance}\",\"lease\":4,\"refusal\":null,\
                 \"mechanism\":\"hpke-x25519\"}}\n\
                 {{\"at_ms\":7,\"event\":\"refused\",\"party\":2,\"epoch\":1,\
                 \"instance\":\"{instance}\",\"lease\":null,\"refusal\":\"stale\"}}\n\
                 {{\"at_ms\":7,\"event\":\"rotated\",\"party\":2,\"epoch\":1,\
                 \"instance\":\"{instance}\",\"lease\":null,\"refusal\":null,\"keys\":2}}\n"
            )
        );
    }

    #[test]
    fn a_directory_is_no_audit_file() {
        let directory = tempfile::tempdir().unwrap();

        let error = Audit::open(directory.path()).unwrap_err();

        assert_eq!(
            error,
            AuditError {
                kind: ErrorKind::IsADirectory
            }
        );
    }
}

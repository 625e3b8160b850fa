//! `status.json` in the run directory: what the launcher and an operator look at.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use boop_abi::FarEnd;
use boop_wire::{PartyIndex, Refusal};
use serde::{Deserialize, Serialize};

use crate::event::{Code, far_end_name};

/// The file's name.
const FILE: &str = "status.json";

/// Where a host is with its enclave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The enclave is being started.
    Starting,
    /// The enclave runs, and knows its configuration.
    Booted,
    /// The enclave has evidence.
    Attested,
    /// The enclave holds its data key.
    Leased,
    /// The enclave has opened its store, and forms the three with its peers.
    Joined,
    /// The enclave serves.
    Serving,
    /// The enclave served, and takes no calls until the three are together again.
    Suspended,
    /// The enclave finishes what runs.
    Draining,
    /// The enclave has finished; it is not started again.
    Retired,
    /// A check of the enclave's own state failed.
    Refused,
    /// The enclave ended, and is started again after a pause.
    Waiting,
    /// The host has stopped.
    Stopped,
}

impl From<boop_abi::Phase> for Phase {
    fn from(phase: boop_abi::Phase) -> Self {
        match phase {
            boop_abi::Phase::Booted => Self::Booted,
            boop_abi::Phase::Attested => Self::Attested,
            boop_abi::Phase::Leased => Self::Leased,
            boop_abi::Phase::Joined => Self::Joined,
            boop_abi::Phase::Serving => Self::Serving,
            boop_abi::Phase::Draining => Self::Draining,
            boop_abi::Phase::Retired => Self::Retired,
            boop_abi::Phase::Stopped(_) => Self::Refused,
        }
    }
}

impl Phase {
    /// Returns the name that the status file uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Booted => "booted",
            Self::Attested => "attested",
            Self::Leased => "leased",
            Self::Joined => "joined",
            Self::Serving => "serving",
            Self::Suspended => "suspended",
            Self::Draining => "draining",
            Self::Retired => "retired",
            Self::Refused => "refused",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
        }
    }
}

/// Why there is no status to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The file cannot be read.
    #[error("the status file cannot be read: {0}")]
    Missing(ErrorKind),
    /// The file is not a status.
    #[error("the status file is no status")]
    Malformed,
}

/// Reads what the host of a run directory said last.
///
/// # Errors
/// If there is no status file, or it is none.
pub fn read(directory: &Path) -> Result<Status, StatusError> {
    let bytes = std::fs::read(directory.join(FILE));
    let bytes = bytes.map_err(|error| StatusError::Missing(error.kind()))?;
    serde_json::from_slice(&bytes).map_err(|_| StatusError::Malformed)
}

/// What `status.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The party.
    pub party: u8,
    /// Where the host listens.
    pub listen: SocketAddr,
    /// The phase.
    pub phase: Phase,
    /// When the phase began, Unix milliseconds.
    pub since_ms: u64,
    /// How far the enclave is with what it does before the next phase.
    pub progress: Option<Progress>,
    /// How often the enclave was started.
    pub starts: u64,
    /// The version of the manifest by which the enclave judges, once one was started.
    pub manifest: Option<u64>,
    /// Why this host would not accept its own enclave's evidence, if it would not: then others
    /// will not either.
    pub evidence_doubt: Option<String>,
    /// The last refusal, by this host or its enclave.
    pub last_refusal: Option<LastRefusal>,
}

/// How many of an enclave's records are read, or prepared together with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Records that are done.
    pub done: u64,
    /// Records that there are.
    pub of: u64,
}

/// A refusal, for the person who asks why nothing works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastRefusal {
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// Who is at the other end ("party-1", "gateway", "custodian", or "enclave" for the own).
    pub far_end: String,
    /// The code.
    pub refusal: String,
    /// Which check failed, in plain words.
    pub reason: String,
}

/// Keeps the status, and the file in step with it.
#[derive(Debug)]
pub(crate) struct StatusBoard {
    path: PathBuf,
    party: PartyIndex,
    status: Mutex<Status>,
}

impl StatusBoard {
    pub(crate) fn new(
        directory: &Path,
        party: PartyIndex,
        listen: SocketAddr,
        now_ms: u64,
    ) -> Self {
        let board = Self {
            path: directory.join(FILE),
            party,
            status: Mutex::new(Status {
                party: party.get(),
                listen,
                phase: Phase::Starting,
                since_ms: now_ms,
                progress: None,
                starts: 0,
                manifest: None,
                evidence_doubt: None,
                last_refusal: None,
            }),
        };
        board.change(|_| ());
        board
    }

    pub(crate) fn enter(&self, phase: Phase, now_ms: u64) {
        self.change(|status| {
            status.phase = phase;
            status.since_ms = now_ms;
            status.progress = None;
            if phase == Phase::Starting {
                status.evidence_doubt = None;
                status.starts = status.starts.saturating_add(1);
            }
        });
    }

    /// Shows whether an enclave that serves takes calls now; one that leaves goes on leaving.
    pub(crate) fn show_readiness(&self, phase: Phase, now_ms: u64) {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let serves = matches!(status.phase, Phase::Serving | Phase::Suspended);
        drop(status);
        if serves {
            self.enter(phase, now_ms);
        }
    }

    /// Notes how far the enclave is.
    pub(crate) fn progress(&self, progress: Progress) {
        self.change(|status| status.progress = Some(progress));
    }

    /// Notes by which version of the manifest the enclave judges.
    pub(crate) fn believe(&self, version: u64) {
        self.change(|status| status.manifest = Some(version));
    }

    /// Notes what is wrong with the own enclave's evidence, or that nothing is.
    pub(crate) fn doubt(&self, doubt: Option<String>) {
        self.change(|status| status.evidence_doubt = doubt);
    }

    /// Notes a refusal; no far end means the own enclave.
    pub(crate) fn refused(
        &self,
        far_end: Option<FarEnd>,
        refusal: Refusal,
        reason: String,
        now_ms: u64,
    ) {
        self.change(|status| {
            status.last_refusal = Some(LastRefusal {
                at_ms: now_ms,
                far_end: String::from(far_end.map_or("enclave", far_end_name)),
                refusal: String::from(refusal.code()),
                reason,
            });
        });
    }

    fn change(&self, change: impl FnOnce(&mut Status)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut status);
        if let Err(error) = write(&self.path, &status) {
            Code::StatusNotWritten.event().detail(error).log(self.party);
        }
    }
}

/// Replaces the file, so that a reader never sees half of one.
fn write(path: &Path, status: &Status) -> std::io::Result<()> {
    let temporary = path.with_extension("json.new");
    std::fs::write(&temporary, serde_json::to_vec(status)?)?;
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_follows_every_change() {
        let directory = tempfile::tempdir().unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 7500));
        let party = PartyIndex::ALL[1];
        let read = || -> Status {
            let bytes = std::fs::read(directory.path().join("status.json")).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };

        let board = StatusBoard::new(directory.path(), party, listen, 5);
        assert_eq!((read().phase, read().starts), (Phase::Starting, 0));
        board.enter(Phase::Starting, 6);
        board.doubt(Some(String::from("no such chip")));
        board.progress(Progress { done: 1, of: 3 });
        assert_eq!(read().progress, Some(Progress { done: 1, of: 3 }));
        board.enter(boop_abi::Phase::Serving.into(), 7);
        let far_end = FarEnd::Party(PartyIndex::ALL[2]);
        board.refused(Some(far_end), Refusal::Stale, String::from("old"), 8);

        assert_eq!(
            read(),
            Status {
                party: 1,
                listen,
                phase: Phase::Serving,
                since_ms: 7,
                progress: None,
                starts: 1,
                manifest: None,
                evidence_doubt: Some(String::from("no such chip")),
                last_refusal: Some(LastRefusal {
                    at_ms: 8,
                    far_end: String::from("party-2"),
                    refusal: String::from("stale"),
                    reason: String::from("old"),
                }),
            }
        );
    }
}

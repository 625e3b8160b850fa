//! Where a network keeps its files: one folder, one sub-folder a machine.
//!
//! ```text
//!  network.toml   what a client needs        manifest.cbor, manifest.json
//!  admin-token    0600                       ports.toml
//!  operators/     keys of the approvers      vendor/   the simulated hardware vendors
//!  machine-N/     chip/ run/ blobs/ host.toml party.cbor custodian.toml token register audit.jsonl
//!                token.toml, if its operator has a token of another kind
//!  gateway/ ledger/                           logs/    one file a process
//! ```

use std::path::{Path, PathBuf};

use boop_wire::PartyIndex;

/// The files of one network.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Names the files under `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a file or folder of the network.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Returns the configuration of a gateway or the ledger.
    pub fn config(&self, name: &str) -> PathBuf {
        self.root.join(name).join(format!("{name}.toml"))
    }

    /// Returns a file or folder of one party's machine.
    pub fn machine(&self, party: PartyIndex, name: &str) -> PathBuf {
        self.root.join(format!("machine-{party}")).join(name)
    }

    /// Returns the log file of a process.
    pub fn log(&self, process: &str) -> PathBuf {
        self.root.join("logs").join(format!("{process}.log"))
    }

    /// Tells whether a network was made here.
    pub fn exists(&self) -> bool {
        self.path("network.toml").exists()
    }
}

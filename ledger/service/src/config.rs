//! The configuration, one TOML text on standard input, and the checked plan made of it.
//!
//! What the log is called, which key signs it and which network it serves is not configured: the
//! manifest says so, and its approvers vouch for it.

use std::net::SocketAddr;
use std::path::PathBuf;

use boop_channel::VerifiedManifest;
use boop_daemon::{MemberSettings, TrustSettings};
use boop_proof::KeyName;
use boop_wire::id::NetworkId;
use serde::Deserialize;

/// The configuration as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the key file and the database; the key file has to be there.
    pub data: PathBuf,
    /// Where gateways open attested sessions.
    pub listen: SocketAddr,
    /// Address of the public side.
    pub public: SocketAddr,
    /// Where custodians report.
    pub custodians: SocketAddr,
    /// Least severity that is logged: "error", "warn", "info" or "debug".
    #[serde(default = "default_log")]
    pub log: String,
    /// Whom the ledger believes.
    pub trust: TrustSettings,
    /// Where the ledger gets evidence.
    pub platform: MemberSettings,
}

/// What the process will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Name of the log.
    pub origin: KeyName,
    /// Ed25519 key that signs checkpoints.
    pub key: [u8; 32],
    /// The network.
    pub network: NetworkId,
    /// Whether entries are marked as made on simulated hardware.
    pub simulated: bool,
    /// File of the log's key.
    pub key_file: PathBuf,
    /// File of the database.
    pub database: PathBuf,
    /// Where gateways open attested sessions.
    pub listen: SocketAddr,
    /// Address of the public side.
    pub public: SocketAddr,
    /// Where custodians report.
    pub custodians: SocketAddr,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The manifest's origin cannot name a log.
    #[error(
        "the manifest calls the log {origin:?}, which is no name without spaces and plus signs"
    )]
    Origin {
        /// What it says.
        origin: String,
    },
}

impl Plan {
    /// Puts together what the configuration and the manifest say.
    ///
    /// # Errors
    /// [`PlanError`] names what is wrong.
    pub fn new(config: &Config, manifest: &VerifiedManifest) -> Result<Self, PlanError> {
        let ledger = &manifest.manifest().ledger;
        let origin = KeyName::new(&ledger.origin).map_err(|_| PlanError::Origin {
            origin: ledger.origin.clone(),
        })?;
        Ok(Self {
            origin,
            key: ledger.key,
            network: manifest.network(),
            simulated: manifest.manifest().simulated,
            key_file: config.data.join("ledger.key"),
            database: config.data.join("ledger.sqlite"),
            listen: config.listen,
            public: config.public,
            custodians: config.custodians,
        })
    }
}

fn default_log() -> String {
    String::from("info")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = "data = '/var/lib/boop'\n\
        listen = '127.0.0.1:8461'\n\
        public = '127.0.0.1:8460'\n\
        custodians = '127.0.0.1:8462'\n\
        [trust]\n\
        manifest = 'manifest.cbor'\n\
        approvers = []\n\
        approvals_needed = 1\n\
        [platform]\n\
        kind = 'snp'\n";

    #[test]
    fn an_unknown_key_is_refused() {
        let refused = toml::from_str::<Config>(&format!("origin = 'x'\n{SMALLEST}"));

        let message = refused.unwrap_err().to_string();
        assert!(message.contains("unknown field `origin`"), "{message}");
    }
}

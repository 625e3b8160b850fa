//! The host's configuration file, and the checked plan that comes of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use boop_daemon::TrustSettings;
use boop_wire::PartyIndex;
use serde::{Deserialize, Serialize};

/// Configuration of `boop-host`; unknown keys are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSettings {
    /// Which party's enclave it hosts: 0, 1 or 2.
    pub party: u8,
    /// Where other hosts and gateways connect.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// Address of this party's custodian, as `host:port`.
    pub custodian: String,
    /// Directory of the sealed blobs.
    pub blobs: PathBuf,
    /// Least severe level that is logged.
    #[serde(default = "log")]
    pub log: String,
    /// The hosts of the two other parties.
    pub peers: Vec<PeerSettings>,
    /// Whom it believes.
    pub trust: TrustSettings,
    /// The enclave.
    pub enclave: EnclaveSettings,
}

/// The host of another party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSettings {
    /// The party.
    pub party: u8,
    /// Its host's address, as `host:port`.
    pub address: String,
}

/// How the enclave is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum EnclaveSettings {
    /// The host starts it as a process, and starts it again when it ends.
    Process {
        /// The program. It gets no arguments and an empty environment.
        command: PathBuf,
        /// Its whole configuration, given as its standard input.
        config: PathBuf,
        /// Its working directory, where the host binds `host.sock`.
        directory: PathBuf,
    },
    /// Something else starts it: a virtual machine monitor that forwards a vsock port to a Unix
    /// socket, as Firecracker and Cloud Hypervisor do.
    Attached {
        /// The socket that the host binds and the monitor connects to.
        socket: PathBuf,
        /// Where the host writes `status.json`.
        directory: PathBuf,
    },
}

impl EnclaveSettings {
    /// Returns the run directory.
    pub fn directory(&self) -> &Path {
        match self {
            Self::Process { directory, .. } | Self::Attached { directory, .. } => directory,
        }
    }
}

/// What a host does, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) party: PartyIndex,
    pub(crate) custodian: String,
    pub(crate) peers: [(PartyIndex, String); 2],
    pub(crate) enclave: EnclaveSettings,
}

/// Why a configuration makes no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such party.
    #[error("there is no party {party}; parties are 0, 1 and 2")]
    Party {
        /// The index given.
        party: u8,
    },
    /// The peers are not exactly the two other parties.
    #[error("peers must name each of the two other parties once")]
    Peers,
}

impl Plan {
    /// Checks a configuration.
    ///
    /// # Errors
    /// If the party does not exist, or the peers are not the two others.
    pub fn new(settings: &HostSettings) -> Result<Self, PlanError> {
        let party = PartyIndex::new(settings.party).ok_or(PlanError::Party {
            party: settings.party,
        })?;
        let [first, second] = party.others();
        let address = |of: PartyIndex| {
            let peer = settings.peers.iter().find(|peer| peer.party == of.get());
            peer.map(|peer| (of, peer.address.clone()))
                .ok_or(PlanError::Peers)
        };
        if settings.peers.len() != 2 {
            return Err(PlanError::Peers);
        }
        Ok(Self {
            party,
            custodian: settings.custodian.clone(),
            peers: [address(first)?, address(second)?],
            enclave: settings.enclave.clone(),
        })
    }

    /// Returns the address of the host of `party`; none for the own party.
    pub(crate) fn peer(&self, party: PartyIndex) -> Option<&str> {
        let peer = self.peers.iter().find(|(peer, _)| *peer == party);
        peer.map(|(_, address)| address.as_str())
    }
}

const fn listen() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7500)
}

fn log() -> String {
    String::from("info")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        party = 1
        custodian = "127.0.0.1:7601"
        blobs = "blobs"
        [[peers]]
        party = 2
        address = "two.example:7500"
        [[peers]]
        party = 0
        address = "zero.example:7500"
        [trust]
        manifest = "manifest.cbor"
        approvers = []
        approvals_needed = 1
        [enclave]
        kind = "process"
        command = "/usr/bin/party"
        config = "party.toml"
        directory = "run"
    "#;

    #[test]
    fn a_file_makes_a_plan_that_listens_on_loopback_alone() {
        let settings: HostSettings = toml::from_str(TEXT).unwrap();

        let plan = Plan::new(&settings).unwrap();

        assert!(settings.listen.ip().is_loopback());
        assert_eq!(plan.peer(PartyIndex::ALL[0]), Some("zero.example:7500"));
        assert_eq!(plan.peer(PartyIndex::ALL[1]), None);
        assert_eq!(plan.peer(PartyIndex::ALL[2]), Some("two.example:7500"));
        assert_eq!(plan.enclave.directory(), Path::new("run"));
    }

    #[test]
    fn unknown_keys_are_refused_at_every_level() {
        let cases = [
            format!("verbose = true\n{TEXT}"),
            TEXT.replace("[trust]", "[trust]\nskip = true"),
            TEXT.replace("[enclave]", "[enclave]\narguments = []"),
            TEXT.replacen("[[peers]]", "[[peers]]\nverify = false", 1),
        ];

        for text in cases {
            let error = toml::from_str::<HostSettings>(&text).unwrap_err();
            assert!(error.message().contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn an_enclave_that_something_else_starts_needs_its_socket_alone() {
        let start = TEXT.find("[enclave]").unwrap();
        let text = format!(
            "{}[enclave]\nkind = \"attached\"\nsocket = \"v.sock\"\ndirectory = \"run\"",
            &TEXT[..start]
        );

        let settings: HostSettings = toml::from_str(&text).unwrap();

        assert_eq!(
            settings.enclave,
            EnclaveSettings::Attached {
                socket: "v.sock".into(),
                directory: "run".into()
            }
        );
    }

    #[test]
    fn a_fourth_party_is_refused() {
        let text = TEXT.replacen("party = 1", "party = 3", 1);
        let settings: HostSettings = toml::from_str(&text).unwrap();

        assert_eq!(Plan::new(&settings), Err(PlanError::Party { party: 3 }));
    }

    #[test]
    fn peers_other_than_the_two_others_are_refused() {
        let settings: HostSettings = toml::from_str(TEXT).unwrap();
        let with = |parties: &[u8]| {
            let mut settings = settings.clone();
            settings.peers = parties
                .iter()
                .map(|party| PeerSettings {
                    party: *party,
                    address: String::from("a:1"),
                })
                .collect();
            Plan::new(&settings)
        };

        for parties in [&[0][..], &[0, 0], &[0, 1], &[0, 2, 2], &[0, 3]] {
            assert_eq!(with(parties), Err(PlanError::Peers), "{parties:?}");
        }
        assert!(with(&[0, 2]).is_ok());
    }
}

//! The custodian's configuration file.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use boop_daemon::TrustSettings;
use boop_wire::PartyIndex;
use serde::{Deserialize, Serialize};

use crate::custody::CustodySettings;

/// Releases a minute, unless the configuration says otherwise.
const RELEASES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).expect("30 is not zero");

/// Configuration of `boop-custodian`; unknown keys are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustodianSettings {
    /// Whose key it keeps: 0, 1 or 2.
    pub party: u8,
    /// Epoch of the key that is released.
    #[serde(default)]
    pub epoch: u32,
    /// Where the party's host connects.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// The software token, as `boop-custodian init` made it.
    pub token: PathBuf,
    /// One JSON line for each release and refusal is appended here.
    pub audit: PathBuf,
    /// The newest lease and the newest head of the party's store are kept here.
    pub register: PathBuf,
    /// Most releases in a minute.
    #[serde(default = "releases_per_minute")]
    pub releases_per_minute: NonZeroU32,
    /// Least severe level that is logged.
    #[serde(default = "log")]
    pub log: String,
    /// Whom it believes.
    pub trust: TrustSettings,
}

/// Why a configuration makes no custodian.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such party.
    #[error("there is no party {party}; parties are 0, 1 and 2")]
    Party {
        /// The index given.
        party: u8,
    },
}

impl CustodianSettings {
    /// Returns what the custodian is told about its task.
    ///
    /// # Errors
    /// If there is no such party.
    pub fn custody(&self) -> Result<CustodySettings, PlanError> {
        let party = PartyIndex::new(self.party).ok_or(PlanError::Party { party: self.party })?;
        Ok(CustodySettings {
            party,
            epoch: self.epoch,
            releases_per_minute: self.releases_per_minute,
        })
    }
}

const fn listen() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7600)
}

const fn releases_per_minute() -> NonZeroU32 {
    RELEASES_PER_MINUTE
}

fn log() -> String {
    String::from("info")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        party = 1
        token = "token"
        audit = "audit.jsonl"
        register = "register"
        [trust]
        manifest = "manifest.cbor"
        approvers = []
        approvals_needed = 1
    "#;

    #[test]
    fn a_minimal_file_listens_on_loopback_alone() {
        let settings: CustodianSettings = toml::from_str(MINIMAL).unwrap();

        assert!(settings.listen.ip().is_loopback());
        let expected = CustodySettings {
            party: PartyIndex::ALL[1],
            epoch: 0,
            releases_per_minute: RELEASES_PER_MINUTE,
        };
        assert_eq!(settings.custody(), Ok(expected));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let text = format!("pin = 1234\n{MINIMAL}");

        let error = toml::from_str::<CustodianSettings>(&text).unwrap_err();

        assert!(error.message().contains("unknown field `pin`"), "{error}");
    }

    #[test]
    fn a_rate_of_nothing_is_refused() {
        let text = format!("releases_per_minute = 0\n{MINIMAL}");

        assert!(toml::from_str::<CustodianSettings>(&text).is_err());
    }

    #[test]
    fn a_fourth_party_is_refused() {
        let text = MINIMAL.replace("party = 1", "party = 3");
        let settings: CustodianSettings = toml::from_str(&text).unwrap();

        assert_eq!(settings.custody(), Err(PlanError::Party { party: 3 }));
    }
}

//! What an operator sees of a custodian: its token, the newest lease, the head on record, and how
//! old keys are. Looking changes nothing, also while the custodian runs.

use std::fmt;

use boop_wire::release::{Anchor, WrapMechanism};

use crate::config::{CustodianSettings, OperatorsWord, PlanError, VaultSettings};
use crate::register::{Register, RegisterError};
use crate::token::{KeeperStatus, KmsToken, Pkcs11Token, TokenError};

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3600 * 1000;

/// Why there is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The configuration makes no custodian.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The token cannot be looked at.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The register cannot be read.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// What there is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whose key it keeps.
    pub party: u8,
    /// Of which epoch.
    pub epoch: u32,
    /// When it was looked at.
    pub at_ms: u64,
    /// The newest lease and head on record.
    pub on_record: Option<(u64, Option<Anchor>)>,
    /// The vault and how it wraps; nothing where the token is a file.
    pub vault: Option<(&'static str, KeeperStatus)>,
    /// What is weak.
    pub warnings: Vec<String>,
}

impl Status {
    /// Looks.
    ///
    /// # Errors
    /// If the configuration, the token or the register do not allow it.
    pub fn of(
        settings: &CustodianSettings,
        word: OperatorsWord,
        at_ms: u64,
    ) -> Result<Self, StatusError> {
        settings.custody()?;
        let vault = match settings.vault(word)? {
            VaultSettings::File(_) => None,
            VaultSettings::Pkcs11(token) => {
                let status = Pkcs11Token::status(&token, settings.epoch)?;
                Some((token.mechanism.name(), status))
            }
            VaultSettings::Kms(token) => {
                let status = KmsToken::status(&token, settings.epoch)?;
                Some((WrapMechanism::AwsKmsRecipient.name(), status))
            }
        };
        let register = Register::open(&settings.register)?;
        let epoch = register.present().unwrap_or(settings.epoch);
        Ok(Self {
            party: settings.party,
            epoch,
            at_ms,
            on_record: register.newest(epoch),
            vault,
            warnings: settings.warnings(),
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "custodian of party {}, epoch {}", self.party, self.epoch)?;
        for warning in &self.warnings {
            writeln!(f, "WARNING  {warning}")?;
        }
        match self.on_record {
            None => writeln!(f, "lease  none on record")?,
            Some((lease, _)) => writeln!(f, "lease  {lease}")?,
        }
        match self.on_record.and_then(|(_, head)| head) {
            None => writeln!(f, "head  none on record")?,
            Some(Anchor { version, root }) => writeln!(f, "head  version {version}, root {root}")?,
        }
        let Some((mechanism, status)) = &self.vault else {
            return write!(f, "token  a file");
        };
        writeln!(f, "identity  {}", hex::encode(status.public_key))?;
        writeln!(f, "releases by  {mechanism}")?;
        for key in &status.keys {
            let days = |since: u64| self.at_ms.saturating_sub(since) / DAY_MS;
            writeln!(
                f,
                "key  epoch {}, made {} days ago; key-encryption key of generation {}, {} days",
                key.name.epoch,
                days(key.made_at_ms),
                key.name.generation,
                days(key.kek_made_at_ms),
            )?;
        }
        write!(f, "{}", status.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_file_is_called_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "party = 1\naudit = \"a\"\nregister = '{}'\nledger = \"l:1\"\n[token]\n\
             kind = \"file\"\npath = \"t\"\n[trust]\nmanifest = \"m\"\napprovers = []\n\
             approvals_needed = 1\n",
            directory.path().join("register").display()
        );
        let settings: CustodianSettings = toml::from_str(&text).unwrap();

        let status = Status::of(&settings, OperatorsWord::default(), 7).unwrap();

        assert_eq!(status.on_record, None);
        let text = status.to_string();
        assert!(text.contains("WARNING  software token"), "{text}");
        assert!(text.contains("none on record"), "{text}");
    }
}

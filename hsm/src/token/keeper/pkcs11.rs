//! A custodian's token behind PKCS#11.

use std::path::PathBuf;

use boop_wire::PartyIndex;
use boop_wire::release::WrapMechanism;

use crate::token::keeper::state::{Identity, State};
use crate::token::keeper::{IdentityPlace, Keeper, KeeperStatus};
use crate::token::leases::Leases;
use crate::token::{Pkcs11Settings, Pkcs11Vault, TokenError, VaultError, private};

/// A token behind a PKCS#11 module, with its file.
pub type Pkcs11Token = Keeper<Pkcs11Vault>;

/// What a custodian is told about its PKCS#11 token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11TokenSettings {
    /// Which token, and how to log in.
    pub pkcs11: Pkcs11Settings,
    /// How it wraps to a setup key; the token must do exactly this.
    pub mechanism: WrapMechanism,
    /// Where the signing key is.
    pub identity: IdentityPlace,
    /// The file beside the token.
    pub state: PathBuf,
    /// Whose custodian it is.
    pub party: PartyIndex,
}

impl Pkcs11Token {
    /// Makes the identity and the file of a new custodian. An identity that is in the token
    /// without a file, as a crash leaves it, is used.
    ///
    /// # Errors
    /// If there is a file already, or the token cannot be used.
    pub fn create(settings: Pkcs11TokenSettings) -> Result<Self, TokenError> {
        let lock = private::lock(&settings.state)?;
        if settings.state.try_exists()? {
            return Err(TokenError::Exists);
        }
        let vault = Pkcs11Vault::open(settings.pkcs11.clone(), settings.mechanism)?;
        let identity = Identity::make(&settings, &vault)?;
        let serial = vault.findings().token.serial.clone();
        let state = State::new(serial, identity, Leases::default());
        state.write(&settings.state)?;
        Ok(Self::new(
            vault,
            settings.party,
            settings.state,
            state,
            lock,
        ))
    }

    /// Opens the token and its file, and ends a rotation or a destruction that was cut short.
    ///
    /// # Errors
    /// If there is no file, it is of another token or damaged, another process uses it, a restore
    /// did not come to its end, or the token cannot be used.
    pub fn open(settings: Pkcs11TokenSettings) -> Result<Self, TokenError> {
        private::check(&settings.state)?;
        let lock = private::lock(&settings.state)?;
        let state = State::read(&settings.state)?;
        if state.identity.place() != settings.identity {
            return Err(TokenError::IdentityPlace);
        }
        let vault = Pkcs11Vault::open(settings.pkcs11.clone(), settings.mechanism)?;
        if vault.findings().token.serial != state.serial {
            return Err(TokenError::OtherToken {
                expected: state.serial.clone(),
            });
        }
        let found = match &state.identity {
            Identity::Token { public } => Some((vault.identity(settings.party)?, *public)),
            Identity::File { .. } => None,
        };
        if found.is_some_and(|(found, public)| found != Some(public)) {
            return Err(VaultError::Identity("it is not the one on record").into());
        }
        let token = Self::new(vault, settings.party, settings.state, state, lock);
        token.destroy_retired(&mut token.state())?;
        token.destroy_older(&mut token.state())?;
        Ok(token)
    }

    /// Looks at a token and its file without changing either, also while a custodian uses them.
    ///
    /// # Errors
    /// If the file cannot be read, or the token does not let us in.
    pub fn status(settings: &Pkcs11TokenSettings, epoch: u32) -> Result<KeeperStatus, TokenError> {
        private::check(&settings.state)?;
        let state = State::read(&settings.state)?;
        let findings = Pkcs11Vault::probe(&settings.pkcs11)?;
        Ok(state.status(findings, epoch))
    }
}

impl Identity {
    /// Makes the signing key; one that is in the token already is used.
    pub(super) fn make(
        settings: &Pkcs11TokenSettings,
        vault: &Pkcs11Vault,
    ) -> Result<Self, TokenError> {
        match settings.identity {
            IdentityPlace::Token => Ok(Self::Token {
                public: vault.make_identity(settings.party)?,
            }),
            IdentityPlace::File => Self::make_in_file(),
        }
    }
}

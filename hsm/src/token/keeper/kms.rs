//! A custodian whose key-encryption keys are in AWS KMS.

use std::path::PathBuf;

use boop_wire::PartyIndex;

use crate::token::keeper::state::{Identity, State};
use crate::token::keeper::{IdentityPlace, Keeper, KeeperStatus};
use crate::token::kms::KmsVault;
use crate::token::leases::Leases;
use crate::token::{KmsSettings, TokenError, VaultError, private};

/// Keys in AWS KMS, with the file beside them, where the signing key is too.
pub type KmsToken = Keeper<KmsVault>;

/// What a custodian is told about its keys in AWS KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsTokenSettings {
    /// Where the keys are and who asks.
    pub kms: KmsSettings,
    /// The file.
    pub state: PathBuf,
    /// Whose custodian it is.
    pub party: PartyIndex,
    /// Epoch of the first key.
    pub epoch: u32,
}

impl KmsToken {
    /// Makes the signing key and the file of a new custodian.
    ///
    /// # Errors
    /// If there is a file already, or KMS has no sound key for the first epoch, or gives it to
    /// somebody who shows no evidence.
    pub fn create(settings: KmsTokenSettings) -> Result<Self, TokenError> {
        let lock = private::lock(&settings.state)?;
        if settings.state.try_exists()? {
            return Err(TokenError::Exists);
        }
        let vault = KmsVault::open(&settings.kms).map_err(VaultError::from)?;
        vault.check(settings.epoch)?;
        let identity = Identity::make_in_file()?;
        let state = State::new(vault.serial(), identity, Leases::default());
        state.write(&settings.state)?;
        let KmsTokenSettings {
            state: path, party, ..
        } = settings;
        Ok(Self::new(vault, party, path, state, lock))
    }

    /// Opens the file, checks the keys, and ends a rotation or a destruction that was cut short.
    ///
    /// # Errors
    /// If there is no file, it goes with other keys or is damaged, another process uses it, or a
    /// key is not sound or opens to somebody who shows no evidence.
    pub fn open(settings: KmsTokenSettings) -> Result<Self, TokenError> {
        private::check(&settings.state)?;
        let lock = private::lock(&settings.state)?;
        let state = State::read(&settings.state)?;
        if state.identity.place() != IdentityPlace::File {
            return Err(TokenError::IdentityPlace);
        }
        let vault = KmsVault::open(&settings.kms).map_err(VaultError::from)?;
        if vault.serial() != state.serial {
            return Err(TokenError::OtherToken {
                expected: state.serial.clone(),
            });
        }
        for kept in state.keys.iter().filter(|kept| !kept.is_over(state.oldest)) {
            vault.check(kept.name.epoch)?;
        }
        let token = Self::new(vault, settings.party, settings.state, state, lock);
        token.destroy_retired(&mut token.state())?;
        token.destroy_older(&mut token.state())?;
        Ok(token)
    }

    /// Looks at the keys and the file without changing either, also while a custodian uses them.
    ///
    /// # Errors
    /// If the file cannot be read, or KMS cannot be asked.
    pub fn status(settings: &KmsTokenSettings, epoch: u32) -> Result<KeeperStatus, TokenError> {
        private::check(&settings.state)?;
        let state = State::read(&settings.state)?;
        let vault = KmsVault::open(&settings.kms).map_err(VaultError::from)?;
        let newest = state.keys.iter().map(|kept| kept.name.epoch).max();
        let findings = vault.probe(newest.unwrap_or(epoch))?;
        Ok(state.status(findings, epoch))
    }
}

//! Bringing a backup back: into an empty token, with leases that were never given out [BAK-3].

use std::path::Path;

use boop_wire::{NetworkId, PartyIndex};

use crate::backup::file::Backup;
use crate::backup::share::{Share, ShareError};
use crate::backup::signed::SignedError;
use crate::register::{Register, RegisterError};
use crate::token::{KeyCheck, Pkcs11Vault, StoredKey, Vault, VaultError};

/// By how much a restored lease is above the one in the backup: more than a custodian releases in
/// two hundred years at 30 a minute, so that none given out since the backup comes again.
pub const LEASE_MARGIN: u64 = 1 << 32;

/// What is to be restored, and where.
#[derive(Debug)]
pub struct RestorePlan<'a> {
    /// The backup file.
    pub file: &'a [u8],
    /// The key of the custodian that made it, as the manifest names it.
    pub custodian: [u8; 32],
    /// The network.
    pub network: NetworkId,
    /// The party.
    pub party: PartyIndex,
    /// The shares that there are.
    pub shares: &'a [Share],
    /// The empty token.
    pub vault: &'a Pkcs11Vault,
    /// Where the register goes; there must be no file yet.
    pub register: &'a Path,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The data keys, in order of epoch.
    pub keys: Vec<RestoredKey>,
    /// The register.
    pub register: Register,
    /// When the backup was made.
    pub made_at_ms: u64,
}

/// One data key in its new token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoredKey {
    /// The epoch.
    pub epoch: u32,
    /// The key as the new token wrapped it.
    pub stored: StoredKey,
    /// What both tokens say it is known by.
    pub check: KeyCheck,
}

/// Why nothing was restored. The token is empty as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The file is not one that the custodian signed.
    #[error("the backup")]
    File(#[from] SignedError),
    /// It is of another network.
    #[error("the backup is of another network")]
    OtherNetwork,
    /// It is of another party.
    #[error("the backup is of party {found}")]
    OtherParty {
        /// Of which.
        found: PartyIndex,
    },
    /// The shares do not put the backup key together.
    #[error(transparent)]
    Shares(#[from] ShareError),
    /// There are keys in the token.
    #[error("the token is not empty: it holds {keys} secret keys")]
    NotEmpty {
        /// How many.
        keys: usize,
    },
    /// There is a register already.
    #[error("there is a register already, and its leases must not be lost")]
    RegisterExists,
    /// The token unwraps another key than was backed up, or none.
    #[error("the data key of epoch {epoch} is not the one that was backed up")]
    KeyCheck {
        /// The epoch.
        epoch: u32,
    },
    /// A lease is so high that no margin is left.
    #[error("the leases are at their end")]
    Leases,
    /// The token failed.
    #[error("the token")]
    Vault(#[from] VaultError),
    /// The register failed.
    #[error("the register")]
    Register(#[from] RegisterError),
}

/// Restores a backup.
///
/// # Errors
/// If anything is not as it should be; then nothing is restored.
pub fn restore(plan: &RestorePlan<'_>) -> Result<Restored, RestoreError> {
    let backup = Backup::open(plan.file, &plan.custodian)?;
    if backup.key.network != plan.network {
        return Err(RestoreError::OtherNetwork);
    }
    if backup.key.party != plan.party {
        let found = backup.key.party;
        return Err(RestoreError::OtherParty { found });
    }
    if plan.register.exists() {
        return Err(RestoreError::RegisterExists);
    }
    let secret = backup.key.combine(plan.shares)?;
    let held = plan.vault.keys_held()?;
    if held > 0 {
        return Err(RestoreError::NotEmpty { keys: held });
    }
    let mut epochs = backup.register.clone();
    for entry in epochs.values_mut() {
        let later = entry.lease.checked_add(LEASE_MARGIN);
        entry.lease = later.ok_or(RestoreError::Leases)?;
    }
    let mut keys = Vec::new();
    let restored = (|| {
        for backed_up in &backup.keys {
            let epoch = backed_up.epoch;
            let name = backup.key.name(epoch);
            let wrapping = backed_up.wrapping_key(&backup.key, &secret);
            let wrapping = wrapping.ok_or(RestoreError::KeyCheck { epoch })?;
            let wrapped = backed_up.wrapped();
            let imported = plan.vault.import(&name, &wrapping, &wrapped);
            let (stored, check) = match imported {
                Ok(imported) => imported,
                Err(VaultError::StoredKey) => return Err(RestoreError::KeyCheck { epoch }),
                Err(error) => return Err(error.into()),
            };
            keys.push(RestoredKey {
                epoch,
                stored,
                check,
            });
            if check != backed_up.check {
                return Err(RestoreError::KeyCheck { epoch });
            }
        }
        Ok(Register::create(plan.register, epochs)?)
    })();
    match restored {
        Ok(register) => Ok(Restored {
            keys,
            register,
            made_at_ms: backup.made_at_ms,
        }),
        Err(error) => {
            for key in keys {
                // What stays is found by the next try, which then says that the token is not empty.
                let _ = plan.vault.destroy(&backup.key.name(key.epoch));
            }
            Err(error)
        }
    }
}

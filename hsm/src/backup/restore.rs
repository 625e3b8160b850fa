//! Bringing a backup back: into an empty token, with leases that were never given out [BAK-3].

use std::path::Path;

use boop_wire::{NetworkId, PartyIndex};

use crate::backup::file::{BackedUpKey, Backup};
use crate::backup::share::{BackupSecret, Share, ShareError};
use crate::backup::signed::SignedError;
use crate::register::{Register, RegisterError};
use crate::token::{
    KeyCheck, Pkcs11Token, Pkcs11TokenSettings, RestoringToken, TokenError, VaultError,
};

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
    /// The shares that there are.
    pub shares: &'a [Share],
    /// The empty token of the party. There must be no file beside it yet.
    pub token: &'a Pkcs11TokenSettings,
    /// The epoch under which the custodian counts its leases.
    pub lease_epoch: u32,
    /// Where the register goes; there must be no file yet.
    pub register: &'a Path,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The token, with an identity of its own.
    pub token: Pkcs11Token,
    /// What came out of the backup.
    pub brought_in: BroughtIn,
}

/// What came out of a backup.
#[derive(Debug)]
pub struct BroughtIn {
    /// The data keys, in order of epoch.
    pub keys: Vec<RestoredKey>,
    /// The register.
    pub register: Register,
    /// The lease that the next one comes after.
    pub lease: u64,
    /// When the backup was made.
    pub made_at_ms: u64,
}

/// One data key in its new token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoredKey {
    /// The epoch.
    pub epoch: u32,
    /// What both tokens say it is known by.
    pub check: KeyCheck,
}

/// Why nothing was restored. The token is empty as before, or serves nobody until a restore is
/// run again.
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
    /// The token failed, or is not empty.
    #[error("the token")]
    Token(#[from] TokenError),
    /// The register failed.
    #[error("the register")]
    Register(#[from] RegisterError),
}

/// Restores a backup: the token is one that serves when all of it is there, and not before.
///
/// # Errors
/// If anything is not as it should be; then nothing is restored.
pub fn restore(plan: &RestorePlan<'_>) -> Result<Restored, RestoreError> {
    let (token, brought_in) = restore_until_it_serves(plan)?;
    Ok(Restored {
        token: token.finish()?,
        brought_in,
    })
}

/// Does all but the last step.
pub(crate) fn restore_until_it_serves(
    plan: &RestorePlan<'_>,
) -> Result<(RestoringToken, BroughtIn), RestoreError> {
    let backup = Backup::open(plan.file, &plan.custodian)?;
    if backup.key.network != plan.network {
        return Err(RestoreError::OtherNetwork);
    }
    if backup.key.party != plan.token.party {
        let found = backup.key.party;
        return Err(RestoreError::OtherParty { found });
    }
    let lease = backup.lease.checked_add(LEASE_MARGIN);
    let lease = lease.ok_or(RestoreError::Leases)?;
    let mut epochs = backup.register.clone();
    for entry in epochs.values_mut() {
        entry.lease = lease;
    }
    if !Register::may_restore(plan.register, &epochs)? {
        return Err(RestoreError::RegisterExists);
    }
    let secret = backup.key.combine(plan.shares)?;
    let names = backup.keys.iter().map(|key| backup.key.name(key.epoch));
    let counter = (plan.lease_epoch, lease);
    let token = plan.token.clone();
    let token = RestoringToken::begin(token, names.collect(), counter, backup.oldest)?;
    let brought_in = bring_in(&backup, &secret, &token, plan.now_ms).and_then(|keys| {
        // Before the token serves: without it an old store would open.
        let register = Register::restore(plan.register, epochs)?;
        Ok(BroughtIn {
            keys,
            register,
            lease,
            made_at_ms: backup.made_at_ms,
        })
    });
    match brought_in {
        Ok(brought_in) => Ok((token, brought_in)),
        Err(error) => {
            token.give_up();
            Err(error)
        }
    }
}

fn bring_in(
    backup: &Backup,
    secret: &BackupSecret,
    token: &RestoringToken,
    now_ms: u64,
) -> Result<Vec<RestoredKey>, RestoreError> {
    let bring_in = |key: &BackedUpKey| {
        let epoch = key.epoch;
        let other = RestoreError::KeyCheck { epoch };
        let Some(wrapping) = key.wrapping_key(&backup.key, secret) else {
            return Err(other);
        };
        let name = backup.key.name(epoch);
        let imported = token.import(name, &wrapping, &key.wrapped(), key.made_at_ms, now_ms);
        match imported {
            Ok(check) if check == key.check => Ok(RestoredKey { epoch, check }),
            Ok(_) | Err(TokenError::Vault(VaultError::StoredKey)) => Err(other),
            Err(error) => Err(error.into()),
        }
    };
    backup.keys.iter().map(bring_in).collect()
}

//! What a custodian asks of the thing that holds its keys.

mod file;
mod keeper;
mod kms;
mod leases;
mod pin;
mod pkcs11;
mod private;
mod vault;

use std::io::ErrorKind;

use boop_channel::seal::SealError;
use boop_channel::setup::WrappedKey;
use boop_wire::release::{ReleaseContext, WrapMechanism};
use boop_wire::session::Signature;

pub use file::FileToken;
pub use keeper::{
    IdentityPlace, Keeper, KeeperStatus, KeyFacts, KmsToken, KmsTokenSettings, Pkcs11Token,
    Pkcs11TokenSettings,
};
pub(crate) use keeper::{KEYS_MAX, KeyInBackup, RestoringToken};
pub use kms::{CredentialsError, KmsError, KmsSettings};
pub use pin::PinError;
pub use pkcs11::{
    ApproveError, ApproverToken, Capability, Finding, Findings, KeyCheck, Pkcs11Settings,
    Pkcs11Vault, TokenFacts, make_drill_token,
};
pub use vault::{KeyName, Recipient, StoredKey, Vault, VaultError};

/// Holds a party's key-encryption key, the custodian's signing key and the lease counters. A data
/// key leaves it wrapped to a setup key and in no other form.
pub trait Token: Send + Sync {
    /// Returns the Ed25519 key that the manifest names as this custodian.
    fn public_key(&self) -> [u8; 32];

    /// Counts the changes of the register that goes with this token [KEY-9].
    fn mark(&self) -> u64;

    /// Notes durably how many changes of the register there were.
    ///
    /// # Errors
    /// If it cannot be written.
    fn note_mark(&self, mark: u64) -> Result<(), TokenError>;

    /// Raises the lease of `epoch` by one and returns it when it is durable.
    ///
    /// # Errors
    /// If the counter cannot be raised; no key may be released then.
    fn raise_lease(&self, epoch: u32) -> Result<u64, TokenError>;

    /// Returns how it wraps to a setup key.
    fn mechanism(&self) -> WrapMechanism;

    /// Makes the data key of a store durable, if the token makes keys and has none for it.
    ///
    /// # Errors
    /// If the token fails.
    fn prepare(&self, name: &KeyName, now_ms: u64) -> Result<(), TokenError>;

    /// Wraps the data key of `epoch` to the key of `recipient`, for `context` alone.
    ///
    /// # Errors
    /// If the setup key is not valid or the token fails.
    fn wrap_data_key(
        &self,
        epoch: u32,
        recipient: &Recipient<'_>,
        context: &ReleaseContext,
    ) -> Result<WrappedKey, TokenError>;

    /// Returns the oldest epoch whose key is not destroyed.
    fn oldest_epoch(&self) -> u32;

    /// Destroys the keys of all epochs before this one, and returns when that is durable.
    ///
    /// # Errors
    /// If the token fails; the keys may be there then.
    fn destroy_before(&self, epoch: u32) -> Result<(), TokenError>;

    /// Signs bytes that carry their domain.
    ///
    /// # Errors
    /// If the token fails.
    fn sign(&self, bytes: &[u8]) -> Result<Signature, TokenError>;
}

/// Why a token cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is a token already, and its keys must not be lost.
    #[error("there is a token already")]
    Exists,
    /// There is no token.
    #[error("there is no token; `boop-custodian init` makes one")]
    Missing,
    /// A restore ended before its time; what is there may not be used.
    #[error("a restore into this token was cut short; run it again")]
    Restoring,
    /// There are keys in a token that a backup is to be brought into.
    #[error("the token is not empty: it holds {keys} secret keys")]
    NotEmpty {
        /// How many.
        keys: usize,
    },
    /// Others than the owner may read or write the token.
    #[error("the token has mode {mode:03o}; only its owner may have access (600)")]
    LoosePermissions {
        /// The mode bits found.
        mode: u32,
    },
    /// The content is not a token's.
    #[error("the token is damaged")]
    Damaged,
    /// Another process uses the token, and two would give out the same lease.
    #[error("another process uses the token")]
    InUse,
    /// The lease counter is at its end.
    #[error("the lease counter is at its end")]
    LeasesExhausted,
    /// The token holds counters for as many epochs as it can.
    #[error("the token has counters for no more epochs")]
    EpochsExhausted,
    /// The key of this epoch is destroyed.
    #[error("the key of epoch {epoch} is destroyed")]
    Destroyed {
        /// The epoch.
        epoch: u32,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Random,
    /// The setup key is of another kind than the token wraps to.
    #[error("the setup key is of another kind")]
    SetupKind,
    /// The setup key is not valid.
    #[error("the data key cannot be wrapped to this setup key")]
    Seal(#[from] SealError),
    /// The file is of another token.
    #[error("the file is of the token with serial `{expected}`, and this is another")]
    OtherToken {
        /// The serial number on record.
        expected: String,
    },
    /// The signing key is elsewhere than the configuration says.
    #[error("the signing key is elsewhere than the configuration says")]
    IdentityPlace,
    /// The vault does not do it.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file cannot be read or written.
    #[error("the token cannot be read or written: {0}")]
    Io(ErrorKind),
}

impl From<std::io::Error> for TokenError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

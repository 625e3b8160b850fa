//! A vault: a token that makes keys and never shows one.

use std::path::PathBuf;

use boop_wire::codec::{domain_digest, to_canonical};
use boop_wire::release::ReleaseContext;
use boop_wire::{Digest, NetworkId, PartyIndex};
use cryptoki::error::RvError;
use minicbor::{Decode, Encode};

use crate::token::kms::KmsError;
use crate::token::pin::PinError;
use crate::token::pkcs11::Capability;
use boop_channel::setup::{SetupPublic, WrappedKey};
use boop_wire::release::WrapMechanism;

/// Holds the key-encryption keys of a party. Keys are made in it; a data key leaves it wrapped,
/// by the token itself, under a key-encryption key or to a setup key, and in no other form.
pub trait Vault: Send + Sync {
    /// Returns how it wraps to a setup key.
    fn mechanism(&self) -> WrapMechanism;

    /// Makes the key-encryption key and a data key of `name`, and returns the data key wrapped by
    /// the former. A sound key-encryption key of this name that is there already, left by a call
    /// that was cut short, is used: what it may have wrapped stays what it was.
    ///
    /// # Errors
    /// If the key that is there is not sound or there are several, or the token fails.
    fn create(&self, name: &KeyName) -> Result<StoredKey, VaultError>;

    /// Wraps the data key of `name` to the key of a recipient, for `context` alone.
    ///
    /// # Errors
    /// If there is no such key, the stored one is not of it, the recipient's key is of another kind
    /// than the mechanism's, or the vault fails.
    fn release(
        &self,
        name: &KeyName,
        stored: &StoredKey,
        recipient: &Recipient<'_>,
        context: &ReleaseContext,
    ) -> Result<WrappedKey, VaultError>;

    /// Wraps the data key of `from` by the key-encryption key of `to`, which is made unless there
    /// is a sound one, and returns it. Both key-encryption keys are there afterwards.
    ///
    /// # Errors
    /// If there is no key of `from`, the stored one is not of it, or the token fails.
    fn rewrap(
        &self,
        from: &KeyName,
        stored: &StoredKey,
        to: &KeyName,
    ) -> Result<StoredKey, VaultError>;

    /// Destroys the key-encryption key of `name`: what it wrapped is lost for good.
    ///
    /// # Errors
    /// If there is no such key, or the token fails.
    fn destroy(&self, name: &KeyName) -> Result<(), VaultError>;

    /// Signs with the key of a party's custodian that the vault holds.
    ///
    /// # Errors
    /// If there is no such key, or the vault fails.
    fn sign(&self, party: PartyIndex, bytes: &[u8]) -> Result<[u8; 64], VaultError>;
}

/// To whom a data key is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// The setup key.
    pub setup: &'a SetupPublic,
    /// The evidence that names it, as the hardware signed it; AWS KMS judges it too.
    pub evidence: &'a [u8],
}

impl<'a> Recipient<'a> {
    /// Names a recipient to a token that reads no evidence.
    pub const fn by_key(setup: &'a SetupPublic) -> Self {
        Self {
            setup,
            evidence: &[],
        }
    }
}

/// Names a key-encryption key and the one data key under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct KeyName {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The party whose key it is.
    #[n(1)]
    pub party: PartyIndex,
    /// The epoch of its store.
    #[n(2)]
    pub epoch: u32,
    /// How often the key-encryption key was replaced.
    #[n(3)]
    pub generation: u32,
}

impl KeyName {
    /// Names the first key of a store.
    pub const fn first(network: NetworkId, party: PartyIndex, epoch: u32) -> Self {
        Self {
            network,
            party,
            epoch,
            generation: 0,
        }
    }

    /// Tells whether both are of one store, of whatever generation.
    pub fn is_of_store(&self, other: &Self) -> bool {
        let store = |name: &Self| (name.network, name.party, name.epoch);
        store(self) == store(other)
    }

    /// Returns what the token knows the key by.
    pub fn id(&self) -> Digest {
        domain_digest("key-encryption-key", &to_canonical(self))
    }
}

/// A data key at rest: wrapped by its key-encryption key, with PKCS#11 as RFC 3394 says, by AWS KMS
/// in its own form. Not a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey(pub Vec<u8>);

/// Why a vault does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no PKCS#11 module at this place, or what is there is none.
    #[error("no PKCS#11 module at {}", path.display())]
    Module {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The module is in use in this process already, and a login is common to the process.
    #[error("the PKCS#11 module is in use in this process already")]
    ModuleInUse,
    /// No slot has a token of this label.
    #[error("no token is labelled `{label}`")]
    NoToken {
        /// The label.
        label: String,
    },
    /// Several tokens have the label.
    #[error("several tokens are labelled `{label}`")]
    SeveralTokens {
        /// The label.
        label: String,
    },
    /// AWS KMS does not do it.
    #[error("AWS KMS: {0}")]
    Kms(#[from] KmsError),
    /// The token was there, and is gone.
    #[error("the token `{label}` was there and is gone")]
    TokenGone {
        /// The label.
        label: String,
    },
    /// The file does not give a PIN.
    #[error("no PIN")]
    Pin(#[from] PinError),
    /// The token refused the PIN. It is not tried again: tokens lock themselves.
    #[error("the token refused the PIN; it is not tried again")]
    WrongPin,
    /// The last login of somebody failed, or one more failure locks the token: not tried.
    #[error("a wrong PIN was given to the token before; not tried without an operator's word")]
    PinDoubted,
    /// The token is locked.
    #[error("the token has locked its user's PIN")]
    PinLocked,
    /// The token has no PIN for its user yet.
    #[error("the token has no user PIN yet")]
    NoUserPin,
    /// The token wraps by none of the mechanisms that are wanted.
    #[error("the token offers no mechanism to release a key by")]
    NoMechanism,
    /// The token lacks what is asked of it.
    #[error("the token does not offer {}", .0.name())]
    NotOffered(Capability),
    /// The mechanism is one that needs an operator's word.
    #[error("{} is used with --danger-oaep-sha1 alone", .0.name())]
    Dangerous(WrapMechanism),
    /// The custodian's signing key in the token is not what it should be.
    #[error("the custodian's signing key in the token: {0}")]
    Identity(&'static str),
    /// The setup key is of another kind than the mechanism in use.
    #[error("the setup key is not of the kind that {} needs", .0.name())]
    SetupKind(WrapMechanism),
    /// There is no key-encryption key of this name.
    #[error("the token has no key-encryption key for epoch {epoch}")]
    NoKey {
        /// The epoch.
        epoch: u32,
    },
    /// There is a key-encryption key of this name, or there are several.
    #[error("the token has a key-encryption key for epoch {epoch} already")]
    KeyExists {
        /// The epoch.
        epoch: u32,
    },
    /// The key-encryption key could leave the token, or do more than wrap.
    #[error("the key-encryption key for epoch {epoch} is not sound: {attribute}")]
    UnsoundKey {
        /// The epoch.
        epoch: u32,
        /// What is wrong with it.
        attribute: &'static str,
    },
    /// The stored key is damaged, or was wrapped by another key.
    #[error("the stored key is damaged, or of another key-encryption key")]
    StoredKey,
    /// The session ended under our hands.
    #[error("the session with the token was lost: {0:?}")]
    SessionLost(RvError),
    /// The token fails in another way.
    #[error("{call} failed: {code:?}")]
    Call {
        /// The function of PKCS#11.
        call: String,
        /// What it answered.
        code: RvError,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Random,
    /// The module answers what PKCS#11 does not allow.
    #[error("the module does not keep to PKCS#11: {0}")]
    Protocol(String),
}

//! A custodian's token behind PKCS#11: key-encryption keys in the token, and beside it a file with
//! what the token does not hold.
//!
//! ```text
//!  token   KEK of (network, party, epoch, generation); the identity, if it has Ed25519
//!  file    leases; data keys wrapped by their KEK; the identity, if the token has no Ed25519
//! ```
//!
//! The file is no secret but for an identity in it. A data key is made when it is first released,
//! and is on disk before. A key-encryption key without a data key on record, left by a crash in
//! between, is used; nothing that may have wrapped something is ever destroyed but by rotation,
//! after the data keys under it are on disk under its successor, and when its epoch is over.

mod backup;
mod restoring;
mod state;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use boop_channel::setup::{SetupPublic, WrappedKey};
use boop_channel::verify_signature;
use boop_wire::PartyIndex;
use boop_wire::release::{ReleaseContext, WrapMechanism};
use boop_wire::session::Signature;
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::token::leases::Leases;
use crate::token::{
    Findings, KeyName, Pkcs11Settings, Pkcs11Vault, Token, TokenError, Vault, VaultError, private,
};
use state::{Identity, Kept, State};

pub(crate) use backup::KeyInBackup;
pub(crate) use restoring::RestoringToken;
pub(crate) use state::KEYS_MAX;

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

/// Where a custodian's signing key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityPlace {
    /// In the token, which must have Ed25519.
    Token,
    /// In the file beside the token: whoever can read it can sign as the custodian.
    File,
}

/// A data key on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFacts {
    /// Of which store, and the generation of its key-encryption key.
    pub name: KeyName,
    /// When the data key was made.
    pub made_at_ms: u64,
    /// When its key-encryption key was made.
    pub kek_made_at_ms: u64,
}

/// What is known of a token and the file beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Status {
    /// What the token can do.
    pub findings: Findings,
    /// The key that the manifest names.
    pub public_key: [u8; 32],
    /// Where its private half is.
    pub identity: IdentityPlace,
    /// The last lease of the epoch asked for.
    pub lease: Option<u64>,
    /// The data keys.
    pub keys: Vec<KeyFacts>,
}

/// A token behind a PKCS#11 module, with its file.
#[derive(Debug)]
pub struct Pkcs11Token {
    settings: Pkcs11TokenSettings,
    vault: Pkcs11Vault,
    public: [u8; 32],
    state: Mutex<State>,
    /// Held for as long as the token is in use; the file itself is replaced.
    _lock: File,
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
        Ok(Self::new(settings, vault, state, lock))
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
        let token = Self::new(settings, vault, state, lock);
        token.destroy_retired(&mut token.state())?;
        token.destroy_older(&mut token.state())?;
        Ok(token)
    }

    /// Looks at a token and its file without changing either, also while a custodian uses them.
    ///
    /// # Errors
    /// If the file cannot be read, or the token does not let us in.
    pub fn status(settings: &Pkcs11TokenSettings, epoch: u32) -> Result<Pkcs11Status, TokenError> {
        private::check(&settings.state)?;
        let state = State::read(&settings.state)?;
        let keys = state.keys.iter().map(|kept| KeyFacts {
            name: kept.name,
            made_at_ms: kept.made_at_ms,
            kek_made_at_ms: kept.kek_made_at_ms,
        });
        Ok(Pkcs11Status {
            findings: Pkcs11Vault::probe(&settings.pkcs11)?,
            public_key: state.identity.public(),
            identity: state.identity.place(),
            lease: state.leases.last(epoch),
            keys: keys.collect(),
        })
    }

    /// Returns whose custodian it is.
    pub const fn party(&self) -> PartyIndex {
        self.settings.party
    }

    /// Gives every data key a new key-encryption key, and destroys the old ones. A crash at any
    /// point leaves each data key under a key that exists; the rest is made good at the next
    /// start or rotation. Returns how many there were.
    ///
    /// # Errors
    /// If the token or the file fails.
    pub fn rotate(&self, now_ms: u64) -> Result<usize, TokenError> {
        let keys = self.rewrap_all(now_ms)?;
        self.destroy_retired(&mut self.state())?;
        Ok(keys)
    }

    /// Stops before the old keys are destroyed, for the test of a crash there.
    #[cfg(test)]
    pub(crate) fn rotate_until_destruction(&self, now_ms: u64) -> Result<usize, TokenError> {
        self.rewrap_all(now_ms)
    }

    fn rewrap_all(&self, now_ms: u64) -> Result<usize, TokenError> {
        let mut state = self.state();
        self.destroy_retired(&mut state)?;
        for place in 0..state.keys.len() {
            let kept = &state.keys[place];
            let old = kept.name;
            let generation = old.generation.checked_add(1);
            let new = KeyName {
                generation: generation.ok_or(TokenError::EpochsExhausted)?,
                ..old
            };
            let stored = self.vault.rewrap(&old, &kept.stored(), &new)?;
            let kept = Kept {
                name: new,
                stored: stored.0,
                made_at_ms: kept.made_at_ms,
                kek_made_at_ms: now_ms,
                retired: Some(old.generation),
            };
            self.change(&mut state, |state| state.keys[place] = kept)?;
        }
        Ok(state.keys.len())
    }

    fn new(settings: Pkcs11TokenSettings, vault: Pkcs11Vault, state: State, lock: File) -> Self {
        Self {
            settings,
            vault,
            public: state.identity.public(),
            state: Mutex::new(state),
            _lock: lock,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state on disk, and then here.
    fn change<R>(
        &self,
        state: &mut State,
        change: impl FnOnce(&mut State) -> R,
    ) -> Result<R, TokenError> {
        let mut changed = state.clone();
        let result = change(&mut changed);
        changed.write(&self.settings.state)?;
        *state = changed;
        Ok(result)
    }

    fn destroy_retired(&self, state: &mut State) -> Result<(), TokenError> {
        for place in 0..state.keys.len() {
            let Some(generation) = state.keys[place].retired else {
                continue;
            };
            let name = KeyName {
                generation,
                ..state.keys[place].name
            };
            self.destroy(&name)?;
            self.change(state, |state| state.keys[place].retired = None)?;
        }
        Ok(())
    }

    /// Destroys the keys of epochs that are over.
    fn destroy_older(&self, state: &mut State) -> Result<(), TokenError> {
        while let Some(place) = state
            .keys
            .iter()
            .position(|kept| kept.is_over(state.oldest))
        {
            let kept = &state.keys[place];
            let current = kept.name.generation;
            // A rotation that was cut short may have left a successor.
            let generations = [Some(current), kept.retired, current.checked_add(1)];
            for generation in generations.into_iter().flatten() {
                self.destroy(&KeyName {
                    generation,
                    ..kept.name
                })?;
            }
            self.change(state, |state| state.keys.remove(place))?;
        }
        Ok(())
    }

    /// Destroys a key-encryption key, if it is there.
    fn destroy(&self, name: &KeyName) -> Result<(), TokenError> {
        match self.vault.destroy(name) {
            Ok(()) | Err(VaultError::NoKey { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn note_oldest(&self, epoch: u32) -> Result<MutexGuard<'_, State>, TokenError> {
        let mut state = self.state();
        if epoch > state.oldest {
            self.change(&mut state, |state| state.oldest = epoch)?;
        }
        Ok(state)
    }

    /// Stops before the keys are destroyed, for the test of a crash there.
    #[cfg(test)]
    pub(crate) fn destroy_before_until_destruction(&self, epoch: u32) -> Result<(), TokenError> {
        self.note_oldest(epoch).map(drop)
    }
}

impl Token for Pkcs11Token {
    fn public_key(&self) -> [u8; 32] {
        self.public
    }

    fn mark(&self) -> u64 {
        self.state().mark
    }

    fn note_mark(&self, mark: u64) -> Result<(), TokenError> {
        let mut state = self.state();
        self.change(&mut state, |state| state.mark = mark)
    }

    fn raise_lease(&self, epoch: u32) -> Result<u64, TokenError> {
        let mut state = self.state();
        let mut leases = state.leases.clone();
        let lease = leases.raise(epoch)?;
        self.change(&mut state, |state| state.leases = leases)?;
        Ok(lease)
    }

    fn mechanism(&self) -> WrapMechanism {
        self.settings.mechanism
    }

    fn prepare(&self, name: &KeyName, now_ms: u64) -> Result<(), TokenError> {
        let mut state = self.state();
        let epoch = name.epoch;
        if epoch < state.oldest {
            return Err(TokenError::Destroyed { epoch });
        }
        if state.key(name).is_some() {
            return Ok(());
        }
        if state.keys.len() >= KEYS_MAX {
            return Err(TokenError::EpochsExhausted);
        }
        let kept = Kept {
            name: *name,
            stored: self.vault.create(name)?.0,
            made_at_ms: now_ms,
            kek_made_at_ms: now_ms,
            retired: None,
        };
        self.change(&mut state, |state| state.keys.push(kept))
    }

    fn wrap_data_key(
        &self,
        epoch: u32,
        setup: &SetupPublic,
        context: &ReleaseContext,
    ) -> Result<WrappedKey, TokenError> {
        let name = KeyName::first(context.network, context.party, epoch);
        let state = self.state();
        if epoch < state.oldest {
            return Err(TokenError::Destroyed { epoch });
        }
        let kept = state.key(&name).ok_or(VaultError::NoKey { epoch })?;
        let released = self
            .vault
            .release(&kept.name, &kept.stored(), setup, context);
        released.map_err(|error| match error {
            VaultError::SetupKind(_) => TokenError::SetupKind,
            error => error.into(),
        })
    }

    fn oldest_epoch(&self) -> u32 {
        self.state().oldest
    }

    /// No key of an older epoch is released from the moment that this is on record; if the token
    /// fails then, the keys are destroyed at the next call or start.
    fn destroy_before(&self, epoch: u32) -> Result<(), TokenError> {
        self.destroy_older(&mut *self.note_oldest(epoch)?)
    }

    fn sign(&self, bytes: &[u8]) -> Result<Signature, TokenError> {
        let signature = match &self.state().identity {
            Identity::Token { .. } => self.vault.sign(self.settings.party, bytes)?,
            Identity::File { seed } => SigningKey::from_bytes(seed).sign(bytes).to_bytes(),
        };
        let signature = Signature(signature);
        if !verify_signature(&self.public, bytes, &signature) {
            let what = String::from("its signature does not verify");
            return Err(VaultError::Protocol(what).into());
        }
        Ok(signature)
    }
}

impl Identity {
    /// Makes the signing key; one that is in the token already is used.
    fn make(settings: &Pkcs11TokenSettings, vault: &Pkcs11Vault) -> Result<Self, TokenError> {
        Ok(match settings.identity {
            IdentityPlace::Token => Self::Token {
                public: vault.make_identity(settings.party)?,
            },
            IdentityPlace::File => {
                let mut seed = Zeroizing::new([0; 32]);
                getrandom::fill(&mut *seed).map_err(|_| TokenError::Random)?;
                Self::File { seed: *seed }
            }
        })
    }

    fn public(&self) -> [u8; 32] {
        match self {
            Self::Token { public } => *public,
            Self::File { seed } => SigningKey::from_bytes(seed).verifying_key().to_bytes(),
        }
    }

    const fn place(&self) -> IdentityPlace {
        match self {
            Self::Token { .. } => IdentityPlace::Token,
            Self::File { .. } => IdentityPlace::File,
        }
    }
}

//! A custodian's vault, a token behind PKCS#11 or AWS KMS, and beside it a file with what the vault
//! does not hold.
//!
//! ```text
//!  vault   KEK of (network, party, epoch, generation); the identity, if it has Ed25519
//!  file    leases; data keys wrapped by their KEK; the identity, if the token has no Ed25519
//! ```
//!
//! The file is no secret but for an identity in it. A data key is made when it is first released,
//! and is on disk before. A key-encryption key without a data key on record, left by a crash in
//! between, is used; nothing that may have wrapped something is ever destroyed but by rotation,
//! after the data keys under it are on disk under its successor, and when its epoch is over.

mod backup;
mod kms;
mod pkcs11;
mod restoring;
mod state;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use boop_channel::setup::WrappedKey;
use boop_channel::verify_signature;
use boop_wire::PartyIndex;
use boop_wire::release::{ReleaseContext, WrapMechanism};
use boop_wire::session::Signature;
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::token::{Findings, KeyName, Recipient, Token, TokenError, Vault, VaultError};
use state::{Identity, Kept, State};

pub(crate) use backup::KeyInBackup;
pub use kms::{KmsToken, KmsTokenSettings};
pub use pkcs11::{Pkcs11Token, Pkcs11TokenSettings};
pub(crate) use restoring::RestoringToken;
pub(crate) use state::KEYS_MAX;

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
pub struct KeeperStatus {
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

/// A vault, with its file.
#[derive(Debug)]
pub struct Keeper<V> {
    vault: V,
    party: PartyIndex,
    /// The file.
    path: PathBuf,
    public: [u8; 32],
    state: Mutex<State>,
    /// Held for as long as the token is in use; the file itself is replaced.
    _lock: File,
}

impl<V: Vault> Keeper<V> {
    /// Returns whose custodian it is.
    pub const fn party(&self) -> PartyIndex {
        self.party
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

    /// Takes a file whose lock is held, with the vault that goes with it.
    fn new(vault: V, party: PartyIndex, path: PathBuf, state: State, lock: File) -> Self {
        Self {
            vault,
            party,
            path,
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
        changed.write(&self.path)?;
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

impl<V: Vault> Token for Keeper<V> {
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
        self.vault.mechanism()
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
        recipient: &Recipient<'_>,
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
            .release(&kept.name, &kept.stored(), recipient, context);
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
            Identity::Token { .. } => self.vault.sign(self.party, bytes)?,
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

impl State {
    /// Returns what the file says, beside what was found of the vault.
    fn status(&self, findings: Findings, epoch: u32) -> KeeperStatus {
        let keys = self.keys.iter().map(|kept| KeyFacts {
            name: kept.name,
            made_at_ms: kept.made_at_ms,
            kek_made_at_ms: kept.kek_made_at_ms,
        });
        KeeperStatus {
            findings,
            public_key: self.identity.public(),
            identity: self.identity.place(),
            lease: self.leases.last(epoch),
            keys: keys.collect(),
        }
    }
}

impl Identity {
    /// Makes the signing key in a file.
    fn make_in_file() -> Result<Self, TokenError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| TokenError::Random)?;
        Ok(Self::File { seed: *seed })
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

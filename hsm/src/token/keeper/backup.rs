//! What is backed up of a token: its data keys, each wrapped by the token to a backup key.

use boop_channel::setup::{P256Point, WrappedKey};
use boop_wire::{Digest, NetworkId};

use crate::token::keeper::Pkcs11Token;
use crate::token::{KeyCheck, KeyName, TokenError, VaultError};

/// A data key, wrapped to a backup key.
#[derive(Debug)]
pub(crate) struct KeyInBackup {
    pub(crate) name: KeyName,
    pub(crate) made_at_ms: u64,
    pub(crate) wrapped: WrappedKey,
    pub(crate) check: KeyCheck,
}

impl Pkcs11Token {
    /// Wraps each data key of a network to a backup key, bound to what `context` says of its
    /// epoch where the token can. The keys are in order of epoch.
    pub(crate) fn back_up(
        &self,
        network: NetworkId,
        public: &P256Point,
        context: impl Fn(u32) -> Digest,
    ) -> Result<Vec<KeyInBackup>, TokenError> {
        let state = self.state();
        let ours = |name: &KeyName| {
            let first = KeyName::first(network, self.party, name.epoch);
            name.is_of_store(&first)
        };
        let mut keys: Vec<_> = state.keys.iter().filter(|kept| ours(&kept.name)).collect();
        keys.sort_by_key(|kept| kept.name.epoch);
        let back_up = keys.into_iter().map(|kept| {
            let name = kept.name;
            let context = context(name.epoch);
            let (wrapped, check) = self
                .vault
                .back_up(&name, &kept.stored(), public, &context)?;
            Ok(KeyInBackup {
                name,
                made_at_ms: kept.made_at_ms,
                wrapped,
                check,
            })
        });
        back_up.collect()
    }

    /// Returns the highest lease that the token ever gave out.
    pub(crate) fn highest_lease(&self) -> u64 {
        self.state().leases.highest()
    }

    /// Tells what the data key of a store is known by, of whatever generation its key-encryption
    /// key is.
    ///
    /// # Errors
    /// If there is no such key, or the token fails.
    pub fn check(&self, name: &KeyName) -> Result<KeyCheck, TokenError> {
        let state = self.state();
        let epoch = name.epoch;
        let kept = state.key(name).ok_or(VaultError::NoKey { epoch })?;
        Ok(self.vault.check(&kept.name, &kept.stored())?)
    }
}

//! What a vault does not hold: leases, wrapped data keys, and, where it has no Ed25519, the seed
//! of the identity.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use boop_wire::codec::{from_canonical_max, to_canonical};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use crate::durable;
use crate::token::leases::Leases;
use crate::token::{KeyName, StoredKey, TokenError};

/// First field of the file.
const FORMAT: u8 = 1;
/// Most data keys: one for each epoch that is not destroyed.
pub(crate) const KEYS_MAX: usize = 64;
/// Largest file, in bytes: the leases, and up to 600 bytes a key.
const STATE_BYTES_MAX: usize = 64 * 1024;

/// The content of the file.
#[derive(Debug, Clone, Encode, Decode)]
pub(super) struct State {
    #[n(0)]
    format: u8,
    /// Which token it belongs to.
    #[n(1)]
    pub(super) serial: String,
    #[n(2)]
    pub(super) identity: Identity,
    #[n(3)]
    pub(super) leases: Leases,
    #[n(4)]
    pub(super) keys: Vec<Kept>,
    /// The oldest epoch whose keys may be used; those of older ones are destroyed.
    #[n(5)]
    pub(super) oldest: u32,
    /// A backup is being brought in: nothing here may be used yet.
    #[n(6)]
    pub(super) restoring: bool,
    /// Counts the changes of the register.
    #[n(7)]
    pub(super) mark: u64,
}

/// Where the custodian's signing key is.
#[derive(Clone, Encode, Decode)]
pub(super) enum Identity {
    /// In the token, which knows it by the party.
    #[n(0)]
    Token {
        #[cbor(n(0), with = "minicbor::bytes")]
        public: [u8; 32],
    },
    /// In this file.
    #[n(1)]
    File {
        #[cbor(n(0), with = "minicbor::bytes")]
        seed: [u8; 32],
    },
}

/// A data key, wrapped by its key-encryption key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Kept {
    #[n(0)]
    pub(super) name: KeyName,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) stored: Vec<u8>,
    #[n(2)]
    pub(super) made_at_ms: u64,
    #[n(3)]
    pub(super) kek_made_at_ms: u64,
    /// The generation of a key-encryption key that is to be destroyed.
    #[n(4)]
    pub(super) retired: Option<u32>,
}

impl State {
    pub(super) const fn new(serial: String, identity: Identity, leases: Leases) -> Self {
        Self {
            format: FORMAT,
            serial,
            identity,
            leases,
            keys: Vec::new(),
            oldest: 0,
            restoring: false,
            mark: 0,
        }
    }

    /// Reads the file of a token that may be used.
    pub(super) fn read(path: &Path) -> Result<Self, TokenError> {
        let state = Self::read_any(path)?;
        if state.restoring {
            return Err(TokenError::Restoring);
        }
        Ok(state)
    }

    pub(super) fn read_any(path: &Path) -> Result<Self, TokenError> {
        // Room for everything at once, so that no copy is left behind by a growing vector.
        let mut bytes = Zeroizing::new(Vec::with_capacity(STATE_BYTES_MAX + 1));
        let limit = u64::try_from(STATE_BYTES_MAX + 1).unwrap_or(u64::MAX);
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        let state: Self =
            from_canonical_max(&bytes, STATE_BYTES_MAX).map_err(|_| TokenError::Damaged)?;
        if state.format != FORMAT || !state.leases.are_sound() || state.keys.len() > KEYS_MAX {
            return Err(TokenError::Damaged);
        }
        Ok(state)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), TokenError> {
        let bytes = Zeroizing::new(to_canonical(self));
        Ok(durable::replace(path, &bytes)?)
    }

    /// Returns the key of a network, party and epoch, of whatever generation.
    pub(super) fn key(&self, name: &KeyName) -> Option<&Kept> {
        self.keys.iter().find(|kept| kept.name.is_of_store(name))
    }
}

impl Kept {
    /// Tells whether the epoch of this key came before the oldest one.
    pub(super) const fn is_over(&self, oldest: u32) -> bool {
        self.name.epoch < oldest
    }

    pub(super) fn stored(&self) -> StoredKey {
        StoredKey(self.stored.clone())
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        match self {
            Self::Token { .. } => {}
            Self::File { seed } => seed.zeroize(),
        }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token { .. } => "Identity::Token",
            Self::File { .. } => "Identity::File([secret])",
        })
    }
}

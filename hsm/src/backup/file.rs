//! The backup file: data keys, each wrapped by the token to the backup key, and the register
//! [BAK-2].

use std::collections::BTreeMap;

use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use boop_wire::codec::digest_of;
use boop_wire::{Digest, NetworkId, PartyIndex};
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::backup::share::{BackupKey, BackupSecret, ShareError};
use crate::backup::signed::{SignedError, open_signed, sign};
use crate::backup::{BACKUP_PURPOSE, KEY_PURPOSE};
use crate::register::{Entry, Register};
use crate::token::{KeyCheck, KeyName, Pkcs11Vault, StoredKey, Token, TokenError, VaultError};
use boop_channel::setup::AES_WRAPPED_BYTES;
use boop_wire::release::WrapMechanism;

/// First field of the content.
const FORMAT: u8 = 1;
/// Most data keys in a file.
const KEYS_MAX: usize = 1024;
/// Length of one coordinate of P-256.
const COORDINATE_BYTES: usize = 32;

/// The content of a backup. It holds nothing in the clear that opens anything.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Backup {
    #[n(0)]
    format: u8,
    /// The backup key, with the network and the party.
    #[n(1)]
    pub key: BackupKey,
    /// When it was made, in milliseconds since 1970.
    #[n(2)]
    pub made_at_ms: u64,
    /// The data keys, in order of epoch.
    #[n(3)]
    pub keys: Vec<BackedUpKey>,
    /// What was on record of the party's store.
    #[n(4)]
    pub(crate) register: BTreeMap<u32, Entry>,
}

/// One data key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BackedUpKey {
    /// The epoch of the store it is for.
    #[n(0)]
    pub epoch: u32,
    /// How the token wrapped it.
    #[n(1)]
    pub mechanism: BackupMechanism,
    /// The token's ephemeral point of P-256, not compressed.
    #[cbor(n(2), with = "minicbor::bytes")]
    ephemeral: Vec<u8>,
    /// The data key under AES key wrap (RFC 3394).
    #[cbor(n(3), with = "minicbor::bytes")]
    wrapped: [u8; AES_WRAPPED_BYTES],
    /// What the token said it is known by.
    #[n(4)]
    pub check: KeyCheck,
}

/// How a token wraps to a backup key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum BackupMechanism {
    /// [`WrapMechanism::EcdhX963Sha256`].
    #[n(0)]
    EcdhX963Sha256,
    /// [`WrapMechanism::EcdhPlain`]; the context is bound by the custodian's signature alone.
    #[n(1)]
    EcdhPlain,
}

/// What a backup is made of.
#[derive(Debug)]
pub struct MakeBackup<'a> {
    /// The backup key's record, as [`KEY_PURPOSE`] signed it at the ceremony.
    pub key_file: &'a [u8],
    /// The network.
    pub network: NetworkId,
    /// The party.
    pub party: PartyIndex,
    /// The token.
    pub vault: &'a Pkcs11Vault,
    /// The data keys that it has.
    pub stored: &'a [(u32, StoredKey)],
    /// The register.
    pub register: &'a Register,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
}

/// Why there is no backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The backup key is not one that this custodian signed at a ceremony.
    #[error("the backup key")]
    Key(#[from] SignedError),
    /// It is of another network.
    #[error("the backup key is of another network")]
    OtherNetwork,
    /// It is of another party.
    #[error("the backup key is of party {found}")]
    OtherParty {
        /// Of which.
        found: PartyIndex,
    },
    /// Its record is damaged.
    #[error(transparent)]
    Record(#[from] ShareError),
    /// There is nothing to back up.
    #[error("there is no data key to back up")]
    Nothing,
    /// There are more keys than a file holds.
    #[error("more than 1024 data keys")]
    TooMany,
    /// The key-holding token failed.
    #[error("the token wrapped no key")]
    Vault(#[from] VaultError),
    /// The signing token failed.
    #[error("the token signed nothing")]
    Token(#[from] TokenError),
}

impl MakeBackup<'_> {
    /// Makes the file and has `signer` sign it.
    ///
    /// # Errors
    /// If the backup key is not this custodian's, or a token fails.
    pub fn make(&self, signer: &dyn Token) -> Result<(Backup, Vec<u8>), BackupError> {
        let key: BackupKey = open_signed(KEY_PURPOSE, self.key_file, &signer.public_key())?;
        if key.network != self.network {
            return Err(BackupError::OtherNetwork);
        }
        if key.party != self.party {
            return Err(BackupError::OtherParty { found: key.party });
        }
        if self.stored.is_empty() {
            return Err(BackupError::Nothing);
        }
        if self.stored.len() > KEYS_MAX {
            return Err(BackupError::TooMany);
        }
        let public = key.public()?;
        let by_epoch: BTreeMap<_, _> = self.stored.iter().copied().collect();
        let mut keys = Vec::new();
        for (epoch, stored) in by_epoch {
            let name = key.name(epoch);
            let context = context(&key, epoch);
            let (wrapped, check) = self.vault.back_up(&name, &stored, &public, &context)?;
            let not_ours = |what| VaultError::Protocol(String::from(what));
            keys.push(BackedUpKey {
                epoch,
                mechanism: BackupMechanism::of(wrapped.mechanism)
                    .ok_or_else(|| not_ours("a key is wrapped in another way"))?,
                ephemeral: wrapped.ephemeral,
                wrapped: wrapped
                    .ciphertext
                    .try_into()
                    .map_err(|_| not_ours("a wrapped key is not of 40 bytes"))?,
                check,
            });
        }
        let backup = Backup {
            format: FORMAT,
            key,
            made_at_ms: self.now_ms,
            keys,
            register: self.register.snapshot(),
        };
        let file = sign(BACKUP_PURPOSE, &backup, signer)?;
        Ok((backup, file))
    }
}

impl Backup {
    /// Opens a backup that the custodian with this key signed.
    ///
    /// # Errors
    /// If it did not, or the content is not a backup.
    pub fn open(file: &[u8], custodian: &[u8; 32]) -> Result<Self, SignedError> {
        let backup: Self = open_signed(BACKUP_PURPOSE, file, custodian)?;
        let ordered = backup.keys.is_sorted_by(|a, b| a.epoch < b.epoch);
        if backup.format != FORMAT || !ordered || backup.keys.len() > KEYS_MAX {
            return Err(SignedError::Malformed(
                boop_wire::codec::CodecError::Malformed,
            ));
        }
        Ok(backup)
    }

    /// Returns the newest lease on record, by epoch.
    pub fn leases(&self) -> impl Iterator<Item = (u32, u64)> {
        self.register
            .iter()
            .map(|(epoch, entry)| (*epoch, entry.lease))
    }

    /// Returns the version of the newest head on record, by epoch.
    pub fn heads(&self) -> impl Iterator<Item = (u32, Option<u64>)> {
        let version = |entry: &Entry| entry.anchor.map(|anchor| anchor.version);
        self.register
            .iter()
            .map(move |(epoch, entry)| (*epoch, version(entry)))
    }
}

impl BackupKey {
    pub(crate) const fn name(&self, epoch: u32) -> KeyName {
        KeyName::first(self.network, self.party, epoch)
    }
}

impl BackedUpKey {
    /// Returns the AES key that the data key is wrapped by.
    pub(crate) fn wrapping_key(
        &self,
        key: &BackupKey,
        secret: &BackupSecret,
    ) -> Option<Zeroizing<[u8; 32]>> {
        let private = PrivateKey::from_private_key(&ECDH_P256, secret.expose_bytes()).ok()?;
        let theirs = UnparsedPublicKey::new(&ECDH_P256, self.ephemeral.as_slice());
        agreement::agree(&private, theirs, (), |shared| {
            let shared: &[u8; COORDINATE_BYTES] = shared.try_into().map_err(|_| ())?;
            Ok(Zeroizing::new(match self.mechanism {
                BackupMechanism::EcdhPlain => *shared,
                // One block of ANSI X9.63 (SEC 1 §3.6.1).
                BackupMechanism::EcdhX963Sha256 => Sha256::new()
                    .chain_update(shared)
                    .chain_update(1_u32.to_be_bytes())
                    .chain_update(context(key, self.epoch).as_bytes())
                    .finalize()
                    .into(),
            }))
        })
        .ok()
    }

    /// Returns the wrapped key in the form that a token unwraps.
    pub(crate) const fn wrapped(&self) -> StoredKey {
        StoredKey(self.wrapped)
    }
}

impl BackupMechanism {
    const fn of(mechanism: WrapMechanism) -> Option<Self> {
        match mechanism {
            WrapMechanism::EcdhX963Sha256 => Some(Self::EcdhX963Sha256),
            WrapMechanism::EcdhPlain => Some(Self::EcdhPlain),
            _ => None,
        }
    }

    /// Returns the name that stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdhX963Sha256 => WrapMechanism::EcdhX963Sha256.name(),
            Self::EcdhPlain => WrapMechanism::EcdhPlain.name(),
        }
    }
}

#[derive(Encode)]
struct Context {
    #[n(0)]
    key: Digest,
    #[n(1)]
    epoch: u32,
}

/// Returns what a wrapping is bound to where the mechanism can.
fn context(key: &BackupKey, epoch: u32) -> Digest {
    let key = key.id();
    digest_of("custody-backup-context", &Context { key, epoch })
}

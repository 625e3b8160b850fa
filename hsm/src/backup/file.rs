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
use crate::token::{
    KEYS_MAX, KeyCheck, KeyInBackup, KeyName, Pkcs11Token, StoredKey, Token, TokenError, VaultError,
};
use boop_channel::setup::AES_WRAPPED_BYTES;
use boop_wire::release::WrapMechanism;

/// First field of the content.
const FORMAT: u8 = 1;
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
    /// The highest lease that was given out.
    #[n(5)]
    pub lease: u64,
    /// The oldest epoch that was not over.
    #[n(6)]
    pub oldest: u32,
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
    /// When it was made, in milliseconds since 1970.
    #[n(5)]
    pub made_at_ms: u64,
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
    /// The network whose keys are backed up.
    pub network: NetworkId,
    /// The custodian's token. It signs too.
    pub token: &'a Pkcs11Token,
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
    /// The token failed.
    #[error("the token")]
    Token(#[from] TokenError),
}

impl MakeBackup<'_> {
    /// Makes the file and has the token sign it.
    ///
    /// # Errors
    /// If the backup key is not this custodian's, or the token fails.
    pub fn make(&self) -> Result<(Backup, Vec<u8>), BackupError> {
        let key: BackupKey = open_signed(KEY_PURPOSE, self.key_file, &self.token.public_key())?;
        if key.network != self.network {
            return Err(BackupError::OtherNetwork);
        }
        if key.party != self.token.party() {
            return Err(BackupError::OtherParty { found: key.party });
        }
        let epoch_context = |epoch| context(&key, epoch);
        let keys = self
            .token
            .back_up(self.network, &key.public()?, epoch_context)?;
        if keys.is_empty() {
            return Err(BackupError::Nothing);
        }
        let keys = keys.into_iter().map(BackedUpKey::new);
        let keys = keys.collect::<Result<_, _>>().map_err(TokenError::from)?;
        let register = self.register.snapshot();
        let on_record = register.values().map(|entry| entry.lease).max();
        let lease = on_record.max(Some(self.token.highest_lease()));
        let backup = Backup {
            format: FORMAT,
            keys,
            made_at_ms: self.now_ms,
            register,
            lease: lease.unwrap_or_default(),
            oldest: self.token.oldest_epoch(),
            key,
        };
        let file = sign(BACKUP_PURPOSE, &backup, self.token)?;
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
        let ordered = backup.keys.is_sorted_by(|a, b| a.epoch < b.epoch)
            && backup.keys.iter().all(|key| key.epoch >= backup.oldest);
        if backup.format != FORMAT || !ordered || backup.keys.len() > KEYS_MAX {
            return Err(SignedError::Malformed(
                boop_wire::codec::CodecError::Malformed,
            ));
        }
        Ok(backup)
    }
}

impl BackupKey {
    pub(crate) const fn name(&self, epoch: u32) -> KeyName {
        KeyName::first(self.network, self.party, epoch)
    }
}

impl BackedUpKey {
    fn new(key: KeyInBackup) -> Result<Self, VaultError> {
        let not_ours = |what| VaultError::Protocol(String::from(what));
        let wrapped = key.wrapped;
        let mechanism = BackupMechanism::of(wrapped.mechanism);
        let ciphertext = wrapped.ciphertext.try_into();
        Ok(Self {
            epoch: key.name.epoch,
            mechanism: mechanism.ok_or_else(|| not_ours("a key is wrapped in another way"))?,
            ephemeral: wrapped.ephemeral,
            wrapped: ciphertext.map_err(|_| not_ours("a wrapped key is not of 40 bytes"))?,
            check: key.check,
            made_at_ms: key.made_at_ms,
        })
    }

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
    pub(crate) fn wrapped(&self) -> StoredKey {
        StoredKey(self.wrapped.to_vec())
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

//! A token in software. Whoever can read the file has the keys: fit for development and tests,
//! and said so at start.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use boop_channel::seal::seal;
use boop_channel::setup::{SetupPublic, WrappedKey};
use boop_wire::codec::{domain_separated, from_canonical_max, to_canonical};
use boop_wire::release::{ReleaseContext, WrapMechanism};
use boop_wire::session::Signature;
use boop_wire::{NetworkId, PartyIndex};
use ed25519_dalek::{Signer, SigningKey};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::durable;
use crate::token::leases::{EPOCHS_MAX, Leases};
use crate::token::{KeyName, Recipient, Token, TokenError, private};

/// First field of the file.
const FORMAT: u8 = 1;
/// Largest token file, in bytes: the keys, and 14 bytes an epoch.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A token in a file of mode 600.
pub struct FileToken {
    path: PathBuf,
    identity: SigningKey,
    content: Mutex<Content>,
    /// Held for as long as the token is in use; the token file itself is replaced.
    _lock: File,
}

#[derive(Encode, Decode)]
struct Content {
    #[n(0)]
    format: u8,
    /// The data key of the oldest epoch is derived from it, and so is the root of the next one.
    #[cbor(n(1), with = "minicbor::bytes")]
    root: [u8; 32],
    /// Seed of the signing key (RFC 8032).
    #[cbor(n(2), with = "minicbor::bytes")]
    identity: [u8; 32],
    /// The last lease of each epoch, in order of epoch.
    #[n(3)]
    leases: Leases,
    /// The oldest epoch whose key is not destroyed, if it is not the first: nothing leads back
    /// from its root to an earlier one.
    #[n(4)]
    oldest: Option<u32>,
    /// Counts the changes of the register.
    #[n(5)]
    mark: u64,
}

/// Names a data key; the key is HKDF-SHA-256 of the root secret with this as info.
#[derive(Encode, Decode)]
struct DataKeyInfo {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    party: PartyIndex,
    #[n(2)]
    epoch: u32,
}

impl FileToken {
    /// Makes a token with fresh keys at `path`, where there must be none.
    ///
    /// # Errors
    /// If there is a token already, or it cannot be written.
    pub fn create(path: &Path) -> Result<Self, TokenError> {
        let lock = private::lock(path)?;
        if path.try_exists()? {
            return Err(TokenError::Exists);
        }
        let mut content = Content {
            format: FORMAT,
            root: [0; 32],
            identity: [0; 32],
            leases: Leases::default(),
            oldest: None,
            mark: 0,
        };
        getrandom::fill(&mut content.root).map_err(|_| TokenError::Random)?;
        getrandom::fill(&mut content.identity).map_err(|_| TokenError::Random)?;
        content.write(path)?;
        Ok(Self::new(path, content, lock))
    }

    /// Opens the token at `path`.
    ///
    /// # Errors
    /// If there is none, others may read it, it is damaged, or another process uses it.
    pub fn open(path: &Path) -> Result<Self, TokenError> {
        private::check(path)?;
        // Read after the lock is held: until then another process may still raise a lease.
        let lock = private::lock(path)?;
        let content = Content::read(path)?;
        Ok(Self::new(path, content, lock))
    }

    fn new(path: &Path, content: Content, lock: File) -> Self {
        Self {
            path: path.into(),
            identity: SigningKey::from_bytes(&content.identity),
            content: Mutex::new(content),
            _lock: lock,
        }
    }

    /// Shows the secret to a test that then looks for it in memory.
    #[cfg(test)]
    pub(crate) fn root_for_the_canary(&self) -> [u8; 32] {
        self.content.lock().unwrap().root
    }

    fn data_key(
        &self,
        epoch: u32,
        context: &ReleaseContext,
    ) -> Result<Zeroizing<[u8; 32]>, TokenError> {
        let info = to_canonical(&DataKeyInfo {
            network: context.network,
            party: context.party,
            epoch,
        });
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let root = content.root_of(epoch)?;
        Ok(derived(&root, &domain_separated("data-key", &info)))
    }
}

impl Token for FileToken {
    fn public_key(&self) -> [u8; 32] {
        self.identity.verifying_key().to_bytes()
    }

    fn mark(&self) -> u64 {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.mark
    }

    fn note_mark(&self, mark: u64) -> Result<(), TokenError> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut content.mark, mark);
        content
            .write(&self.path)
            .inspect_err(|_| content.mark = before)
    }

    fn raise_lease(&self, epoch: u32) -> Result<u64, TokenError> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let before = content.leases.clone();
        let lease = content.leases.raise(epoch)?;
        if let Err(error) = content.write(&self.path) {
            content.leases = before;
            return Err(error);
        }
        Ok(lease)
    }

    fn mechanism(&self) -> WrapMechanism {
        WrapMechanism::Hpke
    }

    /// Data keys are derived, not made.
    fn prepare(&self, _name: &KeyName, _now_ms: u64) -> Result<(), TokenError> {
        Ok(())
    }

    fn wrap_data_key(
        &self,
        epoch: u32,
        recipient: &Recipient<'_>,
        context: &ReleaseContext,
    ) -> Result<WrappedKey, TokenError> {
        let SetupPublic::X25519(setup) = recipient.setup else {
            return Err(TokenError::SetupKind);
        };
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| TokenError::Random)?;
        let key = self.data_key(epoch, context)?;
        let info = domain_separated("key-release-info", &to_canonical(context));
        let sealed = seal(setup, &info, &*key, *seed)?;
        Ok(WrappedKey {
            mechanism: WrapMechanism::Hpke,
            ephemeral: sealed.enc.to_vec(),
            ciphertext: sealed.ciphertext,
        })
    }

    fn oldest_epoch(&self) -> u32 {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.oldest.unwrap_or_default()
    }

    fn destroy_before(&self, epoch: u32) -> Result<(), TokenError> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if epoch <= content.oldest.unwrap_or_default() {
            return Ok(());
        }
        let root = content.root_of(epoch)?;
        let before = (Zeroizing::new(content.root), content.oldest);
        content.root = *root;
        content.oldest = Some(epoch);
        if let Err(error) = content.write(&self.path) {
            content.root = *before.0;
            content.oldest = before.1;
            return Err(error);
        }
        Ok(())
    }

    fn sign(&self, bytes: &[u8]) -> Result<Signature, TokenError> {
        Ok(Signature(self.identity.sign(bytes).to_bytes()))
    }
}

impl std::fmt::Debug for FileToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileToken([secret])")
    }
}

impl Content {
    fn read(path: &Path) -> Result<Self, TokenError> {
        // Room for everything at once, so that no copy is left behind by a growing vector.
        let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN_BYTES_MAX + 1));
        let limit = u64::try_from(TOKEN_BYTES_MAX + 1).unwrap_or(u64::MAX);
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        let content: Self =
            from_canonical_max(&bytes, TOKEN_BYTES_MAX).map_err(|_| TokenError::Damaged)?;
        if content.format != FORMAT || !content.leases.are_sound() {
            return Err(TokenError::Damaged);
        }
        Ok(content)
    }

    fn write(&self, path: &Path) -> Result<(), TokenError> {
        let bytes = Zeroizing::new(to_canonical(self));
        Ok(durable::replace(path, &bytes)?)
    }

    /// Returns the root of an epoch: from each, the next one is derived.
    fn root_of(&self, epoch: u32) -> Result<Zeroizing<[u8; 32]>, TokenError> {
        let ahead = epoch.checked_sub(self.oldest.unwrap_or_default());
        let ahead = ahead.ok_or(TokenError::Destroyed { epoch })?;
        if usize::try_from(ahead).is_ok_and(|ahead| ahead > EPOCHS_MAX) {
            return Err(TokenError::EpochsExhausted);
        }
        let mut root = Zeroizing::new(self.root);
        for _ in 0..ahead {
            root = derived(&root, &domain_separated("next-root", &[]));
        }
        Ok(root)
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.root.zeroize();
        self.identity.zeroize();
    }
}

fn derived(secret: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(info, &mut *key)
        .expect("HKDF-SHA-256 gives up to 8160 bytes, and 32 are asked");
    key
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;

    use boop_channel::setup::{Floor, SetupKey};
    use boop_channel::verify_signature;
    use boop_wire::InstanceId;

    use super::*;

    #[test]
    fn a_token_keeps_its_keys_and_leases_over_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let token = FileToken::create(&path).unwrap();
        let (public, key) = (token.public_key(), unwrap_key(&token, 0, &context()));
        assert_eq!(token.raise_lease(0), Ok(1));
        assert_eq!(token.raise_lease(0), Ok(2));
        assert_eq!(token.raise_lease(7), Ok(3));
        drop(token);

        let token = FileToken::open(&path).unwrap();

        assert_eq!(token.public_key(), public);
        assert_eq!(unwrap_key(&token, 0, &context()), key);
        assert_eq!(token.raise_lease(0), Ok(4));
        assert_eq!(token.raise_lease(7), Ok(5));
        assert_eq!(token.raise_lease(3), Ok(6));
    }

    #[test]
    fn a_lease_that_cannot_be_written_is_not_given() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let token = FileToken::create(&path).unwrap();
        let blocked = path.with_added_extension("new");
        std::fs::create_dir(&blocked).unwrap();

        assert_eq!(
            token.raise_lease(0),
            Err(TokenError::Io(ErrorKind::IsADirectory))
        );

        std::fs::remove_dir(&blocked).unwrap();
        assert_eq!(token.raise_lease(0), Ok(1));
    }

    #[test]
    fn a_new_token_is_readable_by_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let token = FileToken::create(&path).unwrap();
        token.raise_lease(0).unwrap();

        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;

        assert_eq!(mode, 0o600);
    }

    #[test]
    fn a_token_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        drop(FileToken::create(&path).unwrap());

        for mode in [0o640, 0o604, 0o620, 0o644] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                FileToken::open(&path).unwrap_err(),
                TokenError::LoosePermissions { mode }
            );
        }
    }

    #[test]
    fn a_second_token_is_not_made_over_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let public = FileToken::create(&path).unwrap().public_key();

        assert_eq!(FileToken::create(&path).unwrap_err(), TokenError::Exists);
        assert_eq!(FileToken::open(&path).unwrap().public_key(), public);
    }

    #[test]
    fn a_token_in_use_is_not_opened_twice() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let _token = FileToken::create(&path).unwrap();

        assert_eq!(FileToken::open(&path).unwrap_err(), TokenError::InUse);
    }

    #[test]
    fn a_missing_or_damaged_token_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        assert_eq!(FileToken::open(&path).unwrap_err(), TokenError::Missing);
        drop(FileToken::create(&path).unwrap());

        let mut bytes = std::fs::read(&path).unwrap();
        bytes.pop();
        std::fs::write(&path, &bytes).unwrap();

        assert_eq!(FileToken::open(&path).unwrap_err(), TokenError::Damaged);
    }

    #[test]
    fn each_network_party_and_epoch_has_a_key_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let token = FileToken::create(&directory.path().join("token")).unwrap();
        let mut network = context();
        network.network = NetworkId::new([2; 32]);
        let mut party = context();
        party.party = PartyIndex::ALL[1];
        let mut instance = context();
        instance.instance = InstanceId::new([9; 16]);

        let key = unwrap_key(&token, 0, &context());

        assert_ne!(key, unwrap_key(&token, 1, &context()));
        assert_ne!(key, unwrap_key(&token, 0, &network));
        assert_ne!(key, unwrap_key(&token, 0, &party));
        assert_eq!(key, unwrap_key(&token, 0, &instance));
    }

    #[test]
    fn a_destroyed_key_is_gone_for_good_and_later_ones_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let token = FileToken::create(&path).unwrap();
        let keys = [0, 1, 2].map(|epoch| unwrap_key(&token, epoch, &context()));
        let first = token.root_for_the_canary();

        assert_eq!(token.destroy_before(1), Ok(()));
        assert_eq!(token.destroy_before(1), Ok(()));
        drop(token);
        let token = FileToken::open(&path).unwrap();

        let file = std::fs::read(&path).unwrap();
        assert!(!file.windows(32).any(|window| window == first));
        assert_eq!(token.oldest_epoch(), 1);
        let gone = token.data_key(0, &context()).unwrap_err();
        assert_eq!(gone, TokenError::Destroyed { epoch: 0 });
        assert_eq!(unwrap_key(&token, 1, &context()), keys[1]);
        assert_eq!(unwrap_key(&token, 2, &context()), keys[2]);
        assert_eq!(token.destroy_before(0), Ok(()));
        assert_eq!(token.oldest_epoch(), 1);
    }

    #[test]
    fn a_wrapped_key_opens_in_its_context_alone() {
        let directory = tempfile::tempdir().unwrap();
        let token = FileToken::create(&directory.path().join("token")).unwrap();
        let setup = SetupKey::x25519(&[5; 32]);
        let sealed = token
            .wrap_data_key(0, &Recipient::by_key(setup.public()), &context())
            .unwrap();
        let mut other = context();
        other.lease += 1;

        assert!(open(&setup, &sealed, &context()).is_some());
        assert!(open(&setup, &sealed, &other).is_none());
        assert_eq!(
            token.wrap_data_key(
                0,
                &Recipient::by_key(&SetupPublic::X25519([0; 32])),
                &context()
            ),
            Err(TokenError::Seal(
                boop_channel::seal::SealError::RecipientKey
            ))
        );
    }

    #[test]
    fn signatures_verify_with_the_public_key() {
        let directory = tempfile::tempdir().unwrap();
        let token = FileToken::create(&directory.path().join("token")).unwrap();

        let signature = token.sign(b"bytes").unwrap();

        assert!(verify_signature(&token.public_key(), b"bytes", &signature));
        assert!(!verify_signature(&token.public_key(), b"other", &signature));
    }

    fn context() -> ReleaseContext {
        ReleaseContext {
            network: NetworkId::new([1; 32]),
            party: PartyIndex::ALL[0],
            epoch: 0,
            instance: InstanceId::new([3; 16]),
            lease: 1,
            anchor: None,
        }
    }

    fn unwrap_key(token: &FileToken, epoch: u32, context: &ReleaseContext) -> Vec<u8> {
        let setup = SetupKey::x25519(&[4; 32]);
        let sealed = token
            .wrap_data_key(epoch, &Recipient::by_key(setup.public()), context)
            .unwrap();
        open(&setup, &sealed, context).unwrap()
    }

    fn open(setup: &SetupKey, wrapped: &WrappedKey, context: &ReleaseContext) -> Option<Vec<u8>> {
        let key = setup.unwrap_key(wrapped, context, Floor::Sound).ok()?;
        Some(key.to_vec())
    }
}

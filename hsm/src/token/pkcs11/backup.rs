//! What the token does for a backup: wraps a data key to the backup key, unwraps one that was, and
//! tells by a check value which key it is without showing it.

use std::fmt;
use std::path::Path;

use boop_wire::Digest;
use boop_wire::codec::digest_of;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use minicbor::{Decode, Encode};
use zeroize::Zeroize;

use crate::token::pkcs11::Pkcs11Vault;
use crate::token::pkcs11::probe::Capability;
use crate::token::pkcs11::release::{self, Fleeting, Lifetime};
use crate::token::{KeyName, StoredKey, VaultError};
use boop_channel::setup::{P256Point, SetupPublic, WrappedKey};
use boop_wire::release::WrapMechanism;

/// Length of a block of AES.
const BLOCK_BYTES: usize = 16;
/// Length of a check value.
const CHECK_BYTES: usize = 8;

/// What a data key is known by: the first bytes of a block that the token encrypted under it. It
/// tells nothing else of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct KeyCheck(#[cbor(n(0), with = "minicbor::bytes")] [u8; CHECK_BYTES]);

impl fmt::Display for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Pkcs11Vault {
    /// Wraps the data key of `name` to a backup key, and tells its check value.
    pub(crate) fn back_up(
        &self,
        name: &KeyName,
        stored: &StoredKey,
        public: &P256Point,
        context: &Digest,
    ) -> Result<(WrappedKey, KeyCheck), VaultError> {
        let mechanism = [WrapMechanism::EcdhX963Sha256, WrapMechanism::EcdhPlain]
            .into_iter()
            .find(|mechanism| self.findings().has(Capability::Release(*mechanism)))
            .ok_or(VaultError::NoMechanism)?;
        let public = SetupPublic::P256(public.clone());
        self.with_session(|session| {
            let kek = release::find_kek(session, name)?;
            let check = check(session, kek, stored, name)?;
            let key = release::restore(session, kek, stored)?;
            let wrapped = release::wrap_to(session, mechanism, &key, &public, context)?;
            Ok((wrapped, check))
        })
    }

    /// Makes a key-encryption key for `name` and puts under it what `wrapped` holds.
    pub(crate) fn import(
        &self,
        name: &KeyName,
        wrapping: &[u8; 32],
        wrapped: &StoredKey,
    ) -> Result<(StoredKey, KeyCheck), VaultError> {
        self.with_session(|session| {
            if !release::keks(session, name)?.is_empty() {
                let epoch = name.epoch;
                return Err(VaultError::KeyExists { epoch });
            }
            let wrapping = bring_in(session, wrapping)?;
            let check = check(session, wrapping.handle, wrapped, name)?;
            let key = release::restore(session, wrapping.handle, wrapped)?;
            let kek = release::make_kek(session, name, Lifetime::Token)?;
            let stored = release::store(session, kek, &key);
            if stored.is_err() {
                // It has wrapped nothing, and would only stand in the way.
                let _ = session.destroy_object(kek);
            }
            Ok((stored?, check))
        })
    }

    /// Tells the check value of a stored data key.
    pub(crate) fn check(&self, name: &KeyName, stored: &StoredKey) -> Result<KeyCheck, VaultError> {
        self.with_session(|session| {
            let kek = release::find_kek(session, name)?;
            check(session, kek, stored, name)
        })
    }

    /// Counts the secret keys that are on the token, whosever they are.
    pub(crate) fn keys_held(&self) -> Result<usize, VaultError> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Token(true),
        ];
        self.with_session(|session| Ok(session.find_objects(&template)?.len()))
    }
}

/// Makes a token with this label in an empty slot of a module, for a drill. Both PINs are the one
/// that is given.
///
/// # Errors
/// If there is no such module, it has no empty slot, or makes no token.
pub fn make_drill_token(module: &Path, label: &str, pin: &str) -> Result<(), VaultError> {
    let path = module.to_owned();
    let pkcs11 = Pkcs11::new(module).map_err(|_| VaultError::Module { path })?;
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let made = (|| {
        let pin = AuthPin::from(Box::<str>::from(pin));
        let initialized =
            |slot: &Slot| Ok::<_, VaultError>(pkcs11.get_token_info(*slot)?.token_initialized());
        let mut empty = None;
        for slot in pkcs11.get_slots_with_token()? {
            if !initialized(&slot)? {
                empty = Some(slot);
                break;
            }
        }
        let label = label.to_owned();
        let empty = empty.ok_or(VaultError::NoToken {
            label: label.clone(),
        })?;
        pkcs11.init_token(empty, &pin, &label)?;
        // SoftHSM2 moves a token to another slot when it is made.
        for slot in pkcs11.get_slots_with_token()? {
            let token = pkcs11.get_token_info(slot)?;
            if token.token_initialized() && token.label() == label {
                let session = pkcs11.open_rw_session(slot)?;
                session.login(UserType::So, Some(&pin))?;
                session.init_pin(&pin)?;
                return Ok(());
            }
        }
        Err(VaultError::NoToken { label })
    })();
    // The process may go on to use the module as a vault.
    let _ = pkcs11.finalize();
    made
}

/// Encrypts a block that bears the store's name, by a copy of the key that may do that. It is the
/// same for every generation: the data key is.
fn check(
    session: &Session,
    kek: ObjectHandle,
    stored: &StoredKey,
    name: &KeyName,
) -> Result<KeyCheck, VaultError> {
    let key = release::restore_to_check(session, kek, stored)?;
    let store = KeyName::first(name.network, name.party, name.epoch);
    let name = digest_of("key-check", &store);
    let block = &name.as_bytes()[..BLOCK_BYTES];
    let encrypted = session.encrypt(&Mechanism::AesEcb, key.handle, block)?;
    let first = encrypted.first_chunk::<CHECK_BYTES>();
    let first = first.ok_or_else(|| VaultError::Protocol(String::from("no block comes back")))?;
    Ok(KeyCheck(*first))
}

/// Gives the session a wrapping key; it can unwrap and nothing else.
fn bring_in<'a>(session: &'a Session, wrapping: &[u8; 32]) -> Result<Fleeting<'a>, VaultError> {
    let mut template = [
        Attribute::Value(wrapping.to_vec()),
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
    ];
    let created = session.create_object(&template);
    if let Attribute::Value(value) = &mut template[0] {
        value.zeroize();
    }
    Ok(Fleeting::new(session, created?))
}

//! What the token does with keys: make, wrap, unwrap, agree. Key bytes stay inside it; this module
//! moves handles and wrapped bytes.

use boop_wire::Digest;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;

use crate::token::{KeyName, StoredKey, VaultError};
use boop_channel::setup::{
    AES_WRAPPED_BYTES, P256_POINT_BYTES, P256Point, RsaModulus, SetupPublic, WrappedKey,
};
use boop_wire::release::WrapMechanism;

/// Length of every AES key here, in bytes, as PKCS#11 wants it.
const AES_KEY_LENGTH: Ulong = Ulong::new(32);
/// Named curve P-256 in DER (RFC 5480 §2.1.1.1).
const P256_PARAMS: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// A point of P-256 in DER begins so: an octet string of 65 bytes.
const P256_POINT_PREFIX: [u8; 2] = [0x04, 0x41];
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// Makes a key-encryption key: it cannot leave the token, and does nothing but wrap and unwrap.
pub(super) fn make_kek(
    session: &Session,
    name: &KeyName,
    lives: Lifetime,
) -> Result<ObjectHandle, VaultError> {
    let KeyName {
        party,
        epoch,
        generation,
        ..
    } = name;
    let label = format!("boop party {party} epoch {epoch} generation {generation}");
    let template = [
        Attribute::Token(lives == Lifetime::Token),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::ValueLen(AES_KEY_LENGTH),
        Attribute::Id(name.id().as_bytes().to_vec()),
        Attribute::Label(label.into_bytes()),
    ];
    Ok(session.generate_key(&Mechanism::AesKeyGen, &template)?)
}

/// Where an object is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// On the token.
    Token,
    /// In the session.
    Session,
}

/// Finds the key-encryption key and holds it against what [`make_kek`] asks for.
pub(super) fn find_kek(session: &Session, name: &KeyName) -> Result<ObjectHandle, VaultError> {
    let epoch = name.epoch;
    let kek = match keks(session, name)?.as_slice() {
        [] => return Err(VaultError::NoKey { epoch }),
        [kek] => *kek,
        [_, _, ..] => return Err(VaultError::KeyExists { epoch }),
    };
    let wanted = [
        (Attribute::KeyType(KeyType::AES), "not an AES key"),
        (Attribute::ValueLen(AES_KEY_LENGTH), "not of 256 bits"),
        (Attribute::Sensitive(true), "not sensitive"),
        (
            Attribute::AlwaysSensitive(true),
            "not sensitive from its start",
        ),
        (Attribute::Extractable(false), "extractable"),
        (Attribute::NeverExtractable(true), "extractable once"),
        (Attribute::Encrypt(false), "used to encrypt"),
        (Attribute::Decrypt(false), "used to decrypt"),
    ];
    for (attribute, otherwise) in wanted {
        let found = session.get_attributes(kek, &[attribute.attribute_type()])?;
        if found != [attribute] {
            return Err(VaultError::UnsoundKey {
                epoch,
                attribute: otherwise,
            });
        }
    }
    Ok(kek)
}

/// Finds the key-encryption key, or makes it where there is none.
pub(super) fn find_or_make_kek(
    session: &Session,
    name: &KeyName,
) -> Result<ObjectHandle, VaultError> {
    match find_kek(session, name) {
        Err(VaultError::NoKey { .. }) => make_kek(session, name, Lifetime::Token),
        other => other,
    }
}

/// Returns the keys of this name.
pub(super) fn keks(session: &Session, name: &KeyName) -> Result<Vec<ObjectHandle>, VaultError> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Token(true),
        Attribute::Id(name.id().as_bytes().to_vec()),
    ];
    Ok(session.find_objects(&template)?)
}

/// Makes a data key in the session: it leaves the token wrapped alone, and does nothing there.
pub(super) fn make_data_key(session: &Session) -> Result<Fleeting<'_>, VaultError> {
    let mut template = data_key_template();
    template.push(Attribute::ValueLen(AES_KEY_LENGTH));
    let handle = session.generate_key(&Mechanism::AesKeyGen, &template)?;
    Ok(Fleeting { session, handle })
}

/// Wraps a data key to be kept.
pub(super) fn store(
    session: &Session,
    kek: ObjectHandle,
    key: &Fleeting<'_>,
) -> Result<StoredKey, VaultError> {
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, kek, key.handle)?;
    if wrapped.len() != AES_WRAPPED_BYTES {
        let what = String::from("a wrapped key is not of 40 bytes");
        return Err(VaultError::Protocol(what));
    }
    Ok(StoredKey(wrapped))
}

/// Brings a data key back into the session.
pub(super) fn restore<'a>(
    session: &'a Session,
    kek: ObjectHandle,
    stored: &StoredKey,
) -> Result<Fleeting<'a>, VaultError> {
    unwrap(session, kek, stored, data_key_template())
}

/// Brings a data key back into the session as one that cannot leave, and can encrypt.
pub(super) fn restore_to_check<'a>(
    session: &'a Session,
    kek: ObjectHandle,
    stored: &StoredKey,
) -> Result<Fleeting<'a>, VaultError> {
    let changed = |attribute| match attribute {
        Attribute::Encrypt(_) => Attribute::Encrypt(true),
        Attribute::Extractable(_) => Attribute::Extractable(false),
        other => other,
    };
    let template = data_key_template().into_iter().map(changed).collect();
    unwrap(session, kek, stored, template)
}

fn unwrap<'a>(
    session: &'a Session,
    kek: ObjectHandle,
    stored: &StoredKey,
    mut template: Vec<Attribute>,
) -> Result<Fleeting<'a>, VaultError> {
    template.push(Attribute::Class(ObjectClass::SECRET_KEY));
    template.push(Attribute::KeyType(KeyType::AES));
    let unwrapped = session.unwrap_key(&Mechanism::AesKeyWrap, kek, &stored.0, &template);
    match unwrapped.map_err(VaultError::from) {
        Ok(handle) => Ok(Fleeting { session, handle }),
        // Modules name a failed check in many ways.
        Err(VaultError::Call { .. }) => Err(VaultError::StoredKey),
        Err(error) => Err(error),
    }
}

/// Has the token wrap a data key to a setup key.
pub(super) fn wrap_to(
    session: &Session,
    mechanism: WrapMechanism,
    key: &Fleeting<'_>,
    setup: &SetupPublic,
    context: &Digest,
) -> Result<WrappedKey, VaultError> {
    let context = context.as_bytes().as_slice();
    let (ephemeral, ciphertext) = match (mechanism, setup) {
        (WrapMechanism::RsaOaepSha256, SetupPublic::Rsa3072(modulus)) => {
            let oaep = PkcsOaepParams::new(
                MechanismType::SHA256,
                PkcsMgfType::MGF1_SHA256,
                PkcsOaepSource::data_specified(context),
            );
            (Vec::new(), wrap_oaep(session, oaep, key, modulus)?)
        }
        (WrapMechanism::DangerRsaOaepSha1, SetupPublic::Rsa3072(modulus)) => {
            let source = PkcsOaepSource::empty();
            let oaep = PkcsOaepParams::new(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1, source);
            (Vec::new(), wrap_oaep(session, oaep, key, modulus)?)
        }
        (WrapMechanism::EcdhX963Sha256, SetupPublic::P256(point)) => {
            wrap_ecdh(session, EcKdf::sha256(context), key, point)?
        }
        (WrapMechanism::EcdhPlain, SetupPublic::P256(point)) => {
            wrap_ecdh(session, EcKdf::null(), key, point)?
        }
        (_, SetupPublic::X25519(_) | SetupPublic::P256(_) | SetupPublic::Rsa3072(_)) => {
            return Err(VaultError::SetupKind(mechanism));
        }
    };
    Ok(WrappedKey {
        mechanism,
        ephemeral,
        ciphertext,
    })
}

/// An object of the session that is destroyed when it goes out of sight.
pub(super) struct Fleeting<'a> {
    session: &'a Session,
    pub(super) handle: ObjectHandle,
}

impl<'a> Fleeting<'a> {
    /// Takes an object of the session.
    pub(super) const fn new(session: &'a Session, handle: ObjectHandle) -> Self {
        Self { session, handle }
    }
}

impl Drop for Fleeting<'_> {
    fn drop(&mut self) {
        // It ends with the session at the latest.
        let _ = self.session.destroy_object(self.handle);
    }
}

fn wrap_oaep(
    session: &Session,
    oaep: PkcsOaepParams<'_>,
    key: &Fleeting<'_>,
    modulus: &RsaModulus,
) -> Result<Vec<u8>, VaultError> {
    let template = [
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Token(false),
        Attribute::Private(false),
        Attribute::Wrap(true),
        Attribute::Encrypt(false),
        Attribute::Verify(false),
        Attribute::Modulus(modulus.as_bytes().to_vec()),
        Attribute::PublicExponent(RSA_EXPONENT.to_vec()),
    ];
    let handle = session.create_object(&template)?;
    let public = Fleeting { session, handle };
    Ok(session.wrap_key(&Mechanism::RsaPkcsOaep(oaep), public.handle, key.handle)?)
}

/// Returns the ephemeral point and the wrapped key.
fn wrap_ecdh(
    session: &Session,
    kdf: EcKdf<'_>,
    key: &Fleeting<'_>,
    point: &P256Point,
) -> Result<(Vec<u8>, Vec<u8>), VaultError> {
    let public = [
        Attribute::Token(false),
        Attribute::Private(false),
        Attribute::Verify(false),
        Attribute::EcParams(P256_PARAMS.to_vec()),
    ];
    let private = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(false),
        Attribute::Derive(true),
    ];
    let (public, private) =
        session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
    let [public, private] = [public, private].map(|handle| Fleeting { session, handle });
    let ephemeral = read_point(session, public.handle)?;
    let wrapping = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(AES_KEY_LENGTH),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Wrap(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
    ];
    let derive = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(kdf, point.as_bytes()));
    let handle = session.derive_key(&derive, private.handle, &wrapping)?;
    let wrapping = Fleeting { session, handle };
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, wrapping.handle, key.handle)?;
    Ok((ephemeral, wrapped))
}

/// Reads a public point; PKCS#11 has it in DER, and some modules give it bare.
fn read_point(session: &Session, public: ObjectHandle) -> Result<Vec<u8>, VaultError> {
    let found = session.get_attributes(public, &[AttributeType::EcPoint])?;
    let [Attribute::EcPoint(point)] = found.as_slice() else {
        return Err(VaultError::Protocol(String::from(
            "a public key without a point",
        )));
    };
    let bare = point.strip_prefix(&P256_POINT_PREFIX).unwrap_or(point);
    if bare.len() != P256_POINT_BYTES {
        return Err(VaultError::Protocol(String::from(
            "a point is not of 65 bytes",
        )));
    }
    Ok(bare.to_vec())
}

fn data_key_template() -> Vec<Attribute> {
    vec![
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
    ]
}

//! The measured side of a release: the key pair that a party makes for one release, and how a
//! data key comes out of what a token wrapped to it.
//!
//! Builds on AWS-LC, which `boop-party` links already.

use alloc::boxed::Box;
use alloc::vec::Vec;

use aws_lc_rs::agreement::{self, ECDH_P256, ParsedPublicKey, UnparsedPublicKey};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    PrivateDecryptingKey,
};
use boop_wire::Digest;
use boop_wire::codec::{domain_digest, domain_separated, to_canonical};
use boop_wire::release::{ReleaseContext, SetupKind, WrapMechanism};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::cms::Enveloped;
use crate::seal::OpeningKey;

/// Length of a data key.
pub const DATA_KEY_BYTES: usize = 32;
/// Length of a point of P-256 that is not compressed (SEC 1 §2.3.3).
pub const P256_POINT_BYTES: usize = 65;
/// Length of the modulus of an RSA setup key.
pub const RSA_MODULUS_BYTES: usize = 384;
/// Length of a data key under AES key wrap (RFC 3394).
pub const AES_WRAPPED_BYTES: usize = DATA_KEY_BYTES + 8;

/// First byte of a point that is not compressed.
const POINT_UNCOMPRESSED: u8 = 4;
/// `SubjectPublicKeyInfo` (RFC 8017 §A.1) of an RSA-3072 key up to its modulus.
const RSA_SPKI_PREFIX: [u8; 33] = [
    0x30, 0x82, 0x01, 0xa2, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x8f, 0x00, 0x30, 0x82, 0x01, 0x8a, 0x02, 0x82, 0x01, 0x81,
    0x00,
];
/// What follows the modulus: the exponent 65537.
const RSA_SPKI_SUFFIX: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

/// The public half of a setup key, which the party's evidence names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupPublic {
    /// An X25519 key; HPKE judges it.
    X25519([u8; 32]),
    /// A point of P-256.
    P256(P256Point),
    /// The modulus of an RSA-3072 key; the exponent is 65537.
    Rsa3072(RsaModulus),
}

impl SetupPublic {
    /// Takes the bytes of a key of this kind.
    ///
    /// # Errors
    /// If they are none.
    pub fn parse(kind: SetupKind, bytes: &[u8]) -> Result<Self, NotPublic> {
        Ok(match kind {
            SetupKind::X25519 => Self::X25519(bytes.try_into().map_err(|_| NotPublic)?),
            SetupKind::P256 => {
                Self::P256(P256Point::new(bytes.try_into().map_err(|_| NotPublic)?)?)
            }
            SetupKind::Rsa3072 => {
                Self::Rsa3072(RsaModulus::new(bytes.try_into().map_err(|_| NotPublic)?)?)
            }
        })
    }

    /// Returns the bytes, which the evidence has the digest of.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::X25519(bytes) => bytes,
            Self::P256(point) => point.as_bytes(),
            Self::Rsa3072(modulus) => modulus.as_bytes(),
        }
    }

    /// Returns the key as `SubjectPublicKeyInfo` (RFC 5280 §4.1), if it is an RSA key.
    pub fn spki(&self) -> Option<Vec<u8>> {
        match self {
            Self::X25519(_) | Self::P256(_) => None,
            Self::Rsa3072(modulus) => {
                let parts = [&RSA_SPKI_PREFIX[..], modulus.as_bytes(), &RSA_SPKI_SUFFIX];
                Some(parts.concat())
            }
        }
    }

    /// Returns the kind of key it is.
    pub const fn kind(&self) -> SetupKind {
        match self {
            Self::X25519(_) => SetupKind::X25519,
            Self::P256(_) => SetupKind::P256,
            Self::Rsa3072(_) => SetupKind::Rsa3072,
        }
    }
}

/// The bytes are no public key of a setup key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the public half of a setup key")]
pub struct NotPublic;

/// A point of P-256, not compressed (SEC 1 §2.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct P256Point([u8; P256_POINT_BYTES]);

impl P256Point {
    /// Takes the bytes of a point.
    ///
    /// # Errors
    /// If they are compressed, or not on the curve.
    pub fn new(bytes: [u8; P256_POINT_BYTES]) -> Result<Self, NotPublic> {
        let unparsed = UnparsedPublicKey::new(&ECDH_P256, bytes.as_slice());
        let parsed = ParsedPublicKey::try_from(&unparsed).map_err(|_| NotPublic)?;
        if bytes[0] != POINT_UNCOMPRESSED || parsed.alg() != &ECDH_P256 {
            return Err(NotPublic);
        }
        Ok(Self(bytes))
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; P256_POINT_BYTES] {
        &self.0
    }
}

/// The modulus of an RSA-3072 key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaModulus(Box<[u8; RSA_MODULUS_BYTES]>);

impl RsaModulus {
    /// Takes the bytes of a modulus, largest first.
    ///
    /// # Errors
    /// If it is even, or of fewer than 3072 bits.
    pub fn new(bytes: &[u8; RSA_MODULUS_BYTES]) -> Result<Self, NotPublic> {
        if bytes[0] & 0x80 == 0 || bytes[RSA_MODULUS_BYTES - 1] & 1 == 0 {
            return Err(NotPublic);
        }
        Ok(Self(Box::new(*bytes)))
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8; RSA_MODULUS_BYTES] {
        &self.0
    }
}

/// A data key that a token wrapped to a setup key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// How.
    pub mechanism: WrapMechanism,
    /// The token's ephemeral point of P-256, not compressed; empty for RSA.
    pub ephemeral: Vec<u8>,
    /// The data key.
    pub ciphertext: Vec<u8>,
}

/// Whether a mechanism that is dangerous is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// It is not.
    Sound,
    /// It is: for development with a token that offers nothing else.
    DangerAny,
}

/// Why there is no setup key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The 32 bytes are not a private key of P-256: zero, or not below the order. Others will be.
    #[error("the seed is no private key of P-256")]
    Seed,
    /// The library made no RSA key.
    #[error("an RSA key cannot be made")]
    Rsa,
}

/// Why a data key did not come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// The mechanism is one that needs leave.
    #[error("wrapped by {}, which is not accepted", .0.name())]
    Dangerous(WrapMechanism),
    /// The mechanism is for another kind of setup key.
    #[error("wrapped by {}, which is not for this setup key", .0.name())]
    OtherKind(WrapMechanism),
    /// The bytes were wrapped to another key, in another context, or changed.
    #[error("wrapped to another key, in another context, or changed")]
    Wrapped,
}

/// A setup key: made for one release, opens one answer, and is never shown.
pub struct SetupKey {
    private: Private,
    public: SetupPublic,
}

enum Private {
    X25519(OpeningKey),
    P256(agreement::PrivateKey),
    Rsa(OaepPrivateDecryptingKey),
}

impl SetupKey {
    /// Makes a key of this kind; `seed` is 32 random bytes. An RSA key takes the library's own.
    ///
    /// # Errors
    /// See [`Self::p256`] and [`Self::rsa3072`].
    pub fn make(kind: SetupKind, seed: &[u8; 32]) -> Result<Self, SetupError> {
        match kind {
            SetupKind::X25519 => Ok(Self::x25519(seed)),
            SetupKind::P256 => Self::p256(seed),
            SetupKind::Rsa3072 => Self::rsa3072(),
        }
    }

    /// Makes an X25519 key of 32 random bytes.
    pub fn x25519(seed: &[u8; 32]) -> Self {
        let private = OpeningKey::from_seed(seed);
        Self {
            public: SetupPublic::X25519(*private.public()),
            private: Private::X25519(private),
        }
    }

    /// Makes a P-256 key of 32 random bytes.
    ///
    /// # Errors
    /// If they are no private key, as one draw in 2^32 is not.
    pub fn p256(seed: &[u8; 32]) -> Result<Self, SetupError> {
        let private = agreement::PrivateKey::from_private_key(&ECDH_P256, seed)
            .map_err(|_| SetupError::Seed)?;
        let public = private.compute_public_key().map_err(|_| SetupError::Seed)?;
        let public = public.as_ref().try_into().map_err(|_| SetupError::Seed)?;
        let public = P256Point::new(public).map_err(|_| SetupError::Seed)?;
        Ok(Self {
            private: Private::P256(private),
            public: SetupPublic::P256(public),
        })
    }

    /// Makes an RSA-3072 key from the library's own randomness.
    ///
    /// # Errors
    /// If the library fails.
    pub fn rsa3072() -> Result<Self, SetupError> {
        let private =
            PrivateDecryptingKey::generate(KeySize::Rsa3072).map_err(|_| SetupError::Rsa)?;
        let spki = private.public_key().as_der().map_err(|_| SetupError::Rsa)?;
        let modulus = spki
            .as_ref()
            .strip_prefix(&RSA_SPKI_PREFIX)
            .and_then(|rest| rest.strip_suffix(&RSA_SPKI_SUFFIX))
            .and_then(|modulus| <&[u8; RSA_MODULUS_BYTES]>::try_from(modulus).ok())
            .and_then(|modulus| RsaModulus::new(modulus).ok())
            .ok_or(SetupError::Rsa)?;
        let private = OaepPrivateDecryptingKey::new(private).map_err(|_| SetupError::Rsa)?;
        Ok(Self {
            private: Private::Rsa(private),
            public: SetupPublic::Rsa3072(modulus),
        })
    }

    /// Returns the public half.
    pub const fn public(&self) -> &SetupPublic {
        &self.public
    }

    /// Returns the data key that was wrapped to this key for `context`.
    ///
    /// With [`WrapMechanism::EcdhPlain`], [`WrapMechanism::DangerRsaOaepSha1`] and
    /// [`WrapMechanism::AwsKmsRecipient`] the context is no part of the wrapping: the caller has
    /// checked the custodian's signature over both.
    ///
    /// # Errors
    /// If the mechanism is not accepted or not for this key, or the bytes do not open.
    pub fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &ReleaseContext,
        floor: Floor,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, UnwrapError> {
        let mechanism = wrapped.mechanism;
        if mechanism.is_dangerous() && floor == Floor::Sound {
            return Err(UnwrapError::Dangerous(mechanism));
        }
        let info = context_digest(context);
        match (&self.private, mechanism) {
            (Private::X25519(private), WrapMechanism::Hpke) => open(private, wrapped, context),
            (Private::Rsa(private), WrapMechanism::RsaOaepSha256) => {
                let label = Some(info.as_bytes().as_slice());
                decrypt(private, &OAEP_SHA256_MGF1SHA256, wrapped, label)
            }
            (Private::Rsa(private), WrapMechanism::DangerRsaOaepSha1) => {
                decrypt(private, &OAEP_SHA1_MGF1SHA1, wrapped, None)
            }
            (Private::Rsa(private), WrapMechanism::AwsKmsRecipient) => {
                let opened = wrapped.ephemeral.is_empty().then(|| {
                    let enveloped = Enveloped::parse(&wrapped.ciphertext).ok()?;
                    enveloped.open(private)
                });
                opened.flatten().ok_or(UnwrapError::Wrapped)
            }
            (Private::P256(private), WrapMechanism::EcdhX963Sha256) => {
                agree(private, wrapped, |shared| x963_sha256(shared, &info))
            }
            (Private::P256(private), WrapMechanism::EcdhPlain) => {
                agree(private, wrapped, |shared| Zeroizing::new(shared.to_vec()))
            }
            (Private::X25519(_) | Private::P256(_) | Private::Rsa(_), _) => {
                Err(UnwrapError::OtherKind(mechanism))
            }
        }
    }
}

impl core::fmt::Debug for SetupKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SetupKey([secret])")
    }
}

/// Returns what a wrapping names its context by: the label of OAEP, the shared info of X9.63.
pub fn context_digest(context: &ReleaseContext) -> Digest {
    domain_digest("key-release-info", &to_canonical(context))
}

fn open(
    private: &OpeningKey,
    wrapped: &WrappedKey,
    context: &ReleaseContext,
) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, UnwrapError> {
    let info = domain_separated("key-release-info", &to_canonical(context));
    let enc = wrapped.ephemeral.as_slice().try_into();
    let enc = enc.map_err(|_| UnwrapError::Wrapped)?;
    let opened = private.open(&info, enc, &wrapped.ciphertext);
    let opened = opened.map_err(|_| UnwrapError::Wrapped)?;
    let key = <[u8; DATA_KEY_BYTES]>::try_from(opened.as_slice());
    key.map(Zeroizing::new).map_err(|_| UnwrapError::Wrapped)
}

fn decrypt(
    private: &OaepPrivateDecryptingKey,
    algorithm: &'static OaepAlgorithm,
    wrapped: &WrappedKey,
    label: Option<&[u8]>,
) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, UnwrapError> {
    if !wrapped.ephemeral.is_empty() {
        return Err(UnwrapError::Wrapped);
    }
    let mut room = Zeroizing::new([0; RSA_MODULUS_BYTES]);
    let key = private
        .decrypt(algorithm, &wrapped.ciphertext, &mut *room, label)
        .map_err(|_| UnwrapError::Wrapped)?;
    let key = <[u8; DATA_KEY_BYTES]>::try_from(&*key).map_err(|_| UnwrapError::Wrapped)?;
    Ok(Zeroizing::new(key))
}

fn agree(
    private: &agreement::PrivateKey,
    wrapped: &WrappedKey,
    derive: impl FnOnce(&[u8]) -> Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, UnwrapError> {
    let point = wrapped.ephemeral.as_slice().try_into().ok();
    let Some(point) = point.and_then(|point| P256Point::new(point).ok()) else {
        return Err(UnwrapError::Wrapped);
    };
    if wrapped.ciphertext.len() != AES_WRAPPED_BYTES {
        return Err(UnwrapError::Wrapped);
    }
    let theirs = UnparsedPublicKey::new(&ECDH_P256, point.as_bytes().as_slice());
    agreement::agree(private, theirs, UnwrapError::Wrapped, |shared| {
        let wrapping = derive(shared);
        let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
        let kek = AesKek::new(&AES_256, &wrapping).map_err(|_| UnwrapError::Wrapped)?;
        kek.unwrap(&wrapped.ciphertext, &mut *key)
            .map_err(|_| UnwrapError::Wrapped)?;
        Ok(key)
    })
}

/// Key derivation of ANSI X9.63 (SEC 1 §3.6.1) with SHA-256, for one block.
fn x963_sha256(shared: &[u8], info: &Digest) -> Zeroizing<Vec<u8>> {
    let hash = Sha256::new()
        .chain_update(shared)
        .chain_update(1_u32.to_be_bytes())
        .chain_update(info.as_bytes());
    Zeroizing::new(hash.finalize().to_vec())
}

#[cfg(test)]
mod tests {
    use boop_wire::{InstanceId, PartyIndex};
    use boop_wire::{NetworkId, codec::plain_digest};

    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_p256_key_is_its_seed_and_its_point_is_known() {
        // The base point: SEC 2 §2.4.2.
        let one = SetupKey::p256(&scalar(1)).unwrap();
        let base = [0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47];

        let SetupPublic::P256(point) = one.public() else {
            panic!("{:?}", one.public());
        };
        assert_eq!(point.as_bytes()[..9], base);
    }

    #[test]
    fn a_seed_that_is_no_private_key_is_refused() {
        for seed in [[0; 32], [0xff; 32]] {
            assert_eq!(SetupKey::p256(&seed).unwrap_err(), SetupError::Seed);
        }
    }

    #[test]
    fn bytes_that_are_no_public_key_are_refused() {
        let key = SetupKey::p256(&scalar(5)).unwrap();
        let SetupPublic::P256(point) = key.public() else {
            panic!("{:?}", key.public());
        };
        for (place, value) in [(0, 2), (0, 0), (64, point.as_bytes()[64] ^ 1)] {
            let mut changed = *point.as_bytes();
            changed[place] = value;
            assert_eq!(P256Point::new(changed), Err(NotPublic));
        }
        let mut modulus = [0xff; RSA_MODULUS_BYTES];
        assert!(RsaModulus::new(&modulus).is_ok());
        modulus[0] = 0x7f;
        assert_eq!(RsaModulus::new(&modulus), Err(NotPublic));
        modulus[0] = 0x80;
        modulus[RSA_MODULUS_BYTES - 1] = 0xfe;
        assert_eq!(RsaModulus::new(&modulus), Err(NotPublic));
    }

    #[test]
    fn an_answer_for_another_kind_of_key_is_refused() {
        let [p256, rsa] = [
            SetupKey::p256(&scalar(5)).unwrap(),
            SetupKey::rsa3072().unwrap(),
        ];
        for mechanism in WrapMechanism::OF_TOKENS {
            let wrapped = WrappedKey {
                mechanism,
                ephemeral: Vec::new(),
                ciphertext: Vec::new(),
            };
            let (right, wrong) = match mechanism.setup_kind() {
                SetupKind::P256 => (&p256, &rsa),
                SetupKind::X25519 | SetupKind::Rsa3072 => (&rsa, &p256),
            };
            let open = |key: &SetupKey| key.unwrap_key(&wrapped, &context(), Floor::DangerAny);

            assert_eq!(open(wrong), Err(UnwrapError::OtherKind(mechanism)));
            assert_eq!(open(right), Err(UnwrapError::Wrapped));
        }
    }

    #[test]
    fn an_answer_of_agreement_is_opened_as_the_standards_say() {
        let ours = SetupKey::p256(&scalar(5)).unwrap();
        let theirs = agreement::PrivateKey::from_private_key(&ECDH_P256, &scalar(9)).unwrap();
        let key = [0x5a; DATA_KEY_BYTES];
        let wrap = |kek: &[u8]| {
            let mut wrapped = [0; AES_WRAPPED_BYTES];
            let kek = AesKek::new(&AES_256, kek).unwrap();
            kek.wrap(&key, &mut wrapped).unwrap();
            wrapped.to_vec()
        };
        let SetupPublic::P256(point) = ours.public() else {
            panic!("{:?}", ours.public());
        };
        let point = UnparsedPublicKey::new(&ECDH_P256, point.as_bytes().as_slice());
        let shared = agreement::agree(&theirs, point, (), |shared| Ok(shared.to_vec())).unwrap();
        let digest = context_digest(&context());
        let input = [&shared[..], &[0, 0, 0, 1], digest.as_bytes()].concat();
        let derived = plain_digest(&input);
        let ephemeral = theirs.compute_public_key().unwrap().as_ref().to_vec();
        let cases = [
            (WrapMechanism::EcdhPlain, wrap(&shared)),
            (WrapMechanism::EcdhX963Sha256, wrap(derived.as_bytes())),
        ];
        for (mechanism, ciphertext) in cases {
            let mut wrapped = WrappedKey {
                mechanism,
                ephemeral: ephemeral.clone(),
                ciphertext,
            };
            let open = |wrapped: &WrappedKey| {
                let opened = ours.unwrap_key(wrapped, &context(), Floor::Sound);
                opened.map(|key| *key)
            };
            assert_eq!(open(&wrapped), Ok(key));
            wrapped.ciphertext.push(0);
            assert_eq!(open(&wrapped), Err(UnwrapError::Wrapped));
            wrapped.ciphertext.pop();
            wrapped.ephemeral[64] ^= 1;
            assert_eq!(open(&wrapped), Err(UnwrapError::Wrapped));
        }
    }

    fn scalar(value: u8) -> [u8; 32] {
        let mut scalar = [0; 32];
        scalar[31] = value;
        scalar
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
}

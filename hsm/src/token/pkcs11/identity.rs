//! Signing keys in a token, a custodian's and an approver's: Ed25519, made there, and never out of
//! it.

use boop_wire::PartyIndex;
use boop_wire::codec::domain_digest;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::token::VaultError;
use crate::token::pkcs11::release::{Fleeting, Lifetime};

/// Ed25519 in DER (RFC 8410 §3).
const ED25519_PARAMS: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];
/// A point of Ed25519 in DER begins so: an octet string of 32 bytes.
const ED25519_POINT_PREFIX: [u8; 2] = [0x04, 0x20];

/// A key pair in the token.
pub(super) struct Identity {
    private: ObjectHandle,
    pub(super) public: [u8; 32],
}

/// Whose key pair it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Signer {
    /// The custodian of a party.
    Custodian(PartyIndex),
    /// Somebody who approves manifests.
    Approver,
}

/// Makes a key pair.
pub(super) fn make(
    session: &Session,
    signer: Signer,
    lives: Lifetime,
) -> Result<Identity, VaultError> {
    let id = signer.id();
    let label = match signer {
        Signer::Custodian(party) => format!("boop custodian {}", party.get()).into_bytes(),
        Signer::Approver => b"boop approver".to_vec(),
    };
    let public = [
        Attribute::Token(lives == Lifetime::Token),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::EcParams(ED25519_PARAMS.to_vec()),
        Attribute::Id(id.clone()),
        Attribute::Label(label.clone()),
    ];
    let private = [
        Attribute::Token(lives == Lifetime::Token),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Derive(false),
        Attribute::Id(id),
        Attribute::Label(label),
    ];
    let (public, private) =
        session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private)?;
    Ok(Identity {
        private,
        public: point(session, public)?,
    })
}

/// Finds a key pair.
pub(super) fn find(session: &Session, signer: Signer) -> Result<Option<Identity>, VaultError> {
    let of = |class| {
        [
            Attribute::Class(class),
            Attribute::Token(true),
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::Id(signer.id()),
        ]
    };
    let private = session.find_objects(&of(ObjectClass::PRIVATE_KEY))?;
    let public = session.find_objects(&of(ObjectClass::PUBLIC_KEY))?;
    let (private, public) = match (private.as_slice(), public.as_slice()) {
        ([], []) => return Ok(None),
        ([private], [public]) => (*private, *public),
        _ => return Err(VaultError::Identity("there is not one key pair of it")),
    };
    let wanted = [
        (Attribute::Sensitive(true), "it is not sensitive"),
        (Attribute::Extractable(false), "it is extractable"),
        (Attribute::NeverExtractable(true), "it was extractable once"),
    ];
    for (attribute, otherwise) in wanted {
        if session.get_attributes(private, &[attribute.attribute_type()])? != [attribute] {
            return Err(VaultError::Identity(otherwise));
        }
    }
    let public = point(session, public)?;
    Ok(Some(Identity { private, public }))
}

/// Has the token sign bytes.
pub(super) fn sign(
    session: &Session,
    identity: &Identity,
    bytes: &[u8],
) -> Result<[u8; 64], VaultError> {
    let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
    let signature = session.sign(&pure, identity.private, bytes)?;
    signature
        .try_into()
        .map_err(|_| VaultError::Protocol(String::from("a signature is not of 64 bytes")))
}

impl Identity {
    /// Ends with the session, for a key that lives there.
    pub(super) const fn fleeting<'a>(&self, session: &'a Session) -> Fleeting<'a> {
        Fleeting::new(session, self.private)
    }
}

impl Signer {
    fn id(self) -> Vec<u8> {
        let digest = match self {
            Self::Custodian(party) => domain_digest("custodian-identity", &[party.get()]),
            Self::Approver => domain_digest("approver-identity", &[]),
        };
        digest.as_bytes().to_vec()
    }
}

/// Reads a public point; PKCS#11 has it in DER, and some modules give it bare.
fn point(session: &Session, public: ObjectHandle) -> Result<[u8; 32], VaultError> {
    let found = session.get_attributes(public, &[AttributeType::EcPoint])?;
    let [Attribute::EcPoint(point)] = found.as_slice() else {
        return Err(VaultError::Identity("its public half has no point"));
    };
    let bare = point.strip_prefix(&ED25519_POINT_PREFIX).unwrap_or(point);
    bare.try_into()
        .map_err(|_| VaultError::Identity("its public half is not of 32 bytes"))
}

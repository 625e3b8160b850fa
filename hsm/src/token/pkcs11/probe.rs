//! What a token can do, found by doing it.
//!
//! A module's list of mechanisms says too much: one lists RSA-OAEP and refuses SHA-256. So each
//! line of the table is an operation carried out with throw-away keys of the session, and a
//! wrapping counts when it opens outside to the same throw-away key. Nothing is left on the token.

use std::fmt;

use boop_channel::verify_signature;
use boop_wire::release::ReleaseContext;
use boop_wire::session::Signature;
use boop_wire::{InstanceId, NetworkId, PartyIndex};
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::AttributeType;
use cryptoki::session::Session;
use zeroize::Zeroizing;

use crate::token::pkcs11::connection::{Connection, Module};
use crate::token::pkcs11::identity::{self, Signer};
use crate::token::pkcs11::release::{self, Lifetime};
use crate::token::{KeyName, VaultError};
use boop_channel::setup::{DATA_KEY_BYTES, Floor, SetupKey, context_digest};
use boop_wire::release::{SetupKind, WrapMechanism};

/// Something that a token may be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Makes a key-encryption key that is sensitive and not extractable, and keeps to it.
    KeyEncryptionKey,
    /// Wraps a data key by it and unwraps it again (RFC 3394), and refuses a changed one.
    AtRest,
    /// Does not show the bytes of a data key.
    DataKeyHidden,
    /// Makes an Ed25519 key and signs with it, for the custodian's identity.
    Ed25519,
    /// Gives out a data key as ciphertext alone, as AWS KMS does.
    DataKeyMade,
    /// Opens that to nobody without the evidence of an enclave.
    ClosedWithoutEvidence,
    /// Wraps a data key to a setup key.
    Release(WrapMechanism),
}

impl Capability {
    /// Those without which no key is safe in a token.
    pub const BASICS: [Self; 3] = [Self::KeyEncryptionKey, Self::AtRest, Self::DataKeyHidden];

    /// Returns the name that stands in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyEncryptionKey => "key-encryption-key",
            Self::AtRest => "aes-kw-at-rest",
            Self::DataKeyHidden => "data-key-hidden",
            Self::Ed25519 => "ed25519-identity",
            Self::DataKeyMade => "data-key-made",
            Self::ClosedWithoutEvidence => "closed-without-evidence",
            Self::Release(mechanism) => mechanism.name(),
        }
    }
}

/// What was found of a capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of which.
    pub capability: Capability,
    /// The error, if the token does not do it.
    pub outcome: Result<(), String>,
}

/// What a token says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// The version of its firmware.
    pub firmware: String,
}

/// The table of capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The token.
    pub token: TokenFacts,
    /// One line each.
    pub table: Vec<Finding>,
}

impl Findings {
    /// Tells whether the token has a capability.
    pub fn has(&self, capability: Capability) -> bool {
        let mut table = self.table.iter();
        table.any(|finding| finding.capability == capability && finding.outcome.is_ok())
    }

    /// Says what a custodian lacks that is to release by `mechanism`.
    pub(super) fn suffice(&self, mechanism: WrapMechanism) -> Result<(), VaultError> {
        let needed = Capability::BASICS
            .into_iter()
            .chain([Capability::Release(mechanism)]);
        match needed.into_iter().find(|capability| !self.has(*capability)) {
            None => Ok(()),
            Some(missing) => Err(VaultError::NotOffered(missing)),
        }
    }

    /// Returns the strongest mechanism of release, if keys are safe in the token at all.
    pub fn strongest(&self, danger_oaep_sha1: bool) -> Option<WrapMechanism> {
        if !Capability::BASICS.iter().all(|basic| self.has(*basic)) {
            return None;
        }
        WrapMechanism::OF_TOKENS
            .into_iter()
            .filter(|mechanism| danger_oaep_sha1 || !mechanism.is_dangerous())
            .find(|mechanism| self.has(Capability::Release(*mechanism)))
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TokenFacts {
            manufacturer,
            model,
            serial,
            firmware,
        } = &self.token;
        writeln!(
            f,
            "token  {manufacturer}, {model}, firmware {firmware}, serial {serial}"
        )?;
        for Finding {
            capability,
            outcome,
        } in &self.table
        {
            match outcome {
                Ok(()) => writeln!(f, "  {:30} works", capability.name())?,
                Err(error) => writeln!(f, "  {:30} no: {error}", capability.name())?,
            }
        }
        if self.has(Capability::DataKeyMade) {
            // It wraps in one way.
            return write!(f, "strongest  {}", WrapMechanism::AwsKmsRecipient.name());
        }
        let strongest = self.strongest(false).map_or("none", WrapMechanism::name);
        write!(f, "strongest  {strongest}")
    }
}

/// Tries everything.
pub(super) fn probe(module: &Module, connection: &Connection) -> Result<Findings, VaultError> {
    let token = module.token(connection.slot)?;
    let session = &connection.session;
    let mut table = vec![
        finding(Capability::KeyEncryptionKey, kek_stays(session)),
        finding(Capability::AtRest, key_rests(session)),
        finding(Capability::DataKeyHidden, data_key_is_hidden(session)),
        finding(Capability::Ed25519, signs(session)),
    ];
    let setup_keys = SetupKeys::new()?;
    for mechanism in WrapMechanism::OF_TOKENS {
        let released = key_is_released(session, mechanism, &setup_keys);
        table.push(finding(Capability::Release(mechanism), released));
    }
    if !connection.is_alive() {
        return Err(VaultError::SessionLost(RvError::TokenNotPresent));
    }
    Ok(Findings {
        token: TokenFacts {
            manufacturer: token.manufacturer_id().to_owned(),
            model: token.model().to_owned(),
            serial: token.serial_number().to_owned(),
            firmware: token.firmware_version().to_string(),
        },
        table,
    })
}

fn finding(capability: Capability, outcome: Result<(), VaultError>) -> Finding {
    Finding {
        capability,
        outcome: outcome.map_err(|error| error.to_string()),
    }
}

struct SetupKeys {
    p256: SetupKey,
    rsa3072: SetupKey,
}

impl SetupKeys {
    fn new() -> Result<Self, VaultError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| VaultError::Random)?;
        let not_made = |_| VaultError::Random;
        Ok(Self {
            p256: SetupKey::p256(&seed).map_err(not_made)?,
            rsa3072: SetupKey::rsa3072().map_err(not_made)?,
        })
    }
}

fn kek_stays(session: &Session) -> Result<(), VaultError> {
    let kek = release::make_kek(session, &NAME, Lifetime::Session)?;
    let kek = release::Fleeting::new(session, kek);
    if session
        .get_attributes(kek.handle, &[AttributeType::Value])
        .is_ok_and(|v| !v.is_empty())
    {
        return Err(VaultError::Protocol(String::from(
            "the key shows its bytes",
        )));
    }
    let other = release::make_kek(session, &NAME, Lifetime::Session)?;
    let other = release::Fleeting::new(session, other);
    match session.wrap_key(&Mechanism::AesKeyWrap, other.handle, kek.handle) {
        Ok(_) => Err(VaultError::Protocol(String::from(
            "the key is wrapped by another",
        ))),
        Err(error) => match VaultError::from(error) {
            VaultError::Call { .. } => Ok(()),
            other => Err(other),
        },
    }
}

fn key_rests(session: &Session) -> Result<(), VaultError> {
    let kek = release::make_kek(session, &NAME, Lifetime::Session)?;
    let kek = release::Fleeting::new(session, kek);
    let data_key = release::make_data_key(session)?;
    let mut stored = release::store(session, kek.handle, &data_key)?;
    drop(release::restore(session, kek.handle, &stored)?);
    stored.0[0] ^= 1;
    match release::restore(session, kek.handle, &stored) {
        Err(VaultError::StoredKey) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(VaultError::Protocol(String::from(
            "a changed key is unwrapped",
        ))),
    }
}

fn data_key_is_hidden(session: &Session) -> Result<(), VaultError> {
    let key = release::make_data_key(session)?;
    let shown = session.get_attributes(key.handle, &[AttributeType::Value]);
    if shown.is_ok_and(|shown| !shown.is_empty()) {
        return Err(VaultError::Protocol(String::from(
            "the key shows its bytes",
        )));
    }
    Ok(())
}

fn signs(session: &Session) -> Result<(), VaultError> {
    let made = identity::make(session, Signer::Custodian(NAME.party), Lifetime::Session)?;
    let _private = made.fleeting(session);
    let bytes = b"boop probe";
    let signature = Signature(identity::sign(session, &made, bytes)?);
    if !verify_signature(&made.public, bytes, &signature) {
        return Err(VaultError::Protocol(String::from(
            "a signature does not verify",
        )));
    }
    Ok(())
}

/// Wraps one throw-away key twice; both must open, to the same 32 bytes.
fn key_is_released(
    session: &Session,
    mechanism: WrapMechanism,
    keys: &SetupKeys,
) -> Result<(), VaultError> {
    let setup = match mechanism.setup_kind() {
        SetupKind::P256 => &keys.p256,
        SetupKind::X25519 | SetupKind::Rsa3072 => &keys.rsa3072,
    };
    let context = context();
    let data_key = release::make_data_key(session)?;
    let open = || -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, VaultError> {
        let digest = context_digest(&context);
        let wrapped = release::wrap_to(session, mechanism, &data_key, setup.public(), &digest)?;
        let opened = setup.unwrap_key(&wrapped, &context, Floor::DangerAny);
        opened.map_err(|error| VaultError::Protocol(error.to_string()))
    };
    if open()? != open()? {
        return Err(VaultError::Protocol(String::from(
            "two wrappings hold two keys",
        )));
    }
    Ok(())
}

/// The name of throw-away keys, which no party has.
const NAME: KeyName = KeyName::first(NetworkId::new([0; 32]), PartyIndex::ALL[0], u32::MAX);

const fn context() -> ReleaseContext {
    ReleaseContext {
        network: NAME.network,
        party: NAME.party,
        epoch: NAME.epoch,
        instance: InstanceId::new([0; 16]),
        lease: 0,
        anchor: None,
    }
}

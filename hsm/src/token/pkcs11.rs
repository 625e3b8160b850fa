//! A vault behind PKCS#11: a hardware module, or a software one that speaks the same.
//!
//! ```text
//!  create   KEK made in the token, for good; data key made in the session; KEK wraps data key
//!  release  KEK unwraps data key into the session; the token wraps it to the setup key
//! ```
//!
//! A lost session is opened anew once for each call, with the PIN read from its file again; a PIN
//! that was refused is not tried again, since tokens lock themselves. All calls go one by one.

mod approver;
mod backup;
mod connection;
mod identity;
mod probe;
mod release;

use std::sync::{Mutex, MutexGuard, PoisonError};

use boop_wire::PartyIndex;
use boop_wire::release::ReleaseContext;
use cryptoki::session::Session;

use crate::token::{KeyName, Recipient, StoredKey, Vault, VaultError};
use boop_channel::setup::{WrappedKey, context_digest};
use boop_wire::release::WrapMechanism;

use connection::{Connection, Module};
use identity::Signer;
use release::Lifetime;

pub use approver::{ApproveError, ApproverToken};
pub use backup::{KeyCheck, make_drill_token};
pub use connection::Pkcs11Settings;
pub use probe::{Capability, Finding, Findings, TokenFacts};

/// A token behind a PKCS#11 module.
pub struct Pkcs11Vault {
    settings: Pkcs11Settings,
    findings: Findings,
    mechanism: WrapMechanism,
    state: Mutex<State>,
}

struct State {
    connection: Option<Connection>,
    /// Why nothing is tried any more.
    given_up: Option<VaultError>,
    /// Dropped after the connection.
    module: Module,
}

impl Pkcs11Vault {
    /// Logs in to a token and finds out what it can do.
    ///
    /// # Errors
    /// If there is no such module or token, it does not let us in, it does not guard its keys, or
    /// it does not offer the mechanism, or that needs an operator's word.
    pub fn open(settings: Pkcs11Settings, mechanism: WrapMechanism) -> Result<Self, VaultError> {
        if mechanism.is_dangerous() && !settings.danger_oaep_sha1 {
            return Err(VaultError::Dangerous(mechanism));
        }
        let (state, findings) = State::probed(&settings)?;
        findings.suffice(mechanism)?;
        Ok(Self {
            settings,
            findings,
            mechanism,
            state: Mutex::new(state),
        })
    }

    /// Logs in to a token, finds out what it can do, and leaves.
    ///
    /// # Errors
    /// If there is no such module or token, or it does not let us in.
    pub fn probe(settings: &Pkcs11Settings) -> Result<Findings, VaultError> {
        State::probed(settings).map(|(_, findings)| findings)
    }

    /// Returns what the token can do, as found when it was opened.
    pub const fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Returns the public half of the signing key of a party's custodian, if there is one.
    ///
    /// # Errors
    /// If it could leave the token, or the token fails.
    pub fn identity(&self, party: PartyIndex) -> Result<Option<[u8; 32]>, VaultError> {
        self.with_session(|session| {
            Ok(identity::find(session, Signer::Custodian(party))?.map(|identity| identity.public))
        })
    }

    /// Makes the signing key of a party's custodian, unless there is one, and returns its public
    /// half.
    ///
    /// # Errors
    /// If the token has no Ed25519, or what is there could leave it, or it fails.
    pub fn make_identity(&self, party: PartyIndex) -> Result<[u8; 32], VaultError> {
        if !self.findings.has(Capability::Ed25519) {
            return Err(VaultError::NotOffered(Capability::Ed25519));
        }
        self.with_session(|session| {
            if let Some(identity) = identity::find(session, Signer::Custodian(party))? {
                return Ok(identity.public);
            }
            let made = identity::make(session, Signer::Custodian(party), Lifetime::Token)?;
            Ok(made.public)
        })
    }

    /// Carries out a call; if it finds the session lost, once more in a new one.
    fn with_session<R>(
        &self,
        call: impl Fn(&Session) -> Result<R, VaultError>,
    ) -> Result<R, VaultError> {
        let mut state = self.state();
        let first = state.session(&self.settings).and_then(&call);
        match first {
            Err(error) if state.has_lost_its_session() => {
                tracing::warn!(event = "token-session-lost", %error);
                state.connection = None;
                state.session(&self.settings).and_then(call)
            }
            other => other,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn probed(settings: &Pkcs11Settings) -> Result<(Self, Findings), VaultError> {
        let mut module = Module::load(settings)?;
        let connection = module.connect(settings)?;
        let findings = probe::probe(&module, &connection)?;
        let state = Self {
            connection: Some(connection),
            given_up: None,
            module,
        };
        Ok((state, findings))
    }

    fn has_lost_its_session(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| !connection.is_alive())
    }

    /// Returns the session, logging in if there is none.
    fn session(&mut self, settings: &Pkcs11Settings) -> Result<&Session, VaultError> {
        if let Some(error) = &self.given_up {
            return Err(error.clone());
        }
        if self.connection.is_none() {
            // An operator's word counts for the first login, not for those that follow by
            // themselves.
            let settings = Pkcs11Settings {
                retry_after_wrong_pin: false,
                ..settings.clone()
            };
            let connected = self.module.connect(&settings);
            self.connection = Some(connected.map_err(|error| self.not_again(error, &settings))?);
        }
        match &self.connection {
            Some(connection) => Ok(&connection.session),
            None => Err(gone(settings)),
        }
    }

    fn not_again(&mut self, error: VaultError, settings: &Pkcs11Settings) -> VaultError {
        match error {
            VaultError::NoToken { .. } | VaultError::SessionLost(_) => gone(settings),
            error => {
                if error.is_final() {
                    self.given_up = Some(error.clone());
                }
                error
            }
        }
    }
}

fn gone(settings: &Pkcs11Settings) -> VaultError {
    let label = settings.label.clone();
    VaultError::TokenGone { label }
}

impl Vault for Pkcs11Vault {
    fn mechanism(&self) -> WrapMechanism {
        self.mechanism
    }

    fn create(&self, name: &KeyName) -> Result<StoredKey, VaultError> {
        self.with_session(|session| {
            let data_key = release::make_data_key(session)?;
            let kek = release::find_or_make_kek(session, name)?;
            release::store(session, kek, &data_key)
        })
    }

    fn rewrap(
        &self,
        from: &KeyName,
        stored: &StoredKey,
        to: &KeyName,
    ) -> Result<StoredKey, VaultError> {
        self.with_session(|session| {
            let old = release::find_kek(session, from)?;
            let data_key = release::restore(session, old, stored)?;
            let new = release::find_or_make_kek(session, to)?;
            release::store(session, new, &data_key)
        })
    }

    fn release(
        &self,
        name: &KeyName,
        stored: &StoredKey,
        recipient: &Recipient<'_>,
        context: &ReleaseContext,
    ) -> Result<WrappedKey, VaultError> {
        let setup = recipient.setup;
        if setup.kind() != self.mechanism.setup_kind() {
            return Err(VaultError::SetupKind(self.mechanism));
        }
        let context = context_digest(context);
        self.with_session(|session| {
            let kek = release::find_kek(session, name)?;
            let data_key = release::restore(session, kek, stored)?;
            release::wrap_to(session, self.mechanism, &data_key, setup, &context)
        })
    }

    fn destroy(&self, name: &KeyName) -> Result<(), VaultError> {
        self.with_session(|session| {
            let kek = release::find_kek(session, name)?;
            Ok(session.destroy_object(kek)?)
        })
    }

    fn sign(&self, party: PartyIndex, bytes: &[u8]) -> Result<[u8; 64], VaultError> {
        self.with_session(|session| {
            let found = identity::find(session, Signer::Custodian(party))?;
            let identity = found.ok_or(VaultError::Identity("there is none"))?;
            identity::sign(session, &identity, bytes)
        })
    }
}

impl std::fmt::Debug for Pkcs11Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pkcs11Vault")
            .field("settings", &self.settings)
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! A login to one token: from the module to an open session.

use std::path::PathBuf;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};

use crate::token::{PinError, VaultError, pin};

/// Which token, and how to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Settings {
    /// The module: a shared library that speaks PKCS#11.
    pub module: PathBuf,
    /// The token's label; slots move.
    pub label: String,
    /// A file with the user's PIN, of mode 600.
    pub pin_file: PathBuf,
    /// An operator's word to log in although a wrong PIN was given before.
    pub retry_after_wrong_pin: bool,
    /// An operator's word that RSA-OAEP with SHA-1 may be the mechanism.
    pub danger_oaep_sha1: bool,
}

/// An open session of a user who is logged in.
pub(super) struct Connection {
    pub(super) slot: Slot,
    pub(super) session: Session,
}

impl Connection {
    /// Tells whether the session is there and its user logged in. Modules answer alike to a bad
    /// input and to a lost token; this tells the two apart.
    pub(super) fn is_alive(&self) -> bool {
        let info = self.session.get_session_info();
        info.is_ok_and(|info| info.session_state() == SessionState::RwUser)
    }
}

/// The module, and whether we are to finish it.
pub(super) struct Module {
    pkcs11: Pkcs11,
    initialized: bool,
}

impl Module {
    /// Loads the module; it stays loaded for as long as the value lives.
    pub(super) fn load(settings: &Pkcs11Settings) -> Result<Self, VaultError> {
        let path = &settings.module;
        let pkcs11 = Pkcs11::new(path).map_err(|_| VaultError::Module { path: path.clone() })?;
        Ok(Self {
            pkcs11,
            initialized: false,
        })
    }

    /// Starts the module anew and logs in. What was open before is closed.
    pub(super) fn connect(&mut self, settings: &Pkcs11Settings) -> Result<Connection, VaultError> {
        let connected = self.try_connect(settings);
        if connected.is_err() {
            self.finish();
        }
        connected
    }

    /// Ends every session of the module.
    pub(super) fn finish(&mut self) {
        if std::mem::take(&mut self.initialized) {
            // A module whose token is gone may have nothing left to finish.
            let _ = self.pkcs11.clone().finalize();
        }
    }

    pub(super) fn token(&self, slot: Slot) -> Result<TokenInfo, VaultError> {
        Ok(self.pkcs11.get_token_info(slot)?)
    }

    fn try_connect(&mut self, settings: &Pkcs11Settings) -> Result<Connection, VaultError> {
        self.finish();
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match self.pkcs11.initialize(arguments) {
            Ok(()) => self.initialized = true,
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {
                return Err(VaultError::ModuleInUse);
            }
            Err(error) => return Err(error.into()),
        }
        let slot = self.find(&settings.label)?;
        let session = self.pkcs11.open_rw_session(slot)?;
        self.log_in(slot, &session, settings)?;
        Ok(Connection { slot, session })
    }

    fn find(&self, label: &str) -> Result<Slot, VaultError> {
        let mut found = None;
        for slot in self.pkcs11.get_slots_with_token()? {
            // A slot that fails is another's business; a token that is ours is then not found.
            let Ok(token) = self.pkcs11.get_token_info(slot) else {
                continue;
            };
            if token.token_initialized() && token.label() == label {
                if found.is_some() {
                    let label = label.to_owned();
                    return Err(VaultError::SeveralTokens { label });
                }
                found = Some(slot);
            }
        }
        let label = label.to_owned();
        found.ok_or(VaultError::NoToken { label })
    }

    fn log_in(
        &self,
        slot: Slot,
        session: &Session,
        settings: &Pkcs11Settings,
    ) -> Result<(), VaultError> {
        let token = self.token(slot)?;
        if !token.user_pin_initialized() {
            return Err(VaultError::NoUserPin);
        }
        if token.user_pin_locked() {
            return Err(VaultError::PinLocked);
        }
        let doubted = token.user_pin_count_low()
            || token.user_pin_final_try()
            || pin::was_refused(&settings.pin_file);
        if doubted && !settings.retry_after_wrong_pin {
            return Err(VaultError::PinDoubted);
        }
        let pin = pin::read(&settings.pin_file)?;
        // The note is there before the token hears the PIN, and goes unless it was refused: a
        // refusal that cannot be noted would be tried again by every start.
        pin::mark_refused(&settings.pin_file).map_err(|error| PinError::Mark(error.kind()))?;
        let result = match session.login(UserType::User, Some(&pin)) {
            Ok(()) => Ok(()),
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => return Err(VaultError::WrongPin),
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(VaultError::PinLocked),
            Err(error) => Err(error.into()),
        };
        pin::clear_mark(&settings.pin_file);
        result
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        self.finish();
    }
}

impl VaultError {
    /// Tells whether trying again does harm, or cannot help before somebody acts.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::WrongPin | Self::PinLocked | Self::PinDoubted)
    }
}

impl From<Error> for VaultError {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(
                code @ (RvError::SessionClosed
                | RvError::SessionHandleInvalid
                | RvError::UserNotLoggedIn
                | RvError::CryptokiNotInitialized
                | RvError::DeviceRemoved
                | RvError::SlotIdInvalid
                | RvError::TokenNotPresent
                | RvError::TokenNotRecognized),
                _,
            ) => Self::SessionLost(code),
            Error::Pkcs11(code, function) => Self::Call {
                call: format!("C_{function:?}"),
                code,
            },
            other => Self::Protocol(other.to_string()),
        }
    }
}

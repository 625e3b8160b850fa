//! A token that a backup is brought into.
//!
//! ```text
//!  begin   the file says "restoring", with the leases: nobody can use it or make another
//!  import  key after key into the token
//!  finish  the file has the keys, and "restoring" is gone
//! ```
//!
//! So a token whose restore was cut short serves nobody. The next restore begins from its start:
//! what the first brought in is destroyed.

use crate::token::keeper::state::{Identity, Kept, State};
use crate::token::keeper::{Pkcs11Token, Pkcs11TokenSettings};
use crate::token::leases::Leases;
use crate::token::{KeyCheck, KeyName, Pkcs11Vault, StoredKey, TokenError, private};

/// A token with a restore under way.
#[derive(Debug)]
pub(crate) struct RestoringToken {
    token: Pkcs11Token,
    names: Vec<KeyName>,
}

impl RestoringToken {
    /// Begins a restore of keys with these names. Leases of `epoch`, under which the custodian
    /// counts all, will begin after `lease`; keys of epochs before `oldest` will be refused.
    pub(crate) fn begin(
        settings: Pkcs11TokenSettings,
        names: Vec<KeyName>,
        (epoch, lease): (u32, u64),
        oldest: u32,
    ) -> Result<Self, TokenError> {
        let lock = private::lock(&settings.state)?;
        let begun = if settings.state.try_exists()? {
            private::check(&settings.state)?;
            Some(State::read_any(&settings.state)?)
        } else {
            None
        };
        if begun.as_ref().is_some_and(|begun| !begun.restoring) {
            return Err(TokenError::Exists);
        }
        let vault = Pkcs11Vault::open(settings.pkcs11.clone(), settings.mechanism)?;
        let serial = vault.findings().token.serial.clone();
        let mut state = State::new(
            serial,
            Identity::make(&settings, &vault)?,
            Leases::beginning_at(epoch, lease),
        );
        state.oldest = oldest;
        state.restoring = true;
        let token = Pkcs11Token::new(vault, settings.party, settings.state, state, lock);
        if let Some(begun) = begun {
            if begun.serial != token.state().serial {
                let expected = begun.serial;
                return Err(TokenError::OtherToken { expected });
            }
            for name in &names {
                token.destroy(name)?;
            }
        }
        let keys = token.vault.keys_held()?;
        if keys > 0 {
            return Err(TokenError::NotEmpty { keys });
        }
        token.state().write(&token.path)?;
        Ok(Self { token, names })
    }

    /// Brings in one of the keys, wrapped by `wrapping`, and tells what it is known by.
    pub(crate) fn import(
        &self,
        name: KeyName,
        wrapping: &[u8; 32],
        wrapped: &StoredKey,
        made_at_ms: u64,
        now_ms: u64,
    ) -> Result<KeyCheck, TokenError> {
        let (stored, check) = self.token.vault.import(&name, wrapping, wrapped)?;
        self.token.state().keys.push(Kept {
            name,
            stored: stored.0,
            made_at_ms,
            kek_made_at_ms: now_ms,
            retired: None,
        });
        Ok(check)
    }

    /// Makes it a token that serves.
    pub(crate) fn finish(self) -> Result<Pkcs11Token, TokenError> {
        let mut state = self.token.state();
        self.token
            .change(&mut state, |state| state.restoring = false)?;
        drop(state);
        Ok(self.token)
    }

    /// Takes back what was brought in. Where that fails, the file goes on saying "restoring".
    pub(crate) fn give_up(self) {
        let destroyed = self
            .names
            .iter()
            .all(|name| self.token.destroy(name).is_ok());
        if destroyed {
            let _ = std::fs::remove_file(&self.token.path);
        }
    }
}

//! Time and randomness, which the ledger takes as arguments.

/// Where the ledger gets time and salts from.
pub trait Environment: Send + Sync + 'static {
    /// Returns the Unix time in milliseconds.
    fn now_ms(&self) -> u64;

    /// Returns fresh random bytes that nobody can guess.
    ///
    /// # Errors
    /// When the source of randomness fails.
    fn salt(&self) -> Result<[u8; 32], EntropyError>;
}

/// The source of randomness failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness failed")]
pub struct EntropyError;

/// The clock and the random source of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn now_ms(&self) -> u64 {
        boop_daemon::now_ms()
    }

    fn salt(&self) -> Result<[u8; 32], EntropyError> {
        let mut salt = [0; 32];
        boop_platform::random(&mut salt).map_err(|_| EntropyError)?;
        Ok(salt)
    }
}

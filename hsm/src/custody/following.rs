//! Next versions of the manifest while a custodian runs [EVI-8].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use boop_channel::Trust;
use boop_daemon::{LiveTrust, now_ms};
use tokio::task::spawn_blocking;

use super::{Custody, UnfitToken, check_fit};
use crate::ledger::LedgerError;
use crate::seen::{SeenError, note_manifest};

/// Why a running custodian does not take the next version of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NextError {
    /// The version names another token, or other hardware.
    #[error(transparent)]
    Token(#[from] UnfitToken),
    /// The log does not have it, or it does not count yet.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The custodian stops.
    #[error("the custodian stops")]
    Interrupted,
    /// It would go back, or the note cannot be kept.
    #[error(transparent)]
    Seen(#[from] SeenError),
}

/// Takes next versions for as long as the custodian runs; `register` is the place of its register,
/// beside which the newest is noted.
pub async fn follow(trust: Arc<LiveTrust>, custody: Arc<Custody>, register: PathBuf) {
    let admit = |next: Arc<Trust>| {
        let (custody, register) = (Arc::clone(&custody), register.clone());
        let admitted = spawn_blocking(move || custody.admit(&next, &register, now_ms()));
        async { admitted.await.unwrap_or(Err(NextError::Interrupted)) }
    };
    trust.follow_for_ever(admit).await;
}

impl Custody {
    /// Takes no next version for which the token is not the custodian's, or that the log does not
    /// have [EVI-7]; and goes back behind none that it takes, with `register` as the place of the
    /// note [EVI-6].
    ///
    /// # Errors
    /// The first check that fails; then all goes on under the version that there is.
    pub fn admit(&self, next: &Trust, register: &Path, now_ms: u64) -> Result<(), NextError> {
        check_fit(&*self.token, self.settings.party, next)?;
        self.check_in_log(next, now_ms)?;
        note_manifest(register, &next.manifest().head())?;
        self.published.get_or_init(|| ());
        Ok(())
    }
}

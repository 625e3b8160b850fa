//! Asking a running host, on its own machine: to have its enclave finish and to end, which is the
//! same as its signal to terminate, and one can wait for it; or to have all records refreshed.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};

use crate::status::{Status, StatusError, read};

/// What a host can be asked for, each at a socket in its run directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// To have its enclave finish and retire, and to end.
    Drain,
    /// To have all records refreshed [REF-1].
    Refresh,
}

impl Errand {
    const fn socket(self) -> &'static str {
        match self {
            Self::Drain => "drain.sock",
            Self::Refresh => "refresh.sock",
        }
    }
}

/// Why a host could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No host listens in this run directory.
    #[error("no host runs here: {0}")]
    NoHost(ErrorKind),
    /// It left no status behind.
    #[error("the host's status cannot be read")]
    Status(#[from] StatusError),
}

/// Where a host is asked for something.
#[derive(Debug)]
pub struct Door(UnixListener);

impl Door {
    /// Opens the door in a run directory, for this user alone.
    ///
    /// # Errors
    /// If the socket cannot be bound.
    pub fn open(directory: &Path, errand: Errand) -> std::io::Result<Self> {
        let socket = directory.join(errand.socket());
        match std::fs::remove_file(&socket) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&socket)?;
        std::fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        Ok(Self(listener))
    }

    /// Returns once somebody asks. They wait for as long as what is returned is kept.
    ///
    /// # Errors
    /// If no connection can be taken.
    pub async fn asked(&self) -> std::io::Result<UnixStream> {
        self.0.accept().await.map(|(stream, _)| stream)
    }
}

/// Asks the host of a run directory for something, waits until it lets go - a host that drains has
/// ended then - and returns what it said last.
///
/// # Errors
/// If no host runs there, or it left no status.
pub async fn ask(directory: &Path, errand: Errand) -> Result<Status, AskError> {
    let mut stream = UnixStream::connect(directory.join(errand.socket()))
        .await
        .map_err(|error| AskError::NoHost(error.kind()))?;
    let mut nothing = [0];
    // It says nothing; its end is what is waited for.
    let _ = stream.read(&mut nothing).await;
    Ok(read(directory)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_host_nobody_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        let asked = ask(directory.path(), Errand::Drain).await;
        assert_eq!(asked, Err(AskError::NoHost(ErrorKind::NotFound)));

        let door = Door::open(directory.path(), Errand::Drain).unwrap();
        drop(door);
        let asked = ask(directory.path(), Errand::Drain).await;
        assert_eq!(asked, Err(AskError::NoHost(ErrorKind::ConnectionRefused)));
    }

    #[tokio::test]
    async fn who_asks_waits_until_the_host_lets_go() {
        let directory = tempfile::tempdir().unwrap();
        let door = Door::open(directory.path(), Errand::Drain).unwrap();
        let run = directory.path().to_owned();
        let asking = tokio::spawn(async move { ask(&run, Errand::Drain).await });

        let asked = door.asked().await.unwrap();
        assert!(!asking.is_finished());
        drop(asked);

        // This one has no status to leave.
        let told = asking.await.unwrap();
        assert_eq!(
            told,
            Err(AskError::Status(StatusError::Missing(ErrorKind::NotFound)))
        );
    }
}

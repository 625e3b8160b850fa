//! Starting an enclave, and making sure that it is the enclave that connects.

use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};

use crate::config::EnclaveSettings;

/// The socket in the run directory.
const SOCKET: &str = "host.sock";
/// Longest time from start to connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(20);

/// Why there is no enclave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the socket cannot be bound: {0}")]
    Bind(ErrorKind),
    #[error("the configuration of the enclave cannot be read: {0}")]
    Config(ErrorKind),
    #[error("the program cannot be started: {0}")]
    Spawn(ErrorKind),
    #[error("the connection cannot be taken: {0}")]
    Accept(ErrorKind),
    #[error("the program ended before it connected")]
    Ended,
    #[error("the enclave did not connect in time")]
    Timeout,
}

/// A running enclave with its one connection.
#[derive(Debug)]
pub(crate) struct Enclave {
    pub(crate) connection: UnixStream,
    /// None if something else started it.
    pub(crate) child: Option<Child>,
}

/// Whom the socket takes a connection from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Process(u32),
    User(u32),
}

/// Starts or awaits the enclave; `stranger` is called for each connection that is not its.
pub(crate) async fn start(
    settings: &EnclaveSettings,
    mut stranger: impl FnMut(),
) -> Result<Enclave, StartError> {
    match settings {
        EnclaveSettings::Process {
            command,
            config,
            directory,
        } => {
            let socket = directory.join(SOCKET);
            let listener = bind(&socket)?;
            let mut child = spawn(command, config, directory)?;
            let id = child.id().ok_or(StartError::Ended)?;
            let accepting = accept(&listener, Expected::Process(id), &mut stranger);
            let accepted = tokio::select! {
                accepted = tokio::time::timeout(CONNECT_TIME_MAX, accepting) => accepted,
                _ = child.wait() => return Err(StartError::Ended),
            };
            let connection = accepted.map_err(|_| StartError::Timeout)??;
            // Nobody else connects for as long as this enclave lives.
            let _ = std::fs::remove_file(&socket);
            Ok(Enclave {
                connection,
                child: Some(child),
            })
        }
        EnclaveSettings::Attached { socket, .. } => {
            let listener = bind(socket)?;
            let owner = std::fs::metadata(socket).map_err(|e| StartError::Bind(e.kind()))?;
            let expected = Expected::User(owner.uid());
            let connection = accept(&listener, expected, &mut stranger).await?;
            let _ = std::fs::remove_file(socket);
            Ok(Enclave {
                connection,
                child: None,
            })
        }
    }
}

fn bind(socket: &Path) -> Result<UnixListener, StartError> {
    let error = |error: std::io::Error| StartError::Bind(error.kind());
    match std::fs::remove_file(socket) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(StartError::Bind(error.kind())),
    }
    let listener = UnixListener::bind(socket).map_err(error)?;
    std::fs::set_permissions(socket, Permissions::from_mode(0o600)).map_err(error)?;
    Ok(listener)
}

fn spawn(command: &Path, config: &Path, directory: &Path) -> Result<Child, StartError> {
    let config = File::open(config).map_err(|error| StartError::Config(error.kind()))?;
    // A relative path would be looked up in the new working directory.
    let program = std::path::absolute(command).map_err(|e| StartError::Spawn(e.kind()))?;
    Command::new(program)
        .env_clear()
        .current_dir(directory)
        .stdin(Stdio::from(config))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| StartError::Spawn(error.kind()))
}

/// Takes the first connection of the one who is expected.
async fn accept(
    listener: &UnixListener,
    expected: Expected,
    stranger: &mut impl FnMut(),
) -> Result<UnixStream, StartError> {
    loop {
        let error = |error: std::io::Error| StartError::Accept(error.kind());
        let (connection, _) = listener.accept().await.map_err(error)?;
        let peer = connection.peer_cred().map_err(error)?;
        let welcome = match expected {
            Expected::Process(id) => peer.pid().and_then(|pid| u32::try_from(pid).ok()) == Some(id),
            Expected::User(user) => peer.uid() == user,
        };
        if welcome {
            return Ok(connection);
        }
        stranger();
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_connection_of_another_process_is_not_the_enclave() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(SOCKET);
        let listener = bind(&path).unwrap();
        let mut strangers = 0;
        // This test is not the process that is expected.
        let mut connection = UnixStream::connect(&path).await.unwrap();

        let mut count = || strangers += 1;
        let accepting = accept(&listener, Expected::Process(1), &mut count);
        let result = tokio::time::timeout(Duration::from_millis(100), accepting).await;

        assert!(result.is_err());
        assert_eq!(strangers, 1);
        assert_eq!(connection.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_connection_of_the_expected_process_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(SOCKET);
        let listener = bind(&path).unwrap();
        let mut connection = UnixStream::connect(&path).await.unwrap();
        let me = Expected::Process(std::process::id());

        let mut accepted = accept(&listener, me, &mut || ()).await.unwrap();

        connection.write_all(b"x").await.unwrap();
        assert_eq!(accepted.read_u8().await.unwrap(), b'x');
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[tokio::test]
    async fn an_enclave_that_something_else_started_is_awaited_at_its_socket() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("vsock_5000");
        let settings = EnclaveSettings::Attached {
            socket: socket.clone(),
            directory: directory.path().into(),
        };
        let connecting = async {
            while !socket.exists() {
                tokio::task::yield_now().await;
            }
            UnixStream::connect(&socket).await.unwrap()
        };

        let (enclave, _connection) = tokio::join!(start(&settings, || ()), connecting);

        assert!(enclave.unwrap().child.is_none());
        assert!(!socket.exists());
    }

    #[tokio::test]
    async fn a_program_gets_its_configuration_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\ncat >got\npwd >where\n/usr/bin/env >environment\necho $# >count\n";
        let settings = program(directory.path(), script);
        std::fs::write(directory.path().join("config"), b"whole configuration").unwrap();

        let error = start(&settings, || ()).await.unwrap_err();

        let read = |name| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(error, StartError::Ended);
        assert_eq!(read("got"), "whole configuration");
        assert_eq!(read("count"), "0\n");
        assert_eq!(PathBuf::from(read("where").trim()), directory.path());
        // The shell itself sets these; whatever the test's environment holds is not among them.
        let own = ["PWD=", "OLDPWD=", "SHLVL=", "_="];
        let environment = read("environment");
        let other: Vec<_> = environment
            .lines()
            .filter(|line| !own.iter().any(|name| line.starts_with(name)))
            .collect();
        assert_eq!(other, Vec::<&str>::new());
    }

    #[tokio::test]
    async fn what_cannot_start_is_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let settings = program(directory.path(), "#!/bin/sh\n");
        assert_eq!(
            start(&settings, || ()).await.unwrap_err(),
            StartError::Config(ErrorKind::NotFound)
        );

        std::fs::write(directory.path().join("config"), b"").unwrap();
        std::fs::remove_file(directory.path().join("program")).unwrap();
        assert_eq!(
            start(&settings, || ()).await.unwrap_err(),
            StartError::Spawn(ErrorKind::NotFound)
        );

        let _ = std::fs::remove_file(directory.path().join(SOCKET));
        std::fs::create_dir(directory.path().join(SOCKET)).unwrap();
        assert_eq!(
            start(&settings, || ()).await.unwrap_err(),
            StartError::Bind(ErrorKind::IsADirectory)
        );
    }

    fn program(directory: &Path, script: &str) -> EnclaveSettings {
        let command = directory.join("program");
        std::fs::write(&command, script).unwrap();
        std::fs::set_permissions(&command, Permissions::from_mode(0o700)).unwrap();
        EnclaveSettings::Process {
            command,
            config: directory.join("config"),
            directory: directory.into(),
        }
    }
}

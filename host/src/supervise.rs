//! Keeps the enclave running: starts it, serves its edge, and starts it again when it ends.

use std::sync::Arc;
use std::time::Duration;

use boop_daemon::now_ms;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::edge::{self, Ending, stopped};
use crate::enclave::{self, Enclave};
use crate::event::{Code, chain};
use crate::host::Host;
use crate::status::Phase;

/// First pause before an enclave is started again.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause before an enclave is started again.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a process whose connection is closed may take to end.
const END_TIME_MAX: Duration = Duration::from_secs(1);

/// Runs the enclave, again and again, until `stop` turns true or the enclave has retired.
pub async fn supervise(host: Arc<Host>, mut stop: watch::Receiver<bool>) {
    let mut pause = PAUSE_MIN;
    loop {
        host.status.enter(Phase::Starting, now_ms());
        host.log(&Code::EnclaveStarting.event());
        let ending = live(&host, &mut stop).await;
        if ending.is_some_and(|ending| ending.retired) {
            return;
        }
        if *stop.borrow() {
            break;
        }
        if ending.is_some_and(|ending| ending.served) {
            pause = PAUSE_MIN;
        }
        host.status.enter(Phase::Waiting, now_ms());
        if timeout(pause, stopped(&mut stop)).await.is_ok() {
            break;
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
    host.status.enter(Phase::Stopped, now_ms());
}

/// One life of the enclave; how it ended, if it began.
async fn live(host: &Arc<Host>, stop: &mut watch::Receiver<bool>) -> Option<Ending> {
    let starting = enclave::start(&host.plan.enclave, || {
        host.log(&Code::StrangerAtSocket.event());
    });
    let started = tokio::select! {
        started = starting => started,
        () = stopped(stop) => return None,
    };
    let Enclave { connection, child } = match started {
        Ok(enclave) => enclave,
        Err(error) => {
            host.log(&Code::EnclaveNotStarted.event().detail(chain(&error)));
            return None;
        }
    };
    host.log(&Code::EnclaveConnected.event());
    let ending = edge::run(host, connection, stop).await;
    let mut detail = ending
        .result
        .map_or_else(|error| chain(&error), |()| String::from("closed"));
    if let Some(child) = child {
        detail.push_str("; ");
        detail.push_str(&end(child).await);
    }
    host.log(&Code::EnclaveEnded.event().detail(detail));
    Some(ending)
}

/// Waits for the process to end, or ends it, and tells how it did. Nothing is lost with it:
/// whatever it asked to be kept is on disk, sealed and complete.
async fn end(mut child: Child) -> String {
    match timeout(END_TIME_MAX, child.wait()).await {
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(error)) => error.kind().to_string(),
        Err(_) => {
            let _ = child.kill().await;
            String::from("killed")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use boop_abi::{Event, FRAME_BYTES_MAX, FromHost, ToHost};
    use boop_daemon::{read_frame, write_frame};
    use boop_wire::codec::{from_canonical_max, to_canonical};
    use tokio::net::UnixStream;

    use super::*;
    use crate::config::EnclaveSettings;
    use crate::status::Status;
    use crate::testing;

    /// Longer than the first three pauses.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_program_that_ends_is_started_again_and_again() {
        let directory = tempfile::tempdir().unwrap();
        let settings = failing_program(directory.path());
        let host = testing::host(directory.path(), settings, "127.0.0.1:1");
        let (stop, stopping) = watch::channel(false);
        let supervisor = tokio::spawn(supervise(host, stopping));

        // A start is counted before the program has run.
        let runs = || match std::fs::read_to_string(directory.path().join("runs")) {
            Ok(runs) => runs.lines().count(),
            Err(_) => 0,
        };
        wait_until(|| runs() >= 3).await;
        stop.send_replace(true);
        timeout(PATIENCE, supervisor).await.unwrap().unwrap();

        let status = status(directory.path());
        assert_eq!(status.phase, Phase::Stopped);
        assert!(status.starts >= 3, "{}", status.starts);
    }

    #[tokio::test]
    async fn an_enclave_that_leaves_may_come_again_and_is_drained_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let settings = testing::attached(directory.path());
        let host = testing::host(directory.path(), settings, "127.0.0.1:1");
        let (stop, stopping) = watch::channel(false);
        let supervisor = tokio::spawn(supervise(host, stopping));

        for start in 1..=2 {
            let mut enclave = connect(directory.path()).await;
            assert!(matches!(read(&mut enclave).await, FromHost::Manifest(_)));
            let serving = ToHost::Event(Event::Phase(boop_abi::Phase::Serving));
            write_frame(&mut enclave, &to_canonical(&serving), FRAME_BYTES_MAX)
                .await
                .unwrap();
            wait_until(|| status(directory.path()).phase == Phase::Serving).await;
            assert_eq!(status(directory.path()).starts, start);
        }
        let mut enclave = connect(directory.path()).await;
        assert!(matches!(read(&mut enclave).await, FromHost::Manifest(_)));
        stop.send_replace(true);
        assert_eq!(read(&mut enclave).await, FromHost::Drain);
        drop(enclave);
        timeout(PATIENCE, supervisor).await.unwrap().unwrap();

        assert_eq!(status(directory.path()).phase, Phase::Stopped);
    }

    #[tokio::test]
    async fn a_retired_enclave_is_not_started_again() {
        let directory = tempfile::tempdir().unwrap();
        let settings = testing::attached(directory.path());
        let host = testing::host(directory.path(), settings, "127.0.0.1:1");
        let (_stop, stopping) = watch::channel(false);
        let supervisor = tokio::spawn(supervise(host, stopping));

        let mut enclave = connect(directory.path()).await;
        assert!(matches!(read(&mut enclave).await, FromHost::Manifest(_)));
        let retired = ToHost::Event(Event::Phase(boop_abi::Phase::Retired));
        write_frame(&mut enclave, &to_canonical(&retired), FRAME_BYTES_MAX)
            .await
            .unwrap();
        drop(enclave);
        timeout(PATIENCE, supervisor).await.unwrap().unwrap();

        let status = status(directory.path());
        assert_eq!((status.phase, status.starts), (Phase::Retired, 1));
    }

    fn failing_program(directory: &Path) -> EnclaveSettings {
        let command = directory.join("program");
        std::fs::write(&command, "#!/bin/sh\necho run >>runs\nexit 1\n").unwrap();
        std::fs::set_permissions(&command, Permissions::from_mode(0o700)).unwrap();
        let config = directory.join("config");
        std::fs::write(&config, b"").unwrap();
        EnclaveSettings::Process {
            command,
            config,
            directory: directory.into(),
        }
    }

    async fn connect(directory: &Path) -> UnixStream {
        let socket = directory.join("enclave.sock");
        let connecting = async {
            loop {
                match UnixStream::connect(&socket).await {
                    Ok(enclave) => return enclave,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        timeout(PATIENCE, connecting).await.unwrap()
    }

    async fn read(enclave: &mut UnixStream) -> FromHost {
        let frame = read_frame(enclave, FRAME_BYTES_MAX).await.unwrap();
        from_canonical_max(&frame, FRAME_BYTES_MAX).unwrap()
    }

    fn status(directory: &Path) -> Status {
        serde_json::from_slice(&std::fs::read(directory.join("status.json")).unwrap()).unwrap()
    }

    async fn wait_until(condition: impl Fn() -> bool) {
        let waiting = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
    }
}

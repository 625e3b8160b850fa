//! Waiting for the operator to stop a process.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for the request to stop (SIGTERM or SIGINT) from this call on; the future returned
/// ends with it, also if it came before the future was polled. Called within a tokio runtime.
pub fn shutdown_signal() -> impl Future<Output = ()> + Send + use<> {
    let terminate = listen(SignalKind::terminate());
    let interrupt = listen(SignalKind::interrupt());
    async move {
        tokio::select! {
            () = received(terminate) => {}
            () = received(interrupt) => {}
        }
    }
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind)
        .inspect_err(|error| tracing::warn!(%error, "a signal to stop is not listened for"))
        .ok()
}

/// Waits for a signal. One that is not listened for ends the process by itself.
async fn received(signal: Option<Signal>) {
    match signal {
        Some(mut signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

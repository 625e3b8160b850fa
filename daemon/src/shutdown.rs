//! Waiting for the operator to stop a process.

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the process is asked to stop (SIGTERM or SIGINT).
pub async fn shutdown_signal() {
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}

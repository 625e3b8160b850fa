//! The side of the custodians and operators: a signed report or a manifest in, a receipt or a
//! refusal out.
//!
//! Nothing here is secret, what comes is signed and its answer proved, so the connection is plain
//! TCP: one framed [`LogRequest`], one framed [`LedgerResponse`].

use std::time::Duration;

use axum::serve::Listener as _;
use boop_daemon::{AttestedError, read_frame, write_frame};
use boop_wire::Refusal;
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::ledger::{LedgerResponse, MESSAGE_BYTES_MAX};
use boop_wire::publication::{LOG_REQUEST_BYTES_MAX, LogRequest};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use crate::ledger::Ledger;
use crate::listen::BoundedListener;
use crate::store::LedgerStore;

/// Longest time from connection to answer.
pub const REPORT_TIME_MAX: Duration = Duration::from_secs(5);

/// Answers custodians for ever.
pub async fn serve<S: LedgerStore>(mut listener: BoundedListener, ledger: Ledger<S>) {
    loop {
        let (stream, address) = listener.accept().await;
        let ledger = ledger.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(REPORT_TIME_MAX, answer(stream, &ledger)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::info!(%address, %error, "report not answered"),
                Err(_) => tracing::info!(%address, "report not answered in time"),
            }
        });
    }
}

/// Answers one request.
///
/// # Errors
/// If the connection fails, or what came is no frame.
pub async fn answer<T, S>(mut stream: T, ledger: &Ledger<S>) -> Result<(), AttestedError>
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: LedgerStore,
{
    let frame = read_frame(&mut stream, LOG_REQUEST_BYTES_MAX).await?;
    let response = match from_canonical_max::<LogRequest>(&frame, LOG_REQUEST_BYTES_MAX) {
        Ok(LogRequest::Report(signed)) => {
            let response = ledger.report(&signed).await;
            if let LedgerResponse::Refused(refusal) = &response {
                let party = signed.report.party.get();
                tracing::warn!(party, code = refusal.code(), "report refused");
            }
            response
        }
        Ok(LogRequest::Publish(signed)) => ledger.publish(&signed).await,
        Ok(LogRequest::Published { network, version }) => ledger.published(network, version).await,
        Err(_) => LedgerResponse::Refused(Refusal::Malformed),
    };
    write_frame(&mut stream, &to_canonical(&response), MESSAGE_BYTES_MAX).await?;
    let _ = stream.shutdown().await;
    Ok(())
}

//! Towards the enclave: one task writes frames, one announces connections in the order of their
//! numbers.

use std::collections::VecDeque;

use boop_abi::{FRAME_BYTES_MAX, FromHost};
use boop_wire::codec::to_canonical;
use boop_wire::frame::put_frame;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{mpsc, oneshot};

use crate::edge::EdgeError;

/// Bytes written to the enclave at once, if as many wait.
const WRITE_BYTES_MAX: usize = 256 * 1024;

/// A connection to be announced.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) opened: FromHost,
    /// Told when the announcement is in the queue, so that data may follow.
    pub(crate) announced: oneshot::Sender<()>,
}

/// Announces one connection after the other: an enclave refuses numbers out of order.
pub(crate) async fn announce(
    mut announcements: mpsc::Receiver<Announcement>,
    to_enclave: mpsc::Sender<FromHost>,
) -> Result<(), EdgeError> {
    while let Some(announcement) = announcements.recv().await {
        if to_enclave.send(announcement.opened).await.is_err() {
            break;
        }
        // A pump that is gone has no use for it.
        let _ = announcement.announced.send(());
    }
    Ok(())
}

/// Writes frames until the edge closes.
pub(crate) async fn write(
    mut writer: OwnedWriteHalf,
    mut frames: mpsc::Receiver<FromHost>,
) -> Result<(), EdgeError> {
    let mut bytes = Vec::new();
    let mut waiting = VecDeque::new();
    while let Some(first) = frames.recv().await {
        waiting.push_back(first);
        while let Some(frame) = waiting.pop_front() {
            put_frame(&mut bytes, &to_canonical(&frame), FRAME_BYTES_MAX)?;
            if bytes.len() < WRITE_BYTES_MAX
                && let Ok(next) = frames.try_recv()
            {
                waiting.push_back(next);
            }
        }
        let written = writer.write_all(&bytes).await;
        written.map_err(|error| EdgeError::Io(error.kind()))?;
        bytes.clear();
    }
    Ok(())
}

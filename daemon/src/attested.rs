//! An attested session over a tokio stream: a task drives the state machine, the owner sends and
//! receives messages.

use std::collections::VecDeque;
use std::time::Duration;

use boop_channel::{Expectation, Local, Peer, Session, SessionError};
use boop_wire::frame::{FrameTooLarge, put_frame};
use boop_wire::session::Side;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::clock::now_ms;

/// Bytes read from the stream at once.
const READ_BYTES: usize = 64 * 1024;
/// Messages that may wait in either direction.
const QUEUE_MESSAGES_MAX: usize = 64;
/// Bytes that may wait for the wire before no more messages are taken.
const UNSENT_BYTES_MAX: usize = 1024 * 1024;
/// Longest time for TLS and proofs.
const OPENING_TIME_MAX: Duration = Duration::from_secs(10);

/// Why there is no attested session.
#[derive(Debug, thiserror::Error)]
pub enum AttestedError {
    /// The session was refused by either side.
    #[error("the attested session was refused")]
    Session(#[from] SessionError),
    /// The stream failed or ended.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
    /// The opening took too long.
    #[error("the attested session did not open in time")]
    Timeout,
    /// A frame before the session is too large.
    #[error("a frame is too large")]
    Frame(#[from] FrameTooLarge),
}

/// An established attested session.
#[derive(Debug)]
pub struct AttestedStream {
    peer: Peer,
    outgoing: mpsc::Sender<Vec<u8>>,
    incoming: mpsc::Receiver<Vec<u8>>,
}

impl AttestedStream {
    /// Opens a session on one end of `stream` and waits until both sides have proved themselves.
    ///
    /// # Errors
    /// If either side refuses, the stream fails, or it takes more than ten seconds.
    pub async fn open<S>(
        mut stream: S,
        side: Side,
        local: Local,
        expect: Expectation,
    ) -> Result<Self, AttestedError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut nonce = [0; 32];
        boop_platform::random(&mut nonce).map_err(|_| std::io::Error::other("no randomness"))?;
        let mut session = Session::new(side, local, expect, nonce)?;
        let opening = establish(&mut stream, &mut session);
        let peer = tokio::time::timeout(OPENING_TIME_MAX, opening)
            .await
            .map_err(|_| AttestedError::Timeout)??;
        let (outgoing, to_send) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let (received, incoming) = mpsc::channel(QUEUE_MESSAGES_MAX);
        tokio::spawn(drive(stream, session, to_send, received));
        Ok(Self {
            peer,
            outgoing,
            incoming,
        })
    }

    /// Returns the far end.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Sends a message; false if the session is over.
    pub async fn send(&self, message: Vec<u8>) -> bool {
        self.outgoing.send(message).await.is_ok()
    }

    /// Receives the next message; none when the session is over.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        self.incoming.recv().await
    }

    /// Gives the two directions to two owners.
    pub fn split(self) -> (Peer, mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>) {
        (self.peer, self.outgoing, self.incoming)
    }
}

async fn establish<S>(stream: &mut S, session: &mut Session) -> Result<Peer, AttestedError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = vec![0; READ_BYTES];
    loop {
        stream.write_all(&session.take_output()).await?;
        if let Some(peer) = session.peer() {
            return Ok(peer.clone());
        }
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        if let Err(error) = session.receive(&buffer[..count], now_ms()) {
            let _ = stream.write_all(&session.take_output()).await;
            return Err(error.into());
        }
    }
}

/// Moves messages until either end closes or the session fails; a failed session just ends, and
/// its owner sees both directions closed. Neither direction waits for the other: whoever reads
/// slowly fills its own queue alone.
async fn drive<S>(
    stream: S,
    mut session: Session,
    mut to_send: mpsc::Receiver<Vec<u8>>,
    received: mpsc::Sender<Vec<u8>>,
) where
    S: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut buffer = vec![0; READ_BYTES];
    let mut messages = VecDeque::new();
    let mut unsent = VecDeque::new();
    loop {
        messages.extend(std::iter::from_fn(|| session.next_message()));
        unsent.extend(session.take_output());
        tokio::select! {
            place = received.reserve(), if !messages.is_empty() => {
                let (Ok(place), Some(message)) = (place, messages.pop_front()) else { return };
                place.send(message);
            }
            message = to_send.recv(), if unsent.len() < UNSENT_BYTES_MAX => match message {
                Some(message) if session.send(&message).is_ok() => {}
                Some(_) | None => break,
            },
            count = writer.write(unsent.make_contiguous()), if !unsent.is_empty() => match count {
                Ok(count) if count > 0 => drop(unsent.drain(..count)),
                Ok(_) | Err(_) => return,
            },
            count = reader.read(&mut buffer), if messages.len() < QUEUE_MESSAGES_MAX => {
                let Ok(count @ 1..) = count else { break };
                if session.receive(&buffer[..count], now_ms()).is_err() {
                    break;
                }
            }
        }
    }
    unsent.extend(session.take_output());
    let _ = writer.write_all(unsent.make_contiguous()).await;
    let _ = writer.shutdown().await;
}

/// Reads one length-prefixed frame of at most `max` bytes.
///
/// # Errors
/// If the stream fails or the frame is too large.
pub async fn read_frame<S: AsyncRead + Unpin>(
    stream: &mut S,
    max: usize,
) -> Result<Vec<u8>, AttestedError> {
    let announced = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if announced > max {
        return Err(FrameTooLarge { announced, max }.into());
    }
    let mut frame = vec![0; announced];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

/// Writes one length-prefixed frame of at most `max` bytes.
///
/// # Errors
/// If the stream fails or the frame is too large.
pub async fn write_frame<S: AsyncWrite + Unpin>(
    stream: &mut S,
    frame: &[u8],
    max: usize,
) -> Result<(), AttestedError> {
    let mut bytes = Vec::with_capacity(frame.len() + 4);
    put_frame(&mut bytes, frame, max)?;
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    Ok(())
}

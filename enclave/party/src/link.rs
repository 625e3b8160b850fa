//! One attested session on one numbered stream of the host.

use alloc::vec::Vec;

use boop_abi::{PIECE_BYTES_MAX, StreamId, ToHost};
use boop_channel::{Expectation, Local, Peer, Session, SessionError};
use boop_wire::session::Side;

use crate::limits::OPENING_MS_MAX;

/// A session and the stream it runs on.
pub(crate) struct Link {
    stream: StreamId,
    session: Session,
    since_ms: u64,
}

impl Link {
    /// Starts a session on a stream; the first bytes are ready at once.
    pub(crate) fn new(
        stream: StreamId,
        side: Side,
        local: Local,
        expect: Expectation,
        nonce: [u8; 32],
    ) -> Result<Self, SessionError> {
        Ok(Self {
            stream,
            session: Session::new(side, local, expect, nonce)?,
            since_ms: 0,
        })
    }

    /// Notes when the far end's time to prove itself began.
    pub(crate) const fn opened_at(mut self, now_ms: u64) -> Self {
        self.since_ms = now_ms;
        self
    }

    /// Tells whether the far end took too long to prove itself.
    pub(crate) fn late(&self, now_ms: u64) -> bool {
        self.peer().is_none() && now_ms >= self.since_ms + OPENING_MS_MAX
    }

    pub(crate) const fn stream(&self) -> StreamId {
        self.stream
    }

    pub(crate) const fn peer(&self) -> Option<&Peer> {
        self.session.peer()
    }

    /// Derives a secret that only the two ends know.
    pub(crate) fn export(&self, purpose: &str) -> Result<[u8; 32], SessionError> {
        self.session.export(purpose)
    }

    /// Takes bytes of the stream and returns the messages they completed.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        now_ms: u64,
        out: &mut Vec<ToHost>,
    ) -> Result<Vec<Vec<u8>>, SessionError> {
        let result = self.session.receive(bytes, now_ms);
        self.flush(out);
        result?;
        Ok(core::iter::from_fn(|| self.session.next_message()).collect())
    }

    /// Sends a message.
    pub(crate) fn send(
        &mut self,
        message: &[u8],
        out: &mut Vec<ToHost>,
    ) -> Result<(), SessionError> {
        self.session.send(message)?;
        self.flush(out);
        Ok(())
    }

    /// Moves what is ready for the wire into frames for the host.
    pub(crate) fn flush(&mut self, out: &mut Vec<ToHost>) {
        let bytes = self.session.take_output();
        for piece in bytes.chunks(PIECE_BYTES_MAX) {
            out.push(ToHost::StreamData {
                stream: self.stream,
                bytes: piece.to_vec(),
            });
        }
    }
}

//! The process that plays a chip: answers the programs of one simulated machine.
//!
//! ```text
//! connection --kernel: who--> caller --/proc--> launch --chip key--> evidence
//! ```
//!
//! A caller sends what is to be bound. What it is - binary, arguments, configuration - the
//! service reads from the kernel, once when the connection opens and again at each request; a
//! caller that changed in between is refused.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use boop_platform::chip_socket::message::{read_frame, write_frame};
use boop_platform::chip_socket::{ChipRefusal, ChipReply, ChipRequest, FrameError};

use crate::caller::{Binaries, Caller};
use crate::chip::{Chip, ChipError};
use crate::measure::Launch;

/// The most callers served at once.
const CONNECTIONS_MAX: usize = 64;

/// How long a caller may be silent, or slow to take an answer.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// A chip and what it needs to serve callers.
#[derive(Debug)]
pub struct ChipService<C> {
    chip: Chip,
    clock_ms: C,
    binaries: Binaries,
    connections: AtomicUsize,
}

impl<C: Fn() -> u64 + Send + Sync + 'static> ChipService<C> {
    /// Prepares a service whose documents carry the time that `clock_ms` tells.
    pub fn new(chip: Chip, clock_ms: C) -> Arc<Self> {
        let binaries = Binaries::default();
        Arc::new(Self {
            chip,
            clock_ms,
            binaries,
            connections: AtomicUsize::new(0),
        })
    }

    /// Serves callers until the listener fails, each in a thread of its own.
    ///
    /// # Errors
    /// The failure of the listener; a caller's never ends the service.
    pub fn serve(self: &Arc<Self>, listener: &UnixListener) -> io::Result<()> {
        loop {
            let (stream, _) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(error),
            };
            let place = Place::taken(self);
            // A thread that cannot be made drops the connection, which the caller notices.
            let _ = thread::Builder::new().spawn(move || place.admit(stream));
        }
    }

    fn converse(&self, stream: &mut UnixStream) -> Result<(), FrameError> {
        let failed = |error: io::Error| FrameError::Io(error.kind());
        stream.set_read_timeout(Some(SILENCE_MAX)).map_err(failed)?;
        stream
            .set_write_timeout(Some(SILENCE_MAX))
            .map_err(failed)?;
        let caller = Caller::of(stream);
        let first = self.launch(&caller);
        while let Some(frame) = read_frame(stream)? {
            let reply = match self.answer(&frame, &caller, &first) {
                Ok(reply) => reply,
                Err(refusal) => ChipReply::Refused(refusal),
            };
            write_frame(stream, &reply.to_bytes())?;
        }
        Ok(())
    }

    fn answer(
        &self,
        frame: &[u8],
        caller: &Result<Caller, ChipRefusal>,
        first: &Result<Launch, ChipRefusal>,
    ) -> Result<ChipReply, ChipRefusal> {
        let request = ChipRequest::from_bytes(frame).map_err(|_| ChipRefusal::Malformed)?;
        let ChipRequest::Attest {
            user_data,
            nonce,
            public_key,
        } = request;
        let launch = self.launch(caller)?;
        if launch != *first.as_ref().map_err(|refusal| *refusal)? {
            return Err(ChipRefusal::PeerChanged);
        }
        let (chip, now_ms) = (&self.chip, (self.clock_ms)());
        let evidence = match public_key {
            None => chip.attest(&launch, &user_data, &nonce, now_ms),
            Some(key) => chip.attest_to(&launch, &user_data, &nonce, &key, now_ms),
        };
        let evidence = evidence.map_err(|error| match error {
            ChipError::WrongModel => ChipRefusal::NoPublicKey,
            _ => ChipRefusal::Internal,
        })?;
        Ok(ChipReply::Evidence(evidence))
    }

    fn launch(&self, caller: &Result<Caller, ChipRefusal>) -> Result<Launch, ChipRefusal> {
        caller
            .as_ref()
            .map_err(|refusal| *refusal)?
            .launch(&self.binaries)
    }
}

/// One of the service's places, given back when its connection ends.
struct Place<C> {
    service: Arc<ChipService<C>>,
    is_free: bool,
}

impl<C: Fn() -> u64 + Send + Sync + 'static> Place<C> {
    fn taken(service: &Arc<ChipService<C>>) -> Self {
        let before = service.connections.fetch_add(1, Ordering::AcqRel);
        Self {
            service: Arc::clone(service),
            is_free: before < CONNECTIONS_MAX,
        }
    }

    /// Serves the caller if there is room; one that is gone needs no answer.
    fn admit(self, mut stream: UnixStream) {
        let _ = if self.is_free {
            self.service.converse(&mut stream)
        } else {
            write_frame(
                &mut stream,
                &ChipReply::Refused(ChipRefusal::Busy).to_bytes(),
            )
        };
    }
}

impl<C> Drop for Place<C> {
    fn drop(&mut self) {
        self.service.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Says whether accepting may simply be tried again.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}

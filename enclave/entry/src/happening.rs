//! The threads around a party: one that reads what the host sends, and some that do the sums
//! that jobs wait for. Everything they have for the party comes through one queue.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use boop_abi::FRAME_BYTES_MAX;
use boop_party::{Computation, Computed};
use boop_wire::frame::FrameBuffer;

use crate::EntryError;

/// Most threads that compute for one party.
const WORKERS_MAX: usize = 8;
/// Most frames and results that wait for the party; then the host and the workers wait.
pub(crate) const HAPPENINGS_MAX: usize = 64;

/// The exit code after a panic, as the language has it.
const PANICKED: i32 = 101;

/// Has a panic on any thread end the party: a job must not wait for a worker that is gone.
pub(crate) fn end_on_panic() {
    std::panic::set_hook(Box::new(|_| {
        eprintln!("the party stopped: internal");
        std::process::exit(PANICKED);
    }));
}

/// What a party waits for.
pub(crate) enum Happening {
    /// The host sent a frame.
    Frame(Vec<u8>),
    /// A worker has finished.
    Computed(Computed),
    /// The host is gone, or broke the framing.
    HostGone(Result<(), EntryError>),
}

/// Cuts what the host sends into frames until it is gone.
pub(crate) fn read_frames(mut host: UnixStream, happened: &SyncSender<Happening>) {
    let mut frames = FrameBuffer::new(FRAME_BYTES_MAX);
    let mut buffer = vec![0; FRAME_BYTES_MAX];
    let mut next = || -> Result<Option<usize>, EntryError> {
        let count = match host.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(error) => return Err(error.into()),
        };
        frames.push(&buffer[..count]);
        while let Some(frame) = frames.take()? {
            // Nobody listens once the party has finished.
            let _ = happened.send(Happening::Frame(frame));
        }
        Ok(Some(count))
    };
    let result = loop {
        match next() {
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let _ = happened.send(Happening::HostGone(result));
}

/// Threads that do what jobs wait for.
pub(crate) struct Workers {
    queue: Sender<Computation>,
}

impl Workers {
    /// Starts a thread for each processor, as many as help.
    pub(crate) fn start(happened: SyncSender<Happening>) -> Self {
        let (queue, waiting) = channel();
        let waiting: Arc<Mutex<Receiver<Computation>>> = Arc::new(Mutex::new(waiting));
        let count = thread::available_parallelism().map_or(1, |count| count.get().min(WORKERS_MAX));
        for _ in 0..count {
            let (waiting, happened) = (Arc::clone(&waiting), happened.clone());
            thread::spawn(move || {
                loop {
                    let Ok(Ok(next)) = waiting.lock().map(|waiting| waiting.recv()) else {
                        return;
                    };
                    if happened.send(Happening::Computed(next.run())).is_err() {
                        return;
                    }
                }
            });
        }
        Self { queue }
    }

    /// Hands out work; what it comes to happens later.
    pub(crate) fn give(&self, computations: Vec<Computation>) {
        for computation in computations {
            // The threads end with the party and not before.
            let _ = self.queue.send(computation);
        }
    }
}

//! The enclave's edge: one Unix connection on which streams, blobs and events are multiplexed.
//!
//! One task reads what the enclave says and decides; it never waits for the enclave to read, so
//! the two cannot block each other. One task writes; each stream and the blob store have a task
//! of their own, with bounded queues between them. An enclave that breaks the protocol is stopped.

mod error;
mod keeper;
mod notes;
mod pump;
mod table;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use boop_abi::{
    BLOB_BYTES_MAX, Event, FRAME_BYTES_MAX, FarEnd, FromHost, PIECE_BYTES_MAX, Phase, STREAMS_MAX,
    StreamId, ToHost,
};
use boop_wire::Refusal;
use boop_wire::codec::from_canonical_max;
use boop_wire::frame::FrameBuffer;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};

use crate::event::Code;
use crate::host::{Attachment, Door, Host};
pub(crate) use error::{EdgeError, Violation};
use keeper::BlobRequest;
use pump::Pump;
use table::StreamTable;
use writer::Announcement;

/// Frames that may wait for the enclave to read them.
const FRAMES_QUEUED_MAX: usize = 64;
/// Pieces of one stream that may wait for its far end.
const PIECES_QUEUED_MAX: usize = 128;
/// Requests for blobs that may wait for the disk.
const BLOBS_QUEUED_MAX: usize = 64;
/// Notices of closed streams that may wait beside the queue.
const NOTICES_MAX: usize = 64;
/// How long one full queue may hold up the others: then its stream is cut.
const SLOW_TIME_MAX: Duration = Duration::from_secs(5);
/// How long an enclave may take to finish when it is asked to.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the streams of a retired enclave may take to send what is in them.
const LAST_WORDS_TIME_MAX: Duration = Duration::from_secs(1);

/// How a connection to an enclave went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Whether the enclave came as far as serving.
    pub(crate) served: bool,
    /// Whether it finished what it had to do, and is not to be started again.
    pub(crate) retired: bool,
    pub(crate) result: Result<(), EdgeError>,
}

struct Edge {
    host: Arc<Host>,
    table: StreamTable<Entry>,
    pumps: JoinSet<StreamId>,
    to_enclave: mpsc::Sender<FromHost>,
    blobs: mpsc::Sender<BlobRequest>,
    announcements: mpsc::Sender<Announcement>,
    places: Arc<Semaphore>,
    notices: Arc<Semaphore>,
    served: bool,
    retired: bool,
}

struct Entry {
    pieces: mpsc::Sender<Vec<u8>>,
    pump: AbortHandle,
}

/// Serves one connection of the enclave until it ends, the enclave breaks the protocol, or `stop`
/// turns true and the enclave has had its time to finish.
pub(crate) async fn run(
    host: &Arc<Host>,
    connection: UnixStream,
    stop: &mut watch::Receiver<bool>,
) -> Ending {
    let (to_enclave, frames) = mpsc::channel(FRAMES_QUEUED_MAX);
    let (blobs, requests) = mpsc::channel(BLOBS_QUEUED_MAX);
    let (attach, attachments) = mpsc::channel(STREAMS_MAX);
    let (announcements, to_announce) = mpsc::channel(STREAMS_MAX);
    let mut edge = Edge {
        host: Arc::clone(host),
        table: StreamTable::new(),
        pumps: JoinSet::new(),
        to_enclave: to_enclave.clone(),
        blobs,
        announcements,
        places: Arc::new(Semaphore::new(STREAMS_MAX)),
        notices: Arc::new(Semaphore::new(NOTICES_MAX)),
        served: false,
        retired: false,
    };
    let (reader, writer) = connection.into_split();
    let mut tasks = JoinSet::new();
    tasks.spawn(writer::write(writer, frames));
    tasks.spawn(writer::announce(to_announce, to_enclave.clone()));
    tasks.spawn(keeper::keep(Arc::clone(&host.blobs), requests, to_enclave));
    host.keep_evidence(None);
    host.set_door(Some(Door {
        attachments: attach,
        places: Arc::clone(&edge.places),
    }));
    let result = edge.drive(reader, attachments, tasks, stop).await;
    edge.send_last_words().await;
    host.set_door(None);
    host.keep_evidence(None);
    Ending {
        served: edge.served,
        retired: edge.retired,
        result,
    }
}

impl Edge {
    async fn drive(
        &mut self,
        mut reader: OwnedReadHalf,
        mut attachments: mpsc::Receiver<Attachment>,
        mut tasks: JoinSet<Result<(), EdgeError>>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), EdgeError> {
        let mut trust = self.host.fuse.trust.changes();
        let first = Arc::clone(&trust.borrow_and_update());
        self.host.status.believe(first.manifest().head().version);
        self.to_enclave
            .try_send(FromHost::Manifest(first.versions()))
            .map_err(|_| EdgeError::Task)?;
        let mut frames = FrameBuffer::new(FRAME_BYTES_MAX);
        let mut buffer = vec![0; PIECE_BYTES_MAX];
        let mut deadline: Option<Instant> = None;
        loop {
            tokio::select! {
                count = reader.read(&mut buffer) => match count {
                    Ok(0) => return Ok(()),
                    Ok(count) => {
                        frames.push(&buffer[..count]);
                        while let Some(frame) = frames.take()? {
                            let message = from_canonical_max(&frame, FRAME_BYTES_MAX)?;
                            self.handle(message).await?;
                        }
                    }
                    Err(error) => return Err(EdgeError::Io(error.kind())),
                },
                Some(attachment) = attachments.recv(), if deadline.is_none() => {
                    self.attach(attachment)?;
                }
                () = self.host.refresh.notified(), if deadline.is_none() => {
                    tasks.spawn(tell(self.to_enclave.clone(), FromHost::Refresh));
                }
                Ok(()) = trust.changed() => {
                    let versions = trust.borrow_and_update().versions();
                    tasks.spawn(tell(self.to_enclave.clone(), FromHost::Manifest(versions)));
                }
                Some(ended) = self.pumps.join_next() => {
                    if let Ok(stream) = ended {
                        let _ = self.table.remove(stream);
                    }
                }
                Some(ended) = tasks.join_next() => ended.map_err(|_| EdgeError::Task)??,
                () = stopped(stop), if deadline.is_none() => {
                    deadline = Some(Instant::now() + DRAIN_TIME_MAX);
                    self.host.set_door(None);
                    self.host.log(&Code::Draining.event());
                    let to_enclave = self.to_enclave.clone();
                    tasks.spawn(async move {
                        let _ = to_enclave.send(FromHost::Drain).await;
                        Ok(())
                    });
                }
                () = at(deadline) => return Err(EdgeError::DrainTime),
            }
        }
    }

    /// Sends what a retired enclave said last before its streams end.
    async fn send_last_words(&mut self) {
        if self.retired {
            // Without its queue a stream ends once it is empty.
            self.table = StreamTable::new();
            let sent = async { while self.pumps.join_next().await.is_some() {} };
            let _ = timeout(LAST_WORDS_TIME_MAX, sent).await;
        }
    }

    async fn handle(&mut self, message: ToHost) -> Result<(), EdgeError> {
        match message {
            ToHost::Evidence(bytes) => notes::keep_evidence(&self.host, &bytes),
            ToHost::OpenStream { stream, to } => self.open(stream, to),
            ToHost::StreamData { stream, bytes } => self.data(stream, bytes).await,
            ToHost::CloseStream { stream } => {
                // Dropping the queue lets the pump send what is in it, and end.
                self.table.remove(stream)?;
                Ok(())
            }
            ToHost::BlobGet { slot } => self.ask(BlobRequest::Get(slot)).await,
            ToHost::BlobPut { bytes, .. } if bytes.len() > BLOB_BYTES_MAX => {
                Err(Violation::BlobTooLarge.into())
            }
            ToHost::BlobPut { slot, bytes } => self.ask(BlobRequest::Put(slot, bytes)).await,
            ToHost::BlobDelete { slot } => self.ask(BlobRequest::Delete(slot)).await,
            ToHost::Event(event) => {
                self.served |= event == Event::Phase(Phase::Serving);
                self.retired |= event == Event::Phase(Phase::Retired);
                notes::note(&self.host, event);
                Ok(())
            }
            ToHost::Statement(bytes) => notes::keep_statement(&self.host, &bytes),
        }
    }

    fn open(&mut self, stream: StreamId, to: FarEnd) -> Result<(), EdgeError> {
        self.table.claim(stream)?;
        match to {
            FarEnd::Party(party) if party != self.host.plan.party => {}
            FarEnd::Custodian => {}
            FarEnd::Party(_) | FarEnd::Gateway => return Err(Violation::FarEnd.into()),
        }
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => {
                let (pieces, pump) = self.pump(stream, to, place);
                let pump = self.pumps.spawn(pump.outbound());
                self.table.insert(stream, Entry { pieces, pump });
                Ok(())
            }
            Err(_) => {
                let event = Code::StreamRefused.event().stream(stream).far_end(to);
                self.host.log(&event.refusal(Refusal::Busy));
                self.tell_closed(stream)
            }
        }
    }

    fn attach(&mut self, attachment: Attachment) -> Result<(), EdgeError> {
        let Attachment {
            socket,
            from,
            place,
        } = attachment;
        let stream = self.table.next().ok_or(EdgeError::NumbersExhausted)?;
        let (announced, when_announced) = oneshot::channel();
        let opened = FromHost::StreamOpened { stream, from };
        // There is room: each announcement that waits holds one of as many places.
        self.announcements
            .try_send(Announcement { opened, announced })
            .map_err(|_| EdgeError::Task)?;
        let (pieces, pump) = self.pump(stream, from, place);
        let pump = self.pumps.spawn(pump.inbound(socket, when_announced));
        self.table.insert(stream, Entry { pieces, pump });
        Ok(())
    }

    fn pump(
        &self,
        stream: StreamId,
        far_end: FarEnd,
        place: OwnedSemaphorePermit,
    ) -> (mpsc::Sender<Vec<u8>>, Pump) {
        let (sender, pieces) = mpsc::channel(PIECES_QUEUED_MAX);
        let pump = Pump {
            host: Arc::clone(&self.host),
            stream,
            far_end,
            pieces,
            to_enclave: self.to_enclave.clone(),
            place,
        };
        (sender, pump)
    }

    /// Hands a piece to its stream. A full queue holds up everything for a while, and costs its
    /// stream if it stays full.
    async fn data(&mut self, stream: StreamId, bytes: Vec<u8>) -> Result<(), EdgeError> {
        if bytes.len() > PIECE_BYTES_MAX {
            return Err(Violation::PieceTooLarge.into());
        }
        let Some(entry) = self.table.get(stream)? else {
            return Ok(());
        };
        match entry.pieces.send_timeout(bytes, SLOW_TIME_MAX).await {
            Ok(()) | Err(SendTimeoutError::Closed(_)) => Ok(()),
            Err(SendTimeoutError::Timeout(_)) => {
                entry.pump.abort();
                self.table.remove(stream)?;
                self.host.log(&Code::StreamTooSlow.event().stream(stream));
                self.tell_closed(stream)
            }
        }
    }

    /// Tells the enclave that a stream without a pump is over, without waiting for it to read.
    fn tell_closed(&mut self, stream: StreamId) -> Result<(), EdgeError> {
        let notice = Arc::clone(&self.notices)
            .try_acquire_owned()
            .map_err(|_| Violation::NotReading)?;
        let to_enclave = self.to_enclave.clone();
        self.pumps.spawn(async move {
            let _ = to_enclave.send(FromHost::StreamClosed { stream }).await;
            drop(notice);
            stream
        });
        Ok(())
    }

    async fn ask(&self, request: BlobRequest) -> Result<(), EdgeError> {
        match self.blobs.send_timeout(request, SLOW_TIME_MAX).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Timeout(_)) => Err(Violation::NotReading.into()),
            Err(SendTimeoutError::Closed(_)) => Err(EdgeError::Task),
        }
    }
}

/// Returns once `stop` is true, or nobody is left who could set it.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Tells the enclave something that has no answer; one that ends meanwhile needs it no more.
async fn tell(to_enclave: mpsc::Sender<FromHost>, frame: FromHost) -> Result<(), EdgeError> {
    let _ = to_enclave.send(frame).await;
    Ok(())
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;

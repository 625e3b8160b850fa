//! One stream: a queue to and from the enclave on one side, a TCP connection on the other.

use std::sync::Arc;
use std::time::Duration;

use boop_abi::{FarEnd, FromHost, PIECE_BYTES_MAX, StreamId};
use boop_daemon::now_ms;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;

use crate::event::{Code, chain};
use crate::host::Host;
use crate::relay::RelayError;

/// Longest time to connect and to agree with the other host.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest time in which the far end may take not one byte of a piece.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a far end may still send after the enclave closed the stream, so that what the
/// enclave sent last is not lost in a reset.
const LINGER_TIME_MAX: Duration = Duration::from_secs(2);

/// One stream's task.
pub(crate) struct Pump {
    pub(crate) host: Arc<Host>,
    pub(crate) stream: StreamId,
    pub(crate) far_end: FarEnd,
    /// From the enclave; closed when the enclave closes the stream.
    pub(crate) pieces: mpsc::Receiver<Vec<u8>>,
    pub(crate) to_enclave: mpsc::Sender<FromHost>,
    pub(crate) place: OwnedSemaphorePermit,
}

/// Why no more goes towards the far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UploadEnd {
    /// The enclave closed the stream, and all it sent before is sent.
    ByEnclave,
    /// The far end takes no more.
    ByFarEnd,
}

impl Pump {
    /// Connects to the far end that the enclave asked for, and carries the stream.
    pub(crate) async fn outbound(self) -> StreamId {
        match connect(&self.host, self.far_end).await {
            Ok(socket) => self.carry(socket).await,
            Err(error) => {
                let event = Code::StreamRefused.event();
                let event = event.stream(self.stream).far_end(self.far_end);
                let (refusal, reason) = (error.refusal(), chain(&error));
                self.host
                    .refused(event, Some(self.far_end), refusal, reason, now_ms());
                self.tell_closed().await
            }
        }
    }

    /// Carries a connection from outside, once the enclave is told of it.
    pub(crate) async fn inbound(
        self,
        socket: TcpStream,
        announced: oneshot::Receiver<()>,
    ) -> StreamId {
        if announced.await.is_err() {
            return self.stream;
        }
        self.carry(socket).await
    }

    async fn carry(mut self, socket: TcpStream) -> StreamId {
        let event = Code::StreamOpened.event();
        self.host
            .log(&event.stream(self.stream).far_end(self.far_end));
        let (mut reader, mut writer) = socket.into_split();
        let end = tokio::select! {
            end = upload(&mut self.pieces, &mut writer) => end,
            () = download(&mut reader, self.stream, &self.to_enclave) => UploadEnd::ByFarEnd,
        };
        let event = Code::StreamClosed.event();
        self.host
            .log(&event.stream(self.stream).far_end(self.far_end));
        match end {
            UploadEnd::ByEnclave => {
                let _ = timeout(LINGER_TIME_MAX, discard(&mut reader)).await;
                self.stream
            }
            UploadEnd::ByFarEnd => self.tell_closed().await,
        }
    }

    async fn tell_closed(self) -> StreamId {
        let closed = FromHost::StreamClosed {
            stream: self.stream,
        };
        // A closed queue means that the enclave is gone, and with it whoever would want to know.
        let _ = self.to_enclave.send(closed).await;
        drop(self.place);
        self.stream
    }
}

async fn connect(host: &Host, far_end: FarEnd) -> Result<TcpStream, RelayError> {
    let connecting = async {
        match far_end {
            FarEnd::Party(party) => {
                let address = host.plan.peer(party).ok_or(RelayError::Caller)?;
                let own = host.evidence().ok_or(RelayError::NoEvidence)?;
                let mut socket = open(address).await?;
                let judged = host.fuse.call(&mut socket, party, own, now_ms()).await?;
                if host.meet(&judged) {
                    host.log(&Code::PeerInstanceChanged.event().far_end(far_end));
                }
                Ok(socket)
            }
            FarEnd::Custodian => open(&host.plan.custodian).await,
            FarEnd::Gateway => Err(RelayError::Caller),
        }
    };
    timeout(CONNECT_TIME_MAX, connecting)
        .await
        .map_err(|_| RelayError::Timeout)?
}

async fn open(address: &str) -> Result<TcpStream, RelayError> {
    let io = |error: std::io::Error| RelayError::Io(error.kind());
    let socket = TcpStream::connect(address).await.map_err(io)?;
    socket.set_nodelay(true).map_err(io)?;
    Ok(socket)
}

async fn upload(pieces: &mut mpsc::Receiver<Vec<u8>>, writer: &mut OwnedWriteHalf) -> UploadEnd {
    while let Some(piece) = pieces.recv().await {
        match timeout(WRITE_TIME_MAX, writer.write_all(&piece)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return UploadEnd::ByFarEnd,
        }
    }
    let _ = writer.shutdown().await;
    UploadEnd::ByEnclave
}

async fn download(
    reader: &mut OwnedReadHalf,
    stream: StreamId,
    to_enclave: &mpsc::Sender<FromHost>,
) {
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let bytes = buffer[..count].to_vec();
                let data = FromHost::StreamData { stream, bytes };
                if to_enclave.send(data).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn discard(reader: &mut OwnedReadHalf) {
    let mut buffer = vec![0; 4096];
    while reader.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

//! Sockets of a crowd, and the one scanner that contexts need.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use boop_tests::anybody;
use boop_wire::api::{FromScanner, ScannerResponse};
use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::gateway::load::connect;
use crate::rounds::wall;

/// Sockets that are opened at a time.
const AT_A_TIME: usize = 64;
/// Bytes that a client reads ahead.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// How long an event may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Many sockets that tell when they hear of something.
pub(crate) struct Crowd {
    readers: Vec<JoinHandle<()>>,
    heard: UnboundedReceiver<(String, Duration)>,
}

impl Crowd {
    /// Opens so many sockets with headers that log in.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        login: &str,
        count: usize,
    ) -> Result<Self> {
        let tls = Arc::new(anybody::tls()?);
        let (teller, heard) = unbounded_channel();
        let mut readers = Vec::with_capacity(count);
        while readers.len() < count {
            let many = AT_A_TIME.min(count - readers.len());
            let opened = (0..many).map(|_| open(address, path, login, &tls));
            for socket in try_join_all(opened).await? {
                readers.push(tokio::spawn(read(socket, teller.clone())));
            }
        }
        Ok(Self { readers, heard })
    }

    /// Makes sure that no socket has ended.
    pub(crate) fn ensure_open(&self) -> Result<()> {
        let ended = self.readers.iter().filter(|reader| reader.is_finished());
        let ended = ended.count();
        ensure!(ended == 0, "{ended} sockets have ended");
        Ok(())
    }

    /// Waits until all have heard of a context; returns how long each took, in order.
    pub(crate) async fn heard(&mut self, context: &str, start: Duration) -> Result<Vec<Duration>> {
        let quoted = format!("\"{context}\"");
        let mut times = Vec::with_capacity(self.readers.len());
        while times.len() < self.readers.len() {
            let told = timeout(PATIENCE, self.heard.recv()).await;
            let (text, at) = told
                .with_context(|| format!("{} of all have heard", times.len()))?
                .context("the sockets are gone")?;
            if text.contains(&quoted) {
                times.push(at.saturating_sub(start));
            }
        }
        times.sort();
        Ok(times)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}

async fn open(
    address: SocketAddr,
    path: &str,
    login: &str,
    tls: &Arc<ClientConfig>,
) -> Result<Socket> {
    let stream = connect(address, tls).await?;
    let mut request = format!("ws://localhost{path}").into_client_request()?;
    for line in login.lines() {
        let (name, value) = line.split_once(": ").context("a header has a value")?;
        let (name, value) = (name.parse::<HeaderName>()?, value.parse::<HeaderValue>()?);
        request.headers_mut().insert(name, value);
    }
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
    let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

async fn read(mut socket: Socket, teller: UnboundedSender<(String, Duration)>) {
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message
            && teller.send((text.to_string(), wall())).is_err()
        {
            return;
        }
    }
}

/// A scanner that is there and does nothing.
pub(crate) struct Scanner {
    reader: JoinHandle<()>,
}

impl Scanner {
    pub(crate) async fn connect(address: SocketAddr, known: &ScannerResponse) -> Result<Self> {
        let tls = Arc::new(anybody::tls()?);
        let mut socket = open(address, "/ws/pvs", "", &tls).await?;
        let login = FromScanner::Authenticate {
            scanner_id: known.scanner_id.clone(),
            scanner_key: known.scanner_key.clone(),
            resume: None,
        };
        let login = serde_json::to_string(&login)?;
        socket.send(Message::Text(login.into())).await?;
        let welcome = socket.next().await.context("the scanner is welcome")??;
        ensure!(
            welcome.to_text()?.contains("configuration"),
            "the scanner hears {welcome}"
        );
        let reader = async move { while let Some(Ok(_)) = socket.next().await {} };
        Ok(Self {
            reader: tokio::spawn(reader),
        })
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

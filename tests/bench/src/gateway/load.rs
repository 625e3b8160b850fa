//! Clients: as little as a client can do, so that the server is what is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_channel::{Judged, verify_statement};
use boop_sdk::ATTESTATION_PATH;
use boop_tests::anybody;
use boop_wire::api::{AttestationResponse, HttpProof};
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::session::{EXPORTER_LABEL, ProofStatement, Side};
use futures_util::future::try_join_all;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Window, cores, ensure_good};
use crate::rounds::{micros, wall};

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Connections that stay open, each with its request.
pub(crate) struct Lane {
    clients: Vec<(Http, String)>,
}

impl Lane {
    pub(crate) async fn open(
        address: SocketAddr,
        requests: impl IntoIterator<Item = String>,
    ) -> Result<Self> {
        let tls = Arc::new(anybody::tls()?);
        let mut clients = Vec::new();
        for request in requests {
            let stream = connect(address, &tls).await?;
            clients.push((Http::new(stream), request));
        }
        Ok(Self { clients })
    }

    /// Sends one request of another kind on the first connection.
    pub(crate) async fn post(&mut self, path: &str, headers: &str, body: &str) -> Result<()> {
        let (http, _) = self.clients.first_mut().context("a lane has a client")?;
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        http.ask(&request).await.map(drop)
    }

    /// Asks on every connection, one request after the other, until the time is over.
    pub(crate) async fn window(&mut self, time: Duration, server: u32) -> Result<Window> {
        let until = wall() + time;
        let before = (wall(), cores::spent(server)?);
        let asked = self.clients.iter_mut().map(|(http, request)| async move {
            let mut times = Vec::new();
            while wall() < until {
                let start = wall();
                http.ask(request).await?;
                times.push(micros(wall() - start));
            }
            Ok::<_, anyhow::Error>(times)
        });
        let times = try_join_all(asked).await?.concat();
        window(times, before, server)
    }
}

/// New connections, one after the other.
pub(crate) struct Sessions {
    address: SocketAddr,
    tls: Result<Arc<ClientConfig>, rustls::Error>,
    /// Evidence of the far end that was judged before: it has to be this, and to prove the
    /// connection with its key.
    judged: Option<Judged>,
}

impl Sessions {
    pub(crate) fn bare(address: SocketAddr) -> Self {
        Self {
            address,
            tls: anybody::tls().map(Arc::new),
            judged: None,
        }
    }

    pub(crate) fn attested(address: SocketAddr, judged: Judged) -> Self {
        Self {
            judged: Some(judged),
            ..Self::bare(address)
        }
    }

    /// Makes so many connections at a time until the time is over.
    pub(crate) async fn window(&self, many: usize, time: Duration, server: u32) -> Result<Window> {
        let tls = self.tls.as_ref().map_err(Clone::clone)?;
        let until = wall() + time;
        let before = (wall(), cores::spent(server)?);
        let made = (0..many).map(|_| async move {
            let mut times = Vec::new();
            while wall() < until {
                let start = wall();
                let stream = connect(self.address, tls).await?;
                if let Some(judged) = &self.judged {
                    prove(stream, judged).await?;
                }
                times.push(micros(wall() - start));
            }
            Ok::<_, anyhow::Error>(times)
        });
        let times = try_join_all(made).await?.concat();
        window(times, before, server)
    }
}

/// Has the far end prove that this connection is that of the process whose evidence is known.
async fn prove(stream: TlsStream<TcpStream>, judged: &Judged) -> Result<()> {
    let connection = stream.get_ref().1;
    let context = Some(&b"proof"[..]);
    let exporter = connection.export_keying_material([0; 32], EXPORTER_LABEL, context)?;
    // What a client draws; here the exporter, which is as fresh.
    let nonce = exporter;
    let path = format!("{ATTESTATION_PATH}?nonce={}", URL_SAFE_NO_PAD.encode(nonce));
    let mut http = Http::new(stream);
    let body = http
        .ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
        .await?;
    let answer: AttestationResponse = serde_json::from_slice(body)?;
    let bundle = URL_SAFE_NO_PAD.decode(&answer.bundle.1)?;
    let bundle: boop_wire::evidence::EvidenceBundle = from_canonical(&bundle).context("bundle")?;
    ensure!(
        bundle.binding == to_canonical(&judged.binding),
        "another process answers"
    );
    let proof = URL_SAFE_NO_PAD.decode(&answer.proof.1)?;
    let proof: HttpProof = from_canonical(&proof).context("proof")?;
    let statement = ProofStatement {
        network: judged.binding.network,
        manifest: judged.binding.manifest,
        side: Side::Server,
        exporter,
        own: bundle.binding_digest(),
        peer: None,
        own_nonce: proof.nonce,
        peer_nonce: nonce,
    };
    let identity = judged.binding.keys.identity;
    verify_statement(&identity, &statement, &proof.signature)?;
    Ok(())
}

pub(crate) async fn connect(
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    Ok(TlsConnector::from(Arc::clone(tls))
        .connect(name, stream)
        .await?)
}

/// HTTP/1.1 on one connection.
struct Http {
    stream: TlsStream<TcpStream>,
    read: Vec<u8>,
}

impl Http {
    fn new(stream: TlsStream<TcpStream>) -> Self {
        let read = Vec::with_capacity(16 * 1024);
        Self { stream, read }
    }

    /// Sends a request and returns the body of its answer, which must be good.
    async fn ask(&mut self, request: &str) -> Result<&[u8]> {
        self.read.clear();
        self.stream.write_all(request.as_bytes()).await?;
        let start = loop {
            let ended = self.read.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = ended {
                break end + 4;
            }
            self.more().await?;
        };
        let head = std::str::from_utf8(&self.read[..start])?;
        ensure_good(head)?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let named = name.eq_ignore_ascii_case("content-length");
            named.then(|| value.trim().parse::<usize>().ok())?
        });
        let whole = start + length.context("an answer has a length")?;
        ensure!(whole <= ANSWER_BYTES_MAX, "the answer is too large");
        while self.read.len() < whole {
            self.more().await?;
        }
        Ok(&self.read[start..whole])
    }

    async fn more(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.read).await?;
        ensure!(read > 0, "the server has closed the connection");
        Ok(())
    }
}

fn window(mut times: Vec<f64>, before: (Duration, Duration), server: u32) -> Result<Window> {
    let elapsed = wall() - before.0;
    let spent = cores::spent(server)? - before.1;
    let count = times.len();
    ensure!(count > 0, "nothing was answered");
    times.sort_by(f64::total_cmp);
    Ok(Window {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        per_second: count as f64 / elapsed.as_secs_f64(),
        p99_us: times[(count * 99 / 100).min(count - 1)],
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        core_us: micros(spent) / count as f64,
    })
}

//! A server that only greets: axum over rustls, with the key and the TLS of a gateway.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{get, post};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::version::TLS13;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_rustls::TlsAcceptor;

/// The argument that makes this program the server.
pub(crate) const ARGUMENT: &str = "bare";

/// Texts that wait for a socket.
const SHOUTS_MAX: usize = 16;

type Shouts = broadcast::Sender<String>;

/// The server in a process of its own; it ends with this.
pub(crate) struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    /// Starts it.
    pub(crate) fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.take().context("the server has an output")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let address = line.trim().parse().context("the server says where it is")?;
        Ok(Self { child, address })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the other end of standard input is gone.
///
/// # Errors
/// If it cannot listen.
pub fn serve() -> Result<()> {
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(accept())
}

async fn accept() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let acceptor = TlsAcceptor::from(Arc::new(tls()?));
    let shouts = broadcast::Sender::new(SHOUTS_MAX);
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/ws", get(quiet))
        .route("/heard", get(socket))
        .route("/shout/{text}", post(shout))
        .with_state(shouts);
    loop {
        let (stream, _) = listener.accept().await?;
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            let stream = acceptor.accept(stream).await?;
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
                .with_upgrades();
            // A client that goes away is no error here.
            let _ = served.await;
            Ok::<_, std::io::Error>(())
        });
    }
}

/// Tells all sockets.
async fn shout(State(shouts): State<Shouts>, Path(text): Path<String>) -> &'static str {
    let _ = shouts.send(format!("{{\"context_id\":\"{text}\"}}"));
    "done"
}

/// Holds a socket, with the library's own sizes of buffers.
async fn quiet(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket: WebSocket| async move {
        while let Some(Ok(_)) = socket.recv().await {}
    })
}

/// Holds a socket that hears what is shouted.
async fn socket(upgrade: WebSocketUpgrade, State(shouts): State<Shouts>) -> Response {
    let mut heard = shouts.subscribe();
    upgrade.on_upgrade(|mut socket: WebSocket| async move {
        loop {
            tokio::select! {
                text = heard.recv() => {
                    let Ok(text) = text else { return };
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                message = socket.recv() => {
                    if !matches!(message, Some(Ok(_))) {
                        return;
                    }
                }
            }
        }
    })
}

fn tls() -> Result<ServerConfig> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = CertificateParams::new(vec!["localhost".into()])?.self_signed(&key)?;
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)?;
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

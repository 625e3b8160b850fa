//! The public endpoint: accepts connections, ends TLS, and hands each request to the router with
//! what is known of its connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use boop_wire::Digest;
use boop_wire::codec::plain_digest;
use boop_wire::session::EXPORTER_LABEL;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::admission::Asker;
use crate::config::LimitSettings;
use places::Places;

pub use places::Place;

mod places;

/// Context of the exporter value that HTTP proofs sign.
const EXPORTER_CONTEXT: &[u8] = b"proof";
/// Longest TLS handshake.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest wait for a request's head, also on an idle connection.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Pause after the system could not give a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a handler knows of the connection its request came on.
#[derive(Debug, Clone)]
pub struct Connection {
    /// TLS exporter value of this connection alone.
    pub exporter: [u8; 32],
    /// Where it comes from.
    pub address: IpAddr,
    /// SHA-256 of the client's certificate; the handshake has shown that the client has its key.
    pub certificate: Option<Digest>,
    /// The connection's place under the limit; a WebSocket keeps it after the upgrade.
    pub place: Option<Arc<Place>>,
}

/// Accepts connections for as long as it is polled; a connection above the limit waits in the
/// system's queue, and one above the limit of its address is closed.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    limits: LimitSettings,
) {
    let acceptor = TlsAcceptor::from(tls);
    let places = Places::new(limits.connections, limits.connections_per_address);
    loop {
        let Some(place) = places.one().await else {
            return;
        };
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = places.take(place, Asker::at(address.ip())) else {
            tracing::debug!("an address has too many connections");
            continue;
        };
        let acceptor = acceptor.clone();
        let router = router.clone();
        tokio::spawn(async move {
            converse(stream, address.ip(), &acceptor, router, place).await;
        });
    }
}

async fn converse(
    stream: TcpStream,
    address: IpAddr,
    acceptor: &TlsAcceptor,
    router: Router,
    place: Place,
) {
    // Latency, not correctness: a connection that refuses the option still works.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)).await else {
        tracing::debug!("TLS handshake failed");
        return;
    };
    let tls = stream.get_ref().1;
    let exported = tls.export_keying_material([0; 32], EXPORTER_LABEL, Some(EXPORTER_CONTEXT));
    let Ok(exporter) = exported else {
        return;
    };
    let chain = tls.peer_certificates();
    let certificate = chain.and_then(|chain| chain.first());
    let connection = Connection {
        exporter,
        address,
        certificate: certificate.map(|certificate| plain_digest(certificate)),
        place: Some(Arc::new(place)),
    };
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        router.oneshot(request)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests;

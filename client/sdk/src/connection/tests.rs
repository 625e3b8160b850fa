//! Connections to a server of our own: real TLS, HTTP and WebSockets, evidence of no hardware.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use boop_channel::{LocalKeys, sign_statement};
use boop_wire::api::{HttpProof, MEDIA_BUNDLE, MEDIA_PROOF};
use boop_wire::binding::{Binding, PlatformKind, Purpose, Role};
use boop_wire::manifest::{ApproverKey, Approvers};
use boop_wire::session::{EXPORTER_LABEL, ProofStatement, Side};
use boop_wire::{Digest, InstanceId, NetworkId, to_canonical};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role as SocketRole;

use super::*;
use crate::refused::Refused;
use crate::websocket::StreamError;

#[test]
fn addresses_are_host_and_port() {
    assert_eq!(host_of("127.0.0.1:443"), Some("127.0.0.1"));
    assert_eq!(host_of("[::1]:443"), Some("::1"));
    assert_eq!(host_of("gateway.example:8443"), Some("gateway.example"));
    for refused in ["", ":443", "host", "host:", "host:70000", "host:port"] {
        assert_eq!(host_of(refused), None, "{refused:?}");
    }
}

#[tokio::test]
async fn a_malformed_address_is_refused_before_anything_is_sent() {
    let refused = fetch_evidence("nowhere").await.map(|_| ());

    assert_eq!(refused, Err(ConnectError::Address("nowhere".into())));
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    });

    let refused = fetch_evidence(&address).await.map(|_| ());

    server.await.unwrap();
    let unreachable = matches!(refused, Err(ConnectError::Unreachable { .. }));
    assert!(unreachable, "{refused:?}");
}

#[tokio::test]
async fn both_ends_agree_on_key_and_exporter_of_the_connection() {
    let server = Server::start(Behaviour::Honest).await;

    let evidence = fetch_evidence(&server.address).await.unwrap();

    let binding = evidence.bundle.binding().unwrap();
    assert_eq!(evidence.check_tls_key(&binding), Ok(()));
    assert_eq!(evidence.check_proof(&binding), Ok(()));
}

#[tokio::test]
async fn a_proof_of_another_connection_does_not_pass_on_this_one() {
    let server = Server::start(Behaviour::OtherExporter).await;

    let evidence = fetch_evidence(&server.address).await.unwrap();

    let binding = evidence.bundle.binding().unwrap();
    let error = AttestationError::Proof(boop_channel::ProofError);
    assert_eq!(evidence.check_proof(&binding), Err(error));
}

#[tokio::test]
async fn evidence_of_somebody_else_does_not_cover_this_tls_key() {
    let server = Server::start(Behaviour::OtherKey).await;

    let evidence = fetch_evidence(&server.address).await.unwrap();

    let binding = evidence.bundle.binding().unwrap();
    let refused = evidence.check_tls_key(&binding);
    let expected = binding.keys.tls_spki;
    let found = evidence.tls_spki;
    assert_eq!(refused, Err(AttestationError::TlsKey { found, expected }));
}

#[tokio::test]
async fn no_connection_opens_without_an_approved_manifest() {
    let server = Server::start(Behaviour::Honest).await;
    let approvers = Approvers {
        keys: vec![ApproverKey([7; 32])],
        needed: 1,
    };
    let client = ClientTrust::new(NetworkId::new([5; 32]), approvers, None);

    let refused = Connection::open(&client, &server.address).await.map(|_| ());

    let error = NetworkError::Encoding {
        field: "manifest",
        source: CodecError::Malformed,
    };
    assert_eq!(refused, Err(ConnectError::Network(error)));
}

#[tokio::test]
async fn the_manifest_is_fetched_without_waiting_for_parties() {
    let server = Server::start(Behaviour::Honest).await;
    let approvers = Approvers {
        keys: vec![ApproverKey([7; 32])],
        needed: 1,
    };
    let client = ClientTrust::new(NetworkId::new([5; 32]), approvers, None);

    let refused = fetch_trust(&client, &server.address).await.map(|_| ());

    // It came, and it is no manifest; the network's description is still to be refused twice.
    let error = NetworkError::Encoding {
        field: "manifest",
        source: CodecError::Malformed,
    };
    assert_eq!(refused, Err(ConnectError::Network(error)));
    let (mut http, _) = dial(&server.address).await.unwrap();
    let network = http.get::<NetworkResponse>(NETWORK_PATH).await;
    assert!(matches!(network, Err(RequestError::Refused(_))));
}

#[tokio::test]
async fn a_gateway_whose_parties_are_on_their_way_is_asked_again() {
    let server = Server::start(Behaviour::Honest).await;
    let (mut http, _) = dial(&server.address).await.unwrap();

    let first = http.get::<NetworkResponse>(NETWORK_PATH).await;
    let patient = ask_for_network(&mut http).await.unwrap();

    assert!(matches!(first, Err(RequestError::Refused(_))));
    assert_eq!(patient.network_id, NetworkId::new([5; 32]));
}

#[tokio::test]
async fn a_refusal_of_the_server_comes_with_its_code() {
    let server = Server::start(Behaviour::Honest).await;
    let (mut http, _) = dial(&server.address).await.unwrap();

    let refused = http.get::<serde_json::Value>("/busy").await;

    let Err(RequestError::Refused(Refused {
        code,
        retry_allowed,
        ..
    })) = refused
    else {
        panic!("refused: {refused:?}")
    };
    assert_eq!((code.as_str(), retry_allowed), ("busy", true));
}

#[tokio::test]
async fn a_connection_becomes_a_websocket_that_carries_json() {
    let server = Server::start(Behaviour::Honest).await;
    let (http, _) = dial(&server.address).await.unwrap();
    let mut socket = WebSocket::upgrade(http, "/ws/echo").await.unwrap();
    let wait = Duration::from_secs(10);

    socket.send(&vec!["palm", "vein"]).await.unwrap();
    let answer: Vec<String> = socket.receive(wait).await.unwrap();
    assert_eq!(answer, ["palm", "vein"]);

    socket.send(&"text").await.unwrap();
    let malformed = socket.receive::<u32>(wait).await;
    assert!(matches!(malformed, Err(StreamError::Malformed(_))));

    let short = Duration::from_millis(20);
    let silent = socket.receive::<u32>(short).await;
    assert_eq!(silent, Err(StreamError::Timeout(short)));

    let long = "x".repeat(boop_wire::api::WS_MESSAGE_BYTES_MAX);
    let refused = socket.send(&long).await;
    assert_eq!(refused, Err(StreamError::TooLong(long.len() + 2)));
    socket.close().await;
}

#[tokio::test]
async fn a_path_that_is_no_websocket_does_not_become_one() {
    let server = Server::start(Behaviour::Honest).await;
    for (path, expected) in [
        ("/plain", RequestError::NoUpgrade),
        ("/nowhere", RequestError::Status(404)),
        ("/ws/forged", RequestError::NoUpgrade),
    ] {
        let (http, _) = dial(&server.address).await.unwrap();

        let refused = WebSocket::upgrade(http, path).await.map(|_| ());

        assert_eq!(refused, Err(expected), "{path}");
    }
}

/// What the server does that it should, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Honest,
    OtherExporter,
    OtherKey,
}

/// A server with a certificate of its own.
struct Server {
    address: String,
}

struct Inside {
    keys: LocalKeys,
    behaviour: Behaviour,
    /// Requests for the network that are still to be refused.
    refusals: AtomicI32,
}

impl Server {
    async fn start(behaviour: Behaviour) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["gateway".into()]).unwrap();
        let pkcs8 = made.signing_key.serialize_der();
        let other = rcgen::KeyPair::generate().unwrap().serialize_der();
        let attested = match behaviour {
            Behaviour::OtherKey => &other,
            Behaviour::Honest | Behaviour::OtherExporter => &pkcs8,
        };
        let inside = Arc::new(Inside {
            keys: LocalKeys::with_tls_key(attested, &mut |bytes| bytes.fill(3)).unwrap(),
            behaviour,
            refusals: AtomicI32::new(2),
        });
        let acceptor = TlsAcceptor::from(Arc::new(tls(made.cert.der().clone(), pkcs8)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream = acceptor.accept(stream).await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&inside)));
            }
        });
        Self { address }
    }
}

fn tls(certificate: CertificateDer<'static>, pkcs8: Vec<u8>) -> ServerConfig {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

async fn serve(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    inside: Arc<Inside>,
) {
    let exporter = stream
        .get_ref()
        .1
        .export_keying_material([0; 32], EXPORTER_LABEL, Some(b"proof"))
        .unwrap();
    let service = service_fn(move |request: Request<Incoming>| {
        let inside = Arc::clone(&inside);
        async move { Ok::<_, Infallible>(inside.answer(request, exporter)) }
    });
    // A client that goes away in the middle is no failure of the server.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

impl Inside {
    fn answer(&self, request: Request<Incoming>, exporter: [u8; 32]) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            ATTESTATION_PATH => {
                let nonce = request.uri().query().unwrap()["nonce=".len()..].to_owned();
                let response = self.attest(&nonce, exporter);
                json(&serde_json::to_value(response).unwrap())
            }
            MANIFEST_PATH => json(&serde_json::json!({
                "network_id": "05".repeat(32), "simulated": false, "manifest": "AAAA",
            })),
            NETWORK_PATH if self.refusals.fetch_sub(1, Ordering::Relaxed) > 0 => busy(),
            NETWORK_PATH => json(&serde_json::json!({
                "network_id": "05".repeat(32), "simulated": false,
                "manifest": "AAAA", "parties": [],
            })),
            "/busy" => busy(),
            "/plain" => Response::new(Full::default()),
            "/ws/echo" => upgrade(request, None),
            "/ws/forged" => upgrade(request, Some("c29tZWJvZHkgZWxzZSdzIGtleQ==")),
            _ => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
        }
    }

    fn attest(&self, nonce: &str, exporter: [u8; 32]) -> AttestationResponse {
        use base64::Engine as _;

        let nonce = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(nonce)
            .unwrap();
        let binding = self.binding();
        let bundle = EvidenceBundle {
            platform: PlatformKind::Snp,
            evidence: vec![2, 0, 0, 0],
            endorsements: Vec::new(),
            binding: to_canonical(&binding),
        };
        let own_nonce = [6; 32];
        let statement = ProofStatement {
            network: binding.network,
            manifest: binding.manifest,
            side: Side::Server,
            exporter: match self.behaviour {
                Behaviour::OtherExporter => [0; 32],
                Behaviour::Honest | Behaviour::OtherKey => exporter,
            },
            own: bundle.binding_digest(),
            peer: None,
            own_nonce,
            peer_nonce: nonce.try_into().unwrap(),
        };
        let proof = HttpProof {
            nonce: own_nonce,
            signature: sign_statement(&self.keys, &statement),
        };
        AttestationResponse {
            collection: "tag:example,2026:test".into(),
            bundle: (MEDIA_BUNDLE.into(), text::encode(&bundle)),
            proof: (MEDIA_PROOF.into(), text::encode(&proof)),
        }
    }

    fn binding(&self) -> Binding {
        Binding {
            purpose: Purpose::Boot,
            network: NetworkId::new([5; 32]),
            manifest: Digest::new([6; 32]),
            role: Role::Gateway,
            party: None,
            platform: PlatformKind::Snp,
            config: Digest::new([7; 32]),
            instance: InstanceId::new([8; 16]),
            lease: 0,
            keys: self.keys.bound(),
            challenge: [0; 32],
            made_at_ms: 1_000,
            checkpoint: None,
        }
    }
}

fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    Response::new(Full::from(value.to_string()))
}

fn busy() -> Response<Full<Bytes>> {
    let mut response = json(&serde_json::json!({
        "type": "urn:boop:problem:busy", "title": "Busy", "status": 503,
        "code": "busy", "request_id": "req_1", "retry_allowed": true,
    }));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

/// Switches to a WebSocket that says every text again.
fn upgrade(request: Request<Incoming>, accept: Option<&str>) -> Response<Full<Bytes>> {
    let key = request.headers()["sec-websocket-key"].as_bytes();
    let accept = accept.map_or_else(|| derive_accept_key(key), str::to_owned);
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else {
            return;
        };
        let io = TokioIo::new(upgraded);
        let mut socket = WebSocketStream::from_raw_socket(io, SocketRole::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", accept)
        .body(Full::default())
        .unwrap()
}

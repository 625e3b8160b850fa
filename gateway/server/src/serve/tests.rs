//! The endpoint over real TLS connections.

use std::net::SocketAddr;
use std::sync::Mutex;

use boop_channel::verify_statement;
use boop_wire::api::{AttestationResponse, FromUser, HttpProof};
use boop_wire::codec::{from_canonical, plain_digest};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::session::{ProofStatement, Side};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, NamedGroup, SignatureScheme,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::fixture::{Gateway, MANIFEST, NETWORK, SESSION_TOKEN};
use crate::public_key::PublicKey;
use crate::text::{base64url, from_base64url};

#[tokio::test]
async fn a_client_verifies_its_own_connection_and_upgrades_it() {
    let gateway = Gateway::start().await;
    let (address, _) = start(&gateway, 8).await;
    let mut stream = connect(address).await;
    let nonce = [6; 32];

    let path = format!("/.well-known/attestation?nonce={}", base64url(&nonce));
    let body = get(&mut stream, &path).await;

    let response: AttestationResponse = serde_json::from_str(&body).unwrap();
    let bytes = |text: &str| from_base64url(text).unwrap();
    let bundle: EvidenceBundle = from_canonical(&bytes(&response.bundle.1)).unwrap();
    let proof: HttpProof = from_canonical(&bytes(&response.proof.1)).unwrap();
    let tls = stream.get_ref().1;
    let exporter = tls
        .export_keying_material([0; 32], EXPORTER_LABEL, Some(b"proof"))
        .unwrap();
    let statement = ProofStatement {
        network: NETWORK,
        manifest: MANIFEST,
        side: Side::Server,
        exporter,
        own: bundle.binding_digest(),
        peer: None,
        own_nonce: proof.nonce,
        peer_nonce: nonce,
    };
    let identity = gateway.keys.identity();
    assert_eq!(
        verify_statement(&identity, &statement, &proof.signature),
        Ok(())
    );
    let relayed = ProofStatement {
        exporter: [0; 32],
        ..statement
    };
    assert!(verify_statement(&identity, &relayed, &proof.signature).is_err());

    let (mut socket, _) = client_async("ws://localhost/ws/user", stream)
        .await
        .unwrap();
    let hello = FromUser::Hello {
        session_token: SESSION_TOKEN.into(),
        resume: None,
    };
    let hello = serde_json::to_string(&hello).unwrap();
    socket.send(Message::Text(hello.into())).await.unwrap();
    let welcome = socket.next().await.unwrap().unwrap();
    assert!(welcome.to_string().contains("welcome"), "{welcome}");
}

#[tokio::test]
async fn the_certificate_holds_the_key_that_evidence_binds_and_the_hybrid_group_is_taken() {
    let gateway = Gateway::start().await;
    let (address, spki) = start(&gateway, 8).await;

    let stream = connect(address).await;

    let tls = stream.get_ref().1;
    let certificate = &tls.peer_certificates().unwrap()[0];
    // The SPKI of a P-256 key is 91 bytes of the certificate.
    let held = certificate
        .windows(91)
        .any(|part| plain_digest(part) == spki);
    assert!(held);
    let group = tls.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
}

#[tokio::test]
async fn a_connection_above_the_limit_waits_and_a_websocket_keeps_its_place() {
    let gateway = Gateway::start().await;
    let (address, _) = start(&gateway, 1).await;
    let first = connect(address).await;
    let (socket, _) = client_async("ws://localhost/ws/user", first).await.unwrap();

    let second = tokio::spawn(async move {
        let mut stream = connect(address).await;
        get(&mut stream, "/health").await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!second.is_finished());
    drop(socket);

    assert!(second.await.unwrap().contains("\"ok\""));
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_is_let_go_and_others_are_served() {
    let gateway = Gateway::start().await;
    let (address, _) = start(&gateway, 1).await;
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A TLS alert or nothing comes back, and then the end.
    let _ = plain.read_to_end(&mut answer).await;

    let body = get(&mut connect(address).await, "/health").await;

    assert!(body.contains("\"ok\""));
}

async fn start(gateway: &Gateway, connections_max: usize) -> (SocketAddr, boop_wire::Digest) {
    let public = PublicKey::generate(&["localhost".into()], 1_795_478_400_000).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = crate::rest::router(Arc::clone(&gateway.app));
    let tls = public.tls().unwrap();
    let limits = LimitSettings {
        connections: connections_max,
        ..LimitSettings::default()
    };
    tokio::spawn(serve(listener, tls, router, limits));
    (address, public.spki_digest())
}

async fn connect(address: SocketAddr) -> TlsStream<TcpStream> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OneCertificate::default()))
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0);
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| {
            line.strip_prefix("content-length: ")
                .and_then(|length| length.parse::<usize>().ok())
        });
        if body.len() >= length.unwrap() {
            return body.to_owned();
        }
    }
}

/// Takes the first certificate it sees, as a client does before it has the evidence; the key of
/// the certificate must sign the handshake all the same.
#[derive(Debug, Default)]
struct OneCertificate {
    seen: Mutex<Option<Vec<u8>>>,
}

impl ServerCertVerifier for OneCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut seen = self.seen.lock().unwrap();
        let first = seen.get_or_insert_with(|| end_entity.to_vec());
        if first == &end_entity.to_vec() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::BadEncoding))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

//! TLS 1.3 to a gateway. Its certificate signs itself and proves nothing: the handshake shows that
//! the far end has the key, and evidence asked for afterwards says whose key it is.

use std::sync::Arc;

use boop_wire::Digest;
use boop_wire::codec::plain_digest;
use boop_wire::session::EXPORTER_LABEL;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::attested::{EXPORTER_CONTEXT, TlsFacts};

/// Opens TLS over `stream` and tells which key the server has.
pub(crate) async fn connect(
    stream: TcpStream,
    host: &str,
) -> std::io::Result<(TlsStream<TcpStream>, TlsFacts)> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    let config = config().map_err(std::io::Error::other)?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let facts = facts(&stream).map_err(std::io::Error::other)?;
    Ok((stream, facts))
}

fn config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = AnyKeyHolder {
        algorithms: provider.signature_verification_algorithms,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session would have no handshake signature to hold the key against.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn facts(stream: &TlsStream<TcpStream>) -> Result<TlsFacts, Error> {
    let connection = stream.get_ref().1;
    let exporter =
        connection.export_keying_material([0; 32], EXPORTER_LABEL, Some(EXPORTER_CONTEXT))?;
    let certificate = connection
        .peer_certificates()
        .and_then(|chain| chain.first())
        .ok_or(Error::NoCertificatesPresented)?;
    Ok(TlsFacts {
        spki: spki_digest(certificate)?,
        exporter,
    })
}

/// Returns the digest of a certificate's SubjectPublicKeyInfo.
pub(crate) fn spki_digest(certificate: &CertificateDer<'_>) -> Result<Digest, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    Ok(plain_digest(&parsed.subject_public_key_info()))
}

/// Accepts any certificate whose key signed the handshake; the evidence is held against the key
/// afterwards, before anything secret is sent.
#[derive(Debug)]
struct AnyKeyHolder {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AnyKeyHolder {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

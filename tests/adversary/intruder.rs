//! An end that speaks TLS as a session does, and then whatever the intruder likes.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use boop_channel::{Session, SessionError, sign_statement};
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::frame::{FrameBuffer, put_frame};
use boop_wire::session::{EXPORTER_LABEL, Offer, Proof, ProofStatement, Side};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, ServerConnection, SignatureScheme,
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer,
    UnixTime,
};

use crate::cast::{Actor, NOW_MS};

/// The nonce of every intruder.
pub(crate) const NONCE: [u8; 32] = [0x1d; 32];
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// An intruder's end of a connection.
pub(crate) struct Intruder {
    pub(crate) side: Side,
    connection: Connection,
    frames: FrameBuffer,
    /// How the honest end at the other side fared.
    pub(crate) honest: Result<(), SessionError>,
}

impl Intruder {
    /// Holds a TLS key, and waits for an honest end.
    pub(crate) fn new(side: Side, tls_pkcs8: &[u8]) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(tls_pkcs8.to_vec()));
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let spki = key.public_key().unwrap().to_vec();
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key));
        let mut connection = match side {
            Side::Client => Connection::Client(client(&provider, key)),
            Side::Server => Connection::Server(server(&provider, key)),
        };
        connection.set_buffer_limit(None);
        Self {
            side,
            connection,
            frames: FrameBuffer::new(FRAME_BYTES_MAX),
            honest: Ok(()),
        }
    }

    /// Carries bytes to and from the honest end until both are silent.
    pub(crate) fn exchange(&mut self, honest: &mut Session) {
        loop {
            let mut out = Vec::new();
            while self.connection.wants_write() {
                self.connection.write_tls(&mut out).unwrap();
            }
            if self.honest.is_ok() && !out.is_empty() {
                self.honest = honest.receive(&out, NOW_MS);
            }
            let back = honest.take_output();
            if out.is_empty() && back.is_empty() {
                return;
            }
            self.take(&back);
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.connection.read_tls(&mut bytes).unwrap();
            // The honest end may have sent an alert; that is for the test to see elsewhere.
            let Ok(state) = self.connection.process_new_packets() else {
                return;
            };
            let mut plaintext = vec![0; state.plaintext_bytes_to_read()];
            self.connection.reader().read_exact(&mut plaintext).unwrap();
            self.frames.push(&plaintext);
        }
    }

    /// Returns the next frame of the honest end, if there is one.
    pub(crate) fn frame(&mut self) -> Option<Vec<u8>> {
        self.frames.take().unwrap()
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, frame: &[u8]) {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, frame, FRAME_BYTES_MAX).unwrap();
        self.send_bytes(&bytes);
    }

    /// Sends bytes that need not be a frame.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.connection.writer().write_all(bytes).unwrap();
    }

    pub(crate) fn offer(&mut self, evidence: Option<EvidenceBundle>) {
        let nonce = NONCE;
        self.send(&to_canonical(&Offer { nonce, evidence }));
    }

    /// Returns the honest end's offer.
    pub(crate) fn read_offer(&mut self) -> Offer {
        from_canonical(&self.frame().unwrap()).unwrap()
    }

    /// Signs what an honest process would sign on this connection.
    pub(crate) fn honest_proof(&self, own: &Actor, theirs: &Offer) -> Proof {
        let exporter = match &self.connection {
            Connection::Client(connection) => {
                connection.export_keying_material([0; 32], EXPORTER_LABEL, Some(b"proof"))
            }
            Connection::Server(connection) => {
                connection.export_keying_material([0; 32], EXPORTER_LABEL, Some(b"proof"))
            }
        };
        let manifest = own.trust.manifest();
        let peer = theirs.evidence.as_ref().unwrap().binding_digest();
        let statement = ProofStatement {
            network: manifest.network(),
            manifest: manifest.digest(),
            side: self.side,
            exporter: exporter.unwrap(),
            own: own.digest(),
            peer: Some(peer),
            own_nonce: NONCE,
            peer_nonce: theirs.nonce,
        };
        Proof {
            signature: Some(sign_statement(&own.keys, &statement)),
        }
    }
}

fn client(provider: &Arc<CryptoProvider>, key: Arc<CertifiedKey>) -> ClientConnection {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(Arc::clone(provider))))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key)));
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    let name = ServerName::try_from("enclave.invalid").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap()
}

fn server(provider: &Arc<CryptoProvider>, key: Arc<CertifiedKey>) -> ServerConnection {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(Arc::new(Anybody(Arc::clone(provider))))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    config.send_tls13_tickets = 0;
    ServerConnection::new(Arc::new(config)).unwrap()
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl Anybody {
    fn verify(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }
}

impl ServerCertVerifier for Anybody {
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
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
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
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

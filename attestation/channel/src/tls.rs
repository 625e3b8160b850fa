//! TLS 1.3 over byte buffers, with raw public keys (RFC 7250) on both sides [SES-1].
//!
//! The handshake accepts any key whose owner is there; who the owner is, the proofs say. The TLS
//! library reads and writes slices through two traits of `std`; they are all this module takes
//! from it.

extern crate std;

use alloc::sync::Arc;
use alloc::vec::Vec;
use std::io::{Read, Write};

use boop_wire::Digest;
use boop_wire::session::{EXPORTER_LABEL, Side};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, ServerConnection, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use sha2::{Digest as _, Sha256};

use crate::keys::{LocalKeys, provider};

/// Most plaintext that is buffered before the peer must have read it.
const BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// The TLS library refused to go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("TLS failed")]
pub struct TlsError;

/// One end of a TLS connection.
pub(crate) struct Tls {
    connection: Connection,
}

impl Tls {
    pub(crate) fn new(side: Side, keys: &LocalKeys) -> Result<Self, TlsError> {
        let mut connection = match side {
            Side::Client => client(keys).map(Connection::Client),
            Side::Server => server(keys).map(Connection::Server),
        }
        .map_err(|_| TlsError)?;
        connection.set_buffer_limit(Some(BUFFER_BYTES_MAX));
        Ok(Self { connection })
    }

    /// Takes bytes from the wire and returns the plaintext they completed.
    pub(crate) fn receive(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, TlsError> {
        let mut plaintext = Vec::new();
        while !bytes.is_empty() {
            let taken = self.connection.read_tls(&mut bytes).map_err(|_| TlsError)?;
            let state = self
                .connection
                .process_new_packets()
                .map_err(|_| TlsError)?;
            // The library takes nothing after the peer's close; the session ends with it.
            if taken == 0 || state.peer_has_closed() {
                return Err(TlsError);
            }
            let start = plaintext.len();
            plaintext.resize(start + state.plaintext_bytes_to_read(), 0);
            self.connection
                .reader()
                .read_exact(&mut plaintext[start..])
                .map_err(|_| TlsError)?;
        }
        Ok(plaintext)
    }

    /// Encrypts `plaintext` for the wire.
    pub(crate) fn send(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        self.connection
            .writer()
            .write_all(plaintext)
            .map_err(|_| TlsError)
    }

    /// Appends what is ready for the wire to `out`.
    pub(crate) fn take_output(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            if self.connection.write_tls(out).is_err() {
                return;
            }
        }
    }

    pub(crate) fn handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Returns 32 bytes that only the two ends of this connection know.
    pub(crate) fn export(&self, context: &[u8]) -> Result<[u8; 32], TlsError> {
        self.connection
            .export_keying_material([0; 32], EXPORTER_LABEL, Some(context))
            .map_err(|_| TlsError)
    }

    /// Returns the digest of the key with which the peer signed the handshake.
    pub(crate) fn peer_spki(&self) -> Option<Digest> {
        let key = self.connection.peer_certificates()?.first()?;
        Some(Digest::new(Sha256::digest(key).into()))
    }
}

fn client(keys: &LocalKeys) -> Result<ClientConnection, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyRawKey::new()))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(keys.tls())));
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    let name = ServerName::try_from("enclave.invalid").map_err(|_| Error::EncryptError)?;
    ClientConnection::new(Arc::new(config), name)
}

fn server(keys: &LocalKeys) -> Result<ServerConnection, Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(AnyRawKey::new()))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(keys.tls())));
    config.send_tls13_tickets = 0;
    ServerConnection::new(Arc::new(config))
}

/// Accepts any raw public key that signs the handshake; the session checks it afterwards.
#[derive(Debug)]
struct AnyRawKey {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyRawKey {
    fn new() -> Self {
        Self {
            algorithms: provider().signature_verification_algorithms,
        }
    }

    fn verify(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }
}

impl ServerCertVerifier for AnyRawKey {
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
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for AnyRawKey {
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
        self.algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_after_the_peers_close_end_the_connection_in_one_piece_and_in_two() {
        for together in [true, false] {
            let (mut client, mut server) = connected();
            client.connection.send_close_notify();
            let mut bytes = Vec::new();
            client.take_output(&mut bytes);

            let result = if together {
                bytes.push(0);
                server.receive(&bytes)
            } else {
                let _ = server.receive(&bytes);
                server.receive(&[0])
            };

            assert_eq!(result, Err(TlsError));
        }
    }

    #[test]
    fn both_ends_know_the_same_exporter_value_and_the_others_key() {
        let (client, server) = connected();

        assert_eq!(client.export(b"a"), server.export(b"a"));
        assert_ne!(client.export(b"a"), client.export(b"b"));
        assert_eq!(server.peer_spki(), Some(keys(1).bound().tls_spki));
        assert_eq!(client.peer_spki(), Some(keys(2).bound().tls_spki));
    }

    fn connected() -> (Tls, Tls) {
        let mut client = Tls::new(Side::Client, &keys(1)).unwrap();
        let mut server = Tls::new(Side::Server, &keys(2)).unwrap();
        while client.handshaking() || server.handshaking() {
            let mut bytes = Vec::new();
            client.take_output(&mut bytes);
            server.receive(&bytes).unwrap();
            bytes.clear();
            server.take_output(&mut bytes);
            client.receive(&bytes).unwrap();
        }
        (client, server)
    }

    fn keys(byte: u8) -> LocalKeys {
        LocalKeys::generate(&mut |out: &mut [u8]| out.fill(byte)).unwrap()
    }
}

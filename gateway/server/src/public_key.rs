//! The key and certificate of the public endpoint: made at start, kept in memory alone.

use std::sync::Arc;

use boop_wire::Digest;
use boop_wire::binding::Binding;
use boop_wire::codec::{from_canonical, plain_digest};
use boop_wire::evidence::EvidenceBundle;
use rcgen::PublicKeyData as _;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, ParsedCertificate};
use rustls::{DigitallySignedStruct, PeerIncompatible, ServerConfig, SignatureScheme, version};
use serde_json::{Value, json};

use crate::text;

/// Why there is no endpoint key.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyError {
    /// The certificate could not be made.
    #[error("the endpoint's certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
}

/// A P-256 key (browsers take no Ed25519) with a self-signed certificate.
pub struct PublicKey {
    key: KeyPair,
    certificate: CertificateDer<'static>,
}

impl PublicKey {
    /// Makes a fresh key and a certificate for `names`.
    ///
    /// # Errors
    /// If a name may not stand in a certificate.
    pub fn generate(names: &[String]) -> Result<Self, PublicKeyError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "boop gateway");
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Self { key, certificate })
    }

    /// Returns the private key, PKCS#8, for the process's own key set.
    pub fn expose_pkcs8(&self) -> &[u8] {
        self.key.serialized_der()
    }

    /// Returns the SHA-256 of the SubjectPublicKeyInfo, which evidence binds.
    pub fn spki_digest(&self) -> Digest {
        plain_digest(&self.key.subject_public_key_info())
    }

    /// Returns the endpoint's TLS: 1.3 alone, the hybrid group first, no resumption.
    ///
    /// # Errors
    /// If the TLS library refuses the key.
    pub fn tls(&self) -> Result<Arc<ServerConfig>, PublicKeyError> {
        self.tls_with(Arc::new(NoClientAuth))
    }

    /// Returns the same for the door where clients show certificates. Any will do: whose it is, the
    /// registered keys of vendors say.
    ///
    /// # Errors
    /// If the TLS library refuses the key.
    pub fn mutual_tls(&self) -> Result<Arc<ServerConfig>, PublicKeyError> {
        let provider = aws_lc_rs::default_provider();
        self.tls_with(Arc::new(KeyHolders {
            algorithms: provider.signature_verification_algorithms,
        }))
    }

    fn tls_with(
        &self,
        clients: Arc<dyn ClientCertVerifier>,
    ) -> Result<Arc<ServerConfig>, PublicKeyError> {
        let key = PrivatePkcs8KeyDer::from(self.expose_pkcs8().to_vec());
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&version::TLS13])?
                .with_client_cert_verifier(clients)
                .with_single_cert(vec![self.certificate.clone()], PrivateKeyDer::Pkcs8(key))?;
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Takes any certificate whose key the client has; one without is let in as well, to be told so.
#[derive(Debug)]
struct KeyHolders {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for KeyHolders {
    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        ParsedCertificate::try_from(certificate)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns the identity key of a process, as its evidence binds it, in the form of RFC 8037.
pub fn jwk_of(bundle: &EvidenceBundle) -> Option<Value> {
    let binding: Binding = from_canonical(&bundle.binding).ok()?;
    let x = text::base64url(&binding.keys.identity);
    let kid = text::base64url(plain_digest(&binding.keys.identity).as_bytes());
    Some(json!({
        "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA",
    }))
}

#[cfg(test)]
mod tests {
    use boop_channel::LocalKeys;

    use super::*;

    #[test]
    fn evidence_binds_the_key_that_is_in_the_certificate() {
        let public = PublicKey::generate(&["localhost".into()]).unwrap();

        let keys = LocalKeys::with_tls_key(public.expose_pkcs8(), &mut |b| b.fill(7)).unwrap();

        assert_eq!(keys.bound().tls_spki, public.spki_digest());
        let spki = public.key.subject_public_key_info();
        let certificate: &[u8] = &public.certificate;
        assert!(certificate.windows(spki.len()).any(|part| part == spki));
    }

    #[test]
    fn the_hybrid_group_comes_first() {
        let public = PublicKey::generate(&["localhost".into()]).unwrap();
        let tls = public.tls().unwrap();

        let group = tls.crypto_provider().kx_groups[0].name();

        assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
    }

    #[test]
    fn a_name_that_no_certificate_may_hold_is_refused() {
        assert!(PublicKey::generate(&["nä me".into()]).is_err());
    }
}

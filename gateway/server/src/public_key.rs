//! The key and certificates of the public endpoint: the key is made at start and kept in memory
//! alone; its certificate is its own at first, and a CA's once somebody brings one.

use std::sync::{Arc, PoisonError, RwLock};

use boop_wire::Digest;
use boop_wire::binding::Binding;
use boop_wire::codec::{from_canonical, plain_digest};
use boop_wire::evidence::EvidenceBundle;
use rcgen::PublicKeyData as _;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoClientAuth, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

use crate::text;

use clients::KeyHolders;

mod clients;

/// How long the certificate is good that a fresh key signs for itself.
const OWN_DAYS: i64 = 365;
/// Certificates of a chain.
const CHAIN_MAX: usize = 4;

/// Why there is no endpoint key.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyError {
    /// The certificate could not be made.
    #[error("the endpoint's certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
    /// The clock is not of this age.
    #[error("the clock is out of range")]
    Clock,
}

/// Why a chain is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It is no text of one to four certificates.
    #[error("not PEM of 1 to {CHAIN_MAX} certificates")]
    Shape,
    /// The first certificate is for another key.
    #[error("the first certificate is not for this gateway's key, which it made at its start")]
    Key,
    /// The first certificate lacks a name.
    #[error("the first certificate is not for the name {0}")]
    Name(String),
    /// The first certificate is not good now.
    #[error("the first certificate is not good now")]
    Time,
}

/// The P-256 key of the public endpoint (browsers take no Ed25519), made at start, and the
/// certificates that are shown for it.
pub struct PublicKey {
    key: KeyPair,
    names: Vec<String>,
    shown: Arc<Shown>,
}

/// The certificates in force; a handshake takes those of its moment.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}

impl PublicKey {
    /// Makes a fresh key, and a certificate for `names` that it signs for itself.
    ///
    /// # Errors
    /// If a name may not stand in a certificate.
    pub fn generate(names: &[String], now_ms: u64) -> Result<Self, PublicKeyError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(names)?;
        let now = i64::try_from(now_ms / 1000).map_err(|_| PublicKeyError::Clock)?;
        let now = OffsetDateTime::from_unix_timestamp(now).map_err(|_| PublicKeyError::Clock)?;
        params.not_before = now - Duration::days(1);
        params.not_after = now + Duration::days(OWN_DAYS);
        let certificate = params.self_signed(&key)?.der().clone();
        let shown = certified(&key, vec![certificate])?;
        Ok(Self {
            key,
            names: names.to_vec(),
            shown: Arc::new(Shown(RwLock::new(Arc::new(shown)))),
        })
    }

    /// Returns the private key, PKCS#8, for the process's own key set.
    pub fn expose_pkcs8(&self) -> &[u8] {
        self.key.serialized_der()
    }

    /// Returns the SHA-256 of the SubjectPublicKeyInfo, which evidence binds.
    pub fn spki_digest(&self) -> Digest {
        plain_digest(&self.key.subject_public_key_info())
    }

    /// Returns a request for a certificate (PKCS#10, PEM), for a CA to sign.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn request(&self) -> Result<String, PublicKeyError> {
        Ok(params(&self.names)?.serialize_request(&self.key)?.pem()?)
    }

    /// Shows a chain of certificates (PEM) from now on, the key's own first.
    ///
    /// # Errors
    /// If it is none, or not for this key, these names and this time.
    pub fn show(&self, pem: &str, now_ms: u64) -> Result<(), ChainError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let chain = chain.map_err(|_| ChainError::Shape)?;
        let first = chain.first().filter(|_| chain.len() <= CHAIN_MAX);
        let first = first.ok_or(ChainError::Shape)?;
        let parsed = ParsedCertificate::try_from(first).map_err(|_| ChainError::Shape)?;
        for name in &self.names {
            let unnamed = || ChainError::Name(name.clone());
            let server = ServerName::try_from(name.as_str()).map_err(|_| unnamed())?;
            verify_server_name(&parsed, &server).map_err(|_| unnamed())?;
        }
        if !is_good(first, now_ms).ok_or(ChainError::Shape)? {
            return Err(ChainError::Time);
        }
        let certified = certified(&self.key, chain).map_err(|_| ChainError::Key)?;
        let mut shown = self.shown.0.write().unwrap_or_else(PoisonError::into_inner);
        *shown = Arc::new(certified);
        Ok(())
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
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])?
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::clone(&self.shown) as _);
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn params(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "boop gateway");
    Ok(params)
}

/// Puts certificates with their key, if the first is for it.
fn certified(
    key: &KeyPair,
    chain: Vec<CertificateDer<'static>>,
) -> Result<CertifiedKey, rustls::Error> {
    let key = PrivatePkcs8KeyDer::from(key.serialized_der().to_vec());
    CertifiedKey::from_der(
        chain,
        PrivateKeyDer::Pkcs8(key),
        &aws_lc_rs::default_provider(),
    )
}

/// Tells whether a certificate is good at a time; nothing if it does not read.
fn is_good(certificate: &[u8], now_ms: u64) -> Option<bool> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let seconds = |time: Time| time.to_unix_duration().as_secs();
    let now_s = now_ms / 1000;
    Some((seconds(validity.not_before)..=seconds(validity.not_after)).contains(&now_s))
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
mod tests;

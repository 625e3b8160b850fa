//! Requests to AWS KMS: JSON 1.1 over HTTPS, signed by Signature Version 4.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use boop_daemon::now_ms;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::token::kms::{KmsError, KmsSettings, credentials};
use crate::token::{StoredKey, VaultError};

/// Longest answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Longest that one request may take.
const PATIENCE: Duration = Duration::from_secs(20);
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Asks one KMS, one request after the other.
pub(super) struct Client {
    agent: Agent,
    settings: KmsSettings,
}

/// Bytes as JSON has them: in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Blob(String);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described {
    pub(super) key_metadata: KeyMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyMetadata {
    pub(super) arn: String,
    pub(super) key_state: String,
    pub(super) key_spec: String,
    pub(super) key_usage: String,
    pub(super) origin: String,
    #[serde(default)]
    pub(super) multi_region: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DataKey {
    pub(super) ciphertext_blob: Blob,
}

/// A plaintext, which there is none of with a recipient, is not read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Decrypted {
    pub(super) ciphertext_for_recipient: Option<Blob>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl Blob {
    pub(super) fn of(stored: &StoredKey) -> Self {
        Self::from(stored.0.as_slice())
    }

    pub(super) fn bytes(&self) -> Result<Vec<u8>, KmsError> {
        let bytes = BASE64_STANDARD.decode(&self.0);
        bytes.map_err(|_| KmsError::Answer("not base64"))
    }

    /// Takes it as a data key at rest.
    pub(super) fn stored(&self) -> Result<StoredKey, VaultError> {
        Ok(StoredKey(self.bytes()?))
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(BASE64_STANDARD.encode(bytes))
    }
}

impl Client {
    pub(super) fn new(settings: &KmsSettings) -> Result<Self, KmsError> {
        if !settings.endpoint.starts_with("https://") {
            let endpoint = settings.endpoint.clone();
            return Err(KmsError::Endpoint { endpoint });
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::Specific(Arc::new(roots(settings)?)))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .https_only(true)
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("boop")
            .build();
        Ok(Self {
            agent: config.new_agent(),
            settings: settings.clone(),
        })
    }

    /// Carries out an operation.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: &serde_json::Value,
    ) -> Result<T, KmsError> {
        let body = request.to_string();
        let target = format!("TrentService.{operation}");
        let headers = [
            ("content-type", CONTENT_TYPE),
            ("x-amz-target", target.as_str()),
        ];
        let mut asked = self.agent.post(&self.settings.endpoint);
        for (name, value) in headers {
            asked = asked.header(name, value);
        }
        for (name, value) in self.signature(&headers, &body)? {
            asked = asked.header(name, value);
        }
        let answer = asked.send(body.as_bytes());
        let mut answer = answer.map_err(|error| KmsError::Unreachable(error.to_string()))?;
        let content = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| KmsError::Unreachable(error.to_string()))?;
        if !answer.status().is_success() {
            let said = serde_json::from_slice(&content);
            let said: Exception = said.map_err(|_| KmsError::Answer("an error without a name"))?;
            return Err(KmsError::of(&said.kind, said.message));
        }
        serde_json::from_slice(&content).map_err(|_| KmsError::Answer("not as documented"))
    }

    fn signature(
        &self,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Vec<(String, String)>, KmsError> {
        let identity = credentials::read(&self.settings.credentials)?.into();
        let signing = SigningParams::builder()
            .identity(&identity)
            .region(&self.settings.region)
            .name("kms")
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| KmsError::Signing)?;
        let request = SignableRequest::new(
            "POST",
            &self.settings.endpoint,
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        );
        let signed = request.and_then(|request| sign(request, &signing.into()));
        let (instructions, _) = signed.map_err(|_| KmsError::Signing)?.into_parts();
        let named = |(name, value): (&str, &str)| (String::from(name), String::from(value));
        Ok(instructions.headers().map(named).collect())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn roots(settings: &KmsSettings) -> Result<Vec<Certificate<'static>>, KmsError> {
    let path = &settings.tls_roots;
    let missing = || KmsError::Roots { path: path.clone() };
    let pem = fs::read(path).map_err(|_| missing())?;
    let parts = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    let roots: Vec<_> = parts
        .map(|der| Certificate::from_der(&der).to_owned())
        .collect();
    match roots.is_empty() {
        true => Err(missing()),
        false => Ok(roots),
    }
}

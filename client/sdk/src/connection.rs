//! An attested connection: nothing secret leaves before the gateway has proved itself.
//!
//! ```text
//!  TLS 1.3                     the certificate is not trusted; its key and the exporter are noted
//!  GET attestation?nonce       evidence, and a signature over nonce and exporter
//!  GET manifest                unless it is known; verified by its approvals
//!  judge                       evidence against manifest, TLS key and proof against evidence
//!  everything else
//! ```

use std::time::Duration;

use boop_channel::{JudgeError, Judged, Trust};
use boop_wire::PartyIndex;
use boop_wire::api::{AttestationResponse, ManifestResponse, NetworkResponse};
use boop_wire::codec::CodecError;
use boop_wire::evidence::{BUNDLE_BYTES_MAX, EvidenceBundle};
use boop_wire::manifest::{SignedManifest, VERSIONS_BYTES_MAX};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::attested::{ATTESTATION_PATH, AttestationError, GatewayEvidence};
use crate::http::{Http, RequestError};
use crate::platform::{NoRandomness, now_ms, random};
use crate::text;
use crate::tls;
use crate::trust::{ClientTrust, TrustError};
use crate::websocket::WebSocket;

/// Longest time for TCP and TLS.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Times that a gateway is asked for the network while a party is on its way.
const NETWORK_ATTEMPTS_MAX: u32 = 20;
/// Pause before it is asked again.
const NETWORK_PAUSE: Duration = Duration::from_millis(250);
/// Path that answers with the manifest, parties or no parties.
const MANIFEST_PATH: &str = "/api/v1/manifest";
/// Path that answers with the manifest and the parties' evidence.
const NETWORK_PATH: &str = "/api/v1/network";

/// Why there is no attested connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The address is not `host:port`.
    #[error("{0:?} is not an address of the form host:port")]
    Address(String),
    /// The gateway cannot be reached.
    #[error("cannot connect to {address}: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// The connection took too long to open.
    #[error("no connection to {0} in time")]
    Timeout(String),
    /// The gateway did not answer.
    #[error("the gateway did not answer: {0}")]
    Request(#[from] RequestError),
    /// The gateway did not prove itself.
    #[error("the gateway did not prove itself: {0}")]
    Attestation(#[from] AttestationError),
    /// The network's description was not accepted.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Why a description of the network was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The manifest is not accepted.
    #[error("the network's manifest is not accepted: {0}")]
    Trust(#[from] TrustError),
    /// A field does not decode.
    #[error("the network's {field} does not decode: {source}")]
    Encoding {
        /// Which field.
        field: &'static str,
        /// Why.
        source: CodecError,
    },
    /// There are not three parties.
    #[error("the network names {found} parties, not 3")]
    PartyCount {
        /// How many it names.
        found: usize,
    },
    /// A party's evidence was not accepted.
    #[error("the evidence of party {party} was not accepted: {source}")]
    Party {
        /// Which party.
        party: PartyIndex,
        /// Why.
        source: JudgeError,
    },
}

/// The manifest in force and the three parties, judged.
#[derive(Debug, Clone)]
pub struct NetworkView {
    /// What follows from the manifest.
    pub trust: Trust,
    /// The parties, in order.
    pub parties: [Judged; PartyIndex::COUNT],
}

impl NetworkView {
    /// Judges what a gateway says about the network.
    ///
    /// # Errors
    /// If the manifest or the evidence of a party is not accepted.
    pub fn judge(
        client: &ClientTrust,
        response: &NetworkResponse,
        now_ms: u64,
    ) -> Result<Self, NetworkError> {
        let trust = admit(client, &response.manifest, now_ms)?;
        let found = response.parties.len();
        let [zero, one, two] = response.parties.as_slice() else {
            return Err(NetworkError::PartyCount { found });
        };
        let judge = |party: PartyIndex, bundle: &str| {
            let bundle: EvidenceBundle =
                text::decode(bundle, BUNDLE_BYTES_MAX).map_err(|source| {
                    NetworkError::Encoding {
                        field: "party evidence",
                        source,
                    }
                })?;
            judge_party(&trust, party, &bundle, now_ms)
                .map_err(|source| NetworkError::Party { party, source })
        };
        let [first, second, third] = PartyIndex::ALL;
        let parties = [judge(first, zero)?, judge(second, one)?, judge(third, two)?];
        Ok(Self { trust, parties })
    }
}

/// Judges a bundle as boot evidence of a party.
pub(crate) fn judge_party(
    trust: &Trust,
    party: PartyIndex,
    bundle: &EvidenceBundle,
    now_ms: u64,
) -> Result<Judged, JudgeError> {
    let expect = boop_channel::Expectation::boot(boop_wire::binding::Role::Party, Some(party));
    trust.judge(bundle, &expect, now_ms)
}

/// An HTTP/1.1 connection to a gateway that has proved itself.
pub struct Connection {
    http: Http,
    client: ClientTrust,
    trust: Trust,
    gateway: Judged,
}

impl Connection {
    /// Connects to `address` (`host:port`) and has the gateway prove itself.
    ///
    /// # Errors
    /// If it cannot be reached, or anything about it is not accepted. Nothing secret was sent then.
    pub async fn open(client: &ClientTrust, address: &str) -> Result<Self, ConnectError> {
        let (mut http, evidence) = ask_for_evidence(address).await?;
        let claimed = evidence
            .bundle
            .binding()
            .map_err(|_| AttestationError::Judge(JudgeError::Malformed))?;
        let trust = match client.admitted(claimed.manifest, now_ms()) {
            Some(trust) => trust,
            None => fetch_manifest(client, &mut http).await?,
        };
        let gateway = evidence.judge(&trust, now_ms())?;
        Ok(Self {
            http,
            client: client.clone(),
            trust,
            gateway,
        })
    }

    /// Returns what the gateway was judged by.
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Returns the gateway as judged.
    pub const fn gateway(&self) -> &Judged {
        &self.gateway
    }

    /// Tells whether the gateway has not closed the connection yet; it closes idle ones.
    pub fn is_open(&self) -> bool {
        self.http.is_open()
    }

    /// Has every request from now on carry the token of an administrator or a user.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.http.set_token(token);
        self
    }

    /// Has every request from now on carry the key of a vendor.
    #[must_use]
    pub fn with_api_key(mut self, key: &str) -> Self {
        self.http.set_api_key(key);
        self
    }

    /// Asks for the network and judges its manifest and parties now.
    ///
    /// # Errors
    /// If the gateway does not answer, or the answer is not accepted.
    pub async fn network(&mut self) -> Result<NetworkView, ConnectError> {
        let response = ask_for_network(&mut self.http).await?;
        Ok(NetworkView::judge(&self.client, &response, now_ms())?)
    }

    /// Gets a JSON resource.
    ///
    /// # Errors
    /// If the gateway refuses, or does not answer with the expected JSON.
    pub async fn get_json<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, RequestError> {
        self.http.get(path).await
    }

    /// Posts JSON and reads the JSON that comes back.
    ///
    /// # Errors
    /// If the gateway refuses, or does not answer with the expected JSON.
    pub async fn post_json<B: Serialize, T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &B,
    ) -> Result<T, RequestError> {
        self.http.post(path, body).await
    }

    /// Turns the connection into a WebSocket (RFC 6455).
    ///
    /// # Errors
    /// If the gateway does not switch protocols.
    pub async fn into_websocket(self, path: &str) -> Result<WebSocket, RequestError> {
        WebSocket::upgrade(self.http, path).await
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("gateway", &self.gateway.digest)
            .finish_non_exhaustive()
    }
}

/// Connects to `address` and fetches a gateway's evidence over that connection, unverified.
///
/// # Errors
/// If the gateway cannot be reached or its answer does not decode.
pub async fn fetch_evidence(address: &str) -> Result<GatewayEvidence, ConnectError> {
    Ok(ask_for_evidence(address).await?.1)
}

/// Connects to `address`, not caring who is there, and returns the manifest that it hands out.
/// The approvals on it are what makes it true; who hands it over does not matter.
///
/// # Errors
/// If the gateway cannot be reached or its manifest is not accepted.
pub async fn fetch_trust(client: &ClientTrust, address: &str) -> Result<Trust, ConnectError> {
    let (mut http, _) = dial(address).await?;
    fetch_manifest(client, &mut http).await
}

async fn fetch_manifest(client: &ClientTrust, http: &mut Http) -> Result<Trust, ConnectError> {
    let response: ManifestResponse = http.get(MANIFEST_PATH).await?;
    Ok(admit(client, &response.manifest, now_ms())?)
}

async fn ask_for_evidence(address: &str) -> Result<(Http, GatewayEvidence), ConnectError> {
    let (mut http, tls) = dial(address).await?;
    let nonce = random()?;
    let path = format!("{ATTESTATION_PATH}?nonce={}", text::encode_bytes(&nonce));
    let response: AttestationResponse = http.get(&path).await?;
    Ok((http, GatewayEvidence::read(&response, nonce, tls)?))
}

/// A gateway that has just started, or a party that is coming back, is worth a little patience.
async fn ask_for_network(http: &mut Http) -> Result<NetworkResponse, RequestError> {
    let mut attempts = 1;
    loop {
        match http.get(NETWORK_PATH).await {
            Err(RequestError::Refused(refused))
                if refused.retry_allowed && attempts < NETWORK_ATTEMPTS_MAX =>
            {
                attempts += 1;
                tokio::time::sleep(NETWORK_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

async fn dial(address: &str) -> Result<(Http, crate::attested::TlsFacts), ConnectError> {
    let host = host_of(address).ok_or_else(|| ConnectError::Address(address.into()))?;
    let unreachable = |error: std::io::Error| ConnectError::Unreachable {
        address: address.into(),
        reason: error.to_string(),
    };
    let open = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        tls::connect(stream, host).await
    };
    let (stream, facts) = tokio::time::timeout(CONNECT_TIME_MAX, open)
        .await
        .map_err(|_| ConnectError::Timeout(address.into()))?
        .map_err(unreachable)?;
    Ok((Http::over(stream, address).await?, facts))
}

/// Returns the host of `host:port`, without the brackets of an IPv6 address.
fn host_of(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    Some(bare.unwrap_or(host)).filter(|host| !host.is_empty())
}

fn admit(client: &ClientTrust, manifest: &str, now_ms: u64) -> Result<Trust, NetworkError> {
    let malformed = |source| NetworkError::Encoding {
        field: "manifest",
        source,
    };
    let bytes = text::decode_bytes(manifest, VERSIONS_BYTES_MAX).map_err(malformed)?;
    let versions = SignedManifest::versions(&bytes).map_err(malformed)?;
    Ok(client.admit(&versions, now_ms)?)
}

#[cfg(test)]
mod tests;

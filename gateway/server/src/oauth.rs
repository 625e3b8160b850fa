//! OAuth 2.0 for vendors, as the FAPI 2.0 Security Profile has it: client credentials, clients that
//! prove themselves with a key (RFC 7523) or a certificate (RFC 8705), and access tokens that are
//! of no use without the key (RFC 9449) or certificate that they were given out to.
//!
//! An access token is a random number of which the store keeps the hash: it ends at once when it
//! is revoked, at every gateway.

use boop_wire::Digest;
use boop_wire::codec::plain_digest;
use boop_wire::id::VendorId;

use crate::app::App;
use crate::store::{DirectoryStore as _, TokenStore as _, Vendor};
use crate::text::{base64url, random};

mod assertion;
mod claim;
mod dpop;
mod error;
mod keys;
mod scope;

pub use dpop::{Nonces, Presented};
pub use error::OAuthError;
pub use keys::{ClientKeys, ClientKeysError};
pub use scope::{Scope, Scopes};

/// How long an access token is good, in milliseconds.
pub const TOKEN_MS: u64 = 10 * 60 * 1000;
/// Where tokens are given out.
pub const TOKEN_PATH: &str = "/oauth2/token";
/// What begins every access token, so that a search for lost secrets finds it.
const TOKEN_PREFIX: &str = "at_";
/// Length of an access token; a user's session token is shorter, and may begin alike by chance.
const TOKEN_CHARS: usize = 46;
/// How a client says that it sends a signed assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What this server is called, and where its other door is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The issuer (RFC 8414), which is also the base of every path.
    pub issuer: String,
    /// The base of every path where clients' certificates are asked for.
    pub mutual: Option<String>,
}

impl Names {
    /// Returns the URIs by which a proof may name a path.
    fn uris(&self, path: &str) -> Vec<String> {
        let bases = std::iter::once(&self.issuer).chain(&self.mutual);
        bases.map(|base| format!("{base}{path}")).collect()
    }
}

/// What an access token is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The thumbprint of a key that signs proofs (RFC 9449 §6.1).
    Key(Digest),
    /// SHA-256 of the certificate of a connection (RFC 8705 §3.1).
    Certificate(Digest),
}

/// An access token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// SHA-256 of the token.
    pub token: Digest,
    /// Whose.
    pub vendor: VendorId,
    /// What for.
    pub scopes: Scopes,
    /// Who may use it.
    pub bound: Bound,
    /// Until when, Unix milliseconds.
    pub expires_at_ms: u64,
}

/// Tells whether a text has the form of an access token.
pub fn is_access_token(text: &str) -> bool {
    text.len() == TOKEN_CHARS && text.starts_with(TOKEN_PREFIX)
}

/// A request for a token, as the door read it.
#[derive(Debug, Default)]
pub struct TokenRequest {
    /// The form's fields.
    pub fields: Vec<(String, String)>,
    /// Whether it has an `Authorization` header, which no client here uses.
    pub authorization: bool,
    /// The proofs in its `DPoP` headers.
    pub proofs: Vec<String>,
    /// SHA-256 of the connection's certificate.
    pub certificate: Option<Digest>,
}

impl TokenRequest {
    /// Returns a field that may stand once.
    fn field(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.fields.iter().filter(|(field, _)| field == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(OAuthError::InvalidRequest("a parameter occurs twice")),
            (Some((_, value)), None) if !value.is_empty() => Ok(Some(value)),
            _ => Ok(None),
        }
    }
}

/// A token that was given out.
#[derive(Debug)]
pub struct Granted {
    /// To present.
    pub token: String,
    /// How it is kept.
    pub kept: AccessToken,
}

impl App {
    /// Gives out an access token (RFC 6749 §4.4).
    ///
    /// # Errors
    /// As RFC 6749 §5.2 and RFC 9449 §8 name them.
    pub async fn grant(&self, request: &TokenRequest) -> Result<Granted, OAuthError> {
        match request.field("grant_type")? {
            Some("client_credentials") => {}
            Some(_) => return Err(OAuthError::UnsupportedGrantType),
            None => return Err(OAuthError::InvalidRequest("grant_type is missing")),
        }
        // Looked at first: a proof that needs a nonce must not use up an assertion.
        let proof = match &request.proofs[..] {
            [] => None,
            [proof] => Some(self.proof(proof, "POST", TOKEN_PATH, None)?),
            _ => return Err(OAuthError::InvalidDpopProof("more than one DPoP header")),
        };
        let vendor = self.client(request).await?;
        let scopes = Scopes::asked(request.field("scope")?)?;
        let bound = match (proof, request.certificate) {
            (Some(proof), _) => {
                self.use_proof(&proof, &vendor.id).await?;
                Bound::Key(proof.key)
            }
            (None, Some(certificate)) => Bound::Certificate(certificate),
            (None, None) => {
                return Err(OAuthError::InvalidRequest(
                    "neither a DPoP proof nor a certificate binds the token",
                ));
            }
        };
        let token = format!("{TOKEN_PREFIX}{}", base64url(&random::<32>()?));
        let kept = AccessToken {
            token: plain_digest(token.as_bytes()),
            vendor: vendor.id,
            scopes,
            bound,
            expires_at_ms: self.now() + TOKEN_MS,
        };
        self.store.add_token(&kept).await?;
        Ok(Granted { token, kept })
    }

    /// Finds the vendor that presents an access token, by what it is bound to.
    ///
    /// # Errors
    /// [`OAuthError::InvalidToken`], [`OAuthError::InvalidDpopProof`],
    /// [`OAuthError::UseDpopNonce`].
    pub async fn bearer_of(
        &self,
        presented: &Presented<'_>,
    ) -> Result<(Vendor, Scopes), OAuthError> {
        let token = plain_digest(presented.token.as_bytes());
        let kept = self.store.token(&token).await?;
        let kept =
            kept.filter(|kept| kept.expires_at_ms > self.now())
                .ok_or(OAuthError::InvalidToken(
                    "it is not known, or its time is over",
                ))?;
        let misused = |why| {
            self.saw_misuse(&kept.vendor);
            OAuthError::InvalidToken(why)
        };
        match (kept.bound, presented.proofs) {
            (Bound::Key(key), Some([proof])) => {
                let (method, path) = (presented.method, presented.path);
                let proof = self.proof(proof, method, path, Some(presented.token))?;
                if proof.key != key {
                    return Err(misused("it is bound to another key"));
                }
                self.use_proof(&proof, &kept.vendor).await?;
            }
            (Bound::Key(_), Some(_)) => {
                return Err(OAuthError::InvalidDpopProof("not one DPoP header"));
            }
            (Bound::Key(_), None) => {
                return Err(misused("it is bound to a key: scheme DPoP"));
            }
            (Bound::Certificate(bound), None) => {
                if presented.certificate != Some(bound) {
                    return Err(misused(
                        "it is bound to a certificate that this connection does not have",
                    ));
                }
            }
            (Bound::Certificate(_), Some(_)) => {
                return Err(misused("it is bound to a certificate: scheme Bearer"));
            }
        }
        let vendor = self.store.vendor(&kept.vendor).await?;
        let vendor = vendor.ok_or(OAuthError::InvalidToken("its vendor is gone"))?;
        Ok((vendor, kept.scopes))
    }

    /// Finds the vendor that asks for a token.
    async fn client(&self, request: &TokenRequest) -> Result<Vendor, OAuthError> {
        if request.authorization || request.field("client_secret")?.is_some() {
            return Err(OAuthError::InvalidClient(
                "there are no client secrets here",
            ));
        }
        let named = request.field("client_id")?;
        let assertion = request.field("client_assertion")?;
        let id = match (assertion, named) {
            (Some(assertion), _) => {
                let kind = request.field("client_assertion_type")?;
                if kind != Some(ASSERTION_TYPE) {
                    return Err(OAuthError::InvalidClient("another client_assertion_type"));
                }
                self.asserted(assertion, named).await?
            }
            (None, Some(named)) => self.certified(named, request.certificate).await?,
            (None, None) => return Err(OAuthError::InvalidClient("no client_assertion")),
        };
        let vendor = self.store.vendor(&id).await?;
        vendor.ok_or(OAuthError::InvalidClient("the client is not known"))
    }

    /// Finds the client of a certificate that it registered (RFC 8705 §2.2).
    async fn certified(
        &self,
        named: &str,
        certificate: Option<Digest>,
    ) -> Result<VendorId, OAuthError> {
        let unknown = OAuthError::InvalidClient("the client has no such certificate");
        let certificate =
            certificate.ok_or(OAuthError::InvalidClient("no assertion and no certificate"))?;
        let id: VendorId = named.parse().map_err(|_| unknown.clone())?;
        let keys = self
            .client_keys(&id)
            .await?
            .ok_or_else(|| unknown.clone())?;
        keys.has_certificate(&certificate)
            .then_some(id)
            .ok_or(unknown)
    }

    async fn client_keys(&self, id: &VendorId) -> Result<Option<ClientKeys>, OAuthError> {
        let kept = self.store.client_keys(id).await?;
        let keys = kept.map(|text| ClientKeys::read(text.as_bytes()));
        keys.transpose().map_err(|_| OAuthError::Server)
    }

    /// Notes that something with an end may be used this once.
    async fn use_once(&self, used: &Digest, until_ms: u64) -> Result<bool, OAuthError> {
        Ok(self.store.use_once(used, until_ms).await?)
    }
}

#[cfg(test)]
mod tests;

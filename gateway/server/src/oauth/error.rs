//! Errors as OAuth names them.

use boop_wire::Refusal;

use crate::store::StoreError;

/// Why there is no token, or none that is good. What is said besides is for the client's makers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The request is not whole (RFC 6749 §5.2).
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// The client did not prove who it is (RFC 6749 §5.2).
    #[error("{0}")]
    InvalidClient(&'static str),
    /// Another grant (RFC 6749 §5.2).
    #[error("the only grant is client_credentials")]
    UnsupportedGrantType,
    /// A scope that is not there (RFC 6749 §5.2).
    #[error("the scopes are contexts and transactions")]
    InvalidScope,
    /// The proof is not good (RFC 9449 §5, §7.1).
    #[error("{0}")]
    InvalidDpopProof(&'static str),
    /// The proof lacks this nonce (RFC 9449 §8, §9).
    #[error("the proof needs the nonce of this answer")]
    UseDpopNonce(String),
    /// The token is not good (RFC 6750 §3.1).
    #[error("{0}")]
    InvalidToken(&'static str),
    /// The gateway failed (RFC 6749 §4.1.2.1).
    #[error("the gateway failed")]
    Server,
}

impl OAuthError {
    /// Returns the registered name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient(_) => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidDpopProof(_) => "invalid_dpop_proof",
            Self::UseDpopNonce(_) => "use_dpop_nonce",
            Self::InvalidToken(_) => "invalid_token",
            Self::Server => "server_error",
        }
    }

    /// Returns the nonce that the next proof needs.
    pub fn nonce(&self) -> Option<&str> {
        match self {
            Self::UseDpopNonce(nonce) => Some(nonce),
            _ => None,
        }
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Refusal> for OAuthError {
    fn from(_: Refusal) -> Self {
        Self::Server
    }
}

//! Tokens for vendors over REST (RFC 6749), and what clients must know of the server (RFC 8414).
//! Errors here have the form of RFC 6749 §5.2.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use boop_wire::Refusal;
use boop_wire::api::BODY_BYTES_MAX;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Proofs, proofs_of};
use super::document::Problems;
use crate::app::App;
use crate::oauth::{Granted, OAuthError, Scope, TOKEN_MS, TOKEN_PATH, TokenRequest};
use crate::public_key::jwk_of;

/// Answer of the token endpoint (RFC 6749 §5.1).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenResponse {
    /// To present with each request.
    access_token: String,
    /// "DPoP", or "Bearer" for a token that is bound to a certificate.
    token_type: &'static str,
    /// In seconds.
    expires_in: u64,
    /// What it is for.
    scope: String,
}

/// An error of the token endpoint (RFC 6749 §5.2).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenError {
    /// As registered.
    error: &'static str,
    /// For the client's makers.
    error_description: String,
}

/// The form of the token endpoint (RFC 6749 §4.4.2).
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct TokenForm {
    /// "client_credentials".
    grant_type: String,
    /// "contexts", "transactions" or both with a space between; both if left out.
    scope: Option<String>,
    /// The vendor's id; with an assertion it may be left out.
    client_id: Option<String>,
    /// "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", with an assertion.
    client_assertion_type: Option<String>,
    /// A JWT that the client signed (RFC 7523); its audience is the issuer.
    client_assertion: Option<String>,
}

/// Marks an answer whose body is whole, so that no problem is put in its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said;

/// Gives a vendor an access token that is bound to a key (RFC 9449) or a certificate (RFC 8705).
#[utoipa::path(
    post,
    path = "/oauth2/token",
    operation_id = "token",
    tag = "tokens",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    security(()),
    responses(
        (status = 200, body = TokenResponse, description = "A token"),
        (status = "4XX", body = TokenError, description = "No token"),
        (status = "5XX", body = TokenError, description = "The gateway cannot serve it now"),
    ),
)]
pub(super) async fn token(State(app): State<Arc<App>>, request: Request) -> Response {
    let proofs = proofs_of(&request);
    let (asked, granted) = match asked_of(request, &proofs).await {
        Ok(asked) => {
            let granted = grant(&app, &asked).await;
            (asked, granted)
        }
        Err(error) => (TokenRequest::default(), Err(error)),
    };
    if let Some(from) = proofs.address {
        app.saw_token_request(from, &asked, &granted);
    }
    match granted {
        Ok(granted) => given(&asked, granted),
        Err(error) => refused(&error),
    }
}

/// Reads a request for a token.
async fn asked_of(request: Request, proofs: &Proofs) -> Result<TokenRequest, OAuthError> {
    let content = request.headers().get(header::CONTENT_TYPE);
    let content = content.and_then(|value| value.to_str().ok());
    let form = content.and_then(|content| content.split(';').next());
    if form.map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(OAuthError::InvalidRequest("not a form"));
    }
    let bytes = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX).await;
    let bytes = bytes.map_err(|_| OAuthError::InvalidRequest("the form is too large"))?;
    let fields = form_urlencoded::parse(&bytes).into_owned().collect();
    Ok(TokenRequest {
        fields,
        authorization: proofs.headers.contains_key(header::AUTHORIZATION),
        proofs: proofs.dpop(),
        certificate: proofs.certificate,
    })
}

async fn grant(app: &App, asked: &TokenRequest) -> Result<Granted, OAuthError> {
    let _work = app.work.begin().ok_or(OAuthError::Server)?;
    let granted = app.grant(asked).await?;
    tracing::info!(vendor = %granted.kept.vendor, scopes = %granted.kept.scopes, "token given");
    Ok(granted)
}

fn given(asked: &TokenRequest, granted: Granted) -> Response {
    let by_key = !asked.proofs.is_empty();
    let response = TokenResponse {
        access_token: granted.token,
        token_type: if by_key { "DPoP" } else { "Bearer" },
        expires_in: TOKEN_MS / 1000,
        scope: granted.kept.scopes.to_string(),
    };
    let mut response = Json(response).into_response();
    no_store(&mut response);
    response
}

fn refused(error: &OAuthError) -> Response {
    let status = match error {
        OAuthError::InvalidClient(_) => StatusCode::UNAUTHORIZED,
        OAuthError::Server => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = TokenError {
        error: error.name(),
        error_description: error.to_string(),
    };
    let mut response = (status, Json(body)).into_response();
    no_store(&mut response);
    if let Some(nonce) = error.nonce().and_then(|nonce| nonce.parse().ok()) {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
    if matches!(error, OAuthError::InvalidClient(_)) {
        // For the count of logins that were not good.
        response.extensions_mut().insert(Refusal::Unauthenticated);
    }
    response.extensions_mut().insert(Said);
    response
}

fn no_store(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// What a client must know of the server (RFC 8414 §2).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Metadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 1],
    response_types_supported: [&'static str; 0],
    scopes_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: [&'static str; 2],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    dpop_signing_alg_values_supported: [&'static str; 3],
    tls_client_certificate_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<Aliases>,
}

/// Where clients' certificates are asked for (RFC 8705 §5).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Aliases {
    token_endpoint: String,
}

/// Algorithms of keys; that on Ed25519 has two names.
const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "Ed25519"];

/// Tells what clients must know of the server.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    operation_id = "oauth_metadata",
    tag = "tokens",
    security(()),
    responses(
        (status = 200, body = Metadata, description = "Metadata (RFC 8414)"),
        Problems,
    ),
)]
pub(super) async fn metadata(State(app): State<Arc<App>>) -> Json<Metadata> {
    let names = &app.names;
    let token = |base: &String| format!("{base}{TOKEN_PATH}");
    Json(Metadata {
        issuer: names.issuer.clone(),
        token_endpoint: token(&names.issuer),
        jwks_uri: format!("{}/.well-known/jwks.json", names.issuer),
        grant_types_supported: ["client_credentials"],
        response_types_supported: [],
        scopes_supported: Scope::ALL.map(Scope::name).into(),
        token_endpoint_auth_methods_supported: ["private_key_jwt", "self_signed_tls_client_auth"],
        token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        dpop_signing_alg_values_supported: ALGORITHMS,
        tls_client_certificate_bound_access_tokens: names.mutual.is_some(),
        mtls_endpoint_aliases: names.mutual.as_ref().map(|base| Aliases {
            token_endpoint: token(base),
        }),
    })
}

/// The keys that this gateway signs with (RFC 7517 §5).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// Returns the key that this gateway signs references to contexts with. Its evidence vouches for
/// the same key; another gateway has another.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "jwks",
    tag = "tokens",
    security(()),
    responses(
        (status = 200, body = KeySet, description = "A JWK set (RFC 7517)"),
        Problems,
    ),
)]
pub(super) async fn keys(State(app): State<Arc<App>>) -> Response {
    let keys = jwk_of(&app.identity.bundle()).into_iter().collect();
    let mut response = Json(KeySet { keys }).into_response();
    let fresh = HeaderValue::from_static("max-age=60");
    response.headers_mut().insert(header::CACHE_CONTROL, fresh);
    response
}

impl Proofs {
    /// Returns the proofs of the request's `DPoP` headers; one that is no text is an empty one.
    pub(super) fn dpop(&self) -> Vec<String> {
        let values = self.headers.get_all("dpop").iter();
        values
            .map(|value| value.to_str().unwrap_or_default().to_owned())
            .collect()
    }
}

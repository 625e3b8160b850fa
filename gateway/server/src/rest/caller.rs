//! Who calls: the administrator, a vendor or a user, by what their request proves.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, OriginalUri, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use boop_wire::codec::plain_digest;
use boop_wire::{Digest, Refusal, UserId};

use super::seen::Proven;
use crate::app::App;
use crate::intrusion::{Login, Who};
use crate::oauth::{OAuthError, Presented, Scope, Scopes, is_access_token};
use crate::problem::{Challenge, Failure};
use crate::serve::Connection;
use crate::store::{DirectoryStore as _, Scanner, TokenStore as _, UserStore as _, Vendor};
use crate::text::{is_foreign_key, is_secret, key_digest};

/// A caller that has proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The administrator's token.
    Admin,
    /// A vendor's key, or an access token for some of what the key is for.
    Vendor(Vendor, Scopes),
    /// A scanner's key.
    Scanner(Scanner),
    /// A user's session token.
    User(UserId),
}

impl Caller {
    fn who(&self) -> Who {
        match self {
            Self::Admin => Who::Administrator,
            Self::Vendor(vendor, _) => Who::Vendor(vendor.id.clone()),
            Self::Scanner(scanner) => Who::Scanner(scanner.id.clone()),
            Self::User(user) => Who::User(*user),
        }
    }
}

/// What a request may prove its caller with.
#[derive(Debug, Clone)]
pub(crate) struct Proofs {
    pub(crate) headers: HeaderMap,
    method: Method,
    path: String,
    /// SHA-256 of the connection's certificate.
    pub(super) certificate: Option<Digest>,
    /// Where the connection comes from.
    pub(crate) address: Option<IpAddr>,
    proven: Proven,
}

impl<S: Sync> FromRequestParts<S> for Proofs {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let original = parts.extensions.get::<OriginalUri>();
        let uri = original.map_or(&parts.uri, |OriginalUri(uri)| uri);
        let connection = parts.extensions.get::<Connection>();
        Ok(Self {
            headers: parts.headers.clone(),
            method: parts.method.clone(),
            path: uri.path().to_owned(),
            certificate: connection.and_then(|connection| connection.certificate),
            address: connection.map(|connection| connection.address),
            proven: Proven::of(&parts.extensions),
        })
    }
}

/// Returns the proofs of a request that is handled whole.
pub(super) fn proofs_of(request: &Request) -> Proofs {
    let connection = request.extensions().get::<Connection>();
    Proofs {
        headers: request.headers().clone(),
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        certificate: connection.and_then(|connection| connection.certificate),
        address: connection.map(|connection| connection.address),
        proven: Proven::of(request.extensions()),
    }
}

impl Proofs {
    /// Returns what a caller hears whose key or token nobody has.
    fn unknown(&self, app: &App, shown: &str) -> Failure {
        let refusal = Refusal::Unauthenticated;
        let Some(from) = self.address else {
            return refusal.into();
        };
        let operates = self.path.starts_with("/api/v1/admin/");
        let claimed = operates.then_some(Who::Administrator);
        let login = Login {
            from,
            claimed,
            shown,
        };
        app.turn_down(refusal, &login)
    }
}

/// Finds out who calls, if intrusion detection lets them in.
///
/// # Errors
/// [`Refusal::Unauthenticated`]; [`Refusal::Busy`] for who is blocked or slowed.
pub(crate) async fn caller(app: &App, proofs: &Proofs) -> Result<Caller, Failure> {
    let caller = prove(app, proofs).await?;
    app.welcome(&caller.who())?;
    Ok(caller)
}

/// Finds out who calls, and notes it for the layer around the handlers.
async fn prove(app: &App, proofs: &Proofs) -> Result<Caller, Failure> {
    let caller = try_prove(app, proofs).await?;
    proofs.proven.note(caller.who());
    Ok(caller)
}

async fn try_prove(app: &App, proofs: &Proofs) -> Result<Caller, Failure> {
    if let Some(key) = proofs.headers.get("x-api-key") {
        let key = key.to_str().map_err(|_| Refusal::Unauthenticated)?;
        let vendor = app.vendor_of_key(&key_digest(key)).await;
        if let Some(vendor) = vendor.map_err(Refusal::from)? {
            return Ok(Caller::Vendor(vendor, Scopes::all()));
        }
        return other_key(app, proofs, key).await;
    }
    let value = proofs.headers.get(header::AUTHORIZATION);
    let value = value.and_then(|value| value.to_str().ok());
    let (scheme, token) = value
        .and_then(|value| value.split_once(' '))
        .ok_or(Refusal::Unauthenticated)?;
    if scheme.eq_ignore_ascii_case("dpop") {
        return access(app, proofs, token, Some(&proofs.dpop())).await;
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(proofs.unknown(app, token));
    }
    if is_access_token(token) {
        return access(app, proofs, token, None).await;
    }
    if is_secret(token, &app.settings.admin_token) {
        return Ok(Caller::Admin);
    }
    let session = app.store.session(&plain_digest(token.as_bytes())).await;
    let session = session.map_err(Refusal::from)?;
    let session = session.ok_or_else(|| proofs.unknown(app, token))?;
    if session.expires_at_ms <= app.now() {
        return Err(Refusal::Unauthenticated.into());
    }
    Ok(Caller::User(session.user))
}

/// Finds the scanner of a key, or the administrator, whose token is a key as well.
async fn other_key(app: &App, proofs: &Proofs, key: &str) -> Result<Caller, Failure> {
    if is_secret(key, &app.settings.admin_token) {
        return Ok(Caller::Admin);
    }
    let scanner = app.store.scanner_of_key(&key_digest(key)).await;
    let scanner = scanner.map_err(Refusal::from)?;
    scanner.map(Caller::Scanner).ok_or_else(|| {
        let turned_down = proofs.unknown(app, key);
        if turned_down.refusal == Refusal::Unauthenticated
            && is_foreign_key(key, app.network.simulated)
        {
            let detail = "the key is of another network: its prefix says which";
            return Failure::new(Refusal::Unauthenticated, detail);
        }
        turned_down
    })
}

/// Finds the vendor of an access token.
async fn access(
    app: &App,
    proofs: &Proofs,
    token: &str,
    dpop: Option<&[String]>,
) -> Result<Caller, Failure> {
    let presented = Presented {
        token,
        proofs: dpop,
        method: proofs.method.as_str(),
        path: &proofs.path,
        certificate: proofs.certificate,
    };
    match app.bearer_of(&presented).await {
        Ok((vendor, scopes)) => Ok(Caller::Vendor(vendor, scopes)),
        Err(OAuthError::Server) => Err(Refusal::Internal.into()),
        Err(error) => {
            let kept = app.store.token(&plain_digest(token.as_bytes())).await;
            if kept.map_err(Refusal::from)?.is_none() {
                let heard = proofs.unknown(app, token);
                if heard.refusal != Refusal::Unauthenticated {
                    return Err(heard);
                }
            }
            Err(Failure {
                challenge: Some(Box::new(Challenge {
                    error: error.name(),
                    nonce: error.nonce().map(str::to_owned),
                })),
                ..Failure::new(Refusal::Unauthenticated, error.to_string())
            })
        }
    }
}

/// Returns how long the access token of a request is good, in milliseconds.
///
/// # Errors
/// [`Refusal::Unauthenticated`] if it has none that is.
pub(crate) async fn token_time(app: &App, proofs: &Proofs) -> Result<u64, Refusal> {
    let value = proofs.headers.get(header::AUTHORIZATION);
    let value = value.and_then(|value| value.to_str().ok());
    let (_, token) = value
        .and_then(|value| value.split_once(' '))
        .ok_or(Refusal::Unauthenticated)?;
    let kept = app.store.token(&plain_digest(token.as_bytes())).await?;
    let left_ms = kept.and_then(|kept| kept.expires_at_ms.checked_sub(app.now()));
    left_ms.ok_or(Refusal::Unauthenticated)
}

/// Lets a vendor alone pass whose key or token is for a scope.
///
/// # Errors
/// [`Refusal::Unauthenticated`], [`Refusal::Forbidden`].
pub(crate) async fn vendor(app: &App, proofs: &Proofs, scope: Scope) -> Result<Vendor, Failure> {
    match caller(app, proofs).await? {
        Caller::Vendor(vendor, scopes) if scopes.hold(scope) => Ok(vendor),
        Caller::Vendor(..) => Err(out_of(scope)),
        Caller::Admin | Caller::Scanner(_) | Caller::User(_) => Err(Refusal::Forbidden.into()),
    }
}

/// Returns the refusal of a token that is not for a scope (RFC 6750 §3.1).
pub(super) fn out_of(scope: Scope) -> Failure {
    let detail = format!("the token is not for {}", scope.name());
    Failure::new(Refusal::Forbidden, detail)
}

/// Lets the administrator alone pass.
///
/// # Errors
/// [`Refusal::Unauthenticated`] without the token, [`Refusal::Forbidden`] for others.
pub(super) async fn admin(app: &App, proofs: &Proofs) -> Result<(), Failure> {
    only_admin(&caller(app, proofs).await?)
}

/// Lets the administrator pass, and does not slow down whoever comes to see why that is.
///
/// # Errors
/// [`Refusal::Unauthenticated`] without the token, [`Refusal::Forbidden`] for others.
pub(super) async fn admin_at_any_pace(app: &App, proofs: &Proofs) -> Result<(), Failure> {
    only_admin(&prove(app, proofs).await?)
}

fn only_admin(caller: &Caller) -> Result<(), Failure> {
    match caller {
        Caller::Admin => Ok(()),
        Caller::Vendor(..) | Caller::Scanner(_) | Caller::User(_) => Err(Refusal::Forbidden.into()),
    }
}

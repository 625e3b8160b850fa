//! Who calls: the administrator, a vendor or a user, by what their headers prove.

use axum::http::{HeaderMap, header};
use boop_wire::codec::plain_digest;
use boop_wire::{Refusal, UserId};

use crate::app::App;
use crate::problem::Failure;
use crate::store::{DirectoryStore as _, UserStore as _, Vendor};
use crate::text::is_secret;

/// A caller that has proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// The administrator's token.
    Admin,
    /// A vendor's key.
    Vendor(Vendor),
    /// A user's session token.
    User(UserId),
}

/// Finds out who calls.
///
/// # Errors
/// [`Refusal::Unauthenticated`].
pub(super) async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, Refusal> {
    if let Some(key) = headers.get("x-api-key") {
        let key = key.to_str().map_err(|_| Refusal::Unauthenticated)?;
        let vendor = app
            .store
            .vendor_of_key(&plain_digest(key.as_bytes()))
            .await?;
        return vendor.map(Caller::Vendor).ok_or(Refusal::Unauthenticated);
    }
    let token = bearer(headers).ok_or(Refusal::Unauthenticated)?;
    if is_secret(token, &app.settings.admin_token) {
        return Ok(Caller::Admin);
    }
    let session = app.store.session(&plain_digest(token.as_bytes())).await?;
    session
        .filter(|session| session.expires_at_ms > app.now())
        .map(|session| Caller::User(session.user))
        .ok_or(Refusal::Unauthenticated)
}

/// Lets the administrator alone pass.
///
/// # Errors
/// [`Refusal::Unauthenticated`] without the token, [`Refusal::Forbidden`] for others.
pub(super) async fn admin(app: &App, headers: &HeaderMap) -> Result<(), Failure> {
    match caller(app, headers).await? {
        Caller::Admin => Ok(()),
        Caller::Vendor(_) | Caller::User(_) => Err(Refusal::Forbidden.into()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

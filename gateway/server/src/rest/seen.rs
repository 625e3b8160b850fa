//! What intrusion detection sees of a request: who asked, for what, and how it was answered.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, StatusCode};
use boop_wire::Refusal;

use crate::admission::Class;
use crate::app::App;
use crate::intrusion::Who;
use crate::problem::Failure;
use crate::serve::Connection;

/// Whom a request's handler found to be its caller.
#[derive(Debug, Clone, Default)]
pub(super) struct Proven(Arc<OnceLock<Who>>);

impl Proven {
    /// Returns what the layer around the handlers looks at.
    pub(super) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// Notes the caller.
    pub(super) fn note(&self, who: Who) {
        // A request has one caller; whoever proved it first stays.
        let _ = self.0.set(who);
    }
}

/// A request, as far as intrusion detection looks at it.
pub(super) struct Seen {
    address: Option<IpAddr>,
    path: String,
    /// Whether it is served at an address that is blocked or slowed too.
    open: bool,
    proven: Proven,
}

impl Seen {
    /// Looks at a request, and has its handler note the caller.
    pub(super) fn of(request: &mut Request, route: &str) -> Self {
        let connection = request.extensions().get::<Connection>();
        let address = connection.map(|connection| connection.address);
        let headers = request.headers();
        let shows_a_proof =
            headers.contains_key("x-api-key") || headers.contains_key(AUTHORIZATION);
        let proven = Proven::default();
        request.extensions_mut().insert(proven.clone());
        Self {
            address,
            path: request.uri().path().to_owned(),
            open: begins(route) || (shows_a_proof && proves(route)),
            proven,
        }
    }

    /// Turns away who has shown no proof, at an address that is blocked or slowed.
    ///
    /// # Errors
    /// [`Refusal::Busy`], with the time to wait.
    pub(super) fn welcome(&self, app: &App) -> Result<(), Failure> {
        match self.address {
            Some(address) if !self.open => app.welcome(&Who::Address(address)),
            _ => Ok(()),
        }
    }

    /// Turns away who has shown a wrong proof, at an address that is blocked.
    ///
    /// # Errors
    /// [`Refusal::Busy`], with the time to wait.
    pub(super) fn not_blocked(&self, app: &App) -> Result<(), Failure> {
        let address = self.address.map(Who::Address);
        address.map_or(Ok(()), |address| app.not_blocked(&address))
    }

    /// Notes how the request was answered.
    pub(super) fn answered(&self, app: &App, status: StatusCode, refusal: Option<Refusal>) {
        let address = || self.address.map(Who::Address);
        let Some(asker) = self.proven.0.get().cloned().or_else(address) else {
            return;
        };
        if refusal.is_some() || status.is_success() {
            app.saw_answer(&asker, &self.path, refusal);
        }
    }
}

/// Tells whether a path's handler looks at proofs: one that nobody looks at opens no door.
fn proves(route: &str) -> bool {
    route.starts_with('/') && !route.ends_with("/register")
}

/// Tells whether a path is where those begin who prove themselves afterwards: by evidence they
/// check the gateway, at a socket or with a form they log in.
fn begins(route: &str) -> bool {
    let known = route.starts_with('/');
    known
        && matches!(
            Class::of(route),
            Class::Trust | Class::Health | Class::Sockets
        )
}

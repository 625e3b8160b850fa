//! The vendor's socket: login, then contexts and their results, in one of three dialects.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use boop_bridge::StreamName;
use boop_wire::Refusal;
use boop_wire::api::{FromVendor, Resume, ToVendor};
use boop_wire::id::{ContextId, VendorId};
use serde_json::Value;
use tokio::time::Instant;

use super::dialect::{Dialect, Unread};
use super::{Desk, Handled, Voice, Wire, attach};
use crate::app::App;
use crate::intrusion::{Login, Who};
use crate::json;
use crate::oauth::Scope;
use crate::problem::Failure;
use crate::rest::{self, Proofs};
use crate::revocation::Pass;
use crate::store::{StoredContext, Vendor};
use crate::validation::Asked;

/// Converses with one vendor that logs in by its first message, until the socket is over.
pub(super) async fn run(mut wire: Wire, app: Arc<App>) {
    let known = match Box::pin(login(&mut wire, &app)).await {
        Ok(known) => known,
        Err(Unwelcome { dialect, failure }) => {
            app.saw_answer(&Who::Address(wire.address), "", Some(failure.refusal));
            if let Some(words) = dialect.and_then(|dialect| dialect.unwelcome(&failure)) {
                wire.send(&words).await;
            }
            return wire.end(&failure).await;
        }
    };
    wire.speak(Voice::Vendor(known.dialect));
    converse(wire, app, known).await;
}

/// Converses with a vendor that has proved who it is, until the socket is over.
pub(super) async fn converse(mut wire: Wire, app: Arc<App>, known: Known) {
    let Known {
        dialect,
        vendor,
        resume,
        pass,
    } = known;
    wire.admit(pass);
    let stream = StreamName::Vendor(vendor.id.clone());
    let Some((reader, start)) = attach(&mut wire, &app, stream, resume.as_ref()).await else {
        return;
    };
    if let Some(welcome) = dialect.welcome(start)
        && !wire.send(&welcome).await
    {
        return;
    }
    let desk = VendorDesk {
        app,
        vendor,
        dialect,
    };
    super::converse(wire, reader, &desk).await;
}

/// A vendor that has proved who it is, and how it speaks.
pub(super) struct Known {
    dialect: Dialect,
    vendor: Vendor,
    resume: Option<Resume>,
    pass: Pass,
}

/// Finds the vendor that a request's headers prove, as the third dialect logs in or by an access
/// token.
///
/// # Errors
/// [`Refusal::Unauthenticated`].
pub(super) async fn of_headers(app: &App, proofs: &Proofs) -> Result<Known, Failure> {
    let headers = &proofs.headers;
    if headers.contains_key(header::AUTHORIZATION) {
        let (vendor, pass) = by_token(app, proofs).await?;
        return Ok(Known {
            dialect: Dialect::D3,
            vendor,
            resume: None,
            pass,
        });
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let id = text("x-vendor-id").and_then(|id| id.parse().ok());
    let (Some(id), Some(key)) = (id, text("x-api-key")) else {
        return Err(Refusal::Unauthenticated.into());
    };
    let vendor = match proofs.address {
        Some(from) => known(app, &id, key, from).await?,
        None => app.vendor(&id, key).await?,
    };
    Ok(Known {
        dialect: Dialect::D3,
        pass: Pass::Key(vendor.id.clone()),
        vendor,
        resume: None,
    })
}

/// Returns the vendor that logs in with a key.
async fn known(app: &App, id: &VendorId, key: &str, from: IpAddr) -> Result<Vendor, Failure> {
    let who = Who::Vendor(id.clone());
    match app.vendor(id, key).await {
        Ok(vendor) => app.log_in(&who, from).map(|()| vendor),
        Err(refusal) => Err(app.turn_down(
            refusal,
            &Login {
                from,
                claimed: Some(who),
                shown: key,
            },
        )),
    }
}

/// Returns the vendor that logs in with an access token.
async fn by_token(app: &App, proofs: &Proofs) -> Result<(Vendor, Pass), Failure> {
    let vendor = rest::vendor(app, proofs, Scope::Contexts).await?;
    if let Some(from) = proofs.address {
        app.log_in(&Who::Vendor(vendor.id.clone()), from)?;
    }
    let left_ms = rest::token_time(app, proofs).await?;
    let until = Instant::now() + Duration::from_millis(left_ms);
    let pass = Pass::Token(vendor.id.clone(), until);
    Ok((vendor, pass))
}

struct Unwelcome {
    /// If the first message said so much.
    dialect: Option<Dialect>,
    failure: Failure,
}

async fn login(wire: &mut Wire, app: &App) -> Result<Known, Unwelcome> {
    let unwelcome = |dialect, failure| Unwelcome { dialect, failure };
    let first = wire.first().await;
    let first = first
        .map_err(Failure::from)
        .and_then(|text| json::object(text.as_bytes()))
        .map_err(|failure| unwelcome(None, failure))?;
    let (dialect, login) = Dialect::login(first).map_err(|failure| unwelcome(None, failure))?;
    let known = known(app, &login.vendor_id, &login.api_key, wire.address).await;
    let vendor = known.map_err(|failure| unwelcome(Some(dialect), failure))?;
    Ok(Known {
        pass: Pass::Key(vendor.id.clone()),
        dialect,
        vendor,
        resume: login.resume,
    })
}

/// Where one vendor's messages are worked on.
struct VendorDesk {
    app: Arc<App>,
    vendor: Vendor,
    dialect: Dialect,
}

impl Desk for VendorDesk {
    async fn handle(&self, wire: &mut Wire, message: Value) -> Handled {
        let message = match self.dialect.read(message) {
            Ok(message) => message,
            Err(Unread { failure, context }) => {
                self.app.saw_answer(&self.who(), "", Some(failure.refusal));
                return Handled::Alive(wire.complain(&failure, context).await);
            }
        };
        Handled::Alive(match message {
            FromVendor::Acknowledge { offset } => return Handled::Acknowledged(offset),
            FromVendor::Ping => wire.send(&ToVendor::Pong).await,
            FromVendor::Authenticate { .. } => {
                wire.complain(&Refusal::Unexpected.into(), None).await
            }
            FromVendor::CancelContext { context_id } => {
                match self.cancel(&context_id).await {
                    // The result comes over the stream.
                    Ok(()) => true,
                    Err(failure) => wire.complain(&failure, Some(context_id)).await,
                }
            }
            FromVendor::CreateContext {
                context_id,
                requirements,
                timeout,
            } => {
                let asked = Asked {
                    vendor: self.vendor.id.clone(),
                    context: context_id.clone(),
                    requirements,
                    timeout,
                };
                let created = self.create(asked).await;
                let refusal = created.as_ref().err().map(|failure| failure.refusal);
                let target = context_id.as_str();
                self.app.saw_answer(&self.who(), target, refusal);
                self.answer(wire, context_id, created).await
            }
        })
    }
}

impl VendorDesk {
    fn who(&self) -> Who {
        Who::Vendor(self.vendor.id.clone())
    }

    async fn cancel(&self, context: &ContextId) -> Result<(), Failure> {
        self.app.welcome(&self.who())?;
        let cancelled = self.app.cancel_context(&self.vendor.id, context).await;
        let refusal = cancelled.as_ref().err().copied();
        self.app.saw_answer(&self.who(), context.as_str(), refusal);
        Ok(cancelled?)
    }

    async fn create(&self, asked: Asked) -> Result<StoredContext, Failure> {
        self.app.admit_context(&self.vendor.id)?;
        let _work = self.app.work.begin().ok_or(Refusal::Busy)?;
        self.app.create_context(&self.vendor, asked).await
    }

    async fn answer(
        &self,
        wire: &mut Wire,
        context_id: ContextId,
        created: Result<StoredContext, Failure>,
    ) -> bool {
        match created {
            Ok(StoredContext {
                result: None, body, ..
            }) => {
                let reference = self.app.reference(&body);
                wire.send(&self.dialect.created(&context_id, &reference))
                    .await
            }
            Ok(StoredContext {
                result: Some(result),
                ..
            }) => {
                let message = ToVendor::AuthResult { context_id, result };
                wire.send(&self.dialect.write(&message)).await
            }
            Err(failure) => wire.complain(&failure, Some(context_id)).await,
        }
    }
}

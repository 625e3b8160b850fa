//! `/ws/vendor`, dialect D1: `authenticate`, then contexts and their results.

use std::sync::Arc;

use boop_bridge::StreamName;
use boop_wire::Refusal;
use boop_wire::api::{FromVendor, ToVendor};

use super::{Event, Wire, attach};
use crate::app::App;
use crate::contexts::Created;
use crate::problem::Failure;
use crate::serve::Connection;
use crate::store::Vendor;
use crate::validation::Asked;

/// Converses with one vendor until the socket is over.
pub(super) async fn run(mut wire: Wire, app: Arc<App>, connection: &Connection) {
    let vendor = match authenticate(&mut wire, &app).await {
        Ok(vendor) => vendor,
        Err(refusal) => return wire.end(&refusal.into()).await,
    };
    let stream = StreamName::Vendor(vendor.id.clone());
    let Some(mut attachment) = attach(&mut wire, &app, stream).await else {
        return;
    };
    if !wire.send(&ToVendor::Authenticated).await {
        return;
    }
    loop {
        let alive = match wire.next(&mut attachment).await {
            Event::Message(message) => handle(&mut wire, &app, &vendor, connection, message).await,
            Event::Delivery(delivery) => wire.deliver(&mut attachment, delivery).await,
            Event::Refused(refusal) => return wire.end(&refusal.into()).await,
            Event::Closed => false,
        };
        if !alive {
            return;
        }
    }
}

async fn authenticate(wire: &mut Wire, app: &App) -> Result<Vendor, Refusal> {
    match wire.first().await? {
        FromVendor::Authenticate { vendor_id, api_key } => app.vendor(&vendor_id, &api_key).await,
        FromVendor::CreateContext { .. } | FromVendor::CancelContext { .. } | FromVendor::Ping => {
            Err(Refusal::Unexpected)
        }
    }
}

async fn handle(
    wire: &mut Wire,
    app: &Arc<App>,
    vendor: &Vendor,
    connection: &Connection,
    message: FromVendor,
) -> bool {
    let (context_id, answer) = match message {
        FromVendor::Ping => return wire.send(&ToVendor::Pong).await,
        FromVendor::Authenticate { .. } => (None, Err(Refusal::Unexpected.into())),
        FromVendor::CancelContext { context_id } => {
            let cancelled = app.cancel_context(&vendor.id, &context_id).await;
            match cancelled {
                // The result comes over the stream.
                Ok(()) => return true,
                Err(refusal) => (Some(context_id), Err(refusal.into())),
            }
        }
        FromVendor::CreateContext {
            context_id,
            requirements,
            timeout,
        } => {
            let asked = Asked {
                vendor: vendor.id.clone(),
                context: context_id.clone(),
                requirements,
                timeout,
            };
            let created = create(app, vendor, connection, asked).await;
            (Some(context_id), created)
        }
    };
    match (answer, context_id) {
        (Ok(Created::Open), Some(context_id)) => {
            wire.send(&ToVendor::ContextCreated { context_id }).await
        }
        (Ok(Created::Ended(result)), Some(context_id)) => {
            let result = *result;
            wire.send(&ToVendor::AuthResult { context_id, result })
                .await
        }
        (Ok(_), None) => true,
        (Err(failure), context_id) => wire.complain(&failure, context_id).await,
    }
}

async fn create(
    app: &Arc<App>,
    vendor: &Vendor,
    connection: &Connection,
    asked: Asked,
) -> Result<Created, Failure> {
    let max = app.settings.limits.contexts_per_ip_minute;
    if !app
        .contexts_limiter
        .allow(connection.address, max, app.now())
    {
        return Err(Failure::new(Refusal::Busy, "contexts of this address"));
    }
    let _work = app.work.begin().ok_or(Refusal::Busy)?;
    app.create_context(vendor, asked).await
}

//! `/ws/user`, version 1: `hello` with the session token, then news of the enrolment.

use std::sync::Arc;

use boop_bridge::StreamName;
use boop_wire::api::{FromUser, ToUser};
use boop_wire::codec::plain_digest;
use boop_wire::{Refusal, UserId};

use super::{Event, Wire, attach};
use crate::app::App;
use crate::store::UserStore as _;

/// Converses with one user until the socket is over.
pub(super) async fn run(mut wire: Wire, app: Arc<App>) {
    let user = match authenticate(&mut wire, &app).await {
        Ok(user) => user,
        Err(refusal) => return wire.end(&refusal.into()).await,
    };
    let Some(mut attachment) = attach(&mut wire, &app, StreamName::User(user)).await else {
        return;
    };
    if !wire.send(&ToUser::Welcome { user_id: user }).await {
        return;
    }
    loop {
        let alive = match wire.next(&mut attachment).await {
            Event::Message(FromUser::Ping) => wire.send(&ToUser::Pong).await,
            Event::Message(FromUser::Hello { .. }) => {
                wire.complain(&Refusal::Unexpected.into(), None).await
            }
            Event::Delivery(delivery) => wire.deliver(&mut attachment, delivery).await,
            Event::Refused(refusal) => return wire.end(&refusal.into()).await,
            Event::Closed => false,
        };
        if !alive {
            return;
        }
    }
}

/// A token that has enrolled a palm still reads its user's stream, so that a socket that was
/// away learns of the enrolment.
async fn authenticate(wire: &mut Wire, app: &App) -> Result<UserId, Refusal> {
    let FromUser::Hello { session_token } = wire.first().await? else {
        return Err(Refusal::Unexpected);
    };
    let token = plain_digest(session_token.as_bytes());
    let session = app.store.session(&token).await?;
    let session = session.ok_or(Refusal::Unauthenticated)?;
    if session.expires_at_ms <= app.now() {
        return Err(Refusal::Expired);
    }
    Ok(session.user)
}

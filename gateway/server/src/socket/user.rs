//! `/ws/user`, version 1: `hello` with the session token, then news of the enrolment.

use std::sync::Arc;

use boop_bridge::StreamName;
use boop_wire::api::{FromUser, Resume, ToUser};
use boop_wire::codec::plain_digest;
use boop_wire::{Refusal, UserId};
use serde_json::Value;

use super::{Desk, Handled, Wire, attach, converse};
use crate::app::App;
use crate::intrusion::{Login, Who};
use crate::json;
use crate::problem::Failure;
use crate::store::UserStore as _;

/// Converses with one user until the socket is over.
pub(super) async fn run(mut wire: Wire, app: Arc<App>) {
    let (user_id, resume) = match authenticate(&mut wire, &app).await {
        Ok(known) => known,
        Err(failure) => {
            app.saw_answer(&Who::Address(wire.address), "", Some(failure.refusal));
            return wire.end(&failure).await;
        }
    };
    let stream = StreamName::User(user_id);
    let Some((reader, stream)) = attach(&mut wire, &app, stream, resume.as_ref()).await else {
        return;
    };
    if wire.send(&ToUser::Welcome { user_id, stream }).await {
        converse(wire, reader, &UserDesk { app, user_id }).await;
    }
}

/// Where a user's messages are worked on.
struct UserDesk {
    app: Arc<App>,
    user_id: UserId,
}

impl Desk for UserDesk {
    async fn handle(&self, wire: &mut Wire, value: Value) -> Handled {
        Handled::Alive(match json::read(value) {
            Err(failure) => {
                let who = Who::User(self.user_id);
                self.app.saw_answer(&who, "", Some(failure.refusal));
                wire.complain(&failure, None).await
            }
            Ok(FromUser::Acknowledge { offset }) => return Handled::Acknowledged(offset),
            Ok(FromUser::Ping) => wire.send(&ToUser::Pong).await,
            Ok(FromUser::Hello { .. }) => wire.complain(&Refusal::Unexpected.into(), None).await,
        })
    }
}

/// A token that has enrolled a palm still reads its user's stream, so that a socket that was
/// away learns of the enrolment.
async fn authenticate(wire: &mut Wire, app: &App) -> Result<(UserId, Option<Resume>), Failure> {
    let first = json::read(json::object(wire.first().await?.as_bytes())?)?;
    let FromUser::Hello {
        session_token,
        resume,
    } = first
    else {
        return Err(Refusal::Unexpected.into());
    };
    let token = plain_digest(session_token.as_bytes());
    let session = app.store.session(&token).await.map_err(Refusal::from)?;
    let session = session.ok_or_else(|| {
        let login = Login {
            from: wire.address,
            claimed: None,
            shown: &session_token,
        };
        app.turn_down(Refusal::Unauthenticated, &login)
    })?;
    if session.expires_at_ms <= app.now() {
        return Err(Refusal::Expired.into());
    }
    app.log_in(&Who::User(session.user), wire.address)?;
    Ok((session.user, resume))
}

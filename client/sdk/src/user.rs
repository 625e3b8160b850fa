//! What a user's app does: it registers, shows the token to a scanner, and waits for the receipt.

use std::time::Duration;

use boop_channel::Trust;
use boop_wire::UserId;
use boop_wire::api::{EnrolReceipt, FromUser, RegisterRequest, RegisterResponse, ToUser};

use crate::connection::{ConnectError, Connection};
use crate::http::RequestError;
use crate::receipt::{ReceiptError, VerifiedEnrolment, decode_enrol_receipt, verify_enrol_receipt};
use crate::refused::Refused;
use crate::standing::StandingTrust;
use crate::trust::ClientTrust;
use crate::websocket::{StreamError, WebSocket};

/// Longest time for the answer to a token.
const HELLO_TIME_MAX: Duration = Duration::from_secs(15);

/// Why a user's request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// There is no attested connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The gateway did not answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The gateway turned it down, or the palm was not enrolled.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The gateway sent a message that may not come now.
    #[error("the gateway sent {0} out of turn")]
    Unexpected(&'static str),
    /// The receipt does not hold.
    #[error("the enrolment's receipt does not hold: {0}")]
    Receipt(#[from] ReceiptError),
}

/// A palm that is enrolled, with the receipt that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The receipt, to keep.
    pub receipt: EnrolReceipt,
    /// What it proves.
    pub verified: VerifiedEnrolment,
}

/// A user's stream: `/ws/user`.
#[derive(Debug)]
pub struct UserClient {
    socket: WebSocket,
    trust: StandingTrust,
    user: UserId,
}

impl UserClient {
    /// Registers a user: the answer is what the app's QR code shows.
    ///
    /// # Errors
    /// If there is no attested connection, or the gateway refuses.
    pub async fn register(
        trust: &ClientTrust,
        address: &str,
        request: &RegisterRequest,
    ) -> Result<RegisterResponse, UserError> {
        let mut connection = Connection::open(trust, address).await?;
        Ok(connection.post_json("/api/v1/register", request).await?)
    }

    /// Opens the stream of a registration.
    ///
    /// # Errors
    /// If there is no attested connection, or the token is not good.
    pub async fn follow(
        trust: &ClientTrust,
        address: &str,
        registration: &RegisterResponse,
    ) -> Result<Self, UserError> {
        let connection = Connection::open(trust, address).await?;
        let trust = StandingTrust::of(trust, address, &connection);
        let mut socket = connection.into_websocket("/ws/user").await?;
        let session_token = registration.session_token.clone();
        socket
            .send(&FromUser::Hello {
                session_token,
                resume: None,
            })
            .await?;
        match socket.receive(HELLO_TIME_MAX).await? {
            ToUser::Welcome { user_id, .. } if user_id == registration.user_id => Ok(Self {
                socket,
                trust,
                user: user_id,
            }),
            ToUser::Error(error) => Err(Refused::from(&error).into()),
            ToUser::Welcome { .. } => Err(UserError::Unexpected("the welcome of another user")),
            ToUser::Registered { .. }
            | ToUser::RegistrationFailed { .. }
            | ToUser::Gap { .. }
            | ToUser::Pong => Err(UserError::Unexpected("a message before the welcome")),
        }
    }

    /// Returns whose stream this is.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Waits until a scanner has enrolled the palm, and checks the receipt. A refusal that may
    /// pass, as while a party is away, does not end the wait: the scanner sends the palm again.
    ///
    /// # Errors
    /// If nothing comes within `wait`, the palm was not enrolled, or the receipt does not hold.
    pub async fn wait_enrolment(&mut self, wait: Duration) -> Result<Enrolled, UserError> {
        let deadline = tokio::time::Instant::now() + wait;
        let mut passing: Option<Refused> = None;
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let received = self.socket.receive(left).await;
            if let (Err(StreamError::Timeout(_)), Some(refused)) = (&received, &passing) {
                return Err(UserError::Refused(refused.clone()));
            }
            let refused = match received? {
                ToUser::Registered { user_id, receipt } if user_id == self.user => {
                    let receipt = decode_enrol_receipt(&receipt)?;
                    let user = Some(self.user);
                    let check = |trust: &Trust| verify_enrol_receipt(&receipt, trust, user);
                    let verified = self.trust.check(check).await?;
                    return Ok(Enrolled { receipt, verified });
                }
                ToUser::Registered { .. } => {
                    return Err(UserError::Unexpected("another user's enrolment"));
                }
                ToUser::RegistrationFailed {
                    code,
                    retry_allowed,
                } => Refused::new(&code, retry_allowed),
                ToUser::Error(error) => Refused::from(&error),
                ToUser::Welcome { .. } | ToUser::Gap { .. } | ToUser::Pong => continue,
            };
            if !refused.retry_allowed {
                return Err(refused.into());
            }
            passing = Some(refused);
        }
    }
}

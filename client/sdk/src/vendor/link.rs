//! A vendor's connection: it is opened again when it ended, and goes on after the last message that
//! was taken.

use std::time::Duration;

use boop_wire::api::{AuthResult, FromVendor, Resume, StreamStart, ToVendor};
use boop_wire::id::ContextId;
use serde::Deserialize;
use tokio::time::Instant;

use super::{VendorError, VendorLogin};
use crate::connection::{ConnectError, Connection};
use crate::http::RequestError;
use crate::platform;
use crate::refused::Refused;
use crate::standing::StandingTrust;
use crate::trust::ClientTrust;
use crate::websocket::{StreamError, WebSocket};

/// Longest time for the answer to a login.
const LOGIN_TIME_MAX: Duration = Duration::from_secs(15);
/// Pause before a connection is tried again; each one is up to twice the one before.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Close code of a gateway that leaves; its reason names a pause.
const LEAVING: u16 = 3001;

/// What came over a stream.
#[derive(Debug)]
pub(super) enum Received {
    /// A message.
    Message(Box<ToVendor>),
    /// The connection ended, and the next call opens another: what was asked on it may not have
    /// been heard. Nothing of the stream is missing.
    Again,
    /// Messages are missing before what comes next: ask how open contexts stand.
    Missing,
}

/// The stream of an authenticated vendor.
#[derive(Debug)]
pub(super) struct Link {
    client: ClientTrust,
    address: String,
    login: Login,
    socket: Option<WebSocket>,
    /// Where the stream was left; none before the first welcome.
    resume: Option<Resume>,
    /// Whether a welcome said that a place was lost, and nobody heard of it yet.
    missing: bool,
    /// How long to wait before the next connection; nothing while messages come.
    pause: Duration,
}

/// Keeps the key out of what is printed.
struct Login(VendorLogin);

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({}, [secret])", self.0.vendor_id)
    }
}

/// A message with its place on the stream, if it has one.
#[derive(Debug, Deserialize)]
struct Streamed {
    #[serde(flatten)]
    message: ToVendor,
    #[serde(default)]
    offset: Option<u64>,
}

impl Link {
    pub(super) async fn open(
        client: &ClientTrust,
        address: &str,
        login: &VendorLogin,
        resume: Option<Resume>,
    ) -> Result<(Self, StandingTrust), VendorError> {
        let mut link = Self {
            client: client.clone(),
            address: address.into(),
            login: Login(login.clone()),
            socket: None,
            resume,
            missing: false,
            pause: Duration::ZERO,
        };
        let trust = link.log_in().await?;
        Ok((link, trust))
    }

    /// Returns where the stream goes on.
    pub(super) fn place(&self) -> Option<Resume> {
        self.resume.clone()
    }

    /// Sends a message, on a new connection if the last one ended.
    pub(super) async fn send(
        &mut self,
        message: &FromVendor,
        deadline: Instant,
    ) -> Result<(), VendorError> {
        loop {
            let sent = self.socket(deadline).await?.send(message).await;
            match self.drop_if_over(sent) {
                Err(StreamError::Closed { .. }) if Instant::now() < deadline => {}
                sent => return Ok(sent?),
            }
        }
    }

    /// Receives the next message.
    pub(super) async fn receive(&mut self, deadline: Instant) -> Result<Received, VendorError> {
        loop {
            if std::mem::take(&mut self.missing) {
                return Ok(Received::Missing);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let socket = self.socket(deadline).await?;
            let received = socket.receive::<Streamed>(left).await;
            let Streamed { message, offset } = match self.drop_if_over(received) {
                Ok(streamed) => {
                    self.pause = Duration::ZERO;
                    streamed
                }
                Err(StreamError::Closed { code, .. })
                    if Instant::now() < deadline && is_passing(code) =>
                {
                    return Ok(Received::Again);
                }
                Err(error) => return Err(error.into()),
            };
            if let ToVendor::Gap { to, .. } = message {
                self.take(to);
                return Ok(Received::Missing);
            }
            let known = self.resume.as_ref().map_or(0, |resume| resume.offset);
            match offset {
                // At least once: the same message may come again.
                Some(offset) if offset <= known => {}
                Some(offset) => {
                    self.take(offset);
                    return Ok(Received::Message(Box::new(message)));
                }
                None => return Ok(Received::Message(Box::new(message))),
            }
        }
    }

    /// Asks how a context stands, on a connection of its own; tries until the deadline.
    pub(super) async fn status(
        &mut self,
        context: &ContextId,
        deadline: Instant,
    ) -> Result<Option<AuthResult>, VendorError> {
        let mut pause = Duration::ZERO;
        loop {
            tokio::time::sleep(jittered(pause)).await;
            pause = longer(pause);
            match self.try_status(context).await {
                Err(error) if may_pass(&error) && Instant::now() + pause < deadline => {}
                status => return status,
            }
        }
    }

    async fn try_status(&mut self, context: &ContextId) -> Result<Option<AuthResult>, VendorError> {
        let connection = Connection::open(&self.client, &self.address).await?;
        let mut connection = connection.with_api_key(&self.login.0.api_key);
        let path = format!("/api/v1/auth/{context}/status");
        let answer: StatusAnswer = connection.get_json(&path).await?;
        Ok(answer.data.result)
    }

    pub(super) async fn close(mut self) {
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
    }

    fn take(&mut self, offset: u64) {
        if let Some(resume) = &mut self.resume {
            resume.offset = offset;
        }
    }

    /// Returns a stream that is logged in; tries until the deadline, with pauses that grow and
    /// that chance makes different for each client.
    async fn socket(&mut self, deadline: Instant) -> Result<&mut WebSocket, VendorError> {
        while self.socket.is_none() {
            tokio::time::sleep_until(deadline.min(Instant::now() + jittered(self.pause))).await;
            match self.log_in().await {
                Ok(_) => {}
                Err(error) => {
                    self.pause = longer(self.pause);
                    if !may_pass(&error) || Instant::now() + self.pause >= deadline {
                        return Err(error);
                    }
                }
            }
        }
        let ended = || StreamError::Closed {
            code: None,
            reason: "it was never opened".into(),
        };
        self.socket.as_mut().ok_or_else(|| ended().into())
    }

    async fn log_in(&mut self) -> Result<StandingTrust, VendorError> {
        let connection = Connection::open(&self.client, &self.address).await?;
        let trust = StandingTrust::of(&self.client, &self.address, &connection);
        let mut socket = connection.into_websocket("/ws/vendor").await?;
        socket
            .send(&FromVendor::Authenticate {
                vendor_id: self.login.0.vendor_id.clone(),
                api_key: self.login.0.api_key.to_string(),
                resume: self.resume.clone(),
            })
            .await?;
        match socket.receive(LOGIN_TIME_MAX).await? {
            ToVendor::Authenticated { stream } => self.begin(stream),
            ToVendor::Error(error) => return Err(Refused::from(&error).into()),
            ToVendor::ContextCreated { .. }
            | ToVendor::AuthResult { .. }
            | ToVendor::Gap { .. }
            | ToVendor::Pong => {
                return Err(VendorError::Unexpected("a message before the login"));
            }
        }
        self.socket = Some(socket);
        Ok(trust)
    }

    fn begin(&mut self, stream: StreamStart) {
        self.missing |= !stream.recovered;
        self.resume = Some(Resume {
            epoch: stream.epoch,
            offset: stream.offset,
        });
    }

    /// A stream that ended, or on which the two sides lost step, is of no more use.
    fn drop_if_over<T>(&mut self, result: Result<T, StreamError>) -> Result<T, StreamError> {
        match &result {
            Err(StreamError::Closed { code, reason }) => {
                self.socket = None;
                self.pause = asked_pause(*code, reason).unwrap_or(longer(self.pause));
            }
            Err(StreamError::Malformed(_)) => self.socket = None,
            Ok(_) | Err(StreamError::Timeout(_) | StreamError::TooLong(_)) => {}
        }
        result
    }
}

/// What REST says of a context; the rest of it is not looked at.
#[derive(Debug, Deserialize)]
struct StatusAnswer {
    data: Status,
}

#[derive(Debug, Deserialize)]
struct Status {
    #[serde(default)]
    result: Option<AuthResult>,
}

/// Tells whether it is worth coming back after a close: without a code the connection broke, and
/// from 3500 on it was ended for good.
fn is_passing(code: Option<u16>) -> bool {
    code.is_none_or(|code| !(3500..4000).contains(&code))
}

/// Tells whether another try may succeed.
fn may_pass(error: &VendorError) -> bool {
    match error {
        VendorError::Connect(ConnectError::Request(error)) | VendorError::Request(error) => {
            match error {
                RequestError::Refused(refused) => refused.retry_allowed,
                _ => true,
            }
        }
        VendorError::Connect(error) => matches!(
            error,
            ConnectError::Unreachable { .. } | ConnectError::Timeout(_)
        ),
        VendorError::Stream(StreamError::Closed { code, .. }) => is_passing(*code),
        VendorError::Stream(_) => true,
        VendorError::Refused(refused) => refused.retry_allowed,
        VendorError::Requirements(_)
        | VendorError::Unexpected(_)
        | VendorError::UnknownContext(_)
        | VendorError::TooManyContexts
        | VendorError::Receipt(_) => false,
    }
}

/// Returns the pause that a gateway asks for which leaves.
fn asked_pause(code: Option<u16>, reason: &str) -> Option<Duration> {
    let mut words = reason.split(' ').filter(|_| code == Some(LEAVING));
    let ms = words.find_map(|word| word.parse().ok())?;
    Some(Duration::from_millis(ms).min(PAUSE_MAX))
}

/// Returns the pause after one that was not long enough.
fn longer(pause: Duration) -> Duration {
    (2 * pause).clamp(PAUSE, PAUSE_MAX)
}

/// Returns half of a pause to all of it.
fn jittered(pause: Duration) -> Duration {
    let chance = platform::random::<1>().map_or(0, |[byte]| u32::from(byte));
    pause / 2 + pause * chance / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_says_whether_to_come_back() {
        for (code, passing) in [
            (None, true),
            (Some(1006), true),
            (Some(3001), true),
            (Some(3008), true),
            (Some(3500), false),
            (Some(3501), false),
        ] {
            assert_eq!(is_passing(code), passing, "{code:?}");
        }
    }

    #[test]
    fn a_gateway_that_leaves_names_the_pause_and_others_do_not() {
        let reason = "come back after 120 ms";
        let named = Some(Duration::from_millis(120));
        assert_eq!(asked_pause(Some(LEAVING), reason), named);
        assert_eq!(
            asked_pause(Some(LEAVING), "after 99999999 ms"),
            Some(PAUSE_MAX)
        );
        assert_eq!(asked_pause(Some(LEAVING), "soon"), None);
        assert_eq!(asked_pause(Some(3008), reason), None);
        assert_eq!(asked_pause(None, reason), None);
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut pauses = vec![longer(Duration::ZERO)];
        for _ in 0..8 {
            pauses.push(longer(pauses[pauses.len() - 1]));
        }
        assert_eq!(pauses[..3], [PAUSE, 2 * PAUSE, 4 * PAUSE]);
        assert_eq!(pauses[8], PAUSE_MAX);
    }

    #[test]
    fn pauses_stay_between_half_and_whole() {
        for _ in 0..100 {
            let pause = jittered(PAUSE);
            assert!(pause >= PAUSE / 2 && pause <= PAUSE, "{pause:?}");
        }
    }

    #[test]
    fn a_message_has_its_offset_beside_its_members() {
        let text = r#"{"type":"pong","offset":7}"#;
        let streamed: Streamed = serde_json::from_str(text).unwrap();
        assert_eq!(
            (streamed.message, streamed.offset),
            (ToVendor::Pong, Some(7))
        );

        let streamed: Streamed = serde_json::from_str(r#"{"type":"pong"}"#).unwrap();
        assert_eq!(streamed.offset, None);
    }
}

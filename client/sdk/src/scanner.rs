//! What a scanner does: it shows contexts, takes palms, and sends them sealed until answered.

mod link;

use std::collections::VecDeque;
use std::time::Duration;

use boop_wire::api::{ErrorMessage, FromScanner, ToScanner};
use boop_wire::codec::CodecError;
use boop_wire::id::{ContextId, ScannerId, TerminalId, VendorId};
use boop_wire::job::{AuthContext, Subject};
use boop_wire::{Refusal, RequestId, UserId};
use zeroize::Zeroizing;

use crate::capture::{CaptureError, PalmCapture, SplitCapture};
use crate::connection::{ConnectError, Connection};
use crate::http::RequestError;
use crate::platform::{NoRandomness, now_ms};
use crate::refused::Refused;
use crate::text;
use crate::trust::ClientTrust;
use crate::websocket::StreamError;
use link::Link;

/// Times that a capture is sent before its owner is asked what to do.
const ATTEMPTS_MAX: u32 = 4;
/// Pause before a capture is sent again; each one is twice the one before.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest time for the answer to a capture.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
/// Events that wait to be fetched; the oldest is dropped beyond.
const EVENTS_MAX: usize = 64;
/// Largest encoded context, in bytes.
const CONTEXT_BYTES_MAX: usize = 16 * 1024;

/// Why a scanner's request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScannerError {
    /// There is no attested connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The gateway did not open the stream.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The gateway or the parties turned it down.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The capture could not be sealed.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The capture is not good enough to be sent.
    #[error("quality {found} is below {needed}")]
    Quality {
        /// The capture's.
        found: u8,
        /// The configuration's.
        needed: u8,
    },
    /// A context is not one for this scanner.
    #[error("context {context} is not for this scanner: another {field}")]
    Context {
        /// Which context.
        context: ContextId,
        /// What differs.
        field: &'static str,
    },
    /// A context does not decode.
    #[error("a context does not decode: {0}")]
    Encoding(#[from] CodecError),
    /// There is no capture without an answer.
    #[error("no capture waits for an answer")]
    NothingPending,
    /// A capture is without an answer; it must be retried or given up first.
    #[error("the capture of request {0} has no answer yet")]
    Pending(RequestId),
    /// The capture went past its time without an answer.
    #[error("the capture of request {0} went past its time")]
    Expired(RequestId),
    /// The gateway sent a message that may not come now.
    #[error("the gateway sent {0} out of turn")]
    Unexpected(&'static str),
}

/// Who a scanner is.
#[derive(Clone)]
pub struct ScannerLogin {
    /// The scanner.
    pub scanner_id: ScannerId,
    /// Its key.
    pub scanner_key: Zeroizing<String>,
}

/// How a scanner is to capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannerConfiguration {
    /// The terminal it stands at.
    pub terminal: TerminalId,
    /// Whose terminal.
    pub vendor: VendorId,
    /// Lowest quality of a capture, 0 to 100.
    pub quality_min: u8,
    /// Captures of an enrolment.
    pub samples: u8,
    /// Longest life of a capture, in milliseconds.
    pub capture_life_ms: u64,
}

/// A context to show to the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenContext {
    /// Its id.
    pub id: ContextId,
    /// What is asked; the capture is good for exactly this.
    pub context: AuthContext,
}

/// What a scanner hears by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerEvent {
    /// Show this and ask for a palm.
    Opened(OpenContext),
    /// The context ended.
    Closed {
        /// Which one.
        context: ContextId,
        /// Whether the customer was recognised and has paid.
        success: bool,
        /// Refusal code if not.
        code: Option<String>,
    },
}

/// A capture that was recognised or enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its request.
    pub request: RequestId,
    /// How often it was sent.
    pub attempts: u32,
}

/// A scanner's stream: `/ws/pvs`.
#[derive(Debug)]
pub struct ScannerClient {
    link: Link,
    events: VecDeque<ScannerEvent>,
    pending: Option<Pending>,
}

/// A capture without an answer.
#[derive(Debug)]
struct Pending {
    split: SplitCapture,
    purpose: Purpose,
}

#[derive(Debug, Clone)]
enum Purpose {
    Identify(ContextId),
    Enrol {
        user: UserId,
        token: Zeroizing<String>,
    },
}

impl ScannerClient {
    /// Connects to a gateway, judges it and the parties, and authenticates.
    ///
    /// # Errors
    /// If anything is not accepted or the key is not good.
    pub async fn connect(
        trust: &ClientTrust,
        address: &str,
        login: &ScannerLogin,
    ) -> Result<Self, ScannerError> {
        Ok(Self {
            link: Link::open(trust, address, login).await?,
            events: VecDeque::new(),
            pending: None,
        })
    }

    /// Returns how to capture.
    pub const fn configuration(&self) -> &ScannerConfiguration {
        self.link.configuration()
    }

    /// Waits for the next event. If the stream had ended, it is opened again first.
    ///
    /// # Errors
    /// If nothing comes within `wait`, the stream fails, or a context is not for this scanner.
    pub async fn next_event(&mut self, wait: Duration) -> Result<ScannerEvent, ScannerError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            match self.link.receive(left).await? {
                ToScanner::Error(error) => return Err(Refused::from(&error).into()),
                message => self.note(message)?,
            }
        }
    }

    /// Sends a palm for an open context and waits for the parties' answer.
    ///
    /// # Errors
    /// [`ScannerError::Refused`] if the palm was not recognised. Any other error leaves the capture
    /// pending: [`ScannerClient::retry`] sends it again under the same request id.
    pub async fn identify(
        &mut self,
        context: &OpenContext,
        palm: &PalmCapture,
    ) -> Result<Accepted, ScannerError> {
        let subject = Subject::Identify(context.context.clone());
        self.start(palm, &subject, Purpose::Identify(context.id.clone()))?;
        self.retry().await
    }

    /// Sends a palm that enrols the user of a QR code, and waits for the parties' answer.
    ///
    /// # Errors
    /// As [`ScannerClient::identify`].
    pub async fn enrol(
        &mut self,
        user: UserId,
        session_token: &str,
        palm: &PalmCapture,
    ) -> Result<Accepted, ScannerError> {
        let token = Zeroizing::new(session_token.to_owned());
        let purpose = Purpose::Enrol { user, token };
        self.start(palm, &Subject::Enrol { user }, purpose)?;
        self.retry().await
    }

    /// Sends the pending capture until it is answered, at most four times. Before each repetition
    /// the parties are asked for and judged again, since one that restarted has a new key.
    ///
    /// # Errors
    /// If there is nothing to send, it is past its time, it was refused, or it got no answer.
    pub async fn retry(&mut self) -> Result<Accepted, ScannerError> {
        let Some(pending) = self.pending.take() else {
            return Err(ScannerError::NothingPending);
        };
        let request = pending.split.request();
        let mut attempts = 0;
        loop {
            if pending.split.expired(now_ms()) {
                return Err(ScannerError::Expired(request));
            }
            attempts += 1;
            let error = match self.attempt(&pending).await {
                Ok(()) => return Ok(Accepted { request, attempts }),
                Err(error) => error,
            };
            match after(&error) {
                Next::GiveUp => return Err(error),
                Next::Repeat if attempts < ATTEMPTS_MAX => {
                    tokio::time::sleep(PAUSE * 2_u32.pow(attempts - 1)).await;
                    self.link.forget_network();
                }
                Next::Repeat => {
                    self.pending = Some(pending);
                    return Err(error);
                }
            }
        }
    }

    /// Gives the pending capture up, if there is one. What became of it stays open.
    pub fn give_up(&mut self) -> Option<RequestId> {
        self.pending.take().map(|pending| pending.split.request())
    }

    fn start(
        &mut self,
        palm: &PalmCapture,
        subject: &Subject,
        purpose: Purpose,
    ) -> Result<(), ScannerError> {
        if let Some(pending) = &self.pending {
            return Err(ScannerError::Pending(pending.split.request()));
        }
        let ScannerConfiguration {
            quality_min,
            capture_life_ms,
            ..
        } = *self.link.configuration();
        if palm.quality < quality_min {
            return Err(ScannerError::Quality {
                found: palm.quality,
                needed: quality_min,
            });
        }
        let split = SplitCapture::split(palm, subject, now_ms(), capture_life_ms)?;
        self.pending = Some(Pending { split, purpose });
        Ok(())
    }

    async fn attempt(&mut self, pending: &Pending) -> Result<(), ScannerError> {
        let capture = pending.split.seal(self.link.network().await?)?;
        let capture = text::encode(&capture);
        let message = match pending.purpose.clone() {
            Purpose::Identify(context_id) => FromScanner::Capture {
                context_id,
                capture,
            },
            Purpose::Enrol { user, token } => FromScanner::Enrol {
                user_id: user,
                session_token: token.to_string(),
                capture,
            },
        };
        self.link.send(&message).await?;
        self.wait_answer(pending).await
    }

    async fn wait_answer(&mut self, pending: &Pending) -> Result<(), ScannerError> {
        let request = pending.split.request();
        let deadline = tokio::time::Instant::now() + ANSWER_TIME_MAX;
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            match self.link.receive(left).await? {
                ToScanner::CaptureResult {
                    request_id,
                    success,
                    code,
                    retry_allowed,
                } if request_id == request => {
                    if success {
                        return Ok(());
                    }
                    let code = code.unwrap_or_else(|| Refusal::Internal.code().into());
                    return Err(Refused::new(&code, retry_allowed).into());
                }
                ToScanner::Error(error) if concerns(&error, &pending.purpose) => {
                    return Err(Refused::from(&error).into());
                }
                message => self.note(message)?,
            }
        }
    }

    /// Keeps what a message tells for [`ScannerClient::next_event`].
    fn note(&mut self, message: ToScanner) -> Result<(), ScannerError> {
        let event = match message {
            ToScanner::Context {
                context_id,
                context,
            } => {
                let context = text::decode(&context, CONTEXT_BYTES_MAX)?;
                ScannerEvent::Opened(fitting(context_id, context, self.link.configuration())?)
            }
            ToScanner::ContextClosed {
                context_id,
                success,
                code,
            } => ScannerEvent::Closed {
                context: context_id,
                success,
                code,
            },
            ToScanner::Configuration { .. } => {
                self.link.reconfigure(message);
                return Ok(());
            }
            // An answer to a capture that was given up.
            ToScanner::CaptureResult { .. }
            | ToScanner::Error(_)
            | ToScanner::Gap { .. }
            | ToScanner::Pong => {
                return Ok(());
            }
        };
        if self.events.contains(&event) {
            return Ok(());
        }
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
        Ok(())
    }
}

/// Takes a context if it is the named one, of this scanner's vendor and terminal.
fn fitting(
    id: ContextId,
    context: AuthContext,
    configuration: &ScannerConfiguration,
) -> Result<OpenContext, ScannerError> {
    let same = [
        ("id", context.context == id),
        ("vendor", context.vendor == configuration.vendor),
        ("terminal", context.terminal == configuration.terminal),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(ScannerError::Context { context: id, field }),
        None => Ok(OpenContext { id, context }),
    }
}

/// An error that names another context is about a capture that was given up.
fn concerns(error: &ErrorMessage, purpose: &Purpose) -> bool {
    match (&error.details.context_id, purpose) {
        (Some(named), Purpose::Identify(context)) => named == context,
        (Some(_), Purpose::Enrol { .. }) => false,
        (None, Purpose::Identify(_) | Purpose::Enrol { .. }) => true,
    }
}

/// What to do after a capture was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Repeat,
    GiveUp,
}

/// A box that does not open, or names another manifest, is worth sealing again; of other refusals
/// the server says itself whether the request may be repeated.
fn after(error: &ScannerError) -> Next {
    match error {
        ScannerError::Refused(refused) => {
            let sealed_anew = matches!(
                refused.refusal(),
                Some(Refusal::SealedBoxInvalid | Refusal::WrongNetwork)
            );
            if sealed_anew || refused.retry_allowed {
                Next::Repeat
            } else {
                Next::GiveUp
            }
        }
        ScannerError::Connect(_)
        | ScannerError::Request(_)
        | ScannerError::Stream(_)
        | ScannerError::Capture(_)
        | ScannerError::Randomness(_)
        | ScannerError::Context { .. }
        | ScannerError::Encoding(_)
        | ScannerError::Unexpected(_) => Next::Repeat,
        ScannerError::Quality { .. }
        | ScannerError::NothingPending
        | ScannerError::Pending(_)
        | ScannerError::Expired(_) => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests;

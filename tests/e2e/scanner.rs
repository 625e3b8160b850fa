//! A scanner without patience: it sends a capture once and tells what the gateway answered, so
//! that a test sees each answer for itself.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_sdk::{Connection, PalmCapture, ScannerLogin, SplitCapture, WebSocket};
use boop_wire::api::{FromScanner, ToScanner};
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::id::ContextId;
use boop_wire::job::{AuthContext, Capture, Subject};
use boop_wire::{RequestId, UserId};
use boop_world::now_ms;

use crate::bench::Bench;

const PATIENCE: Duration = Duration::from_secs(20);
/// How long captures are good.
const LIFE_MS: u64 = 120_000;

/// What became of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) code: Option<String>,
    pub(crate) retry_allowed: bool,
}

impl Answer {
    pub(crate) const GOOD: Self = Self {
        success: true,
        code: None,
        retry_allowed: false,
    };

    pub(crate) fn refused(code: &str) -> Self {
        Self {
            success: false,
            code: Some(code.into()),
            retry_allowed: false,
        }
    }
}

/// A scanner's stream.
pub(crate) struct Scanner {
    socket: WebSocket,
}

impl Scanner {
    pub(crate) async fn connect(bench: &Bench, login: &ScannerLogin) -> Self {
        let connection = Connection::open(&bench.client, &bench.gateway).await;
        let socket = connection.unwrap().into_websocket("/ws/pvs").await;
        let mut scanner = Self {
            socket: socket.unwrap(),
        };
        let authenticate = FromScanner::Authenticate {
            scanner_id: login.scanner_id.clone(),
            scanner_key: login.scanner_key.to_string(),
            resume: None,
        };
        scanner.send(&authenticate).await;
        let greeting = scanner.next().await;
        assert!(matches!(greeting, ToScanner::Configuration { .. }));
        scanner
    }

    /// Waits until a context is shown.
    pub(crate) async fn hear(&mut self, wanted: &ContextId) -> AuthContext {
        loop {
            if let ToScanner::Context {
                context_id,
                context,
            } = self.next().await
                && context_id == *wanted
            {
                return from_canonical(&URL_SAFE_NO_PAD.decode(context).unwrap()).unwrap();
            }
        }
    }

    pub(crate) async fn send_capture(&mut self, context: &ContextId, capture: &Capture) {
        let context_id = context.clone();
        let capture = URL_SAFE_NO_PAD.encode(to_canonical(capture));
        self.send(&FromScanner::Capture {
            context_id,
            capture,
        })
        .await;
    }

    pub(crate) async fn send_enrolment(&mut self, user: UserId, token: &str, capture: &Capture) {
        self.send(&FromScanner::Enrol {
            user_id: user,
            session_token: token.to_owned(),
            capture: URL_SAFE_NO_PAD.encode(to_canonical(capture)),
        })
        .await;
    }

    /// Waits for what became of a request.
    pub(crate) async fn answer(&mut self, request: RequestId) -> Answer {
        loop {
            match self.next().await {
                ToScanner::CaptureResult {
                    request_id,
                    success,
                    code,
                    retry_allowed,
                } if request_id == request => {
                    return Answer {
                        success,
                        code,
                        retry_allowed,
                    };
                }
                ToScanner::Error(error) => panic!("instead of an answer came {error:?}"),
                _ => {}
            }
        }
    }

    async fn send(&mut self, message: &FromScanner) {
        self.socket.send(message).await.unwrap();
    }

    async fn next(&mut self) -> ToScanner {
        self.socket.receive(PATIENCE).await.unwrap()
    }
}

/// Splits a palm for a subject; good for two minutes.
pub(crate) fn split(palm: &PalmCapture, subject: &Subject) -> SplitCapture {
    SplitCapture::split(palm, subject, now_ms(), LIFE_MS).unwrap()
}

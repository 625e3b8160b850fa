//! The sockets of scanners and users, version 1 of our own.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{ErrorMessage, Resume, StreamStart};
use crate::id::{ContextId, RequestId, ScannerId, TerminalId, UserId, VendorId};

/// From a scanner on `/ws/pvs`, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromScanner {
    /// First message.
    Authenticate {
        /// Who.
        scanner_id: ScannerId,
        /// The key.
        scanner_key: String,
        /// Where an earlier socket was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
    },
    /// Says that everything up to an offset is worked on; a pong to the ping that follows the last
    /// message says the same.
    Acknowledge {
        /// Of the last message.
        offset: u64,
    },
    /// A capture for an open context.
    Capture {
        /// Which one.
        context_id: ContextId,
        /// A `Capture`, base64url.
        capture: String,
    },
    /// A capture that enrols.
    Enrol {
        /// From the user's QR code.
        user_id: UserId,
        /// From the user's QR code.
        session_token: String,
        /// A `Capture`, base64url.
        capture: String,
    },
    /// Asks for a [`ToScanner::Pong`].
    Ping,
}

/// To a scanner on `/ws/pvs`, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToScanner {
    /// The key is good; this is how to capture.
    Configuration {
        /// The terminal it stands at.
        terminal_id: TerminalId,
        /// Whose terminal.
        vendor_id: VendorId,
        /// Lowest quality of a capture, 0 to 100.
        quality_min: u8,
        /// Captures of an enrolment.
        samples: u8,
        /// Longest life of a capture, in milliseconds.
        capture_life_ms: u64,
        /// Where the stream begins.
        stream: StreamStart,
    },
    /// Messages that were kept too long for this socket are no longer there.
    Gap {
        /// Offset of the first.
        from: u64,
        /// Offset of the last.
        to: u64,
    },
    /// Please capture a palm for this context; show amount and payee.
    Context {
        /// Which one.
        context_id: ContextId,
        /// The `AuthContext`, base64url; its digest goes into the boxes.
        context: String,
    },
    /// The context ended.
    ContextClosed {
        /// Which one.
        context_id: ContextId,
        /// Whether the customer was recognised and has paid.
        success: bool,
        /// Refusal code if not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// What became of a capture.
    CaptureResult {
        /// The capture's request.
        request_id: RequestId,
        /// Whether the palm was recognised, or enrolled.
        success: bool,
        /// Refusal code if not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Whether the same request may succeed if it is repeated.
        retry_allowed: bool,
    },
    /// Something was wrong with a message.
    Error(ErrorMessage),
    /// Answer to a ping.
    Pong,
}

/// From a user on `/ws/user`, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromUser {
    /// First message.
    Hello {
        /// From `POST /api/v1/register`.
        session_token: String,
        /// Where an earlier socket was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
    },
    /// Says that everything up to an offset is worked on; a pong to the ping that follows the last
    /// message says the same.
    Acknowledge {
        /// Of the last message.
        offset: u64,
    },
    /// Asks for a [`ToUser::Pong`].
    Ping,
}

/// To a user on `/ws/user`, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToUser {
    /// The token is good.
    Welcome {
        /// Whose stream this is.
        user_id: UserId,
        /// Where the stream begins.
        stream: StreamStart,
    },
    /// Messages that were kept too long for this socket are no longer there.
    Gap {
        /// Offset of the first.
        from: u64,
        /// Offset of the last.
        to: u64,
    },
    /// The palm is enrolled.
    Registered {
        /// Whose.
        user_id: UserId,
        /// An [`EnrolReceipt`](super::EnrolReceipt), base64url.
        receipt: String,
    },
    /// The palm was not enrolled.
    RegistrationFailed {
        /// Refusal code.
        code: String,
        /// Whether to try again with the same token.
        retry_allowed: bool,
    },
    /// Something was wrong with a message.
    Error(ErrorMessage),
    /// Answer to a ping.
    Pong,
}

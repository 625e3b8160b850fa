//! The public JSON of the gateway: REST bodies and the messages of its WebSockets.
//!
//! Binary values (manifest, evidence, captures, receipts) travel as base64url without padding of
//! their canonical encoding; ids as hexadecimal; amounts in the currency's smallest unit; times
//! as Unix milliseconds.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::id::{ContextId, NetworkId, RequestId, ScannerId, TerminalId, UserId, VendorId};
use crate::job::Progress;
use crate::session::Signature;

mod receipt;

pub use receipt::{AuthReceipt, EnrolReceipt};

/// Largest WebSocket message, in bytes.
pub const WS_MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Largest REST body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Media type of an evidence bundle in a CMW record (RFC 9999).
pub const MEDIA_BUNDLE: &str = "application/vnd.boop.evidence-bundle+cbor";
/// Media type of an [`HttpProof`] in a CMW record.
pub const MEDIA_PROOF: &str = "application/vnd.boop.session-proof+cbor";

/// Answer of `GET /.well-known/attestation?nonce=…`: a CMW collection (RFC 9999, JSON form), each
/// member a pair of media type and base64url value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestationResponse {
    /// What the collection is.
    #[serde(rename = "__cmwc_t")]
    pub collection: String,
    /// An evidence bundle.
    pub bundle: (String, String),
    /// An [`HttpProof`] over this connection.
    pub proof: (String, String),
}

/// A server's proof to a client without evidence: it signs a statement over this TLS connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HttpProof {
    /// The server's nonce.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    /// Over the `ProofStatement` of side server, no peer, the client's nonce as peer nonce.
    #[n(1)]
    pub signature: Signature,
}

/// Answer of `GET /api/v1/network`: all that a scanner needs to check the network and seal to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkResponse {
    /// The network.
    pub network_id: NetworkId,
    /// Whether it runs on simulated hardware.
    pub simulated: bool,
    /// The signed manifest.
    pub manifest: String,
    /// Boot evidence of the three parties, in order.
    pub parties: Vec<String>,
}

/// Answer of `GET /api/v1/manifest`, which does not wait for any party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestResponse {
    /// The network.
    pub network_id: NetworkId,
    /// Whether it runs on simulated hardware.
    pub simulated: bool,
    /// The signed manifest.
    pub manifest: String,
}

/// Answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthResponse {
    /// "ok", or "degraded" while a party or the ledger is away.
    pub status: String,
    /// Version of the program.
    pub version: String,
    /// Which parties have a session with this gateway, in order.
    pub parties: Vec<bool>,
    /// How far each party is with reading or preparing its records, in order; none where it is
    /// done or does not say. With many left, calls are refused as unavailable.
    #[serde(default)]
    pub preparing: Vec<Option<Progress>>,
}

/// Body of `POST /api/v1/register`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Free text of the app, at most 128 bytes.
    #[serde(default)]
    pub device_id: Option<String>,
    /// "ios", "android", "web".
    #[serde(default)]
    pub platform: Option<String>,
    /// Version of the app.
    #[serde(default)]
    pub app_version: Option<String>,
}

/// Answer of `POST /api/v1/register`, and what the app's QR code holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterResponse {
    /// Always "register".
    pub action: String,
    /// The new user.
    pub user_id: UserId,
    /// Single use, for one enrolment and one `/ws/user` stream.
    pub session_token: String,
    /// When it was made.
    pub timestamp: u64,
    /// When the token ends.
    pub expires_at: u64,
}

/// Body of `POST /api/v1/admin/vendors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorRequest {
    /// Shown to customers.
    pub name: String,
}

/// Answer of `POST /api/v1/admin/vendors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorResponse {
    /// The new vendor.
    pub vendor_id: VendorId,
    /// Shown once; the gateway keeps a hash.
    pub api_key: String,
}

/// Body of `POST /api/v1/admin/scanners`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerRequest {
    /// Whose terminal it stands at.
    pub vendor_id: VendorId,
    /// The terminal.
    pub terminal_id: TerminalId,
}

/// Answer of `POST /api/v1/admin/scanners`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannerResponse {
    /// The new scanner.
    pub scanner_id: ScannerId,
    /// Shown once; the gateway keeps a hash.
    pub scanner_key: String,
}

/// Body of `POST /api/v1/admin/credits`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditRequest {
    /// Whose account.
    pub user_id: UserId,
    /// In the smallest unit; above zero.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// Chosen by the caller; repeating it changes nothing.
    pub request_id: RequestId,
}

/// Answer of `GET /api/v1/ledger/tokens/{user_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceResponse {
    /// What may be spent, in the smallest unit.
    pub balance: i64,
}

/// Answer of `GET /api/v1/ledger/transactions/check/{transaction_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionCheckResponse {
    /// Whether money moved; false means insufficient funds.
    pub success: bool,
}

/// An error of a REST endpoint (RFC 9457), with the published envelope's fields beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable URN of the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// In words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable refusal code.
    pub code: String,
    /// What to do or which field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Names the request in the logs.
    pub request_id: String,
    /// Whether the same request may succeed later.
    pub retry_allowed: bool,
}

/// What a vendor asks of a customer, inside `create_context`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// "payment", "entrance" or "membership".
    #[serde(rename = "type")]
    pub kind: String,
    /// Which terminal's scanner shall read the palm.
    pub terminal_id: TerminalId,
    /// Payment: amount in the smallest unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// Payment: ISO 4217 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Shown to the customer; the vendor's name if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_name: Option<String>,
    /// Attributes that must be released.
    #[serde(default)]
    pub attributes_required: Vec<String>,
    /// Attributes that would be welcome.
    #[serde(default)]
    pub attributes_optional: Vec<String>,
}

/// From a vendor on `/ws/vendor` (dialect D1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromVendor {
    /// First message.
    Authenticate {
        /// Who.
        vendor_id: VendorId,
        /// The key.
        api_key: String,
    },
    /// Opens a context.
    CreateContext {
        /// Chosen by the vendor; used once.
        context_id: ContextId,
        /// What is asked.
        requirements: Requirements,
        /// In milliseconds, 1,000 to 120,000; 30,000 if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<u64>,
    },
    /// Closes a context that has no result yet.
    CancelContext {
        /// Which one.
        context_id: ContextId,
    },
    /// Asks for a [`ToVendor::Pong`].
    Ping,
}

/// To a vendor on `/ws/vendor` (dialect D1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToVendor {
    /// The key is good.
    Authenticated,
    /// The context is open and on its way to the scanner.
    ContextCreated {
        /// Which one.
        context_id: ContextId,
    },
    /// The context ended.
    AuthResult {
        /// Which one.
        context_id: ContextId,
        /// How.
        result: AuthResult,
    },
    /// Something was wrong with a message.
    Error(ErrorMessage),
    /// Answer to a ping.
    Pong,
}

/// How a context ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthResult {
    /// Whether the customer was recognised and, for a payment, has paid.
    pub success: bool,
    /// The vendor's own stable id for this customer: `PairwiseId::to_user_text` of whom the
    /// receipt's outcome names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Refusal code where `success` is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether the same request may succeed if it is repeated.
    #[serde(default)]
    pub retry_allowed: bool,
    /// The payment's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// An [`AuthReceipt`], base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Where the time went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

/// Where the time of one authentication went, in microseconds, as the gateway saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From the capture's arrival to three agreeing signatures.
    pub match_us: u64,
    /// In the ledger.
    pub ledger_us: u64,
    /// From the capture's arrival to the result.
    pub total_us: u64,
}

/// An error on a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorMessage {
    /// Stable refusal code.
    pub code: String,
    /// In words.
    pub message: String,
    /// More.
    pub details: ErrorDetails,
}

/// Details of an [`ErrorMessage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetails {
    /// The context, if the error is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_id: Option<ContextId>,
    /// When.
    pub timestamp: u64,
    /// Whether the same message may succeed later.
    pub retry_allowed: bool,
}

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
    },
    /// The palm is enrolled.
    Registered {
        /// Whose.
        user_id: UserId,
        /// An [`EnrolReceipt`], base64url.
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

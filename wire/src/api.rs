//! The public JSON of the gateway: REST bodies and the messages of its WebSockets.
//!
//! Binary values (manifest, evidence, captures, receipts) travel as base64url without padding of
//! their canonical encoding; ids as hexadecimal; amounts in the currency's smallest unit; times
//! as Unix milliseconds.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::id::{NetworkId, RequestId, ScannerId, TerminalId, UserId, VendorId};
use crate::job::Progress;
use crate::session::Signature;

mod device;
mod error;
mod receipt;
mod stream;
mod vendor;

pub use device::{FromScanner, FromUser, ToScanner, ToUser};
pub use error::{Envelope, ErrorDetails, ErrorMessage, Meta, Problem, PublishedError};
pub use receipt::{AuthReceipt, EnrolReceipt};
pub use stream::{Resume, StreamStart};
pub use vendor::{
    AttributeValue, AuthResult, FromVendor, Requirements, Timing, ToVendor, canonical_attribute,
};

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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestationResponse {
    /// What the collection is.
    #[serde(rename = "__cmwc_t")]
    pub collection: String,
    /// An evidence bundle.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, min_items = 2, max_items = 2))]
    pub bundle: (String, String),
    /// An [`HttpProof`] over this connection.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, min_items = 2, max_items = 2))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Free text of the app, at most 128 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 128))]
    pub device_id: Option<String>,
    /// "ios", "android", "web".
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 128))]
    pub platform: Option<String>,
    /// Version of the app.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 128))]
    pub app_version: Option<String>,
}

/// Answer of `POST /api/v1/register`, and what the app's QR code holds.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorRequest {
    /// Shown to customers.
    #[cfg_attr(
        feature = "openapi",
        schema(
            min_length = 1,
            max_length = 128,
            pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
        )
    )]
    pub name: String,
}

/// Answer of `POST /api/v1/admin/vendors`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorResponse {
    /// The new vendor.
    pub vendor_id: VendorId,
    /// Shown once; the gateway keeps a hash.
    pub api_key: String,
}

/// Body of `POST /api/v1/admin/scanners`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerRequest {
    /// Whose terminal it stands at.
    pub vendor_id: VendorId,
    /// The terminal.
    pub terminal_id: TerminalId,
}

/// Answer of `POST /api/v1/admin/scanners`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannerResponse {
    /// The new scanner.
    pub scanner_id: ScannerId,
    /// Shown once; the gateway keeps a hash.
    pub scanner_key: String,
}

/// Body of `POST /api/v1/admin/credits`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditRequest {
    /// Whose account.
    pub user_id: UserId,
    /// In the smallest unit; above zero.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 1, maximum = 1_000_000_000_000_000u64)
    )]
    pub amount: u64,
    /// ISO 4217 code.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    /// Chosen by the caller; repeating it changes nothing.
    pub request_id: RequestId,
}

/// Answer of `GET /api/v1/ledger/tokens/{user_id}`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceResponse {
    /// What may be spent, in the smallest unit.
    pub balance: i64,
}

/// Answer of `GET /api/v1/ledger/transactions/check/{transaction_id}`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionCheckResponse {
    /// Whether money moved; false means insufficient funds.
    pub success: bool,
}

/// Returns the schema of a text of a pattern.
#[cfg(feature = "openapi")]
pub(crate) fn text_schema(
    pattern: &str,
) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    utoipa::openapi::schema::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .pattern(Some(pattern))
        .into()
}

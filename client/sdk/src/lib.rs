//! What vendors, scanners, users and administrators build on: attested connections to a gateway,
//! palms split and sealed to the three parties, and receipts that anyone can check.
//!
//! - [`ClientTrust`], [`NetworkFile`]: whom a client believes, before it has spoken to anybody.
//! - [`Connection`]: HTTP and WebSockets to a gateway that has proved itself on that connection.
//! - [`SplitCapture`]: a palm in three shares, sealed to the parties' attested keys.
//! - [`ScannerClient`], [`VendorClient`], [`UserClient`], [`AdminClient`]: the four kinds of peer.
//! - [`receipt`]: checks of receipts, pure and offline.
//!
//! A client believes the vendors' hardware roots and the manifest that its network's approvers
//! signed. Gateways, hosts and networks in between are not believed.
#![forbid(unsafe_code)]

mod admin;
mod attested;
mod capture;
mod connection;
mod http;
mod platform;
pub mod receipt;
mod refused;
mod scanner;
mod standing;
mod text;
mod tls;
mod trust;
mod user;
mod vendor;
mod websocket;

pub use admin::{AdminClient, AdminError};
pub use attested::{ATTESTATION_PATH, AttestationError, GatewayEvidence};
pub use capture::{CaptureError, PalmCapture, SplitCapture};
pub use connection::{
    CONNECT_TIME_MAX, ConnectError, Connection, NetworkError, NetworkView, fetch_evidence,
    fetch_trust,
};
pub use http::{REQUEST_TIME_MAX, RequestError};
pub use platform::NoRandomness;
pub use receipt::{
    ExpectedContext, ReceiptError, VerifiedEnrolment, VerifiedPayment, VerifiedReceipt,
    verify_auth_receipt, verify_enrol_receipt,
};
pub use refused::Refused;
pub use scanner::{
    Accepted, OpenContext, ScannerClient, ScannerConfiguration, ScannerError, ScannerEvent,
    ScannerLogin,
};
pub use trust::{ClientTrust, NetworkFile, SimulatedSettings, TrustError};
pub use user::{Enrolled, UserClient, UserError};
pub use vendor::{ContextRequest, VendorClient, VendorError, VendorLogin, VendorResult};
pub use websocket::{StreamError, WebSocket};

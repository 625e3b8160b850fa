//! The session that binds keys to verified evidence.
//!
//! ```text
//!  TLS 1.3 (raw public keys, hybrid key exchange)      proves nothing about who is there
//!  Offer { nonce, evidence }              both ways     chip -> binding -> identity key
//!  Proof { signature }                    both ways     identity key -> this connection's exporter
//!  application messages                                 only now
//! ```
//!
//! Evidence in a certificate binds a key, and a key can be relayed; so both sides sign, after the
//! handshake, a statement over the TLS exporter, their own end, both bindings and both nonces.
//! A session opens only for the role and index that the edge expects.
//!
//! The crate is a state machine: bytes in, bytes out, time and randomness as arguments. The same
//! judgement ([`Trust::judge`]) serves hosts, custodians, gateways and clients.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod cms;
mod keys;
pub mod manifest;
mod overlap;
mod policy;
pub mod seal;
mod session;
pub mod setup;
mod statement;
mod taking;
mod tls;
mod trust;

pub use keys::{KeyError, LocalKeys, verify_signature};
pub use manifest::{ManifestError, VerifiedManifest};
pub use session::{Local, MESSAGE_BYTES_MAX, Peer, Session, SessionError};
pub use statement::{ProofError, is_signed_by, sign_reference, sign_statement, verify_statement};
pub use taking::TakeError;
pub use trust::{Expectation, JudgeError, Judged, Trust};

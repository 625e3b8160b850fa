//! Signed tokens in JSON, as credentials and clients' proofs are: JWS (RFC 7515) in its compact
//! form, public keys as JWK (RFC 7517) with their thumbprints (RFC 7638).
//!
//! A key brings its one algorithm along, ES256 or EdDSA, and a header that names another is
//! refused; so are objects with a name twice and extensions that must be understood. What a token
//! claims is its reader's to judge: the crate reads no clock and holds no private key.
#![forbid(unsafe_code)]

pub mod json;
mod jws;

pub use jws::{Algorithm, Jws, Key, KeyError, SignFailed, Signer};

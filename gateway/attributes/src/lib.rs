//! What a user is said to be, and who may learn it.
//!
//! - [`sd_jwt`]: credentials of which the holder shows as much as wanted (RFC 9901): issued, held,
//!   presented, verified.
//!
//! The crate reads no clock, holds no randomness and no private key, and does no I/O.
#![forbid(unsafe_code)]

pub mod sd_jwt;

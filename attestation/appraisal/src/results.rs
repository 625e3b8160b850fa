//! Results: a verdict as others read it.
//!
//! [`to_json`] writes our own JSON, which leaves nothing out. [`Ear`] is the standard form, an EAT
//! attestation result (EAR): [`ear_jwt`] and [`ear_cwt`] sign it, [`verify_ear_jwt`] and
//! [`verify_ear_cwt`] check one. Both say the same thing about one verdict; neither ever says
//! more than the verdict does.

mod ear;
mod json;
mod key;
mod token;

pub use ear::vector::{Claim, TrustVector, TrustworthinessTier};
pub use ear::{
    DEVELOPER, EAT_PROFILE, Ear, EarContext, EarError, Findings, JUDGED_SECONDS_MAX, NONCE_BYTES,
    Submodule,
};
pub use json::to_json;
pub use key::{EarKey, EarPublicKey, KeyError};
pub use token::{TokenError, ear_cwt, ear_jwt, verify_ear_cwt, verify_ear_jwt};

//! What stands around a verification and is none itself: the forms in which evidence arrives,
//! policies as files, collateral, and results as others read them.
//!
//! The verifier takes bytes, roots, time and a policy; this crate brings them and carries the
//! verdict away. [`envelope`] finds evidence and certificates in whatever a security team was
//! handed, [`policy`] reads the written policy, [`collateral`] finds missing certificates, and
//! [`results`] writes the verdict as JSON or as a signed EAT attestation result.
#![forbid(unsafe_code)]

mod cbor_writer;
pub mod collateral;
pub mod envelope;
pub mod policy;
pub mod results;

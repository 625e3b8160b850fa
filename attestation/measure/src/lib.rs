//! Expected launch measurements: what a vendor's hardware will say about an image, from its parts.
//!
//! - [`snp`]: the launch digest of an SEV-SNP guest, from firmware, kernel hashes and processors;
//!   the digests of SEV and SEV-ES beside it.
//! - [`eif`]: reader and writer of Nitro enclave images, and their PCRs.
//! - [`record`]: the inputs of a measurement with their hashes, as a small JSON file.
//! - [`diff`]: which input changed between two records, or which one explains a digest.
//!
//! The crate reads no file and has no clock; bytes are arguments. No input makes it panic, and
//! none makes it hold more memory than a small multiple of itself.
#![forbid(unsafe_code)]

pub mod diff;
pub mod eif;
mod hexed;
mod pem;
pub mod record;
pub mod snp;

pub use hexed::{Hex, HexError};
pub use pem::{PemError, certificate_of_pem};

//! Simulated hardware vendors: chips that sign genuine evidence formats under their own roots.
//!
#![doc = include_str!("../README.md")]

mod authority;
mod caller;
mod certificate;
mod chip;
mod der_writer;
pub mod forge;
mod harness;
mod key;
pub mod kms;
mod measure;
mod roots;
pub mod service;
mod store;
pub mod vectors;

pub use authority::Authority;
pub use chip::{Chip, ChipError, ChipModel, Firmware, NitroRequest, SnpRequest};
pub use harness::{AuthorityCertificate, Harness};
pub use key::SigningError;
pub use measure::{Launch, config_hash, measure, nitro_pcrs};
pub use roots::trusted_roots;
pub use store::StoreError;

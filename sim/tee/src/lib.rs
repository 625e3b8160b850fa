//! Simulated hardware vendors: chips that sign genuine evidence formats under their own roots.
//!
//! [`Authority`] is the vendor, [`Chip`] one machine's hardware, [`service`] the process that
//! plays a chip for the programs of a developer's machine, and [`forge`] builds the evidence
//! that an attacker would. The signatures are real and go through the same verifier as those
//! of real hardware; what makes them worthless outside a test is that production binaries
//! hold the vendors' roots and no others.
//!
//! A simulated chip protects nothing: whoever runs as the same user can read the keys, or
//! take over the process that was measured.

mod authority;
mod caller;
mod certificate;
mod chip;
mod der_writer;
pub mod forge;
mod key;
mod measure;
mod roots;
pub mod service;
mod store;

pub use authority::Authority;
pub use chip::{Chip, ChipError, ChipModel, Firmware, NitroRequest, SnpRequest};
pub use key::SigningError;
pub use measure::{Launch, config_hash, measure, nitro_pcrs};
pub use roots::trusted_roots;
pub use store::StoreError;

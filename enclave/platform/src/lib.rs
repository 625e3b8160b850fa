//! The drivers between a party and the machine it runs on: evidence and randomness.
//!
//! A party asks for evidence through [`EvidenceSource`] and gets [`RawEvidence`]: the bytes
//! that the hardware signed and the certificates that came with them. Nothing here judges
//! evidence; that is the verifier's work.
//!
//! - [`snp`]: AMD SEV-SNP through configfs-tsm or `/dev/sev-guest`.
//! - [`nitro`]: an AWS Nitro Enclave through `/dev/nsm`.
//! - [`chip_socket`]: a simulated chip of a developer's machine, over a Unix socket.
//! - [`detect`]: which of these a machine has.
//!
//! All are compiled always and chosen by looking. This crate uses files, sockets and two kinds
//! of `ioctl`, whose unsafe blocks are the only ones here; each device stands behind a trait, so
//! that the tests can put the kernel's side there.

pub mod chip_socket;
pub mod detect;
mod evidence;
pub mod nitro;
mod random;
pub mod snp;

pub use evidence::{
    EvidenceKind, EvidenceSource, NONCE_BYTES, PlatformError, RawEvidence, USER_DATA_BYTES,
};
pub use random::random;

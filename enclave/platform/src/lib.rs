//! The drivers between a party and the machine it runs on: evidence and randomness.
//!
//! A party asks for evidence through [`EvidenceSource`] and gets [`RawEvidence`]: the bytes
//! that the hardware signed and the certificates that came with them. Nothing here judges
//! evidence; that is the verifier's work.
//!
//! - [`snp`]: AMD SEV-SNP through the kernel's configfs-tsm interface.
//! - [`nitro`]: an AWS Nitro Enclave through `/dev/nsm`.
//! - [`chip_socket`]: a simulated chip of a developer's machine, over a Unix socket.
//!
//! This crate uses files, sockets and one `ioctl`, whose unsafe block is the only one here.

pub mod chip_socket;
mod evidence;
pub mod nitro;
mod random;
pub mod snp;

pub use evidence::{
    EvidenceKind, EvidenceSource, NONCE_BYTES, PlatformError, RawEvidence, USER_DATA_BYTES,
};
pub use random::random;

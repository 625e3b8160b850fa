//! Launch digests of AMD SEV-SNP, SEV-ES and SEV guests.
//!
//! ```text
//! firmware pages -> pages its metadata asks for -> one VMSA page per vCPU -> launch digest
//!                   (zero, secrets, CPUID, kernel hashes)
//! ```
//!
//! The chain starts from 48 zero bytes; each page adds a link, SHA-384 of a PAGE_INFO structure
//! (SEV-SNP firmware ABI §8.17.2). The firmware's own links depend on nothing else, so that its
//! [`Firmware`] facts stand for the file, and kernel, initrd and command line enter as SHA-256:
//! a digest can be computed again from a [record](crate::record) without any file.

mod chain;
mod cpu;
mod firmware;
mod kernel;
mod launch;
mod legacy;
mod vmsa;

pub use cpu::{CpuSignature, MODELS, Vmm};
pub use firmware::{Firmware, FirmwareError, Section, SectionKind};
pub use kernel::KernelHashes;
pub use launch::{Launch, LaunchError, VCPUS_MAX};
pub use legacy::{sev_digest, sev_es_digest};

#[cfg(test)]
pub(crate) use firmware::tests::small as firmware_for_tests;

//! Nitro enclave images: the file format, version 4, and the PCRs that follow from an image.
//!
//! ```text
//! header  magic, version, flags, defaults, offsets and sizes of up to 32 sections, CRC-32
//! section kernel | command line | metadata | ramdisk .. | signature     each with type and size
//!
//! PCR0 = kernel, command line, all ramdisks      PCR1 = kernel, command line, first ramdisk
//! PCR2 = the other ramdisks                      PCR8 = signing certificate (DER)
//! ```
//!
//! A PCR is SHA-384 of 48 zero bytes and the SHA-384 of its data. In AWS's format kernel, command
//! line and ramdisks are hashed one after the other without their lengths between them, so two
//! images that cut the same bytes at another place have the same PCRs. Metadata, defaults,
//! header and
//! architecture are not measured.
//!
//! The reader is stricter than the format's text: sections follow each other without gap or
//! overlap, reserved fields are zero, and kernel, command line and ramdisks stand in the order in
//! which they are measured. Reading an image checks no signature: PCR8 says only which certificate
//! the signature section *names*, and the hypervisor refuses to start an image whose signature is
//! wrong. [`SignatureSection::check`] verifies the signature against PCR0 when asked to; nothing
//! here judges who issued the certificate or when it is valid.

mod crc;
mod layout;
mod pcrs;
mod read;
mod signature;
mod write;

pub use layout::{Architecture, SectionType};
pub use pcrs::{Pcrs, pcr, pcr8};
pub use read::EifError;
pub use signature::{SignatureError, SignatureSection};
pub use write::EifWriteError;

/// An image in its parts, which borrow from the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image<'a> {
    /// For which processors it is built; not measured.
    pub architecture: Architecture,
    /// Memory that it asks for by default, in bytes; not measured.
    pub default_memory_bytes: u64,
    /// Processors that it asks for by default; not measured.
    pub default_cpus: u64,
    /// The kernel.
    pub kernel: &'a [u8],
    /// The kernel's command line.
    pub command_line: &'a [u8],
    /// How it was built, in JSON; not measured and not looked at here.
    pub metadata: &'a [u8],
    /// The ramdisks in their order.
    pub ramdisks: Vec<&'a [u8]>,
    /// The signature section as it lies in the file.
    pub signature: Option<&'a [u8]>,
}

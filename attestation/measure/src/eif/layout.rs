//! Where things lie in the file, and what may be there. All numbers are big-endian.

/// First bytes of an image.
pub(super) const MAGIC: [u8; 4] = *b".eif";
/// The version that is read and written.
pub(super) const VERSION: u16 = 4;
/// Flag of an image for AArch64; no other flag exists.
pub(super) const FLAG_AARCH64: u16 = 1;
/// Entries of the two arrays in the header.
pub(super) const SECTIONS_MAX: usize = 32;
/// Kernel, command line and metadata.
pub(super) const SECTIONS_MIN: usize = 3;
/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 548;
/// Where the checksum lies, which covers everything but itself.
pub(super) const CRC_AT: usize = 544;
/// Type, flags and size of a section.
pub(super) const SECTION_HEADER_BYTES: usize = 12;
/// Largest signature section.
pub(super) const SIGNATURE_BYTES_MAX: usize = 32_768;

/// Processors for which an image is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
    Aarch64,
}

impl Architecture {
    /// Returns its usual name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    pub(super) const fn flags(self) -> u16 {
        match self {
            Self::X86_64 => 0,
            Self::Aarch64 => FLAG_AARCH64,
        }
    }
}

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionType {
    /// The kernel.
    Kernel = 1,
    /// Its command line.
    CommandLine = 2,
    /// A part of the first file system.
    Ramdisk = 3,
    /// Certificate and signature over PCR0.
    Signature = 4,
    /// How the image was built.
    Metadata = 5,
}

impl SectionType {
    pub(super) const fn of(code: u16) -> Option<Self> {
        match code {
            1 => Some(Self::Kernel),
            2 => Some(Self::CommandLine),
            3 => Some(Self::Ramdisk),
            4 => Some(Self::Signature),
            5 => Some(Self::Metadata),
            _ => None,
        }
    }
}

impl std::fmt::Display for SectionType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::CommandLine => "command line",
            Self::Ramdisk => "ramdisk",
            Self::Signature => "signature",
            Self::Metadata => "metadata",
        })
    }
}

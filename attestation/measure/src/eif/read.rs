//! Reading an image, in which every byte must be accounted for.

use super::Image;
use super::crc::Crc;
use super::layout::{
    Architecture, CRC_AT, FLAG_AARCH64, HEADER_BYTES, MAGIC, SECTION_HEADER_BYTES, SECTIONS_MAX,
    SECTIONS_MIN, SIGNATURE_BYTES_MAX, SectionType, VERSION,
};

/// Why a file is no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EifError {
    /// The file is shorter than a header.
    #[error("{bytes} bytes: shorter than the header of an enclave image")]
    TooShort {
        /// Its size.
        bytes: usize,
    },
    /// The file does not begin as an image does.
    #[error("not an enclave image: it does not begin with .eif")]
    Magic,
    /// The version is another one than 4.
    #[error("image format version {version}, and only version {VERSION} is read")]
    Version {
        /// Which one.
        version: u16,
    },
    /// There are flags that do not exist.
    #[error("unknown flags in {flags:#06x}")]
    Flags {
        /// All flags.
        flags: u16,
    },
    /// A reserved field, or an entry beyond the last section, is not zero.
    #[error("the header is not zero at byte {at}, which is reserved or unused")]
    Reserved {
        /// Where.
        at: usize,
    },
    /// There cannot be so many sections.
    #[error("{sections} sections: not {SECTIONS_MIN} to {SECTIONS_MAX}")]
    SectionCount {
        /// How many.
        sections: u16,
    },
    /// A section does not begin where the one before it ends: there is a gap or an overlap.
    #[error("section {index} is said to begin at {stated}, but the one before ends at {end}")]
    SectionOffset {
        /// Which section, from 0.
        index: usize,
        /// Where the header says that it begins.
        stated: u64,
        /// Where it must begin.
        end: u64,
    },
    /// The file ends inside a section.
    #[error("the file ends inside section {index}: {needed} bytes are needed, {left} are left")]
    Truncated {
        /// Which section, from 0.
        index: usize,
        /// Bytes of the section with its header.
        needed: u64,
        /// Bytes to the end of the file.
        left: u64,
    },
    /// The file's header and the section's own differ about its size.
    #[error("section {index} has {own} bytes by its own header and {stated} by the file's")]
    SectionSize {
        /// Which section, from 0.
        index: usize,
        /// Size in the file's header.
        stated: u64,
        /// Size in the section's header.
        own: u64,
    },
    /// A section has a type that does not exist.
    #[error("section {index} has the unknown type {code}")]
    SectionType {
        /// Which section, from 0.
        index: usize,
        /// Its type.
        code: u16,
    },
    /// A section has flags, of which none exist.
    #[error("section {index} has the unknown flags {flags:#06x}")]
    SectionFlags {
        /// Which section, from 0.
        index: usize,
        /// Its flags.
        flags: u16,
    },
    /// A section stands twice of which there can be one.
    #[error("section {index} is a second {kind}")]
    SectionTwice {
        /// Which section, from 0.
        index: usize,
        /// Of which type.
        kind: SectionType,
    },
    /// Kernel, command line and ramdisks do not stand in the order in which they are measured.
    #[error("section {index}, a {kind}, stands before one that is measured earlier")]
    SectionOrder {
        /// Which section, from 0.
        index: usize,
        /// Of which type.
        kind: SectionType,
    },
    /// A section is not there without which no image starts.
    #[error("there is no {kind} section")]
    SectionMissing {
        /// Of which type.
        kind: SectionType,
    },
    /// The signature section is beyond its limit.
    #[error("a signature section of {bytes} bytes: more than {SIGNATURE_BYTES_MAX}")]
    SignatureSize {
        /// Its size.
        bytes: usize,
    },
    /// The file goes on after the last section.
    #[error("{bytes} bytes after the last section")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// The checksum is not that of the file.
    #[error("the checksum in the header is {stated:08x}, that of the file {computed:08x}")]
    Crc {
        /// The one in the header.
        stated: u32,
        /// The one of the file.
        computed: u32,
    },
}

impl<'a> Image<'a> {
    /// Reads an image. What it returns borrows from the file.
    ///
    /// # Errors
    /// If a byte of the file is not as it must be; structure is looked at before the checksum.
    pub fn parse(file: &'a [u8]) -> Result<Self, EifError> {
        let header = Header::parse(file)?;
        let mut parts = Parts::default();
        let mut end = HEADER_BYTES;
        for index in 0..header.sections {
            let (kind, data) = header.section(file, index, end)?;
            parts.take(index, kind, data)?;
            end += SECTION_HEADER_BYTES + data.len();
        }
        let image = parts.image(&header)?;
        if end != file.len() {
            let bytes = file.len() - end;
            return Err(EifError::Trailing { bytes });
        }
        let crc = Crc::new().update(&file[..CRC_AT]);
        let computed = crc.update(&file[HEADER_BYTES..]).finish();
        if computed != header.crc {
            let stated = header.crc;
            return Err(EifError::Crc { stated, computed });
        }
        Ok(image)
    }
}

/// The header, but for its arrays of offsets and sizes.
struct Header {
    architecture: Architecture,
    default_memory_bytes: u64,
    default_cpus: u64,
    sections: usize,
    crc: u32,
}

impl Header {
    fn parse(file: &[u8]) -> Result<Self, EifError> {
        let bytes = file.len();
        if !file.starts_with(&MAGIC) {
            return Err(EifError::Magic);
        }
        if bytes < HEADER_BYTES {
            return Err(EifError::TooShort { bytes });
        }
        let version = u16_at(file, 4);
        if version != VERSION {
            return Err(EifError::Version { version });
        }
        let architecture = match u16_at(file, 6) {
            0 => Architecture::X86_64,
            FLAG_AARCH64 => Architecture::Aarch64,
            flags => return Err(EifError::Flags { flags }),
        };
        let sections = u16_at(file, 26);
        let count = usize::from(sections);
        if !(SECTIONS_MIN..=SECTIONS_MAX).contains(&count) {
            return Err(EifError::SectionCount { sections });
        }
        let reserved = [24..26, offset_at(count)..SIZES_AT, size_at(count)..CRC_AT];
        let mut reserved = reserved.into_iter().flatten();
        if let Some(at) = reserved.find(|at| file[*at] != 0) {
            return Err(EifError::Reserved { at });
        }
        Ok(Self {
            architecture,
            default_memory_bytes: u64_at(file, 8),
            default_cpus: u64_at(file, 16),
            sections: count,
            crc: u32_at(file, CRC_AT),
        })
    }

    /// Returns type and data of a section that must begin where the one before ends.
    fn section<'a>(
        &self,
        file: &'a [u8],
        index: usize,
        end: usize,
    ) -> Result<(SectionType, &'a [u8]), EifError> {
        let stated = u64_at(file, offset_at(index));
        let size = u64_at(file, size_at(index));
        if stated != end as u64 {
            let end = end as u64;
            return Err(EifError::SectionOffset { index, stated, end });
        }
        let rest = &file[end..];
        let truncated = || EifError::Truncated {
            index,
            needed: size.saturating_add(SECTION_HEADER_BYTES as u64),
            left: rest.len() as u64,
        };
        let own = rest.split_at_checked(SECTION_HEADER_BYTES);
        let (own, data) = own.ok_or_else(truncated)?;
        if u64_at(own, 4) != size {
            let (stated, own) = (size, u64_at(own, 4));
            return Err(EifError::SectionSize { index, stated, own });
        }
        let length = usize::try_from(size).ok();
        let data = length.and_then(|length| data.get(..length));
        let data = data.ok_or_else(truncated)?;
        let code = u16_at(own, 0);
        let kind = SectionType::of(code).ok_or(EifError::SectionType { index, code })?;
        match u16_at(own, 2) {
            0 => Ok((kind, data)),
            flags => Err(EifError::SectionFlags { index, flags }),
        }
    }
}

/// The sections found so far.
#[derive(Default)]
struct Parts<'a> {
    kernel: Option<&'a [u8]>,
    command_line: Option<&'a [u8]>,
    metadata: Option<&'a [u8]>,
    ramdisks: Vec<&'a [u8]>,
    signature: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn take(&mut self, index: usize, kind: SectionType, data: &'a [u8]) -> Result<(), EifError> {
        let early = match kind {
            SectionType::CommandLine => self.kernel.is_none(),
            SectionType::Ramdisk => self.kernel.is_none() || self.command_line.is_none(),
            SectionType::Kernel | SectionType::Metadata | SectionType::Signature => false,
        };
        if early {
            return Err(EifError::SectionOrder { index, kind });
        }
        let slot = match kind {
            SectionType::Kernel => &mut self.kernel,
            SectionType::CommandLine => &mut self.command_line,
            SectionType::Metadata => &mut self.metadata,
            SectionType::Signature => &mut self.signature,
            SectionType::Ramdisk => {
                self.ramdisks.push(data);
                return Ok(());
            }
        };
        if slot.replace(data).is_some() {
            return Err(EifError::SectionTwice { index, kind });
        }
        let bytes = data.len();
        if kind == SectionType::Signature && bytes > SIGNATURE_BYTES_MAX {
            return Err(EifError::SignatureSize { bytes });
        }
        Ok(())
    }

    fn image(self, header: &Header) -> Result<Image<'a>, EifError> {
        let missing = |kind| EifError::SectionMissing { kind };
        Ok(Image {
            architecture: header.architecture,
            default_memory_bytes: header.default_memory_bytes,
            default_cpus: header.default_cpus,
            kernel: self.kernel.ok_or(missing(SectionType::Kernel))?,
            command_line: self.command_line.ok_or(missing(SectionType::CommandLine))?,
            metadata: self.metadata.ok_or(missing(SectionType::Metadata))?,
            ramdisks: self.ramdisks,
            signature: self.signature,
        })
    }
}

const OFFSETS_AT: usize = 28;
const SIZES_AT: usize = OFFSETS_AT + 8 * SECTIONS_MAX;

const fn offset_at(index: usize) -> usize {
    OFFSETS_AT + 8 * index
}

const fn size_at(index: usize) -> usize {
    SIZES_AT + 8 * index
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes[at..at + 2]
        .iter()
        .fold(0, |value, byte| value << 8 | u16::from(*byte))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4]
        .iter()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8]
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests;

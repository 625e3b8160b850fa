//! What the launch needs to know of a firmware file: its pages, and the two tables at its end.
//!
//! An OVMF image for SEV ends in a table that is read backwards from 32 bytes before the end: a
//! footer, then entries of data, length and GUID. Three entries count here: where the kernel
//! hashes are expected, where processors other than the first begin, and where the SEV metadata
//! lie, a list of pages that the firmware wants prepared.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::chain::{Chain, PAGE_BYTES};
use crate::Hex;

/// `96b582de-1fb2-45f7-baea-a366c55a082d`, as it lies in memory.
const FOOTER: [u8; 16] = guid(0x96b5_82de, 0x1fb2, 0x45f7, 0xbaea_a366_c55a_082d);
/// `7255371f-3a3b-4b04-927b-1da6efa8d454`: address of the table of kernel hashes.
const HASHES_TABLE: [u8; 16] = guid(0x7255_371f, 0x3a3b, 0x4b04, 0x927b_1da6_efa8_d454);
/// `00f771de-1a7e-4fcb-890e-68c77e2fb44e`: first instruction of the other processors.
const RESET_BLOCK: [u8; 16] = guid(0x00f7_71de, 0x1a7e, 0x4fcb, 0x890e_68c7_7e2f_b44e);
/// `dc886566-984a-4798-a75e-5585a7bf67cc`: where the SEV metadata lie.
const METADATA: [u8; 16] = guid(0xdc88_6566, 0x984a, 0x4798, 0xa75e_5585_a7bf_67cc);

/// Bytes of the reset vector after the table.
const AFTER_TABLE_BYTES: usize = 32;
/// Length and GUID of an entry.
const ENTRY_BYTES: usize = 18;
const METADATA_HEADER_BYTES: usize = 16;
const SECTION_BYTES: usize = 12;
/// Firmware ends where the address space of 32 bits does.
const FOUR_GIB: u64 = 1 << 32;
/// Largest firmware.
const FIRMWARE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most sections of the metadata; OVMF has about six.
const SECTIONS_MAX: usize = 64;
/// Most pages that the metadata may ask for, so that a hostile file cannot ask for work without
/// end; OVMF asks for a few dozen.
const SECTION_PAGES_MAX: u64 = 16_384;

/// The facts of a firmware that decide a launch digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firmware {
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, for people to compare.
    pub sha256: Hex<32>,
    /// The launch digest after the firmware's pages alone.
    pub pages_digest: Hex<48>,
    /// Where processors other than the first begin.
    pub reset_address: Option<u32>,
    /// Where the firmware expects the table of kernel hashes.
    pub hashes_address: Option<u32>,
    /// The pages that the metadata ask for, in their order; `None` without metadata.
    pub sections: Option<Vec<Section>>,
}

/// A run of pages that the firmware wants prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// What they are for.
    pub kind: SectionKind,
    /// Guest physical address of the first.
    pub address: u32,
    /// How many bytes.
    pub bytes: u32,
}

/// What prepared pages are for (OvmfSevMetadata.asm of EDK II).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKind {
    /// Memory that must be valid before the firmware runs.
    Memory,
    /// The page with the guest's secrets.
    Secrets,
    /// The page with CPUID values.
    Cpuid,
    /// The calling area of a secure service module.
    SvsmCallingArea,
    /// The page with the table of kernel hashes.
    KernelHashes,
}

/// Why a file is no firmware for SEV.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FirmwareError {
    /// The file is empty, not whole pages, or beyond the limit.
    #[error("a firmware of {bytes} bytes: not 1 to 16384 whole pages of 4096 bytes")]
    Size {
        /// Its size.
        bytes: usize,
    },
    /// The file does not end in an OVMF table.
    #[error("no OVMF table at the end: not a firmware built for SEV")]
    NoTable,
    /// The table or an entry of it claims more or fewer bytes than it can have.
    #[error("the OVMF table is damaged: an entry of {bytes} bytes")]
    TableEntry {
        /// The length that is claimed.
        bytes: u16,
    },
    /// An entry of the table stands twice.
    #[error("the OVMF table has the entry {name} twice")]
    EntryTwice {
        /// Which one.
        name: &'static str,
    },
    /// An entry has fewer than 4 bytes of data.
    #[error("the OVMF table's entry {name} has no address")]
    EntryShort {
        /// Which one.
        name: &'static str,
    },
    /// The metadata do not lie in the file.
    #[error("the SEV metadata lie outside the file")]
    MetadataOutside,
    /// The metadata do not begin with `ASEV`, version 1.
    #[error("the SEV metadata have no known signature and version")]
    MetadataUnknown,
    /// The metadata list more sections than they have bytes for, or than the limit.
    #[error("the SEV metadata list {sections} sections, for which there is no room")]
    MetadataSections {
        /// How many.
        sections: u32,
    },
    /// A section has a type that is not known.
    #[error("the SEV metadata ask for a section of unknown type {kind}")]
    SectionUnknown {
        /// Its type.
        kind: u32,
    },
    /// A section is not made of whole pages below 4 GiB, or not of one where one is meant.
    #[error("the SEV metadata ask for {bytes} bytes at {address:#x} ({kind:?}): not proper pages")]
    SectionPages {
        /// What it is for.
        kind: SectionKind,
        /// Where it begins.
        address: u32,
        /// Its size.
        bytes: u32,
    },
    /// The sections together have more pages than the limit.
    #[error("the SEV metadata ask for {pages} pages, more than {SECTION_PAGES_MAX}")]
    TooManyPages {
        /// How many.
        pages: u64,
    },
}

impl Firmware {
    /// Reads a firmware file.
    ///
    /// # Errors
    /// If it is not a firmware built for SEV, or its tables are damaged.
    pub fn parse(file: &[u8]) -> Result<Self, FirmwareError> {
        let (pages, rest) = file.as_chunks::<PAGE_BYTES>();
        if pages.is_empty() || !rest.is_empty() || file.len() > FIRMWARE_BYTES_MAX {
            return Err(FirmwareError::Size { bytes: file.len() });
        }
        let table = Table::parse(file)?;
        let bytes = file.len() as u64;
        let mut chain = Chain::START;
        chain.normal_pages(FOUR_GIB - bytes, pages);
        let firmware = Self {
            bytes,
            sha256: Hex(Sha256::digest(file).into()),
            pages_digest: Hex(chain.0),
            reset_address: table.reset_block,
            hashes_address: table.hashes_table.filter(|address| *address != 0),
            sections: table
                .metadata
                .map(|offset| sections(file, offset))
                .transpose()?,
        };
        firmware.check()?;
        Ok(firmware)
    }

    /// Checks that every section can be measured, also for facts that did not come from a file.
    ///
    /// # Errors
    /// If one is not made of proper pages, or all together have too many.
    pub fn check(&self) -> Result<(), FirmwareError> {
        let mut pages = 0;
        for section in self.sections.iter().flatten() {
            section.check()?;
            pages += section.pages();
        }
        if pages > SECTION_PAGES_MAX {
            return Err(FirmwareError::TooManyPages { pages });
        }
        Ok(())
    }

    /// Says whether the firmware checks kernel, initrd and command line against a measured table.
    pub fn takes_kernel_hashes(&self) -> bool {
        let mut sections = self.sections.iter().flatten();
        self.hashes_address.is_some()
            && sections.any(|section| section.kind == SectionKind::KernelHashes)
    }
}

impl Section {
    /// How many pages it has.
    pub const fn pages(&self) -> u64 {
        (self.bytes as u64).div_ceil(PAGE_BYTES as u64)
    }

    fn check(&self) -> Result<(), FirmwareError> {
        let Self {
            kind,
            address,
            bytes,
        } = *self;
        let page = PAGE_BYTES as u64;
        let (start, length) = (u64::from(address), u64::from(bytes));
        let whole = start.is_multiple_of(page) && length.is_multiple_of(page);
        let sized = match kind {
            SectionKind::Memory | SectionKind::SvsmCallingArea => length > 0,
            SectionKind::Secrets | SectionKind::Cpuid | SectionKind::KernelHashes => length == page,
        };
        if whole && sized && start + length <= FOUR_GIB {
            return Ok(());
        }
        Err(FirmwareError::SectionPages {
            kind,
            address,
            bytes,
        })
    }
}

/// The entries that count.
#[derive(Debug, Default)]
struct Table {
    hashes_table: Option<u32>,
    reset_block: Option<u32>,
    metadata: Option<u32>,
}

impl Table {
    fn parse(file: &[u8]) -> Result<Self, FirmwareError> {
        let end = file.len().checked_sub(AFTER_TABLE_BYTES);
        let before = end.and_then(|end| file.get(..end));
        let (mut rest, size, name) = before.and_then(entry).ok_or(FirmwareError::NoTable)?;
        if name != FOOTER {
            return Err(FirmwareError::NoTable);
        }
        // The footer's length is that of the whole table.
        let length = usize::from(size).checked_sub(ENTRY_BYTES);
        let start = length.and_then(|length| rest.len().checked_sub(length));
        let start = start.ok_or(FirmwareError::TableEntry { bytes: size })?;
        rest = &rest[start..];
        let mut table = Self::default();
        while let Some((before, size, guid)) = entry(rest) {
            let length = usize::from(size).checked_sub(ENTRY_BYTES);
            let start = length.and_then(|length| before.len().checked_sub(length));
            let start = start.ok_or(FirmwareError::TableEntry { bytes: size })?;
            table.note(guid, &before[start..])?;
            rest = &before[..start];
        }
        Ok(table)
    }

    fn note(&mut self, guid: [u8; 16], data: &[u8]) -> Result<(), FirmwareError> {
        let (slot, name) = match guid {
            HASHES_TABLE => (&mut self.hashes_table, "hashes table"),
            RESET_BLOCK => (&mut self.reset_block, "reset block"),
            METADATA => (&mut self.metadata, "metadata"),
            _ => return Ok(()),
        };
        let word = data
            .first_chunk()
            .ok_or(FirmwareError::EntryShort { name })?;
        match slot.replace(u32::from_le_bytes(*word)) {
            None => Ok(()),
            Some(_) => Err(FirmwareError::EntryTwice { name }),
        }
    }
}

/// Splits the last entry's length and GUID off what lies before them.
fn entry(bytes: &[u8]) -> Option<(&[u8], u16, [u8; 16])> {
    let (rest, guid) = bytes.split_last_chunk::<16>()?;
    let (rest, size) = rest.split_last_chunk::<2>()?;
    Some((rest, u16::from_le_bytes(*size), *guid))
}

fn sections(file: &[u8], from_end: u32) -> Result<Vec<Section>, FirmwareError> {
    let outside = FirmwareError::MetadataOutside;
    let from_end = usize::try_from(from_end).map_err(|_| outside.clone())?;
    let start = file.len().checked_sub(from_end).ok_or(outside.clone())?;
    let (header, rest) = file[start..]
        .split_at_checked(METADATA_HEADER_BYTES)
        .ok_or(outside)?;
    let (words, _) = header.as_chunks::<4>();
    let [signature, size, version, count] = words else {
        return Err(FirmwareError::MetadataOutside);
    };
    if signature != b"ASEV" || u32::from_le_bytes(*version) != 1 {
        return Err(FirmwareError::MetadataUnknown);
    }
    let sections = u32::from_le_bytes(*count);
    let refused = FirmwareError::MetadataSections { sections };
    let wanted = usize::try_from(sections).map_err(|_| refused.clone())?;
    let stated = usize::try_from(u32::from_le_bytes(*size)).map_err(|_| refused.clone())?;
    let listed = stated.checked_sub(METADATA_HEADER_BYTES);
    let listed = listed.and_then(|length| rest.get(..length));
    let (listed, _) = listed.unwrap_or_default().as_chunks::<SECTION_BYTES>();
    if wanted > SECTIONS_MAX || wanted > listed.len() {
        return Err(refused);
    }
    listed[..wanted].iter().map(section).collect()
}

fn section(bytes: &[u8; SECTION_BYTES]) -> Result<Section, FirmwareError> {
    let word =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let kind = match word(8) {
        1 => SectionKind::Memory,
        2 => SectionKind::Secrets,
        3 => SectionKind::Cpuid,
        4 => SectionKind::SvsmCallingArea,
        0x10 => SectionKind::KernelHashes,
        kind => return Err(FirmwareError::SectionUnknown { kind }),
    };
    Ok(Section {
        kind,
        address: word(0),
        bytes: word(4),
    })
}

/// Lays a GUID out as in memory: the first three fields are little-endian, the rest is not.
pub(super) const fn guid(first: u32, second: u16, third: u16, rest: u64) -> [u8; 16] {
    let (a, b, c, d) = (
        first.to_le_bytes(),
        second.to_le_bytes(),
        third.to_le_bytes(),
        rest.to_be_bytes(),
    );
    [
        a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6],
        d[7],
    ]
}

#[cfg(test)]
pub(crate) mod tests;

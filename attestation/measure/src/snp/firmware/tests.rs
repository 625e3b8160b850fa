//! Small firmware images, sound and damaged.

use super::*;

/// Builds a firmware of two pages whose tables lie as in OVMF.
pub(crate) struct Builder {
    code: u8,
    entries: Vec<([u8; 16], Vec<u8>)>,
    sections: Vec<[u32; 3]>,
    header: [u32; 4],
    metadata_from_end: u32,
}

impl Default for Builder {
    fn default() -> Self {
        let sections = vec![
            [0x80_0000, 0x2000, 1],
            [0x80_2000, 0x1000, 2],
            [0x80_3000, 0x1000, 3],
            [0x80_4000, 0x1000, 4],
            [0x80_5000, 0x1000, 0x10],
        ];
        Self {
            code: 1,
            entries: vec![
                (METADATA, vec![]),
                (RESET_BLOCK, 0x80_b004_u32.to_le_bytes().to_vec()),
                (
                    HASHES_TABLE,
                    [0x80_5c00_u32.to_le_bytes(), 0x400_u32.to_le_bytes()].concat(),
                ),
            ],
            header: [u32::from_le_bytes(*b"ASEV"), 16 + 12 * 5, 1, 5],
            sections,
            metadata_from_end: 1024,
        }
    }
}

impl Builder {
    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    fn section(mut self, section: [u32; 3]) -> Self {
        self.sections[0] = section;
        self
    }

    fn header(mut self, index: usize, value: u32) -> Self {
        self.header[index] = value;
        self
    }

    fn entry(mut self, guid: [u8; 16], data: &[u8]) -> Self {
        self.entries.push((guid, data.to_vec()));
        self
    }

    pub(crate) fn build(self) -> Vec<u8> {
        let mut file = vec![self.code; 2 * PAGE_BYTES];
        let words = self
            .header
            .into_iter()
            .chain(self.sections.into_iter().flatten());
        let metadata: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        let start = file.len() - 1024;
        file[start..start + metadata.len()].copy_from_slice(&metadata);

        let mut table = vec![];
        for (guid, data) in self.entries {
            let from_end = self.metadata_from_end.to_le_bytes();
            let data = if guid == METADATA && data.is_empty() {
                &from_end[..]
            } else {
                &data
            };
            table.extend_from_slice(data);
            let length = u16::try_from(data.len() + ENTRY_BYTES).unwrap();
            table.extend(length.to_le_bytes());
            table.extend(guid);
        }
        let length = u16::try_from(table.len() + ENTRY_BYTES).unwrap();
        table.extend(length.to_le_bytes());
        table.extend(FOOTER);
        let end = file.len() - AFTER_TABLE_BYTES;
        file[end - table.len()..end].copy_from_slice(&table);
        file
    }
}

/// A firmware with a section of each kind.
pub(crate) fn small() -> Firmware {
    Firmware::parse(&Builder::default().build()).unwrap()
}

#[test]
fn the_tables_at_the_end_are_read() {
    let firmware = small();

    assert_eq!(firmware.bytes, 8192);
    assert_eq!(firmware.reset_address, Some(0x80_b004));
    assert_eq!(firmware.hashes_address, Some(0x80_5c00));
    assert!(firmware.takes_kernel_hashes());
    let sections = firmware.sections.unwrap();
    let kinds: Vec<_> = sections.iter().map(|section| section.kind).collect();
    assert_eq!(
        kinds,
        [
            SectionKind::Memory,
            SectionKind::Secrets,
            SectionKind::Cpuid,
            SectionKind::SvsmCallingArea,
            SectionKind::KernelHashes
        ]
    );
    assert_eq!(sections[0].pages(), 2);
}

#[test]
fn an_entry_that_is_not_known_is_passed_over() {
    let unknown = [0x5a; 16];
    let file = Builder::default()
        .entry(unknown, b"")
        .entry(unknown, b"x")
        .build();

    assert_eq!(Firmware::parse(&file).unwrap().sections, small().sections);
}

#[test]
fn files_of_other_kinds_are_refused() {
    for bytes in [0, 1, 4095, 4097] {
        let error = FirmwareError::Size { bytes };
        assert_eq!(Firmware::parse(&vec![0; bytes]), Err(error));
    }
    assert_eq!(Firmware::parse(&[0; 4096]), Err(FirmwareError::NoTable));
}

#[test]
fn damaged_tables_are_refused() {
    let guid_at = |file: &[u8], guid: [u8; 16]| {
        let at = file.windows(16).rposition(|window| window == guid);
        at.unwrap()
    };
    let with_length = |guid, length: u16| {
        let mut file = Builder::default().build();
        let at = guid_at(&file, guid);
        file[at - 2..at].copy_from_slice(&length.to_le_bytes());
        Firmware::parse(&file)
    };
    for (guid, bytes) in [
        (FOOTER, 17),
        (FOOTER, u16::MAX),
        (HASHES_TABLE, 0),
        (HASHES_TABLE, 17),
        (HASHES_TABLE, 2000),
    ] {
        assert_eq!(
            with_length(guid, bytes),
            Err(FirmwareError::TableEntry { bytes })
        );
    }
    let twice = Builder::default().entry(RESET_BLOCK, &[0; 4]).build();
    let name = "reset block";
    assert_eq!(
        Firmware::parse(&twice),
        Err(FirmwareError::EntryTwice { name })
    );
    let name = "hashes table";
    assert_eq!(
        with_length(HASHES_TABLE, 21),
        Err(FirmwareError::EntryShort { name })
    );
}

#[test]
fn damaged_metadata_are_refused() {
    let far = |metadata_from_end| Builder {
        metadata_from_end,
        ..Builder::default()
    };
    let sections = |sections| FirmwareError::MetadataSections { sections };
    let pages = |address, bytes| FirmwareError::SectionPages {
        kind: SectionKind::Memory,
        address,
        bytes,
    };
    let builder = Builder::default;
    let cases = [
        (far(0), FirmwareError::MetadataOutside),
        (far(15), FirmwareError::MetadataOutside),
        (far(8193), FirmwareError::MetadataOutside),
        (far(u32::MAX), FirmwareError::MetadataOutside),
        (far(1025), FirmwareError::MetadataUnknown),
        (builder().header(2, 2), FirmwareError::MetadataUnknown),
        (builder().header(1, 0), sections(5)),
        (builder().header(1, u32::MAX), sections(5)),
        (builder().header(3, 6), sections(6)),
        (builder().header(3, u32::MAX), sections(u32::MAX)),
        (
            builder().section([0, 4096, 5]),
            FirmwareError::SectionUnknown { kind: 5 },
        ),
        (builder().section([1, 4096, 1]), pages(1, 4096)),
        (builder().section([0, 4095, 1]), pages(0, 4095)),
        (builder().section([0, 0, 1]), pages(0, 0)),
        (
            builder().section([0xffff_f000, 0x2000, 1]),
            pages(0xffff_f000, 0x2000),
        ),
        (
            builder().section([0, 0x2000_0000, 1]),
            FirmwareError::TooManyPages { pages: 0x2_0004 },
        ),
    ];
    for (builder, error) in cases {
        assert_eq!(Firmware::parse(&builder.build()), Err(error));
    }
    let two_pages = builder().section([0, 0x2000, 2]).build();
    let kind = SectionKind::Secrets;
    let (address, bytes) = (0, 0x2000);
    assert_eq!(
        Firmware::parse(&two_pages),
        Err(FirmwareError::SectionPages {
            kind,
            address,
            bytes
        })
    );
}

#[test]
fn no_byte_of_the_tables_makes_the_reader_panic() {
    let file = Builder::default().build();
    for at in file.len() - 1100..file.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut damaged = file.clone();
            damaged[at] = value;
            let _ = Firmware::parse(&damaged);
        }
    }
}

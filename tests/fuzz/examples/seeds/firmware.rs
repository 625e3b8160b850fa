//! The end of a firmware for SEV-SNP guests, with the tables that a launch looks at.

const PAGE_BYTES: usize = 4096;
const AFTER_TABLE_BYTES: usize = 32;
const ENTRY_BYTES: usize = 18;

const FOOTER: [u8; 16] = *b"\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d";
const HASHES_TABLE: [u8; 16] = *b"\x1f\x37\x55\x72\x3b\x3a\x04\x4b\x92\x7b\x1d\xa6\xef\xa8\xd4\x54";
const RESET_BLOCK: [u8; 16] = *b"\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e";
const METADATA: [u8; 16] = *b"\x66\x65\x88\xdc\x4a\x98\x98\x47\xa7\x5e\x55\x85\xa7\xbf\x67\xcc";

/// Address, bytes and kind of the pages that the metadata ask for.
const SECTIONS: [[u32; 3]; 5] = [
    [0x80_0000, 0x9000, 1],
    [0x80_a000, 0x3000, 1],
    [0x80_d000, 0x1000, 2],
    [0x80_e000, 0x1000, 3],
    [0x81_0000, 0x1000, 0x10],
];
/// Where the metadata begin, from the start of the page.
const METADATA_AT: usize = 0x200;

/// A firmware of one page.
pub(crate) fn page() -> Vec<u8> {
    let mut entries = vec![];
    let from_end = u32::try_from(PAGE_BYTES - METADATA_AT).unwrap_or(u32::MAX);
    for (guid, word) in [
        (METADATA, from_end),
        (RESET_BLOCK, 0x80_b004),
        (HASHES_TABLE, 0x81_0c00),
    ] {
        entries.extend_from_slice(&word.to_le_bytes());
        entries.extend_from_slice(&length(ENTRY_BYTES + 4));
        entries.extend_from_slice(&guid);
    }
    let whole = entries.len() + ENTRY_BYTES;
    entries.extend_from_slice(&length(whole));
    entries.extend_from_slice(&FOOTER);

    let mut file = vec![0; PAGE_BYTES];
    let end = PAGE_BYTES - AFTER_TABLE_BYTES;
    file[end - whole..end].copy_from_slice(&entries);
    let metadata = metadata();
    file[METADATA_AT..METADATA_AT + metadata.len()].copy_from_slice(&metadata);
    file
}

fn metadata() -> Vec<u8> {
    let count = u32::try_from(SECTIONS.len()).unwrap_or(u32::MAX);
    let words = [16 + 12 * count, 1, count].into_iter();
    let words = words.chain(SECTIONS.into_iter().flatten());
    let words = words.flat_map(u32::to_le_bytes);
    b"ASEV".iter().copied().chain(words).collect()
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_le_bytes()
}

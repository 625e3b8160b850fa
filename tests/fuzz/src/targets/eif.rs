//! Nitro enclave images.

use boop_measure::eif::{EifError, Image, SignatureSection};

/// Where the checksum stands, and where the first section begins.
const CRC_AT: usize = 544;
const HEADER_BYTES: usize = 548;
/// Type, flags and size before a section's data.
const SECTION_HEADER_BYTES: usize = 12;

pub(crate) fn run(data: &[u8]) {
    signature_section(data);
    match Image::parse(data) {
        Ok(image) => hold(data, &image),
        // No fuzzer finds a checksum, so the right one is put in.
        Err(EifError::Crc { computed, .. }) => {
            let mut mended = data.to_vec();
            mended[CRC_AT..HEADER_BYTES].copy_from_slice(&computed.to_be_bytes());
            let image = Image::parse(&mended).expect("only the checksum was wrong");
            hold(&mended, &image);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn hold(file: &[u8], image: &Image<'_>) {
    let written = image.to_bytes().expect("what was read can be written");
    assert_eq!(written.len(), file.len(), "every byte is accounted for");
    assert_eq!(Image::parse(&written).as_ref(), Ok(image));
    if is_in_order(file) {
        assert!(written == file, "a reader and its writer differ");
    }
    let measured = image.measured();
    if let Ok(pcrs) = image.pcrs() {
        assert_eq!(pcrs.pcr0, measured.pcr0);
    }
    if let Some(section) = image.signature {
        signature_section(section);
    }
}

fn signature_section(data: &[u8]) {
    let Ok(section) = SignatureSection::parse(data) else {
        return;
    };
    let pcr0 = boop_measure::eif::pcr([data]);
    let believed = section.check(&pcr0, |_, _, _| true);
    let doubted = section.check(&pcr0, |_, _, _| false);
    assert!(doubted.is_err(), "a signature nobody believes passes");
    assert!(believed.is_ok() || believed == doubted);
}

/// Whether the sections stand as the writer puts them.
fn is_in_order(file: &[u8]) -> bool {
    let mut ranks = vec![];
    let mut rest = &file[HEADER_BYTES..];
    while let Some((header, after)) = rest.split_at_checked(SECTION_HEADER_BYTES) {
        // Kernel, command line, metadata, ramdisks, signature.
        ranks.push(match header[1] {
            5 => 2,
            3 => 3,
            code => code,
        });
        let bytes = header[4..].iter().fold(0_usize, |sum, byte| {
            sum.wrapping_shl(8) | usize::from(*byte)
        });
        rest = after.get(bytes..).unwrap_or_default();
    }
    ranks.is_sorted()
}

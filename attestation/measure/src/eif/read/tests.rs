//! Images made from small parts, and what of them is refused.

use super::super::signature::tests::section;
use super::super::{EifWriteError, SignatureError};
use super::*;

const RAMDISKS: [&[u8]; 3] = [b"first", b"second", b"third"];

fn image(ramdisks: usize) -> Image<'static> {
    Image {
        architecture: Architecture::X86_64,
        default_memory_bytes: 1 << 30,
        default_cpus: 2,
        kernel: b"kernel",
        command_line: b"console=ttyS0",
        metadata: b"{}",
        ramdisks: RAMDISKS[..ramdisks].to_vec(),
        signature: None,
    }
}

/// Writes the checksum that a changed file has.
fn resealed(mut file: Vec<u8>) -> Vec<u8> {
    let crc = Crc::new().update(&file[..CRC_AT]);
    let crc = crc.update(&file[HEADER_BYTES..]).finish();
    file[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_be_bytes());
    file
}

/// Writes an image and changes bytes of it.
fn changed(image: &Image<'_>, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = image.to_bytes().unwrap();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    resealed(file)
}

#[test]
fn an_image_reads_as_it_was_written() {
    let signature = section();
    for ramdisks in 0..=3 {
        for architecture in [Architecture::X86_64, Architecture::Aarch64] {
            for signature in [None, Some(&signature[..])] {
                let image = Image {
                    architecture,
                    signature,
                    ..image(ramdisks)
                };
                let file = image.to_bytes().unwrap();

                assert_eq!(Image::parse(&file), Ok(image));
            }
        }
    }
}

#[test]
fn pcrs_measure_the_parts_they_are_said_to() {
    let all = image(3).pcrs().unwrap();
    let change = |change: &dyn Fn(&mut Image<'static>)| {
        let mut image = image(3);
        change(&mut image);
        let pcrs = image.pcrs().unwrap();
        [
            pcrs.pcr0 != all.pcr0,
            pcrs.pcr1 != all.pcr1,
            pcrs.pcr2 != all.pcr2,
        ]
    };

    assert_eq!(change(&|it| it.kernel = b"Kernel"), [true, true, false]);
    assert_eq!(change(&|it| it.command_line = b""), [true, true, false]);
    assert_eq!(change(&|it| it.ramdisks[0] = b"x"), [true, true, false]);
    assert_eq!(change(&|it| it.ramdisks[1] = b"x"), [true, false, true]);
    assert_eq!(change(&|it| it.ramdisks[2] = b"x"), [true, false, true]);
    assert_eq!(change(&|it| it.ramdisks.swap(1, 2)), [true, false, true]);
    assert_eq!(change(&|it| it.metadata = b"[]"), [false; 3]);
    assert_eq!(change(&|it| it.default_cpus = 9), [false; 3]);
    assert_eq!(
        change(&|it| it.architecture = Architecture::Aarch64),
        [false; 3]
    );
    assert_eq!(all.pcr8, None);
    assert_eq!(image(1).measured().pcr2, image(0).measured().pcr2);
}

#[test]
fn pcr8_measures_the_certificate_and_changes_no_other() {
    let section = section();
    let signed = Image {
        signature: Some(&section),
        ..image(2)
    };

    let pcrs = signed.pcrs().unwrap();

    let certificate = super::super::SignatureSection::parse(&section)
        .unwrap()
        .certificate;
    assert_eq!(pcrs.pcr8, Some(super::super::pcr8(&certificate)));
    assert_eq!(pcrs.pcr0, image(2).measured().pcr0);
    let broken = Image {
        signature: Some(b"broken"),
        ..image(2)
    };
    assert_eq!(broken.pcrs(), Err(SignatureError::Form));
}

#[test]
fn a_header_that_is_not_as_it_must_be_is_refused() {
    let file = image(2).to_bytes().unwrap();
    let at = |at, bytes: &[u8]| Image::parse(&changed(&image(2), at, bytes)).unwrap_err();

    assert_eq!(Image::parse(b""), Err(EifError::Magic));
    assert_eq!(Image::parse(b".eif"), Err(EifError::TooShort { bytes: 4 }));
    let short = &file[..547];
    assert_eq!(Image::parse(short), Err(EifError::TooShort { bytes: 547 }));
    assert_eq!(at(0, b"x"), EifError::Magic);
    assert_eq!(at(4, &[0, 3]), EifError::Version { version: 3 });
    assert_eq!(at(6, &[0, 2]), EifError::Flags { flags: 2 });
    assert_eq!(at(24, &[0, 1]), EifError::Reserved { at: 25 });
    assert_eq!(at(26, &[0, 2]), EifError::SectionCount { sections: 2 });
    assert_eq!(at(26, &[0, 33]), EifError::SectionCount { sections: 33 });
    assert_eq!(
        at(offset_at(5) + 7, &[1]),
        EifError::Reserved {
            at: offset_at(5) + 7
        }
    );
    assert_eq!(
        at(size_at(31) + 7, &[1]),
        EifError::Reserved {
            at: size_at(31) + 7
        }
    );
    assert_eq!(at(541, &[1]), EifError::Reserved { at: 541 });
}

#[test]
fn sections_with_gaps_overlaps_or_other_sizes_are_refused() {
    let word = |value: u64| value.to_be_bytes();
    let at = |at, bytes: &[u8]| Image::parse(&changed(&image(2), at, bytes)).unwrap_err();
    let second = 548 + 12 + 6;

    for stated in [second - 1, second + 1, 0, 548, u64::MAX] {
        let (index, end) = (1, second);
        let error = EifError::SectionOffset { index, stated, end };
        assert_eq!(at(offset_at(1), &word(stated)), error);
    }
    let error = EifError::SectionSize {
        index: 0,
        stated: 7,
        own: 6,
    };
    assert_eq!(at(size_at(0), &word(7)), error);
    let error = EifError::SectionSize {
        index: 0,
        stated: 6,
        own: u64::MAX,
    };
    assert_eq!(at(548 + 4, &word(u64::MAX)), error);
    assert_eq!(
        at(548, &[0, 0]),
        EifError::SectionType { index: 0, code: 0 }
    );
    assert_eq!(
        at(548, &[0, 6]),
        EifError::SectionType { index: 0, code: 6 }
    );
    assert_eq!(
        at(550, &[0, 1]),
        EifError::SectionFlags { index: 0, flags: 1 }
    );
}

#[test]
fn a_size_beyond_the_file_is_a_truncation() {
    let mut file = changed(&image(2), size_at(0), &u64::MAX.to_be_bytes());
    file[548 + 4..548 + 12].copy_from_slice(&u64::MAX.to_be_bytes());
    let left = file.len() as u64 - 548;

    let needed = u64::MAX;
    assert_eq!(
        Image::parse(&resealed(file)),
        Err(EifError::Truncated {
            index: 0,
            needed,
            left
        })
    );
}

#[test]
fn every_truncation_is_refused() {
    let file = image(2).to_bytes().unwrap();
    for length in 548..file.len() {
        let error = Image::parse(&file[..length]).unwrap_err();

        assert!(
            matches!(error, EifError::Truncated { .. }),
            "{length}: {error}"
        );
    }
    let last = EifError::Truncated {
        index: 4,
        needed: 18,
        left: 17,
    };
    assert_eq!(Image::parse(&file[..file.len() - 1]), Err(last));
}

#[test]
fn sections_out_of_order_missing_or_twice_are_refused() {
    // Types of the five sections, whose data stay as they are.
    let types = |types: [u8; 5]| {
        let mut file = image(2).to_bytes().unwrap();
        for (index, kind) in types.into_iter().enumerate() {
            let at = usize::try_from(u64_at(&file, offset_at(index))).unwrap();
            file[at + 1] = kind;
        }
        let file = resealed(file);
        Image::parse(&file).map(|_| ())
    };
    let order = |index, kind| Err(EifError::SectionOrder { index, kind });
    let twice = |index, kind| Err(EifError::SectionTwice { index, kind });
    let missing = |kind| Err(EifError::SectionMissing { kind });

    assert_eq!(types([1, 2, 5, 3, 3]), Ok(()));
    assert_eq!(types([5, 1, 2, 3, 3]), Ok(()));
    assert_eq!(types([1, 5, 2, 3, 3]), Ok(()));
    assert_eq!(types([4, 1, 2, 3, 5]), Ok(()));
    assert_eq!(types([2, 1, 5, 3, 3]), order(0, SectionType::CommandLine));
    assert_eq!(types([3, 1, 2, 5, 3]), order(0, SectionType::Ramdisk));
    assert_eq!(types([1, 3, 2, 5, 3]), order(1, SectionType::Ramdisk));
    assert_eq!(types([1, 1, 2, 5, 3]), twice(1, SectionType::Kernel));
    assert_eq!(types([1, 2, 2, 5, 3]), twice(2, SectionType::CommandLine));
    assert_eq!(types([1, 2, 5, 5, 3]), twice(3, SectionType::Metadata));
    assert_eq!(types([1, 2, 5, 4, 4]), twice(4, SectionType::Signature));
    assert_eq!(types([1, 2, 4, 3, 3]), missing(SectionType::Metadata));
    assert_eq!(types([5, 4, 1, 1, 1]), twice(3, SectionType::Kernel));
    let three = Image {
        ramdisks: vec![],
        ..image(0)
    };
    let no_line = changed(&three, 548 + 12 + 6, &[0, 4]);
    let missing = EifError::SectionMissing {
        kind: SectionType::CommandLine,
    };
    assert_eq!(Image::parse(&no_line), Err(missing));
}

#[test]
fn bytes_after_the_last_section_are_refused() {
    let mut file = image(2).to_bytes().unwrap();
    file.extend(b"more");

    assert_eq!(
        Image::parse(&resealed(file)),
        Err(EifError::Trailing { bytes: 4 })
    );
}

#[test]
fn a_signature_section_beyond_its_limit_is_refused() {
    let section = vec![0; SIGNATURE_BYTES_MAX + 1];
    let largest = Image {
        signature: Some(&section[1..]),
        ..image(1)
    };
    let larger = Image {
        signature: Some(&section),
        ..image(1)
    };

    let bytes = section.len();
    assert!(
        largest
            .to_bytes()
            .is_ok_and(|file| Image::parse(&file).is_ok())
    );
    assert_eq!(
        larger.to_bytes(),
        Err(EifWriteError::SignatureSize { bytes })
    );
    let parts = Parts::default().take(0, SectionType::Signature, &section);
    assert_eq!(parts, Err(EifError::SignatureSize { bytes }));
}

#[test]
fn more_sections_than_the_header_can_list_are_not_written() {
    let most = Image {
        ramdisks: vec![b"x"; 29],
        ..image(0)
    };
    let more = Image {
        ramdisks: vec![b"x"; 30],
        ..image(0)
    };

    assert!(
        most.to_bytes()
            .is_ok_and(|file| Image::parse(&file).is_ok())
    );
    let sections = 33;
    assert_eq!(
        more.to_bytes(),
        Err(EifWriteError::TooManySections { sections })
    );
}

#[test]
fn every_changed_byte_is_refused() {
    let file = image(2).to_bytes().unwrap();
    for at in 0..file.len() {
        let mut file = file.clone();
        file[at] ^= 0x41;

        assert!(Image::parse(&file).is_err(), "byte {at}");
    }
    let mut damaged = file.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let stated = u32_at(&file, CRC_AT);
    let computed = u32_at(&resealed(damaged.clone()), CRC_AT);
    assert_eq!(
        Image::parse(&damaged),
        Err(EifError::Crc { stated, computed })
    );
}

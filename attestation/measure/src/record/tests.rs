//! Records that read as they were written.

use super::*;
use crate::eif::Architecture;
use crate::snp::firmware_for_tests;

pub(crate) fn snp() -> SnpRecord {
    let machine = Machine {
        firmware: firmware_for_tests(),
        vmm: Vmm::Qemu,
        vcpus: 2,
        signature: CpuSignature::of(25, 1, 1),
        guest_features: 1,
    };
    let boot = Boot {
        kernel: Part::of(b"kernel"),
        initrd: Some(Part::of(b"initrd")),
        command_line: "console=ttyS0".into(),
    };
    SnpRecord::measure(machine, Some(boot)).unwrap()
}

pub(crate) fn image() -> Image<'static> {
    Image {
        architecture: Architecture::X86_64,
        default_memory_bytes: 1 << 30,
        default_cpus: 2,
        kernel: b"kernel",
        command_line: b"console=ttyS0",
        metadata: b"{}",
        ramdisks: vec![b"first", b"second"],
        signature: None,
    }
}

pub(crate) fn nitro() -> NitroRecord {
    NitroRecord::of_parts(&image(), Some(b"certificate"))
}

#[test]
fn a_record_reads_as_it_was_written() {
    for record in [Record::Snp(snp()), Record::Nitro(nitro())] {
        assert_eq!(Record::from_json(record.to_json().as_bytes()), Ok(record));
    }
}

#[test]
fn a_launch_digest_follows_from_its_record_alone() {
    let record = snp();
    let files = KernelHashes::of(b"kernel", Some(b"initrd"), "console=ttyS0");

    let from_files = Launch {
        kernel: Some(files),
        ..record.launch()
    };

    assert_eq!(from_files.digest(), Ok(record.measurement));
    assert_eq!(record.launch().digest(), Ok(record.measurement));
}

#[test]
fn an_unsigned_image_has_no_certificate() {
    let record = NitroRecord::measure(&image()).unwrap();

    assert_eq!(record.pcr8, None);
    assert_eq!(record.signing_certificate, None);
    assert_eq!(record.pcr0, nitro().pcr0);
}

#[test]
fn other_texts_are_refused() {
    let json = Record::Nitro(nitro()).to_json();
    let refused = |text: &str| Record::from_json(text.as_bytes()).unwrap_err();

    let newer = json.replace("\"format\": 1", "\"format\": 2");
    assert_eq!(refused(&newer), RecordError::Format(2));
    let unknown = json.replace("\"pcr0\"", "\"pcr9\"");
    let missing = json.replace("\"pcr8\": ", "\"pcr8\": [],\"x\":");
    for text in ["", "{}", "[]", &unknown, &missing, &json[..json.len() - 3]] {
        assert!(matches!(refused(text), RecordError::Form(_)), "{text}");
    }
}

#[test]
fn an_error_repeats_no_character_that_could_steer_a_terminal() {
    let json = Record::Nitro(nitro()).to_json();
    for (foreign, shown) in [
        ("\u{9b}2J", "\\u{9b}2J"),
        ("\u{202e}", "\\u{202e}"),
        ("\\u001b[2J", "\\u{1b}[2J"),
    ] {
        let unknown = json.replace("\"pcr0\"", &format!("\"pcr{foreign}\""));
        let kind = json.replace("\"nitro\"", &format!("\"{foreign}\""));
        for text in [unknown, kind] {
            let error = Record::from_json(text.as_bytes()).unwrap_err().to_string();

            assert!(error.contains(shown), "{error:?}");
            assert!(error.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
        }
    }
    let long = json.replace("pcr0", &"x".repeat(10_000));
    let error = Record::from_json(long.as_bytes()).unwrap_err();
    assert!(error.to_string().len() < 500, "{error}");
}

#[test]
fn images_that_cut_the_same_bytes_at_another_place_have_the_same_pcrs() {
    let cut = Image {
        kernel: b"kernelconsole",
        command_line: b"=ttyS0",
        ..image()
    };

    let (whole, cut) = (image().measured(), cut.measured());

    assert_eq!(
        (cut.pcr0, cut.pcr1, cut.pcr2),
        (whole.pcr0, whole.pcr1, whole.pcr2)
    );
}

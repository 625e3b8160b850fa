//! The forms themselves: reports, documents and text around them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use boop_appraisal::envelope::{ENVELOPE_BYTES_MAX, EnvelopeError, Form, cmw, open, wrap};
use boop_verifier::Endorsements;
use boop_verifier::snp::CertificateTableError;

use crate::samples::{ARK, VCEK, endorsements, report, table, tsm_json};

#[test]
fn a_report_comes_raw_and_with_its_table() {
    let report = report();
    let table = table(&[(VCEK, b"\x30leaf")]);

    let raw = open(&report).unwrap();
    let extended = open(&[&report[..], &table].concat()).unwrap();

    assert_eq!((raw.form, &raw.evidence), (Form::SnpReport, &report));
    assert_eq!(raw.endorsements, Endorsements::default());
    assert_eq!(
        (extended.form, &extended.evidence),
        (Form::SnpExtended, &report)
    );
    assert_eq!(
        extended.endorsements.leaf.as_deref(),
        Some(&b"\x30leaf"[..])
    );
    assert!(extended.notes.is_empty());
}

#[test]
fn a_report_of_a_wrong_length_is_left_to_the_verifier() {
    for length in [4, 1183, 1185, 1207] {
        let bytes = [&report()[..], &[0; 64]].concat();

        let opened = open(&bytes[..length]).unwrap();

        assert_eq!(opened.form, Form::SnpReport);
        assert_eq!(opened.evidence, &bytes[..length]);
    }
}

#[test]
fn a_root_in_a_table_is_ignored_with_a_note() {
    let table = table(&[(ARK, b"\x30root"), (VCEK, b"\x30leaf")]);

    let opened = open(&[&report()[..], &table].concat()).unwrap();

    assert_eq!(
        opened.notes,
        ["a root from the host proves nothing: ignored"]
    );
    assert_eq!(opened.endorsements.intermediate, None);
}

#[test]
fn a_broken_table_is_named() {
    let bytes = [&report()[..], &[7; 24]].concat();

    let error = CertificateTableError::Unterminated;
    assert_eq!(open(&bytes), Err(EnvelopeError::CertificateTable(error)));
}

#[test]
fn a_document_is_handed_on_as_it_is() {
    for first in [0x84, 0x9f, 0xd2] {
        let document = [first, 1, 2, 3];

        let opened = open(&document).unwrap();

        assert_eq!(opened.form, Form::NitroDocument);
        assert_eq!(opened.evidence, document);
    }
}

#[test]
fn each_form_is_read_from_base64_and_hexadecimal_text() {
    let report = report();
    let endorsements = endorsements();
    let wrapped = wrap(&report, &endorsements);
    let forms = [
        report.clone(),
        [&report[..], &table(&[(VCEK, b"\x30leaf")])].concat(),
        tsm_json(&report).into_bytes(),
        vec![0x84, 1, 2, 3],
        cmw::to_json(&wrapped).unwrap().into_bytes(),
        cmw::to_cbor(&wrapped),
    ];
    for bytes in forms {
        let plain = open(&bytes).unwrap();
        let texts = [
            STANDARD.encode(&bytes),
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
            hex::encode(&bytes),
            hex::encode_upper(&bytes),
        ];
        for text in texts {
            let lines: Vec<_> = text.as_bytes().chunks(64).collect();
            let broken = [b" ", &lines.join(&b"\r\n"[..])[..], b"\n"].concat();
            for text in [text.as_bytes(), &broken] {
                let opened = open(text).unwrap();

                assert_eq!(opened.evidence, plain.evidence);
                assert_eq!(opened.endorsements, plain.endorsements);
                assert_eq!(opened.form, plain.form);
                let note = opened.notes.first().unwrap();
                assert!(note.starts_with("decoded from "), "{note}");
            }
        }
    }
}

#[test]
fn what_is_no_evidence_is_refused_by_what_it_is() {
    let certificate = b"-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n";
    let twice = STANDARD.encode(STANDARD.encode(report()));
    let cases: [(&[u8], EnvelopeError); 8] = [
        (b"", EnvelopeError::Empty),
        (b"this is no evidence", EnvelopeError::Unknown),
        (b"\xff\xfe", EnvelopeError::Unknown),
        (b"\x03\x00", EnvelopeError::Unknown),
        (certificate, EnvelopeError::CertificateAlone),
        (b"\x30\x82\x01\x02", EnvelopeError::CertificateAlone),
        (b"MIIBAg==", EnvelopeError::CertificateAlone),
        (
            twice.as_bytes(),
            EnvelopeError::TextInText {
                encoding: "base64 text",
            },
        ),
    ];
    for (bytes, error) in cases {
        assert_eq!(open(bytes), Err(error));
    }
    let bytes = ENVELOPE_BYTES_MAX + 1;
    assert_eq!(
        open(&vec![0; bytes]),
        Err(EnvelopeError::TooLarge { bytes })
    );
}

#[test]
fn no_cut_or_flipped_envelope_makes_a_reader_panic() {
    let wrapped = wrap(&report(), &endorsements());
    let json = cmw::to_json(&wrapped).unwrap().into_bytes();
    let tsm = tsm_json(&report()).into_bytes();
    for bytes in [
        cmw::to_cbor(&wrapped),
        json,
        tsm,
        hex::encode(report()).into_bytes(),
    ] {
        let mut refused = 0;
        for position in (0..bytes.len()).step_by(7) {
            let mut flipped = bytes.clone();
            flipped[position] ^= 0x81;
            refused += usize::from(open(&flipped).is_err());
            refused += usize::from(open(&bytes[..position]).is_err());
        }
        assert!(refused > 0);
    }
}

//! Signature sections made by hand, with a check that notes what it is asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const POINT: [u8; 97] = [4; 97];
const PCR0: Hex<48> = Hex([7; 48]);

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).unwrap();
    let length = if length < 128 {
        vec![length]
    } else {
        vec![0x81, length]
    };
    [&[tag], &length[..], &content].concat()
}

/// A certificate in DER with an uncompressed point on the curve that `curve` names.
fn certificate(curve: &[u8]) -> Vec<u8> {
    let integer = tlv(2, &[&[2]]);
    let algorithm = tlv(
        0x30,
        &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]])],
    );
    let name = tlv(0x30, &[]);
    let time = tlv(0x17, &[b"260101000000Z"]);
    let key_algorithm = [
        tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]),
        tlv(6, &[curve]),
    ]
    .concat();
    let key = tlv(
        0x30,
        &[&tlv(0x30, &[&key_algorithm]), &tlv(3, &[&[0], &POINT])],
    );
    let signed = tlv(
        0x30,
        &[
            &tlv(0xa0, &[&integer]),
            &integer,
            &algorithm,
            &name,
            &tlv(0x30, &[&time, &time]),
            &name,
            &key,
        ],
    );
    tlv(0x30, &[&signed, &algorithm, &tlv(3, &[&[0, 1]])])
}

fn pem(der: &[u8]) -> Vec<u8> {
    let block = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{block}\n-----END CERTIFICATE-----\n").into_bytes()
}

fn p384() -> Vec<u8> {
    certificate(&[0x2b, 0x81, 4, 0, 0x22])
}

fn payload(index: u32, value: &[u8]) -> Vec<u8> {
    let mut payload = Encoder::new(Vec::new());
    payload
        .map(2)
        .unwrap()
        .str(REGISTER_INDEX)
        .unwrap()
        .u32(index)
        .unwrap();
    payload
        .str(REGISTER_VALUE)
        .unwrap()
        .array(value.len() as u64)
        .unwrap();
    for byte in value {
        payload.u8(*byte).unwrap();
    }
    payload.into_writer()
}

fn cose(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut cose = Encoder::new(Vec::new());
    cose.array(4)
        .unwrap()
        .bytes(protected)
        .unwrap()
        .map(0)
        .unwrap();
    cose.bytes(payload).unwrap().bytes(&[9; 96]).unwrap();
    cose.into_writer()
}

fn protected(algorithm: i64) -> Vec<u8> {
    let mut header = Encoder::new(Vec::new());
    header
        .map(1)
        .unwrap()
        .i64(LABEL_ALGORITHM)
        .unwrap()
        .i64(algorithm)
        .unwrap();
    header.into_writer()
}

/// A section that holds if its signature does.
pub(in crate::eif) fn section() -> Vec<u8> {
    SignatureSection::encode(
        &pem(&p384()),
        &cose(&protected(ES384), &payload(0, &PCR0.0)),
    )
}

#[test]
fn the_key_the_signed_bytes_and_the_signature_are_what_is_checked() {
    let section = SignatureSection::parse(&section()).unwrap();

    let mut asked = None;
    let result = section.check(&PCR0, |key, message, signature| {
        asked = Some((key.to_vec(), message.to_vec(), signature.to_vec()));
        true
    });

    assert_eq!(result, Ok(()));
    let (key, message, signature) = asked.unwrap();
    assert_eq!(key, POINT);
    assert_eq!(signature, [9; 96]);
    let mut expected = b"\x84\x6aSignature1\x44\xa1\x01\x38\x22\x40\x58".to_vec();
    let payload = payload(0, &PCR0.0);
    expected.push(u8::try_from(payload.len()).unwrap());
    expected.extend(payload);
    assert_eq!(message, expected);
    assert_eq!(section.certificate, p384());
}

#[test]
fn a_signature_that_does_not_hold_is_refused() {
    let es384 = protected(ES384);
    let good = payload(0, &PCR0.0);
    let wrong_curve = certificate(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    let cases = [
        (p384(), cose(&es384, &good), SignatureError::Invalid),
        (wrong_curve, cose(&es384, &good), SignatureError::Key),
        (tlv(0x30, &[]), cose(&es384, &good), SignatureError::Key),
        (
            p384(),
            cose(&es384, &payload(8, &PCR0.0)),
            SignatureError::Register { index: 8 },
        ),
        (
            p384(),
            cose(&es384, &payload(0, &[8; 48])),
            SignatureError::Value {
                signed: Hex([8; 48]),
            },
        ),
        (
            p384(),
            cose(&es384, &payload(0, &[7; 47])),
            SignatureError::Cose,
        ),
        (p384(), cose(&es384, b"text"), SignatureError::Cose),
        (p384(), cose(b"", &good), SignatureError::Cose),
        (
            p384(),
            cose(&protected(-7), &good),
            SignatureError::Algorithm { algorithm: -7 },
        ),
        (p384(), b"text".to_vec(), SignatureError::Cose),
        (
            p384(),
            [cose(&es384, &good), vec![0]].concat(),
            SignatureError::Cose,
        ),
        (
            p384(),
            [vec![0xd3], cose(&es384, &good)].concat(),
            SignatureError::Cose,
        ),
    ];
    for (certificate, cose, error) in cases {
        let section = SignatureSection::encode(&pem(&certificate), &cose);
        let section = SignatureSection::parse(&section).unwrap();

        assert_eq!(section.check(&PCR0, |_, _, _| false), Err(error));
    }
}

#[test]
fn a_tag_before_the_signature_is_taken() {
    let tagged = [vec![0xd2], cose(&protected(ES384), &payload(0, &PCR0.0))].concat();
    let section = SignatureSection::encode(&pem(&p384()), &tagged);
    let section = SignatureSection::parse(&section).unwrap();

    assert_eq!(section.check(&PCR0, |_, _, _| true), Ok(()));
}

#[test]
fn sections_of_another_form_are_refused() {
    let good = section();
    let form = [
        b"".to_vec(),
        b"text".to_vec(),
        vec![0x80],
        vec![0x9f],
        // An array of as many numbers as there can be, without one of them.
        [
            b"\x81\xa2\x73signing_certificate\x9b".to_vec(),
            vec![0xff; 8],
        ]
        .concat(),
        [good.clone(), vec![0]].concat(),
        good[..good.len() - 1].to_vec(),
    ];
    for section in form {
        assert_eq!(SignatureSection::parse(&section), Err(SignatureError::Form));
    }
    let section = SignatureSection::encode(b"no certificate", &[]);
    assert_eq!(
        SignatureSection::parse(&section),
        Err(SignatureError::Certificate(PemError::NoCertificate))
    );
}

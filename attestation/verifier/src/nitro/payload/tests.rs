//! Payloads as they must and must not be.

use alloc::{vec, vec::Vec};

use minicbor::Encoder;

use super::*;

type Write = fn(&mut Encoder<&mut Vec<u8>>);

/// The fields of a good payload, in a row, so that a test can put another in place of one.
fn fields() -> Vec<(&'static str, Write)> {
    vec![
        ("module_id", |e| drop(e.str("i-0-enc0"))),
        ("digest", |e| drop(e.str("SHA384"))),
        ("timestamp", |e| drop(e.u64(1))),
        ("pcrs", |e| {
            drop(
                e.map(1)
                    .and_then(|e| e.u8(0))
                    .and_then(|e| e.bytes(&[1; 48])),
            )
        }),
        ("certificate", |e| drop(e.bytes(&[2]))),
        ("cabundle", |e| drop(e.array(1).and_then(|e| e.bytes(&[3])))),
    ]
}

fn with(name: &'static str, write: Write) -> Vec<(&'static str, Write)> {
    let mut fields = fields();
    fields.retain(|(kept, _)| *kept != name);
    fields.push((name, write));
    fields
}

fn encode(fields: &[(&'static str, Write)]) -> Vec<u8> {
    let mut bytes = vec![0xbf];
    for (name, write) in fields {
        let mut encoder = Encoder::new(&mut bytes);
        drop(encoder.str(name));
        write(&mut encoder);
    }
    bytes.push(0xff);
    bytes
}

fn read(fields: &[(&'static str, Write)]) -> (Payload, Vec<Reason>, Vec<Flag>) {
    let (mut defects, mut flags) = (vec![], vec![]);
    let payload = Payload::read(&encode(fields), &mut defects, &mut flags);
    (payload.expect("payload can be read"), defects, flags)
}

#[test]
fn a_good_payload_has_no_defects() {
    let (payload, defects, flags) = read(&fields());

    assert_eq!(payload.pcrs.get(&0), Some(&[1; 48]));
    assert_eq!(payload.cabundle, [[3]]);
    assert_eq!((defects, flags), (vec![], vec![]));
}

#[test]
fn each_missing_field_is_noted() {
    let stated = [
        ("module_id", Some(Reason::ModuleIdInvalid)),
        ("digest", Some(Reason::DigestInvalid)),
        ("timestamp", Some(Reason::TimestampInvalid)),
        ("pcrs", Some(Reason::PcrsInvalid)),
        // The chain notices a missing leaf.
        ("certificate", None),
        ("cabundle", Some(Reason::CabundleInvalid)),
    ];
    for (name, reason) in stated {
        let mut fields = fields();
        fields.retain(|(kept, _)| *kept != name);

        let (_, defects, _) = read(&fields);

        assert_eq!(defects, Vec::from_iter(reason), "{name}");
    }
}

#[test]
fn each_defect_of_a_field_is_noted() {
    let cases: [(&str, Write, Reason); 21] = [
        ("module_id", |e| drop(e.u8(1)), Reason::ModuleIdInvalid),
        ("module_id", |e| drop(e.str("")), Reason::ModuleIdInvalid),
        ("digest", |e| drop(e.str("SHA256")), Reason::DigestInvalid),
        ("timestamp", |e| drop(e.u64(0)), Reason::TimestampInvalid),
        ("timestamp", |e| drop(e.i64(-1)), Reason::TimestampInvalid),
        ("pcrs", |e| drop(e.null()), Reason::PcrsInvalid),
        ("pcrs", |e| drop(e.map(0)), Reason::PcrsInvalid),
        ("pcrs", |e| pcr_map(e, &[(32, 48)]), Reason::PcrIndexInvalid),
        (
            "pcrs",
            |e| pcr_map(e, &[(256, 48)]),
            Reason::PcrIndexInvalid,
        ),
        (
            "pcrs",
            |e| pcr_map(e, &[(0, 48), (0, 48)]),
            Reason::PcrsDuplicateIndex,
        ),
        (
            "pcrs",
            |e| pcr_map(e, &[(0, 32)]),
            Reason::PcrLengthNotSha384,
        ),
        ("pcrs", |e| pcr_map(e, &[(0, 47)]), Reason::PcrLengthInvalid),
        ("cabundle", |e| drop(e.u8(0)), Reason::CabundleInvalid),
        ("cabundle", |e| drop(e.array(0)), Reason::CabundleInvalid),
        (
            "cabundle",
            |e| drop(e.array(1).and_then(|e| e.bytes(&[0; 1025]))),
            Reason::CabundleInvalid,
        ),
        (
            "cabundle",
            |e| drop(e.array(1).and_then(|e| e.u8(1))),
            Reason::CabundleInvalid,
        ),
        (
            "public_key",
            |e| drop(e.bytes(&[0; 1025])),
            Reason::PublicKeyTooLong,
        ),
        ("public_key", |e| drop(e.u8(0)), Reason::PublicKeyInvalid),
        (
            "user_data",
            |e| drop(e.bytes(&[0; 513])),
            Reason::UserDataTooLong,
        ),
        ("nonce", |e| drop(e.bytes(&[0; 513])), Reason::NonceTooLong),
        ("nonce", |e| drop(e.str("text")), Reason::NonceInvalid),
    ];
    for (name, write, reason) in cases {
        let (_, defects, _) = read(&with(name, write));

        assert_eq!(defects, [reason], "{name}");
    }
    let (_, defects, _) = read(&with("user_data", |e| drop(e.bool(true))));
    assert_eq!(defects, [Reason::UserDataInvalid]);
}

#[test]
fn a_repeated_field_and_an_unknown_field_are_noted() {
    let mut repeated = fields();
    repeated.push(("digest", |e| drop(e.str("SHA256"))));
    let unknown = with("debug", |e| drop(e.bool(true)));

    assert_eq!(read(&repeated).1, [Reason::PayloadDuplicateKey]);
    assert_eq!(read(&unknown).1, [Reason::payload_unknown_field("debug")]);
}

#[test]
fn null_and_empty_fields_are_flagged() {
    let mut fields = fields();
    fields.push(("public_key", |e| drop(e.bytes(&[]))));
    fields.push(("user_data", |e| drop(e.null())));
    fields.push(("nonce", |e| drop(e.null())));

    let (payload, defects, flags) = read(&fields);

    assert_eq!(payload.user_data, None);
    assert_eq!(defects, []);
    assert_eq!(
        flags,
        [Flag::UserDataNull, Flag::NonceNull, Flag::PublicKeyEmpty]
    );
}

#[test]
fn what_is_no_single_map_with_text_keys_is_malformed() {
    let good = encode(&fields());
    let trailing = [&good[..], &[0]].concat();
    let mut broken = vec![&[][..], &[0x80], &[0xa1, 0x01, 0x01], &[0xa1], &trailing];
    broken.extend((0..good.len()).map(|length| &good[..length]));
    for bytes in broken {
        let refused = Payload::read(bytes, &mut vec![], &mut vec![]);

        assert_eq!(refused, Err(ParseError::CborMalformed));
    }
}

fn pcr_map(encoder: &mut Encoder<&mut Vec<u8>>, pcrs: &[(u64, usize)]) {
    drop(encoder.begin_map());
    for (index, length) in pcrs {
        drop(encoder.u64(*index).and_then(|e| e.bytes(&vec![9; *length])));
    }
    drop(encoder.end());
}

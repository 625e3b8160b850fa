//! The DER that certificates are written in, as far as two vendors use it.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::Encode;
use der::asn1::ObjectIdentifier;

pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const IA5_STRING: u8 = 0x16;
const INTEGER: u8 = 0x02;
const NULL: u8 = 0x05;
pub(crate) const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Characters in a line of the text form (RFC 7468 §2).
const PEM_LINE: usize = 64;

/// From this year on X.509 writes the century (RFC 5280 §4.1.2.5).
const GENERALIZED_FROM_YEAR: u16 = 2050;

/// Returns an element of `tag` around `parts`.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        Ok(_) | Err(_) => {
            let digits = length.to_be_bytes();
            let digits = trimmed(&digits);
            bytes.push(0x80 | u8::try_from(digits.len()).expect("a usize has at most 8 bytes"));
            bytes.extend_from_slice(digits);
        }
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

pub(crate) fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    element(0xa0 | number, &[content])
}

pub(crate) fn null() -> Vec<u8> {
    element(NULL, &[])
}

pub(crate) fn boolean_true() -> Vec<u8> {
    vec![0x01, 0x01, 0xff]
}

/// Returns the INTEGER of an unsigned number, most significant byte first.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let digits = trimmed(bytes);
    let sign: &[u8] = if digits.first().is_none_or(|first| *first >= 0x80) {
        &[0]
    } else {
        &[]
    };
    element(INTEGER, &[sign, digits])
}

/// Returns a BIT STRING without unused bits.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes])
}

/// Returns an OBJECT IDENTIFIER.
pub(crate) fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    oid.to_der().expect("an object identifier always encodes")
}

/// Returns a name of one organisation, one unit and one common name.
pub(crate) fn name(unit: &str, common_name: &str) -> Vec<u8> {
    let attribute = |kind: &str, value: &str| {
        let kind = oid(ObjectIdentifier::new_unwrap(kind));
        element(
            SET,
            &[&sequence(&[
                &kind,
                &element(UTF8_STRING, &[value.as_bytes()]),
            ])],
        )
    };
    sequence(&[
        &attribute("2.5.4.10", "boop simulated hardware"),
        &attribute("2.5.4.11", unit),
        &attribute("2.5.4.3", common_name),
    ])
}

/// Returns a point in time, cut to the second.
pub(crate) fn time(unix_ms: u64) -> Vec<u8> {
    let time = der::DateTime::from_unix_duration(Duration::from_secs(unix_ms / 1000))
        .unwrap_or(der::DateTime::INFINITY);
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        time.month(),
        time.day(),
        time.hour(),
        time.minutes(),
        time.seconds()
    );
    if time.year() < GENERALIZED_FROM_YEAR {
        element(
            UTC_TIME,
            &[format!("{:02}{rest}", time.year() % 100).as_bytes()],
        )
    } else {
        element(
            GENERALIZED_TIME,
            &[format!("{:04}{rest}", time.year()).as_bytes()],
        )
    }
}

/// Returns the text form of some DER (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_the_shortest_form_and_stay_positive() {
        assert_eq!(unsigned(&[0]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&0x0002_0000_u32.to_be_bytes()), [2, 3, 2, 0, 0]);
    }

    #[test]
    fn lengths_are_short_or_long_as_needed() {
        assert_eq!(element(4, &[&[7; 127]])[..2], [4, 127]);
        assert_eq!(element(4, &[&[7; 128]])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[&[7; 256], &[8]])[..4], [4, 0x82, 1, 1]);
    }

    #[test]
    fn times_change_form_in_2050() {
        assert_eq!(time(1_767_225_599_999), b"\x17\x0d251231235959Z");
        assert_eq!(time(2_524_607_999_000), b"\x17\x0d491231235959Z");
        assert_eq!(time(2_524_608_000_000), b"\x18\x0f20500101000000Z");
    }
}

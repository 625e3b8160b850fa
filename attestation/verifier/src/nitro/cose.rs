//! The outer structure: a COSE_Sign1 (RFC 9052 §4.2) with nothing before or after it.

use alloc::vec::Vec;

use minicbor::{Decoder, data::Type};

use crate::{evidence::ParseError, flag::Flag, reason::Reason};

/// The one protected header that is accepted: `{1: -35}`, ES384.
const PROTECTED_ES384: &[u8] = &[0xa1, 0x01, 0x38, 0x22];
/// Label of the algorithm in a COSE header.
const LABEL_ALGORITHM: i64 = 1;
/// ES384 of RFC 9053.
const ES384: i64 = -35;
/// Tag of a COSE_Sign1.
const TAG_COSE_SIGN1: u64 = 18;
/// The one encoding of an empty unprotected header that is accepted.
const EMPTY_MAP: &[u8] = &[0xa0];
/// Bytes of an ES384 signature.
pub(crate) const SIGNATURE_BYTES: usize = 96;

/// The parts of a COSE_Sign1 as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) protected: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Envelope {
    /// Reads the outer structure, noting what departs from the form.
    pub(crate) fn read(
        bytes: &[u8],
        defects: &mut Vec<Reason>,
        flags: &mut Vec<Flag>,
    ) -> Result<Self, ParseError> {
        let mut decoder = Decoder::new(bytes);
        if datatype(&decoder)? == Type::Tag {
            if decoder.tag().map_err(malformed)?.as_u64() != TAG_COSE_SIGN1 {
                return Err(ParseError::NotCoseSign1);
            }
            if decoder.position() != 1 {
                return Err(ParseError::CborMalformed);
            }
            flags.push(Flag::CoseTag18);
        }
        let indefinite = match datatype(&decoder)? {
            Type::Array | Type::ArrayIndef => {
                let start = decoder.position();
                let entries = decoder.array().map_err(malformed)?;
                if decoder.position() - start != 1 {
                    return Err(ParseError::CborMalformed);
                }
                match entries {
                    Some(4) => false,
                    None => true,
                    Some(_) => return Err(ParseError::NotCoseSign1),
                }
            }
            _ => return Err(ParseError::NotCoseSign1),
        };
        let protected = byte_string(&mut decoder)?.to_vec();
        read_unprotected(&mut decoder, bytes, defects)?;
        let payload = byte_string(&mut decoder)?.to_vec();
        let signature = byte_string(&mut decoder)?.to_vec();
        if indefinite {
            if datatype(&decoder)? != Type::Break {
                return Err(ParseError::NotCoseSign1);
            }
            decoder.set_position(decoder.position() + 1);
            flags.push(Flag::OuterIndefiniteLength);
        }
        if decoder.position() != bytes.len() {
            defects.push(Reason::TrailingBytes);
        }
        check_protected(&protected, defects);
        if signature.len() != SIGNATURE_BYTES {
            defects.push(Reason::SignatureLength);
        }
        Ok(Self {
            protected,
            payload,
            signature,
        })
    }

    /// Gives the bytes that are signed: the Sig_structure of RFC 9052 §4.4 over the original
    /// protected header and payload.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![0x84, 0x6a];
        bytes.extend_from_slice(b"Signature1");
        push_byte_string(&mut bytes, &self.protected);
        push_byte_string(&mut bytes, &[]);
        push_byte_string(&mut bytes, &self.payload);
        bytes
    }
}

fn read_unprotected(
    decoder: &mut Decoder<'_>,
    bytes: &[u8],
    defects: &mut Vec<Reason>,
) -> Result<(), ParseError> {
    if !matches!(datatype(decoder)?, Type::Map | Type::MapIndef) {
        return Err(ParseError::NotCoseSign1);
    }
    let start = decoder.position();
    decoder.skip().map_err(malformed)?;
    if bytes.get(start..decoder.position()) != Some(EMPTY_MAP) {
        defects.push(Reason::UnprotectedHeaderNotEmpty);
    }
    Ok(())
}

fn check_protected(protected: &[u8], defects: &mut Vec<Reason>) {
    if protected == PROTECTED_ES384 {
        return;
    }
    let algorithm = single_algorithm(protected);
    if algorithm.is_none() {
        defects.push(Reason::ProtectedHeaderInvalid);
    }
    if algorithm != Some(ES384) {
        defects.push(Reason::AlgorithmNotEs384);
    }
}

/// Gives the algorithm of a header that is a map with this one entry, shortest encoding, and
/// nothing after it.
fn single_algorithm(protected: &[u8]) -> Option<i64> {
    let mut decoder = Decoder::new(protected);
    if decoder.map().ok()? != Some(1) || decoder.i64().ok()? != LABEL_ALGORITHM {
        return None;
    }
    let algorithm = decoder.i64().ok()?;
    let exact = decoder.position() == protected.len() && algorithm != ES384;
    exact.then_some(algorithm)
}

/// Reads a byte string whose length is written as short as can be: no signature covers that
/// length, so there must be one way alone to write it.
fn byte_string<'b>(decoder: &mut Decoder<'b>) -> Result<&'b [u8], ParseError> {
    if datatype(decoder)? != Type::Bytes {
        return Err(ParseError::NotCoseSign1);
    }
    let start = decoder.position();
    let bytes = decoder.bytes().map_err(malformed)?;
    let head = match bytes.len() {
        0..=0x17 => 1,
        0x18..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    };
    if decoder.position() - start != head + bytes.len() {
        return Err(ParseError::CborMalformed);
    }
    Ok(bytes)
}

fn datatype(decoder: &Decoder<'_>) -> Result<Type, ParseError> {
    decoder.datatype().map_err(malformed)
}

fn malformed<E>(_: E) -> ParseError {
    ParseError::CborMalformed
}

fn push_byte_string(bytes: &mut Vec<u8>, string: &[u8]) {
    let mut encoder = minicbor::Encoder::new(bytes);
    // Encoding into a vector does not fail.
    let _ = encoder.bytes(string);
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// A COSE_Sign1 of empty parts, before the parts of one test are put in.
    fn document(protected: &[u8], unprotected: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x84];
        push_byte_string(&mut bytes, protected);
        bytes.extend_from_slice(unprotected);
        bytes.extend_from_slice(payload);
        push_byte_string(&mut bytes, &[7; SIGNATURE_BYTES]);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(Envelope, Vec<Reason>, Vec<Flag>), ParseError> {
        let (mut defects, mut flags) = (vec![], vec![]);
        let envelope = Envelope::read(bytes, &mut defects, &mut flags)?;
        Ok((envelope, defects, flags))
    }

    #[test]
    fn the_exact_form_has_no_defects() {
        let (envelope, defects, flags) =
            read(&document(PROTECTED_ES384, EMPTY_MAP, &[0x41, 9])).expect("form is exact");

        assert_eq!(envelope.payload, [9]);
        assert_eq!((defects, flags), (vec![], vec![]));
    }

    #[test]
    fn a_document_cut_anywhere_is_malformed() {
        let bytes = document(PROTECTED_ES384, EMPTY_MAP, &[0x41, 9]);
        for length in 0..bytes.len() {
            assert_eq!(
                read(&bytes[..length]),
                Err(ParseError::CborMalformed),
                "{length}"
            );
        }
    }

    #[test]
    fn a_frame_that_is_longer_than_needed_is_refused() {
        let exact = document(PROTECTED_ES384, EMPTY_MAP, &[0x41, 9]);
        let tagged = [&[0xd2][..], &exact].concat();
        assert!(read(&exact).is_ok() && read(&tagged).is_ok());

        let long_tag = [&[0xd8, 18][..], &exact].concat();
        let long_array = [&[0x98, 4][..], &exact[1..]].concat();
        let long_header = [&[0x84, 0x58][..], &exact[1..]]
            .concat()
            .iter()
            .enumerate()
            .map(|(at, byte)| if at == 2 { 4 } else { *byte })
            .collect::<Vec<_>>();
        let long_payload = document(
            PROTECTED_ES384,
            EMPTY_MAP,
            &[0x5b, 0, 0, 0, 0, 0, 0, 0, 1, 9],
        );
        for bytes in [long_tag, long_array, long_header, long_payload] {
            assert_eq!(read(&bytes), Err(ParseError::CborMalformed), "{bytes:x?}");
        }
    }

    #[test]
    fn another_outer_structure_is_no_cose_sign1() {
        let nil_payload = document(PROTECTED_ES384, EMPTY_MAP, &[0xf6]);
        let text_header = document(PROTECTED_ES384, &[0x60], &[0x41, 9]);
        let other_tag = [
            &[0xd1][..],
            &document(PROTECTED_ES384, EMPTY_MAP, &[0x41, 9]),
        ]
        .concat();
        let mut longer = document(PROTECTED_ES384, EMPTY_MAP, &[0x41, 9]);
        longer[0] = 0x9f;
        longer.extend_from_slice(&[0x40, 0xff]);
        for bytes in [
            &nil_payload[..],
            &text_header,
            &other_tag,
            &longer,
            &[0x83, 0x40],
            &[0x40],
        ] {
            assert_eq!(read(bytes), Err(ParseError::NotCoseSign1));
        }
    }

    #[test]
    fn each_defect_of_the_envelope_is_noted() {
        let cases: [(&[u8], &[u8], &[Reason]); 7] = [
            (&[0xa1, 0x01, 0x26], EMPTY_MAP, &[Reason::AlgorithmNotEs384]),
            (
                &[],
                EMPTY_MAP,
                &[Reason::ProtectedHeaderInvalid, Reason::AlgorithmNotEs384],
            ),
            (
                &[0xa0],
                EMPTY_MAP,
                &[Reason::ProtectedHeaderInvalid, Reason::AlgorithmNotEs384],
            ),
            (
                &[0xa2, 0x01, 0x38, 0x22, 0x04, 0x40],
                EMPTY_MAP,
                &[Reason::ProtectedHeaderInvalid, Reason::AlgorithmNotEs384],
            ),
            (
                &[0xa1, 0x01, 0x39, 0x00, 0x22],
                EMPTY_MAP,
                &[Reason::ProtectedHeaderInvalid, Reason::AlgorithmNotEs384],
            ),
            (
                PROTECTED_ES384,
                &[0xa1, 0x01, 0x26],
                &[Reason::UnprotectedHeaderNotEmpty],
            ),
            (
                PROTECTED_ES384,
                &[0xbf, 0xff],
                &[Reason::UnprotectedHeaderNotEmpty],
            ),
        ];
        for (protected, unprotected, expected) in cases {
            let (_, defects, _) =
                read(&document(protected, unprotected, &[0x41, 9])).expect("can be read");
            assert_eq!(defects, expected);
        }
    }

    #[test]
    fn bytes_after_the_document_are_noted() {
        let mut bytes = document(PROTECTED_ES384, EMPTY_MAP, &[0x41, 9]);
        bytes.push(0);

        let (_, defects, _) = read(&bytes).expect("can be read");

        assert_eq!(defects, [Reason::TrailingBytes]);
    }

    #[test]
    fn a_signature_of_another_length_is_noted() {
        let mut bytes = vec![0x84, 0x44];
        bytes.extend_from_slice(PROTECTED_ES384);
        bytes.extend_from_slice(&[0xa0, 0x41, 9, 0x40]);

        let (_, defects, _) = read(&bytes).expect("can be read");

        assert_eq!(defects, [Reason::SignatureLength]);
    }

    #[test]
    fn tag_and_indefinite_length_are_flagged() {
        let exact = document(PROTECTED_ES384, EMPTY_MAP, &[0x41, 9]);
        let tagged = [&[0xd2][..], &exact].concat();
        let mut indefinite = exact.clone();
        indefinite[0] = 0x9f;
        indefinite.push(0xff);

        assert_eq!(read(&tagged).expect("can be read").2, [Flag::CoseTag18]);
        assert_eq!(
            read(&indefinite).expect("can be read").2,
            [Flag::OuterIndefiniteLength]
        );
    }
}

//! CMS `EnvelopedData` (RFC 5652 §6) as KMS writes it: BER, with indefinite lengths (X.690
//! §8.1.3.6) around what is not known at its start, and the ciphertext in pieces.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use der::asn1::ObjectIdentifier;

use super::random;
use crate::der_writer::{OCTET_STRING, element, explicit, null, oid, sequence, unsigned};

const ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const RSAES_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const SET: u8 = 0x31;
const KEY_IDENTIFIER: u8 = 0x80;
/// A sequence, and `[0]`, that end with an end of contents.
const OPEN_SEQUENCE: [u8; 2] = [0x30, 0x80];
const OPEN_ZERO: [u8; 2] = [0xa0, 0x80];
const END: [u8; 2] = [0, 0];
/// Bytes of ciphertext in a piece.
const PIECE_BYTES: usize = 32;

/// Puts a data key into an envelope for an RSA key (`SubjectPublicKeyInfo`), if it is one.
pub(super) fn envelop(public_key: &[u8], plain: &[u8; 32]) -> Option<Vec<u8>> {
    let public = PublicEncryptingKey::from_der(public_key).ok()?;
    let oaep = OaepPublicEncryptingKey::new(public).ok()?;
    let content_key: [u8; 32] = random();
    let mut room = vec![0; oaep.ciphertext_size()];
    let wrapped = oaep.encrypt(&OAEP_SHA256_MGF1SHA256, &content_key, &mut room, None);
    let wrapped = wrapped.ok()?.to_vec();

    let cipher = UnboundCipherKey::new(&AES_256, &content_key).ok()?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(cipher).ok()?;
    let mut ciphertext = plain.to_vec();
    let DecryptionContext::Iv128(iv) = cipher.encrypt(&mut ciphertext).ok()? else {
        return None;
    };
    let version = unsigned(&[2]);
    let recipient = sequence(&[
        &version,
        &element(KEY_IDENTIFIER, &[key_identifier(public_key).as_slice()]),
        &sequence(&[&oid(RSAES_OAEP), &oaep_parameters()]),
        &element(OCTET_STRING, &[&wrapped]),
    ]);
    let iv: &[u8; 16] = iv.as_ref();
    let algorithm = sequence(&[&oid(AES_256_CBC), &element(OCTET_STRING, &[iv])]);
    let pieces: Vec<u8> = ciphertext
        .chunks(PIECE_BYTES)
        .flat_map(|piece| element(OCTET_STRING, &[piece]))
        .collect();
    let content = [
        &OPEN_SEQUENCE[..],
        &oid(DATA),
        &algorithm,
        &OPEN_ZERO,
        &pieces,
        &END,
        &END,
    ];
    let whole = [
        &OPEN_SEQUENCE[..],
        &oid(ENVELOPED_DATA),
        &OPEN_ZERO,
        &OPEN_SEQUENCE,
        &version,
        &element(SET, &[&recipient]),
        &content.concat(),
        &END,
        &END,
        &END,
    ];
    Some(whole.concat())
}

fn oaep_parameters() -> Vec<u8> {
    let hash = sequence(&[&oid(SHA256), &null()]);
    let mask = sequence(&[&oid(MGF1), &hash]);
    sequence(&[&explicit(0, &hash), &explicit(1, &mask)])
}

/// Returns what names the key (RFC 5280 §4.2.1.2); whoever opens it knows its key anyway.
fn key_identifier(public_key: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, public_key)
        .as_ref()
        .to_vec()
}

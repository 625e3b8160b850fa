//! Inputs of the target `signature`: what simulated chips and vendors really signed.

use anyhow::{Context, Result};

use crate::{der, files::corpus};

const FIXED: u8 = 0;
const PSS: u8 = 2;
/// How much of a report is signed, and where the parts of the signature stand.
const SIGNED_BYTES: usize = 0x2a0;
const SECOND_PART: usize = 0x2e8;
const SCALAR_BYTES: usize = 48;

/// The signature of a report.
pub(crate) fn of_report(name: &str, report: &[u8], leaf: &[u8]) -> Result<()> {
    let head: [u8; 4] = [0x03, 0x62, 0x00, 0x04];
    let place = place_of(leaf, &head)? + 3;
    let key = &leaf[place..place + 97];
    let part = |at: usize| report[at..at + SCALAR_BYTES].iter().rev().copied();
    let signature: Vec<u8> = part(SIGNED_BYTES).chain(part(SECOND_PART)).collect();
    let input = input(FIXED, key, &signature, &report[..SIGNED_BYTES]);
    corpus("signature", &format!("{name}-report.bin"), &input)
}

/// The signature of an intermediate.
pub(crate) fn of_certificate(name: &str, certificate: &[u8], issuer: &[u8]) -> Result<()> {
    let head = [0x03, 0x82, 0x02, 0x0f, 0x00, 0x30, 0x82, 0x02, 0x0a];
    let place = place_of(issuer, &head)? + 5;
    let key = &issuer[place..place + 526];
    let (_, inside, _) = der::element(certificate)?;
    let (signed, _, _) = der::element(inside)?;
    let signature = &certificate[certificate.len() - 512..];
    let input = input(PSS, key, signature, signed);
    corpus("signature", &format!("{name}-ask.bin"), &input)
}

fn place_of(bytes: &[u8], head: &[u8]) -> Result<usize> {
    let mut windows = bytes.windows(head.len());
    let place = windows.position(|window| window == head);
    place.context("a certificate holds its key")
}

fn input(check: u8, key: &[u8], signature: &[u8], message: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
    let (key_length, signature_length) = (length(key), length(signature));
    [
        &[check][..],
        &key_length,
        key,
        &signature_length,
        signature,
        message,
    ]
    .concat()
}

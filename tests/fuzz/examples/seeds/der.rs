//! Revocation lists, whose signatures are none: the target believes any.

use anyhow::{Context, Result};

/// 2026-05-01 and 2027-05-01, as UTCTime.
const UPDATES: [&[u8]; 2] = [b"\x17\x0d260501000000Z", b"\x17\x0d270501000000Z"];
/// CRL number 1.
const EXTENSIONS: &[u8] = b"\xa0\x0e\x30\x0c\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01";

/// A list of the root that revokes nothing.
pub(crate) fn empty_list(root: &[u8]) -> Result<Vec<u8>> {
    list(root, &[])
}

/// A list of the root that revokes one certificate.
pub(crate) fn list_of(root: &[u8], revoked: &[u8]) -> Result<Vec<u8>> {
    let serial = fields(revoked)?.serial;
    let entry = sequence(&[serial, UPDATES[0]]);
    list(root, &sequence(&[&entry]))
}

fn list(root: &[u8], revoked: &[u8]) -> Result<Vec<u8>> {
    let Fields {
        algorithm, issuer, ..
    } = fields(root)?;
    let [this, next] = UPDATES;
    let version = b"\x02\x01\x01";
    let signed = sequence(&[version, algorithm, issuer, this, next, revoked, EXTENSIONS]);
    let mut signature = vec![0x03, 0x82, 0x02, 0x01, 0x00];
    signature.extend_from_slice(&[7; 512]);
    Ok(sequence(&[&signed, algorithm, &signature]))
}

/// What a list takes over from a certificate, each with its head.
struct Fields<'a> {
    serial: &'a [u8],
    algorithm: &'a [u8],
    issuer: &'a [u8],
}

fn fields(certificate: &[u8]) -> Result<Fields<'_>> {
    let (_, inside, _) = element(certificate)?;
    let (_, inside, _) = element(inside)?;
    let (_, _, rest) = element(inside)?;
    let (serial, _, rest) = element(rest)?;
    let (algorithm, _, rest) = element(rest)?;
    let (issuer, _, _) = element(rest)?;
    Ok(Fields {
        serial,
        algorithm,
        issuer,
    })
}

/// Splits off one element: the whole of it, its content, and what follows.
pub(crate) fn element(bytes: &[u8]) -> Result<(&[u8], &[u8], &[u8])> {
    let length = *bytes.get(1).context("an element has a length")?;
    let (head, length) = match length {
        0x81 => (3, usize::from(bytes[2])),
        0x82 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
        short => (2, usize::from(short)),
    };
    let (whole, rest) = bytes
        .split_at_checked(head + length)
        .context("an element ends")?;
    Ok((whole, &whole[head..], rest))
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let head = match length {
        0..0x80 => vec![0x30, length.to_be_bytes()[1]],
        0x80..0x100 => vec![0x30, 0x81, length.to_be_bytes()[1]],
        _ => [&[0x30, 0x82][..], &length.to_be_bytes()].concat(),
    };
    [head, content].concat()
}

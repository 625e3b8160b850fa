//! Where seeds are written, and the certificate tables of hosts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const ENTRY_BYTES: usize = 24;

/// Writes a file that the targets are built with.
pub(crate) fn fixture(name: &str, bytes: &[u8]) -> Result<()> {
    write("fixtures", name, bytes)
}

/// Writes a file of a target's corpus.
pub(crate) fn corpus(target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    write(&format!("corpus/{target}"), name, bytes)
}

fn write(folder: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    fs::create_dir_all(&folder)?;
    let file = folder.join(name);
    fs::write(&file, bytes).with_context(|| file.display().to_string())
}

/// A certificate table of DER entries.
pub(crate) fn table(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = parts.iter().map(|(name, der)| (guid(name), der.to_vec()));
    table_of(&entries.collect::<Vec<_>>())
}

/// The same with PEM inside, as some hosts have it.
pub(crate) fn table_of_pem(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = parts.iter().map(|(name, der)| (guid(name), pem(der)));
    table_of(&entries.collect::<Vec<_>>())
}

fn table_of(entries: &[([u8; 16], Vec<u8>)]) -> Vec<u8> {
    let mut head = vec![];
    let mut tail = vec![];
    let start = (entries.len() + 1) * ENTRY_BYTES;
    for (guid, bytes) in entries {
        head.extend_from_slice(guid);
        head.extend_from_slice(&little_endian(start + tail.len()));
        head.extend_from_slice(&little_endian(bytes.len()));
        tail.extend_from_slice(bytes);
    }
    head.extend_from_slice(&[0; ENTRY_BYTES]);
    [head, tail].concat()
}

fn little_endian(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn guid(part: &str) -> [u8; 16] {
    match part {
        "vcek" => *b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd",
        "ask" => *b"\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82",
        _ => *b"\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae",
    }
}

/// A certificate as PEM.
pub(crate) fn pem(der: &[u8]) -> Vec<u8> {
    let body = base64(der);
    let lines: Vec<&str> = (0..body.len())
        .step_by(64)
        .map(|at| &body[at..body.len().min(at + 64)])
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n").into_bytes()
}

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

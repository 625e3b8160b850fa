//! Evidence, certificates and tables to put into envelopes.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_verifier::Endorsements;
use serde_json::json;

pub(crate) const VCEK: &[u8; 16] =
    b"\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd";
pub(crate) const ARK: &[u8; 16] =
    b"\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae";

pub(crate) fn report() -> Vec<u8> {
    let mut report = vec![0; 1184];
    report[0] = 3;
    report
}

pub(crate) fn endorsements() -> Endorsements {
    Endorsements {
        leaf: Some(b"\x30leaf".to_vec()),
        intermediate: Some(b"\x30issuer".to_vec()),
        crl: Some(b"\x30list".to_vec()),
    }
}

pub(crate) fn table(entries: &[(&[u8; 16], &[u8])]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut offset = (entries.len() + 1) * 24;
    for (guid, bytes) in entries {
        table.extend_from_slice(*guid);
        table.extend_from_slice(&u32::try_from(offset).expect("it fits").to_le_bytes());
        table.extend_from_slice(&u32::try_from(bytes.len()).expect("it fits").to_le_bytes());
        offset += bytes.len();
    }
    table.extend_from_slice(&[0; 24]);
    for (_, bytes) in entries {
        table.extend_from_slice(bytes);
    }
    table
}

pub(crate) fn tsm_json(report: &[u8]) -> String {
    json!({"provider": "sev_guest", "outblob": STANDARD.encode(report)}).to_string()
}

pub(crate) enum Blob<'a> {
    Bytes(&'a [u8]),
    Text(&'a str),
}

pub(crate) fn tsm_cbor(members: &[(&str, Blob<'_>)]) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder.map(members.len() as u64).expect("it fits");
    for (name, blob) in members {
        encoder.str(name).expect("it fits");
        match blob {
            Blob::Bytes(bytes) => encoder.bytes(bytes).expect("it fits"),
            Blob::Text(text) => encoder.str(text).expect("it fits"),
        };
    }
    encoder.into_writer()
}

pub(crate) fn vectors() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("BOOP_VECTORS").map_or_else(beside, PathBuf::from);
    let folder = folder.join("attestation");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI");
    assert!(ci.is_none(), "{} is missing", folder.display());
    eprintln!("the attestation vectors are not present; recorded evidence is not opened");
    None
}

//! Cases of the shared vectors, and `boop verify` on them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{Run, boop, vectors};

/// Runs `boop verify` on a case of the vectors, at the case's time.
pub(crate) fn run_of(case: &str, file: &str, more: &[&str]) -> Option<(Run, Value)> {
    let case = vectors("attestation")?.join(case);
    let expected = expected(&case);
    let evidence = case.join(expected[file].as_str().expect("a file"));
    Some((verify(&evidence, &expected, more), expected))
}

/// Runs `boop verify` on a file, at the time of a case.
pub(crate) fn verify(evidence: &Path, expected: &Value, more: &[&str]) -> Run {
    let at = expected["verify_time"].as_str().expect("a time");
    let path = evidence.to_str().expect("text");
    boop([&["verify", path, "--at", at][..], more].concat())
}

/// Reads what a case expects.
pub(crate) fn expected(case: &Path) -> Value {
    let bytes = fs::read(case.join("expected.json")).expect("a case says what it expects");
    serde_json::from_slice(&bytes).expect("json")
}

/// Returns a list of codes as a set.
pub(crate) fn codes(list: &Value) -> BTreeSet<String> {
    let codes = list.as_array().expect("a list").iter();
    codes
        .map(|code| code.as_str().expect("a code").to_owned())
        .collect()
}

/// Returns codes as a set.
pub(crate) fn set(codes: &[&str]) -> BTreeSet<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

/// Encodes bytes in base64.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Encodes a certificate in PEM.
pub(crate) fn to_pem(der: &[u8]) -> String {
    let body: Vec<String> = to_base64(der)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        body.join("\n")
    )
}

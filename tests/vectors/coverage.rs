//! The vectors of this repository: each reason and each flag occurs, and the verifier agrees.

use std::collections::BTreeSet;
use std::path::PathBuf;

use boop_verifier::{Flag, Reason};
use serde_json::Value;

use crate::evidence;

/// A reason with a parameter, which the list of all does not hold.
const UNKNOWN_FIELD: &str = "payload-unknown-field:debug";
/// Bytes that the folder may have.
const BYTES_MAX: u64 = 1_500_000;

#[test]
fn every_reason_and_every_flag_occurs_in_a_case() {
    let (reasons, flags) = (codes("reject_reasons"), codes("flags"));
    let all_reasons = Reason::ALL
        .iter()
        .map(Reason::as_str)
        .chain([UNKNOWN_FIELD]);
    let missing_reasons: Vec<_> = all_reasons
        .filter(|code| !reasons.contains(*code))
        .collect();
    let all_flags = Flag::ALL.iter().map(|flag| flag.as_str());
    let missing_flags: Vec<_> = all_flags.filter(|code| !flags.contains(*code)).collect();

    assert_eq!(missing_reasons, [""; 0]);
    assert_eq!(missing_flags, [""; 0]);
}

#[test]
fn the_verifier_agrees_with_every_case() {
    let suites = evidence::suites(&folder(), None).unwrap();

    for suite in &suites {
        assert!(suite.disagreements.is_empty(), "{:#?}", suite.disagreements);
    }
    let names: Vec<_> = suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(names, ["snp", "snp-roots", "nitro", "nitro-roots"]);
}

#[test]
fn every_folder_is_a_case_of_the_index() {
    for kind in ["snp", "nitro"] {
        let folder = folder().join(kind);
        let index = evidence::json(&folder.join("index.json")).unwrap();
        let cases = index.as_array().unwrap().iter();
        let stated: BTreeSet<_> = cases
            .map(|case| case["id"].as_str().unwrap().to_owned())
            .collect();

        let entries = std::fs::read_dir(&folder).unwrap().map(Result::unwrap);
        let folders = entries.filter(|entry| entry.path().is_dir());
        let mut names: BTreeSet<_> = folders
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.retain(|name| name != "roots" && name != "policies");

        assert_eq!(names, stated);
    }
}

#[test]
fn the_folder_stays_small_and_holds_no_private_key() {
    let mut bytes = 0;
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let ending = path.extension().and_then(|ending| ending.to_str());
            let known = ["bin", "cbor", "crl", "der", "json", "md", "toml"];
            assert!(
                ending.is_some_and(|ending| known.contains(&ending)),
                "{}",
                path.display()
            );
            bytes += path.metadata().unwrap().len();
        }
    }

    assert!(bytes < BYTES_MAX, "{bytes}");
}

/// Every code that the cases state in a field.
fn codes(field: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for kind in ["snp", "nitro"] {
        let index = evidence::json(&folder().join(kind).join("index.json")).unwrap();
        for case in index.as_array().unwrap() {
            let stated = case[field].as_array().unwrap().iter();
            codes.extend(stated.filter_map(Value::as_str).map(str::to_owned));
        }
    }
    codes
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/attestation")
}

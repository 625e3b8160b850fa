//! The ledger vectors: RFC 6962 proofs of transparency-dev, and signed notes of C2SP.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_proof::verify::{verify_consistency_bytes, verify_inclusion_bytes};
use boop_proof::{Checkpoint, KeyName, Note, VerifierKey};
use serde_json::Value;

const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

#[test]
fn inclusion_proofs_are_judged_as_the_vectors_say() {
    // RFC 6962 §2.1.1
    let judged = judge_all("rfc6962-inclusion.json", |case| {
        let (leaf, root, proof) = (bytes(case, "leafHash"), bytes(case, "root"), proof(case));
        let (index, size) = (number(case, "leafIdx"), number(case, "treeSize"));
        verify_inclusion_bytes(&leaf, index, size, &proof, &root).is_ok()
    });

    assert!(judged.is_none_or(|cases| cases == 98));
}

#[test]
fn consistency_proofs_are_judged_as_the_vectors_say() {
    // RFC 6962 §2.1.2
    let judged = judge_all("rfc6962-consistency.json", |case| {
        let (old, new, proof) = (bytes(case, "root1"), bytes(case, "root2"), proof(case));
        let (from, to) = (number(case, "size1"), number(case, "size2"));
        verify_consistency_bytes(from, to, &old, &new, &proof).is_ok()
    });

    assert!(judged.is_none_or(|cases| cases == 98));
}

#[test]
fn the_example_notes_read_and_print_the_same() {
    let expected = [
        (
            "signed-note-examples-0.txt",
            "quasimodo.example/salvatore",
            1,
        ),
        ("signed-note-examples-1.txt", "example.com/foo", 1),
        (
            "cosignature-examples-0.txt",
            "example.com/behind-the-sofa",
            2,
        ),
    ];

    for (file, name, signatures) in expected {
        let Some(text) = vector(file) else { return };
        let note = Note::parse(&text).unwrap();
        assert_eq!(note.to_string(), text, "{file}");
        assert_eq!(note.signatures().len(), signatures, "{file}");
        assert_eq!(
            note.signatures()[0].name,
            KeyName::new(name).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn the_example_note_with_a_key_verifies_and_a_changed_one_does_not() {
    let Some(text) = vector("signed-note-examples-1.txt") else {
        return;
    };
    let keys = [KEY.parse::<VerifierKey>().unwrap()];

    let signed = Note::parse(&text).unwrap();
    let changed = Note::parse(&text.replace("example message", "Example message")).unwrap();

    assert_eq!(signed.verify(&keys).unwrap()[0].key, &keys[0]);
    assert!(changed.verify(&keys).is_err());
}

#[test]
fn the_example_checkpoint_reads() {
    let Some(text) = vector("cosignature-examples-0.txt") else {
        return;
    };
    let note = Note::parse(&text).unwrap();

    let checkpoint = Checkpoint::parse(note.text()).unwrap();

    assert_eq!(checkpoint.origin, note.signatures()[0].name);
    assert_eq!(checkpoint.size, 20_852_163);
    assert_eq!(checkpoint.text(), note.text());
    // The C2SP text prints the message of this cosignature, with its time.
    let time_s = 1_679_315_147_u64.to_be_bytes();
    assert!(note.signatures()[1].bytes.starts_with(&time_s));
}

/// Runs `accepts` on every case of a file and returns how many there were.
fn judge_all(file: &str, accepts: impl Fn(&Value) -> bool) -> Option<usize> {
    let cases: Vec<Value> = serde_json::from_str(&vector(file)?).expect("a JSON array");
    for case in &cases {
        let expected = !case["wantErr"].as_bool().expect("wantErr");
        assert_eq!(
            accepts(case),
            expected,
            "{}: {}",
            case["name"],
            case["desc"]
        );
    }
    Some(cases.len())
}

fn number(case: &Value, field: &str) -> u64 {
    case[field].as_u64().expect("a number")
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    decoded(&case[field])
}

fn decoded(text: &Value) -> Vec<u8> {
    STANDARD
        .decode(text.as_str().expect("a string"))
        .expect("base64")
}

fn proof(case: &Value) -> Vec<Vec<u8>> {
    let hashes = case["proof"].as_array().map_or(&[][..], Vec::as_slice);
    hashes.iter().map(decoded).collect()
}

/// Reads a file of the vectors folder; `None` where there is no such folder, except in CI.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by the environment where it runs"
)]
fn vector(file: &str) -> Option<String> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors");
    let folder = std::env::var("BOOP_VECTORS").unwrap_or_else(|_| beside.to_owned());
    let folder = PathBuf::from(folder).join("ledger");
    if !folder.is_dir() {
        assert!(
            std::env::var("CI").is_err(),
            "no vectors in {}",
            folder.display()
        );
        println!("skipped: no vectors in {}", folder.display());
        return None;
    }
    Some(std::fs::read_to_string(folder.join(file)).expect("a vector file"))
}

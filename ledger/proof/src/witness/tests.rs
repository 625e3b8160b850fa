//! Requests to a witness: what it cosigns, and each refusal.

use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::hash::leaf_hash;
use crate::key::KeyName;
use crate::tree::Tree;

#[test]
fn a_witness_follows_a_log_as_it_grows_and_its_cosignature_verifies() {
    let (log, witness) = (log(1), witness());
    let mut head = Head::EMPTY;

    for size in [0, 1, 4, 4, 7] {
        let request = request(&log, head.size, size);
        let read = AddCheckpoint::parse(&request.to_string()).unwrap();
        assert_eq!(read, request);

        let accepted = read.judge(&[log.verifier().clone()], head).unwrap();
        assert_eq!(accepted.from(), head);
        head = accepted.to();
        assert_eq!(head, head_at(size));

        let mut note = read.checkpoint;
        note.add(accepted.cosign(&witness, 77));
        let keys = [witness.verifier().clone()];
        assert_eq!(note.verify(&keys).unwrap()[0].time_s, Some(77));
    }
}

#[test]
fn a_log_that_believes_another_size_is_told_the_one_that_was_cosigned() {
    let log = log(1);

    for old in [0, 3, 5] {
        let refused = judge(&request(&log, old, 7), &log, head_at(4));

        assert_eq!(refused, Err(WitnessRefusal::OtherSize(4)), "{old}");
    }
    let refused = WitnessRefusal::OtherSize(4);
    assert_eq!(
        (refused.status(), refused.size_body()),
        (409, Some("4\n".into()))
    );
}

#[test]
fn a_log_that_shows_two_trees_is_refused() {
    let log = log(1);
    let other = Head {
        root: leaf_hash(b"other"),
        ..head_at(4)
    };

    let same_size = judge(&request(&log, 4, 4), &log, other);
    let larger = judge(&request(&log, 4, 7), &log, other);

    assert_eq!(same_size, Err(WitnessRefusal::OtherRoot(4)));
    let root = ProofError::Root;
    let split = WitnessRefusal::Proof(root);
    assert_eq!(larger, Err(split.clone()));
    assert_eq!((split.status(), split.size_body()), (422, None));
    assert_eq!(WitnessRefusal::OtherRoot(4).status(), 409);
}

#[test]
fn a_proof_where_none_belongs_is_refused() {
    let log = log(1);

    for (old, new) in [(0, 0), (0, 7), (4, 4)] {
        let mut request = request(&log, old, new);
        request.proof = vec![leaf_hash(b"any")];

        let refused = judge(&request, &log, head_at(old));

        let length = WitnessRefusal::Proof(ProofError::Length(1));
        assert_eq!(refused, Err(length), "{old} to {new}");
    }
}

#[test]
fn a_log_does_not_shrink() {
    let log = log(1);
    let mut request = request(&log, 4, 4);
    request.old_size = 5;

    let refused = judge(&request, &log, head_at(5)).unwrap_err();

    assert_eq!(refused, WitnessRefusal::Shrinks { old: 5, new: 4 });
    assert_eq!(refused.status(), 400);
}

#[test]
fn a_log_without_a_known_key_is_unknown_and_one_with_another_key_unsigned() {
    let (ours, stranger) = (log(1), log(2));
    let request = request(&ours, 0, 4);
    let cosigner = SignerKey::from_seed(name("log"), KeyType::Cosignature, &[1; 32]);

    let unknown = request.judge(&[cosigner.verifier().clone()], Head::EMPTY);
    let unsigned = judge(&request, &stranger, Head::EMPTY);

    assert_eq!(unknown, Err(WitnessRefusal::UnknownLog));
    let signature = WitnessRefusal::Signature(NoteVerifyError::Unsigned);
    assert_eq!(unsigned, Err(signature.clone()));
    assert_eq!(WitnessRefusal::UnknownLog.status(), 404);
    assert_eq!(signature.status(), 403);
}

#[test]
fn a_wrong_signature_of_the_log_is_refused_before_the_head_is_told() {
    let log = log(1);
    let mut request = request(&log, 0, 4);
    let text = request.checkpoint.to_string().replacen("\n4\n", "\n5\n", 1);
    request.checkpoint = Note::parse(&text).unwrap();

    let refused = judge(&request, &log, head_at(3));

    let bad = NoteVerifyError::BadSignature(name("log"));
    assert_eq!(refused, Err(WitnessRefusal::Signature(bad)));
}

#[test]
fn a_signed_text_that_is_no_checkpoint_is_refused() {
    let log = log(1);
    let mut note = Note::new("log\n").unwrap();
    note.sign(&log, 0);
    let request = AddCheckpoint {
        old_size: 0,
        proof: vec![],
        checkpoint: note,
    };

    let refused = judge(&request, &log, Head::EMPTY).unwrap_err();

    assert_eq!(refused, WitnessRefusal::Text(CheckpointParseError::Lines));
    assert_eq!(refused.status(), 400);
}

#[test]
fn malformed_requests_are_refused_with_the_reason() {
    let text = request(&log(1), 3, 7).to_string();
    let line = to_base64(&[7; 32]);
    let many = format!(
        "old 3\n{}",
        format!("{line}\n").repeat(REQUEST_HASHES_MAX + 1)
    );
    let cases = [
        (String::new(), AddCheckpointParseError::Old),
        ("old 3".into(), AddCheckpointParseError::Old),
        (
            text.replace("old 3", "old 03"),
            AddCheckpointParseError::Old,
        ),
        (text.replace("old 3", "new 3"), AddCheckpointParseError::Old),
        ("old 3\nAAAA\n".into(), AddCheckpointParseError::Proof(0)),
        (many, AddCheckpointParseError::Proof(REQUEST_HASHES_MAX)),
        (format!("old 3\n{line}\n"), AddCheckpointParseError::Shape),
        (
            "old 3\n\nnote\n".into(),
            AddCheckpointParseError::Checkpoint(NoteParseError::Shape),
        ),
    ];

    for (text, expected) in cases {
        assert_eq!(AddCheckpoint::parse(&text), Err(expected), "{text:?}");
    }
}

fn judge(request: &AddCheckpoint, log: &SignerKey, head: Head) -> Result<Accepted, WitnessRefusal> {
    request.judge(&[log.verifier().clone()], head)
}

/// What an honest log sends; a proof that does not exist is left empty.
fn request(log: &SignerKey, old_size: u64, size: u64) -> AddCheckpoint {
    let Head { size, root } = head_at(size);
    let origin = name("log");
    AddCheckpoint {
        old_size,
        proof: tree().consistency_proof(old_size, size).unwrap_or_default(),
        checkpoint: Checkpoint { origin, size, root }.sign(log),
    }
}

fn head_at(size: u64) -> Head {
    let root = tree().root_at(size).unwrap();
    Head { size, root }
}

fn tree() -> Tree {
    let mut tree = Tree::new();
    for index in 0..7 {
        tree.append(leaf_hash(&[index]));
    }
    tree
}

fn log(seed: u8) -> SignerKey {
    SignerKey::from_seed(name("log"), KeyType::Ed25519, &[seed; 32])
}

fn witness() -> SignerKey {
    SignerKey::from_seed(name("w"), KeyType::Cosignature, &[9; 32])
}

fn name(name: &str) -> KeyName {
    KeyName::new(name).unwrap()
}

//! Policies: what reads, what each line refuses, and which cosignatures make a quorum.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

use super::*;
use crate::hash::{EMPTY_ROOT, leaf_hash};
use crate::key::{KeyName, SignerKey};
use crate::tree::Tree;

#[test]
fn a_quorum_of_two_levels_counts_as_the_groups_say() {
    // The example of the C2SP text: two of X1 to X3, and one of Y1 to Y3 (here one more line).
    let policy = parse(&two_levels());

    for (cosigned, expected) in [
        (&[1, 2, 4][..], true),
        (&[1, 3, 6], true),
        (&[1, 2, 3, 4, 5, 6], true),
        (&[1, 2, 3], false),
        (&[1, 4, 5, 6], false),
        (&[], false),
    ] {
        let opened = policy.open(&note(cosigned));

        let wanted = if expected {
            Ok(checkpoint())
        } else {
            Err(PolicyError::Quorum)
        };
        assert_eq!(opened, wanted, "{cosigned:?}");
    }
}

#[test]
fn one_witness_or_none_can_be_the_quorum() {
    let one = parse(&format!("{}{}quorum W1\n", log_line(9), witness_line(1)));
    let none = parse(&format!("{}quorum none\n", log_line(9)));

    assert_eq!(one.open(&note(&[1])), Ok(checkpoint()));
    assert_eq!(one.open(&note(&[2])), Err(PolicyError::Quorum));
    assert_eq!(none.open(&note(&[])), Ok(checkpoint()));
}

#[test]
fn one_witness_that_cosigns_often_counts_once() {
    let lines: String = [1, 2].map(witness_line).concat();
    let policy = parse(&format!(
        "{}{lines}group G 2 W1 W2\nquorum G\n",
        log_line(9)
    ));

    let opened = policy.open(&note(&[1, 1, 1]));

    assert_eq!(opened, Err(PolicyError::Quorum));
}

#[test]
fn a_checkpoint_of_a_log_outside_the_policy_is_refused() {
    let unsigned = Err(PolicyError::Log(NoteVerifyError::Unsigned));

    for policy in [
        "quorum none\n".to_string(),
        format!("{}quorum none\n", log_line(8)),
    ] {
        assert_eq!(parse(&policy).open(&note(&[])), unsigned);
    }
}

#[test]
fn a_wrong_cosignature_is_refused_even_where_the_quorum_would_do_without() {
    let lines: String = [1, 2].map(witness_line).concat();
    let policy = parse(&format!(
        "{}{lines}group G any W1 W2\nquorum G\n",
        log_line(9)
    ));
    let mut note = note(&[1]);
    let mut stray = Note::new("another\n").unwrap();
    stray.sign(&witness(2), 5);
    note.add(stray.signatures()[0].clone());

    let refused = policy.open(&note);

    let bad = NoteVerifyError::BadSignature(witness(2).verifier().name().clone());
    assert_eq!(refused, Err(PolicyError::Witness(bad)));
}

#[test]
fn a_signed_text_that_is_no_checkpoint_is_refused() {
    let note = Note::new("log\n").unwrap();

    let refused = parse("quorum none\n").open(&note);

    assert_eq!(refused, Err(PolicyError::Text(CheckpointParseError::Lines)));
}

#[test]
fn a_proof_verifies_offline_under_a_policy_and_another_entry_does_not() {
    let policy = parse(&format!("{}{}quorum W1\n", log_line(9), witness_line(1)));
    let (index, path) = (4, tree().inclusion_proof(4, 7).unwrap());
    let proof = |cosigned: &[u8]| {
        let (extra, path) = (None, path.clone());
        ProofText {
            extra,
            index,
            path,
            checkpoint: note(cosigned),
        }
    };
    let read = ProofText::parse(&proof(&[1]).text()).unwrap();

    assert_eq!(policy.verify(&read, &leaf_hash(&[4])), Ok(checkpoint()));
    let other = policy.verify(&read, &leaf_hash(&[5]));
    assert_eq!(other, Err(PolicyError::Proof(ProofError::Root)));
    let alone = policy.verify(&proof(&[]), &leaf_hash(&[4]));
    assert_eq!(alone, Err(PolicyError::Quorum));
}

#[test]
fn blanks_comments_addresses_and_bytes_outside_ascii_are_taken() {
    let vkey = witness(1).verifier().to_string();
    let mut text = b" \t\n# \xff\n\n\t#\n".to_vec();
    text.extend(format!("\tlog  {}\thttps://log.example \n", log(9).verifier()).bytes());
    text.extend(b"witness \xe2\x84\xaa ");
    text.extend(format!("{vkey} https://w.example\n").bytes());
    text.extend(b"quorum\t\xe2\x84\xaa");
    text.extend(b"\n");

    let policy = Policy::parse(&text).unwrap();

    assert_eq!(policy.open(&note(&[1])), Ok(checkpoint()));
    assert_eq!(policy.open(&note(&[])), Err(PolicyError::Quorum));
}

#[test]
fn malformed_lines_are_refused_with_their_number_and_the_reason() {
    use PolicyLineError as E;
    let (log, w1, w2) = (log_line(9), witness_line(1), witness_line(2));
    let cases = [
        ("quorum none\r\n".into(), 1, E::Control),
        ("quorum\n".into(), 1, E::Shape),
        ("quorum a b\n".into(), 1, E::Shape),
        ("Log x\n".into(), 1, E::Shape),
        ("log x\n".into(), 1, E::Key(KeyParseError::Shape)),
        (log.replace("log ", "witness a "), 1, E::KeyType),
        (w1.replace("witness W1", "log"), 1, E::KeyType),
        (format!("{log}{log}"), 2, E::DuplicateKey),
        (
            format!("{w1}{}", w1.replace("W1", "W2")),
            2,
            E::DuplicateKey,
        ),
        (
            format!("{w1}{}", w2.replace("W2", "W1")),
            2,
            E::DuplicateName,
        ),
        (w1.replace("W1", "none"), 1, E::DuplicateName),
        (format!("{w1}group W1 any W1\n"), 2, E::DuplicateName),
        ("group g any none\n".into(), 1, E::UnknownName),
        ("group g any g\n".into(), 1, E::UnknownName),
        ("quorum W1\n".into(), 1, E::UnknownName),
        (format!("{w1}group g any W1 W1\n"), 2, E::MemberTwice),
        (
            format!("{w1}group g any W1\ngroup h any W1\n"),
            3,
            E::MemberTwice,
        ),
        ("group g any\n".into(), 1, E::Threshold),
        ("group g all\n".into(), 1, E::Threshold),
        (format!("{w1}group g 0 W1\n"), 2, E::Threshold),
        (format!("{w1}group g 2 W1\n"), 2, E::Threshold),
        (format!("{w1}group g some W1\n"), 2, E::Threshold),
        ("quorum none\nquorum none\n".into(), 2, E::QuorumTwice),
    ];

    for (text, line, expected) in cases {
        let refused = Policy::parse(String::as_bytes(&text));
        assert_eq!(
            refused,
            Err(PolicyParseError::Line(line, expected)),
            "{text}"
        );
    }
}

#[test]
fn a_file_without_an_end_or_a_quorum_or_too_long_is_refused() {
    let long = vec![b'\n'; POLICY_BYTES_MAX + 1];

    assert_eq!(
        Policy::parse(b"quorum none"),
        Err(PolicyParseError::Unterminated)
    );
    assert_eq!(Policy::parse(b""), Err(PolicyParseError::NoQuorum));
    assert_eq!(Policy::parse(b"\n"), Err(PolicyParseError::NoQuorum));
    assert_eq!(
        Policy::parse(&long),
        Err(PolicyParseError::TooLong(long.len()))
    );
}

#[test]
fn the_limits_are_reached_and_one_more_is_refused() {
    let logs: Vec<String> = (0..=64).map(log_line).collect();
    let members: Vec<String> = (0..=128).map(witness_line).collect();
    let too_many = |line| Err(PolicyParseError::Line(line, PolicyLineError::TooMany));
    let read = |lines: &[String]| Policy::parse((lines.concat() + "quorum none\n").as_bytes());

    assert!(read(&logs[..LOGS_MAX]).is_ok());
    assert_eq!(read(&logs), too_many(LOGS_MAX + 1));
    assert!(read(&members[..MEMBERS_MAX]).is_ok());
    assert_eq!(read(&members), too_many(MEMBERS_MAX + 1));
}

fn two_levels() -> String {
    let witnesses: String = (1..=6).map(witness_line).collect();
    let groups = "group X 2 W1 W2 W3\ngroup Y any W4 W5 W6\ngroup both all X Y\nquorum both\n";
    format!("{}{witnesses}{groups}", log_line(9))
}

fn parse(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).unwrap()
}

/// The checkpoint signed by the log of seed 9 and cosigned by these witnesses.
fn note(cosigned: &[u8]) -> Note {
    let mut note = checkpoint().sign(&log(9));
    for seed in cosigned {
        note.sign(&witness(*seed), 5);
    }
    note
}

fn checkpoint() -> Checkpoint {
    let (origin, root) = (KeyName::new("log").unwrap(), tree().root());
    assert_ne!(root, EMPTY_ROOT);
    Checkpoint {
        origin,
        size: 7,
        root,
    }
}

fn tree() -> Tree {
    let mut tree = Tree::new();
    for index in 0..7 {
        tree.append(leaf_hash(&[index]));
    }
    tree
}

fn log_line(seed: u8) -> String {
    format!("log {}\n", log(seed).verifier())
}

fn witness_line(seed: u8) -> String {
    format!("witness W{seed} {}\n", witness(seed).verifier())
}

fn log(seed: u8) -> SignerKey {
    SignerKey::from_seed(KeyName::new("log").unwrap(), KeyType::Ed25519, &[seed; 32])
}

fn witness(seed: u8) -> SignerKey {
    let name = KeyName::new(&format!("w{seed}.example")).unwrap();
    SignerKey::from_seed(name, KeyType::Cosignature, &[seed; 32])
}

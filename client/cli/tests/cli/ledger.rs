//! `boop ledger` on input that cannot hold, and on a ledger that answers what it likes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use boop_proof::key::KeyType;
use boop_proof::{Checkpoint, KeyName, ProofText, SignerKey, Tree, leaf_hash};
use boop_wire::Digest;
use boop_wire::ledger::{Entry, EntryKind};

use crate::run::boop;

#[test]
fn files_that_are_no_receipts_are_named() {
    let scratch = tempfile::tempdir().expect("a folder");
    let receipt = scratch.path().join("receipt.txt");
    fs::write(&receipt, "no receipt").expect("written");
    let empty = scratch.path().join("empty");
    fs::write(&empty, "").expect("written");
    let network = scratch.path().join("network.toml");

    for (path, line) in [(&receipt, "is not a receipt"), (&empty, "is empty")] {
        let run = boop([
            "ledger".as_ref(),
            "verify".as_ref(),
            path.as_os_str(),
            "--network".as_ref(),
            network.as_os_str(),
        ]);

        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.err.contains(line), "{run:?}");
    }
}

#[test]
fn a_receipt_needs_a_network() {
    let run = boop(["ledger", "verify", "receipt.txt"]);

    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("--network <FILE>"), "{run:?}");
}

#[test]
fn an_entry_of_a_ledger_is_proven_by_its_checkpoint() {
    let url = serve(log(false), 3);

    let run = boop(["ledger", "prove", "--ledger", &url, "2"]);

    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.starts_with("the log contains the entry"), "{run:?}");
    for words in [
        "log            example.com/log",
        "kind           Boot",
        "as the ledger says itself",
    ] {
        assert!(run.out.contains(words), "{words}: {run:?}");
    }
}

#[test]
fn an_entry_that_was_changed_is_not_proven() {
    let url = serve(log(true), 3);

    let run = boop(["ledger", "prove", "--ledger", &url, "2", "--json"]);

    assert_eq!(run.code, Some(1), "{run:?}");
    let answer = run.json();
    assert_eq!(answer["contained"], false);
    let error = answer["error"].as_str().expect("text");
    assert!(error.contains("leads to another root"), "{error}");
}

#[test]
fn a_ledger_that_is_not_there_or_has_no_such_entry_is_an_error() {
    let absent = boop(["ledger", "prove", "--ledger", "http://127.0.0.1:1", "2"]);
    assert_eq!(absent.code, Some(2), "{absent:?}");
    assert!(
        absent.err.contains("cannot get http://127.0.0.1:1/proof/2"),
        "{absent:?}"
    );

    let url = serve(log(false), 1);
    let missing = boop(["ledger", "prove", "--ledger", &url, "9"]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(
        missing.err.contains("the log has no such entry yet"),
        "{missing:?}"
    );

    let malformed = boop(["ledger", "prove", "--ledger", "127.0.0.1:1", "2"]);
    assert_eq!(malformed.code, Some(2), "{malformed:?}");
    assert!(
        malformed.err.contains("of the form http://host:port"),
        "{malformed:?}"
    );
}

/// What a ledger's public side answers for entry 2.
#[derive(Clone)]
struct Log {
    proof: String,
    key: String,
    leaf: Vec<u8>,
}

fn log(changed: bool) -> Log {
    let name = KeyName::new("example.com/log").expect("a name");
    let signer = SignerKey::from_seed(name.clone(), KeyType::Ed25519, &[7; 32]);
    let mut entry = Entry {
        version: 1,
        kind: EntryKind::Boot,
        time_ms: 1_780_000_000_000,
        simulated: false,
        commitment: Digest::new([4; 32]),
    };
    let mut tree = Tree::new();
    for index in 0..5_u8 {
        let leaf = if index == 2 {
            entry.leaf()
        } else {
            vec![index]
        };
        tree.append(leaf_hash(&leaf));
    }
    entry.time_ms += u64::from(changed);
    let checkpoint = Checkpoint {
        origin: name,
        size: 5,
        root: tree.root(),
    };
    let proof = ProofText {
        extra: None,
        index: 2,
        path: tree.inclusion_proof(2, 5).expect("a proof"),
        checkpoint: checkpoint.sign(&signer),
    };
    Log {
        proof: proof.text(),
        key: format!("{}\n", signer.verifier()),
        leaf: entry.leaf(),
    }
}

/// Answers so many requests, one on each connection, and ends.
fn serve(log: Log, requests: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let count = stream.read(&mut request).expect("a request");
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let missing = br#"{"detail":"the log has no such entry yet"}"#.to_vec();
            let (status, body) = match path {
                "/proof/2" => ("200 OK", log.proof.clone().into_bytes()),
                "/entries/2" => ("200 OK", log.leaf.clone()),
                "/key" => ("200 OK", log.key.clone().into_bytes()),
                _ => ("404 Not Found", missing),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).expect("written");
            stream.write_all(&body).expect("written");
        }
    });
    url
}

//! Proofs of a log of our own.

use boop_proof::key::KeyType;
use boop_proof::{KeyName, SignerKey, Tree};
use boop_wire::Digest;
use boop_wire::ledger::EntryKind;

use super::*;

#[test]
fn a_proof_of_the_entry_holds() {
    let fetched = sample();

    let (checkpoint, entry) = fetched.check(2).unwrap();

    assert_eq!((checkpoint.size, entry.kind), (5, EntryKind::Boot));
    assert_eq!(fetched.described(&fetched.check(2))["contained"], true);
}

#[test]
fn a_proof_of_another_entry_leaf_or_log_is_refused() {
    let refused = |fetched: &Fetched| format!("{:#}", fetched.check(2).unwrap_err());

    let mut other_index = sample();
    other_index.proof.index = 3;
    assert_eq!(refused(&other_index), "the proof is of entry 3");

    let mut other_leaf = sample();
    other_leaf.leaf[3] ^= 1;
    assert_eq!(
        refused(&other_leaf),
        "the path does not lead to the checkpoint: the proof leads to another root"
    );

    let mut other_log = sample();
    other_log.key = signer(2).verifier().clone();
    let text = refused(&other_log);
    assert!(
        text.starts_with("the checkpoint is not to be trusted"),
        "{text}"
    );
    assert_eq!(other_log.described(&other_log.check(2))["contained"], false);
}

#[test]
fn what_others_wrote_does_not_steer_the_terminal() {
    assert_eq!(plain("Caf\u{e9}\u{1b}[2J"), "Caf\u{e9}\u{fffd}[2J");
}

fn sample() -> Fetched {
    let log = signer(1);
    let leaf = Entry {
        version: 1,
        kind: EntryKind::Boot,
        time_ms: 1_780_000_000_000,
        simulated: false,
        commitment: Digest::new([4; 32]),
    }
    .leaf();
    let mut tree = Tree::new();
    for index in 0..5_u8 {
        let filler = [index];
        tree.append(leaf_hash(if index == 2 { &leaf } else { &filler }));
    }
    let checkpoint = Checkpoint {
        origin: log.verifier().name().clone(),
        size: 5,
        root: tree.root(),
    };
    Fetched {
        proof: ProofText {
            extra: None,
            index: 2,
            path: tree.inclusion_proof(2, 5).unwrap(),
            checkpoint: checkpoint.sign(&log),
        },
        leaf,
        key: log.verifier().clone(),
        key_known: false,
    }
}

fn signer(seed: u8) -> SignerKey {
    SignerKey::from_seed(KeyName::new("log").unwrap(), KeyType::Ed25519, &[seed; 32])
}

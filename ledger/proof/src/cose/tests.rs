//! Receipts of inclusion and consistency: whole, changed, and of somebody else.

use alloc::vec;

use super::*;
use crate::hash::leaf_hash;
use crate::key::KeyName;
use crate::tree::Tree;

const LEAVES: u64 = 104;

#[test]
fn a_receipt_of_inclusion_proves_its_leaf_and_no_other() {
    let (tree, key) = (tree(), log());
    for index in [0, 1, 17, 103] {
        let receipt = inclusion(&tree, &key, index);
        let read = CoseReceipt::parse(&receipt.to_bytes()).unwrap();
        assert_eq!(read, receipt);

        let proved = read.verify_inclusion(&leaf(index), key.verifier());
        assert_eq!(proved, Ok(tree.root()));
        let other = read.verify_inclusion(&leaf(index + 1), key.verifier());
        assert_eq!(other, Err(CoseError::Signature));
        let older = tree.root_at(20).unwrap();
        let kind = read.verify_consistency((20, &older), &tree.root(), key.verifier());
        assert_eq!(kind, Err(CoseError::Kind));
    }
}

#[test]
fn a_receipt_of_consistency_proves_that_a_log_only_grew() {
    let (tree, key) = (tree(), log());
    let (old, new) = (tree.root_at(20).unwrap(), tree.root());
    let receipt = consistency(&tree, &key);
    let read = CoseReceipt::parse(&receipt.to_bytes()).unwrap();
    assert_eq!(read, receipt);

    let key = key.verifier();
    assert_eq!(read.verify_consistency((20, &old), &new, key), Ok(()));
    let size = read.verify_consistency((21, &old), &new, key);
    assert_eq!(size, Err(CoseError::OlderSize { found: 20 }));
    let forked = tree.root_at(21).unwrap();
    let refused = read.verify_consistency((20, &forked), &new, key);
    assert_eq!(refused, Err(CoseError::Proof(ProofError::EarlierRoot)));
    let refused = read.verify_consistency((20, &old), &forked, key);
    assert_eq!(refused, Err(CoseError::Proof(ProofError::Root)));
    let kind = read.verify_inclusion(&leaf(3), key);
    assert_eq!(kind, Err(CoseError::Kind));
}

#[test]
fn no_bit_of_a_receipt_can_be_changed() {
    let (tree, key) = (tree(), log());
    let (old, new) = (tree.root_at(20).unwrap(), tree.root());
    let key_of_log = key.verifier();
    refuses_every_change(&inclusion(&tree, &key, 17), |read| {
        read.verify_inclusion(&leaf(17), key_of_log).is_ok()
    });
    refuses_every_change(&consistency(&tree, &key), |read| {
        read.verify_consistency((20, &old), &new, key_of_log)
            .is_ok()
    });
    assert_eq!(
        CoseReceipt::parse(&vec![0xd2; COSE_BYTES_MAX + 1]),
        Err(NotCose)
    );
}

#[test]
fn another_log_another_key_and_a_witness_sign_nothing_for_us() {
    let (tree, key) = (tree(), log());
    let receipt = inclusion(&tree, &key, 17);
    let signer =
        |name, kind, seed| SignerKey::from_seed(KeyName::new(name).unwrap(), kind, &[seed; 32]);
    let cosigner = signer("example.com/log", KeyType::Cosignature, 7);

    for other in [
        signer("example.com/log", KeyType::Ed25519, 8),
        signer("example.com/other", KeyType::Ed25519, 7),
    ] {
        let refused = receipt.verify_inclusion(&leaf(17), other.verifier());
        assert_eq!(refused, Err(CoseError::OtherLog));
    }
    let refused = receipt.verify_inclusion(&leaf(17), cosigner.verifier());
    assert_eq!(refused, Err(CoseError::Cosigner));
    let signed = CoseReceipt::sign(&cosigner, receipt.proof.clone(), &tree.root());
    assert_eq!(signed, Err(CoseError::Cosigner));
    // Who takes over the names without the key.
    let thief = signer("example.com/log", KeyType::Ed25519, 8);
    let mut forged = inclusion(&tree, &thief, 17);
    forged.key_id = receipt.key_id;
    let refused = forged.verify_inclusion(&leaf(17), key.verifier());
    assert_eq!(refused, Err(CoseError::Signature));
}

#[test]
fn what_is_said_in_another_way_is_refused() {
    let (tree, key) = (tree(), log());
    let whole = inclusion(&tree, &key, 0).to_bytes();
    // An attached payload in the place of null; a longer form of the tag; no tag.
    let null = whole.len() - SIGNATURE_BYTES - 3;
    assert_eq!(whole[null], 0xf6);
    let attached = [&whole[..null], &[0x40], &whole[null + 1..]].concat();
    let longer = [&[0xd8, 18], &whole[1..]].concat();
    for other in [&attached[..], &longer, &whole[1..]] {
        assert_eq!(CoseReceipt::parse(other), Err(NotCose));
    }
}

/// Changes every bit, cuts the receipt off at every byte, and makes it longer.
fn refuses_every_change(receipt: &CoseReceipt, holds: impl Fn(&CoseReceipt) -> bool) {
    assert!(holds(receipt));
    let whole = receipt.to_bytes();
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[place] ^= 1 << bit;
            let held = CoseReceipt::parse(&changed).is_ok_and(|read| holds(&read));
            assert!(!held, "byte {place}, bit {bit}");
        }
    }
    for length in 0..whole.len() {
        assert_eq!(CoseReceipt::parse(&whole[..length]), Err(NotCose));
    }
    let longer = [&whole[..], &[0]].concat();
    assert_eq!(CoseReceipt::parse(&longer), Err(NotCose));
}

fn inclusion(tree: &Tree, key: &SignerKey, index: u64) -> CoseReceipt {
    let proof = CoseProof::Inclusion {
        size: LEAVES,
        index,
        path: tree.inclusion_proof(index, LEAVES).unwrap(),
    };
    CoseReceipt::sign(key, proof, &tree.root()).unwrap()
}

fn consistency(tree: &Tree, key: &SignerKey) -> CoseReceipt {
    let proof = CoseProof::Consistency {
        from: 20,
        to: LEAVES,
        path: tree.consistency_proof(20, LEAVES).unwrap(),
    };
    CoseReceipt::sign(key, proof, &tree.root()).unwrap()
}

fn log() -> SignerKey {
    let name = KeyName::new("example.com/log").unwrap();
    SignerKey::from_seed(name, KeyType::Ed25519, &[7; 32])
}

fn tree() -> Tree {
    let mut tree = Tree::new();
    for index in 0..LEAVES {
        tree.append(leaf(index));
    }
    tree
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

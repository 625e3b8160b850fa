//! Seeds of a log's formats, under keys that the numbers make.

use anyhow::Result;
use boop_proof::cose::{CoseProof, CoseReceipt};
use boop_proof::key::KeyType;
use boop_proof::witness::AddCheckpoint;
use boop_proof::{Checkpoint, KeyName, Note, ProofText, SignerKey, Tree, leaf_hash};

use crate::files::corpus;

const LEAVES: u64 = 5;
const BEFORE: u64 = 3;

/// Writes a seed or two of each format.
pub(crate) fn seeds() -> Result<()> {
    let log = signer("example.com/log", KeyType::Ed25519, 1)?;
    let witness = signer("example.com/witness", KeyType::Cosignature, 2)?;
    let mut tree = Tree::new();
    for index in 0..LEAVES {
        tree.append(leaf_hash(&index.to_be_bytes()));
    }
    let checkpoint = Checkpoint {
        origin: log.verifier().name().clone(),
        size: LEAVES,
        root: tree.root(),
    };
    let mut note: Note = checkpoint.sign(&log);
    let asked = AddCheckpoint {
        old_size: BEFORE,
        proof: consistency(&tree)?,
        checkpoint: note.clone(),
    };
    let asked = asked.to_string();
    corpus("log-add-checkpoint", "grown.txt", asked.as_bytes())?;
    corpus("log-note", "signed.txt", note.to_string().as_bytes())?;
    note.sign(&witness, 1_700_000_000);
    corpus("log-note", "cosigned.txt", note.to_string().as_bytes())?;
    let path = tree.inclusion_proof(2, LEAVES)?;
    let proof = ProofText {
        extra: None,
        index: 2,
        path: path.clone(),
        checkpoint: note,
    };
    corpus("log-proof", "inclusion.txt", proof.to_string().as_bytes())?;
    let policy = format!(
        "log {}\nwitness one {}\ngroup all all one\nquorum all\n",
        log.verifier(),
        witness.verifier()
    );
    corpus("log-policy", "one-witness.txt", policy.as_bytes())?;
    let proof = CoseProof::Inclusion {
        size: LEAVES,
        index: 2,
        path,
    };
    let receipt = CoseReceipt::sign(&log, proof, &tree.root())?;
    corpus("log-cose", "inclusion.cbor", &receipt.to_bytes())?;
    let proof = CoseProof::Consistency {
        from: BEFORE,
        to: LEAVES,
        path: consistency(&tree)?,
    };
    let receipt = CoseReceipt::sign(&log, proof, &tree.root())?;
    corpus("log-cose", "consistency.cbor", &receipt.to_bytes())
}

fn consistency(tree: &Tree) -> Result<Vec<boop_proof::Hash>> {
    Ok(tree.consistency_proof(BEFORE, LEAVES)?)
}

fn signer(name: &str, kind: KeyType, seed: u8) -> Result<SignerKey> {
    Ok(SignerKey::from_seed(KeyName::new(name)?, kind, &[seed; 32]))
}

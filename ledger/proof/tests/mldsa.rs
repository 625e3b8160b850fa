//! ML-DSA-44 cosignatures held against another implementation of FIPS 204: AWS-LC.

use aws_lc_rs::signature::{
    KeyPair as _, ML_DSA_44, ML_DSA_44_SIGNING, PqdsaKeyPair, UnparsedPublicKey,
};
use boop_proof::hash::leaf_hash;
use boop_proof::mldsa::{MlDsaSignerKey, MlDsaVerifierKey, SIGNATURE_BYTES};
use boop_proof::note::NoteSignature;
use boop_proof::{Checkpoint, KeyName, Note};

#[test]
fn a_seed_gives_the_same_public_key_in_both() {
    for seed in 1..=16 {
        let theirs = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, &[seed; 32]).unwrap();

        assert_eq!(
            signer(seed).verifier().public_key(),
            theirs.public_key().as_ref()
        );
    }
}

#[test]
fn the_other_implementation_takes_our_cosignatures_and_no_changed_ones() {
    for seed in 1..=16 {
        let key = signer(seed).verifier().public_key();
        let line = signer(seed).cosign(&checkpoint(seed), 1_700_000_000);
        let (time, signature) = line.bytes.split_at(8);
        let verify =
            |message: &[u8]| UnparsedPublicKey::new(&ML_DSA_44, &key).verify(message, signature);

        assert!(verify(&signed(time, seed)).is_ok(), "seed {seed}");
        assert!(verify(&signed(time, seed + 1)).is_err(), "seed {seed}");
    }
}

#[test]
fn we_take_the_cosignatures_of_the_other_implementation() {
    for seed in 1..=16 {
        let theirs = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, &[seed; 32]).unwrap();
        let key = theirs.public_key().as_ref().try_into().unwrap();
        let ours = MlDsaVerifierKey::new(name("witness.example"), &key);
        let time = 1_700_000_000_u64.to_be_bytes();
        let mut bytes = vec![0; SIGNATURE_BYTES];
        theirs.sign(&signed(&time, seed), &mut bytes).unwrap();

        let mut note = Note::new(&checkpoint(seed).text()).unwrap();
        note.add(NoteSignature {
            name: ours.name().clone(),
            id: ours.id(),
            bytes: [&time, bytes.as_slice()].concat(),
        });

        assert_eq!(ours.verify(&note), Ok(1_700_000_000), "seed {seed}");
    }
}

/// The `cosigned_message` of the C2SP text, written out a second time.
fn signed(time: &[u8], size: u8) -> Vec<u8> {
    let root = leaf_hash(&[size]);
    let mut bytes = b"subtree/v1\n\0\x0fwitness.example".to_vec();
    bytes.extend(time);
    bytes.extend(b"\x0blog.example");
    bytes.extend([0; 8]);
    bytes.extend(u64::from(size).to_be_bytes());
    bytes.extend(root.as_bytes());
    bytes
}

fn checkpoint(size: u8) -> Checkpoint {
    let (origin, root) = (name("log.example"), leaf_hash(&[size]));
    Checkpoint {
        origin,
        size: u64::from(size),
        root,
    }
}

fn signer(seed: u8) -> MlDsaSignerKey {
    MlDsaSignerKey::from_seed(name("witness.example"), &[seed; 32])
}

fn name(name: &str) -> KeyName {
    KeyName::new(name).expect("a key name")
}

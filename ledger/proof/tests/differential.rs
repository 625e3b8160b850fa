//! Held against other people's code: trees against `ct-merkle` and `tlog_tiles`, tiles against
//! `tlog_tiles`, notes and checkpoints against `signed_note` and `tlog_tiles`, receipts against
//! `coset`. What one makes the other takes, and what is changed neither.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_proof::cose::{CoseProof, CoseReceipt};
use boop_proof::key::KeyType;
use boop_proof::tile::{TILE_WIDTH, Tile, TileKind};
use boop_proof::{
    Checkpoint, EMPTY_ROOT, Hash, KeyName, Note, SignerKey, Tree, leaf_hash, verify_consistency,
    verify_inclusion,
};
use coset::cbor::Value;
use coset::{CborSerializable as _, CoseSign1, Label, TaggedCborSerializable as _};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::HashReader;

/// All trees up to this size, and all proofs of each.
const SIZES: u64 = 70;
/// Trees whose proofs are tried here and there: around the borders of tiles.
const LARGE: [u64; 6] = [127, 255, 256, 257, 1000, 2049];
/// In a large tree every so manieth leaf and size.
const STEP: usize = 61;

type Theirs = MemoryBackedTree<Sha256, Vec<u8>>;

#[test]
fn roots_are_those_of_both_others() {
    for size in (0..=SIZES).chain(LARGE) {
        let (ours, theirs) = trees(size);
        let root = *ours.root().as_bytes();

        let tiled = tlog_tiles::tree_hash(size, &Stored(&ours)).unwrap();

        assert_eq!(tiled.0, root, "{size}");
        // The other has no word for the empty tree.
        assert!(
            size == 0 || theirs.root().as_bytes().as_slice() == root,
            "{size}"
        );
    }
}

#[test]
fn proofs_of_inclusion_are_the_same_and_each_takes_the_others() {
    for (size, index) in places() {
        let (ours, theirs) = trees(size);
        let (root, leaf) = (ours.root(), leaf_hash(&entry(index)));
        let proof = ours.inclusion_proof(index, size).unwrap();

        let place = usize::try_from(index).unwrap();
        assert_eq!(theirs.prove_inclusion(place).as_bytes(), bytes(&proof));
        let tiled = tlog_tiles::prove_record(size, index, &Stored(&ours)).unwrap();
        assert_eq!(foreign(&proof), tiled);
        let (tiled_root, tiled_leaf) = (tlog_tiles::Hash(root.0), tlog_tiles::Hash(leaf.0));
        let check = |proof: &[Hash]| {
            let root = RootHash::<Sha256>::new(root.0.into(), size);
            let given = InclusionProof::from_bytes(bytes(proof));
            let merkle = root.verify_inclusion(&entry(index), index, &given).is_ok();
            let given = foreign(proof);
            let tiled = tlog_tiles::check_record(&given, size, tiled_root, index, tiled_leaf);
            let us = verify_inclusion(&leaf, index, size, proof, &ours.root()).is_ok();
            [merkle, tiled.is_ok(), us]
        };
        assert_eq!(check(&proof), [true; 3], "{index} of {size}");
        for changed in changes(&proof) {
            assert_eq!(check(&changed), [false; 3], "{index} of {size}");
        }
    }
}

#[test]
fn proofs_of_consistency_are_the_same_and_each_takes_the_others() {
    for (size, before) in places() {
        let from = before + 1;
        let (ours, theirs) = trees(size);
        let (old, new) = (ours.root_at(from).unwrap(), ours.root());
        let proof = ours.consistency_proof(from, size).unwrap();

        let added = usize::try_from(size - from).unwrap();
        assert_eq!(theirs.prove_consistency(added).as_bytes(), bytes(&proof));
        let tiled = tlog_tiles::prove_tree(size, from, &Stored(&ours)).unwrap();
        assert_eq!(foreign(&proof), tiled);
        let (tiled_old, tiled_new) = (tlog_tiles::Hash(old.0), tlog_tiles::Hash(new.0));
        let check = |proof: &[Hash]| {
            let [first, last] = [(old, from), (new, size)]
                .map(|(root, size)| RootHash::<Sha256>::new(root.0.into(), size));
            let given = ConsistencyProof::try_from_bytes(bytes(proof));
            let merkle = given.is_ok_and(|given| last.verify_consistency(&first, &given).is_ok());
            let given = foreign(proof);
            let tiled = tlog_tiles::check_tree(&given, size, tiled_new, from, tiled_old);
            let us = verify_consistency(from, size, &old, &new, proof).is_ok();
            [merkle, tiled.is_ok(), us]
        };
        assert_eq!(check(&proof), [true; 3], "{from} of {size}");
        for changed in changes(&proof) {
            assert_eq!(check(&changed), [false; 3], "{from} of {size}");
        }
    }
}

#[test]
fn tiles_have_the_same_names_and_the_same_hashes() {
    let (ours, _) = trees(70_000);
    let (mut tiles, mut levels) = (0, 0);
    for theirs in tlog_tiles::Tile::new_tiles(8, 0, ours.size()) {
        let tile = Tile {
            kind: TileKind::Hashes(theirs.level()),
            index: theirs.level_index(),
            width: u16::try_from(theirs.width()).unwrap(),
        };
        // Theirs begins with the height, as Go's does.
        let path = theirs.path().replacen("tile/8/", "tile/", 1);
        assert_eq!(tile.to_string(), path);
        assert_eq!(Tile::parse(&path), Some(tile));
        let level = 8 * u32::from(theirs.level());
        let start = tile.start().unwrap();
        let hashes = (start..start + u64::from(tile.width)).map(|at| ours.node(level, at).unwrap());
        let expected = theirs.read_data(&Stored(&ours)).unwrap();
        assert_eq!(bytes(&hashes.collect::<Vec<_>>()), expected, "{path}");
        tiles += 1;
        levels = levels.max(theirs.level());
    }
    assert!(tiles > 70_000 / u32::from(TILE_WIDTH) && levels == 2);
}

#[test]
fn notes_that_one_signs_the_other_takes_and_changed_ones_neither() {
    let ours = SignerKey::from_seed(
        KeyName::new("example.com/log").unwrap(),
        KeyType::Ed25519,
        &[7; 32],
    );
    let verifier = StandardVerifier::new(&ours.verifier().to_string()).unwrap();
    let known = VerifierList::new(vec![Box::new(verifier)]);
    let id = hex::encode(ours.verifier().id());
    let seed = STANDARD.encode([&[1][..], &[7; 32]].concat());
    let skey = format!("PRIVATE+KEY+example.com/log+{id}+{seed}");
    let theirs = StandardSigner::new(&skey).unwrap();

    for text in ["a\n", "one\n\ntwo\n", "Grüße\n", "— no signature\n"] {
        let mut note = Note::new(text).unwrap();
        note.sign(&ours, 0);
        let mut other = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        other.add_sigs(&[&theirs]).unwrap();
        let signed = note.to_string();
        // Ed25519 signs one text in one way.
        assert_eq!(signed.as_bytes(), other.to_bytes());

        let keys = [ours.verifier().clone()];
        let takes = |signed: &[u8]| {
            let theirs = signed_note::Note::from_bytes(signed);
            let theirs = theirs.is_ok_and(|note| note.verify(&known).is_ok());
            let us = std::str::from_utf8(signed)
                .ok()
                .and_then(|text| Note::parse(text).ok());
            [theirs, us.is_some_and(|note| note.verify(&keys).is_ok())]
        };
        assert_eq!(takes(signed.as_bytes()), [true; 2], "{text:?}");
        for place in 0..signed.len() {
            let mut changed = signed.clone().into_bytes();
            changed[place] ^= 1;
            let [theirs, us] = takes(&changed);
            assert!(!us, "{text:?} at {place}");
            assert_eq!(theirs, us, "{text:?} at {place}");
        }
    }
}

#[test]
fn checkpoints_are_read_alike() {
    let text = |origin: &str, size: &str, root: &str, more: &str| {
        format!("{origin}\n{size}\n{root}\n{more}")
    };
    let root = STANDARD.encode([9; 32]);
    let empty = STANDARD.encode(EMPTY_ROOT.0);
    let short = STANDARD.encode([9; 31]);
    let cases = [
        (text("example.com/log", "20852163", &root, ""), true),
        (text("example.com/log", "0", &empty, ""), true),
        (text("", "5", &root, ""), false),
        (text("example.com/log", "05", &root, ""), false),
        (text("example.com/log", "-5", &root, ""), false),
        (text("example.com/log", "5", &short, ""), false),
        (text("example.com/log", "5", "*", ""), false),
        (
            text("example.com/log", "5", &root, "")
                .trim_end()
                .to_owned(),
            false,
        ),
    ];
    for (text, good) in cases {
        let ours = Checkpoint::parse(&text);
        let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes());
        assert_eq!([ours.is_ok(), theirs.is_ok()], [good; 2], "{text:?}");
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            assert_eq!(ours.text().into_bytes(), theirs.to_bytes());
        }
    }
}

#[test]
fn a_library_of_cose_reads_our_receipts_and_finds_them_signed() {
    let (tree, _) = trees(104);
    let path = tree.inclusion_proof(17, 104).unwrap();
    let inclusion = CoseProof::Inclusion {
        size: 104,
        index: 17,
        path: path.clone(),
    };
    library_of_cose_reads(&tree, inclusion, -1, (104, 17, &path));
    let path = tree.consistency_proof(20, 104).unwrap();
    let consistency = CoseProof::Consistency {
        from: 20,
        to: 104,
        path: path.clone(),
    };
    library_of_cose_reads(&tree, consistency, -2, (20, 104, &path));
}

/// Signs a proof, and has `coset` find the label and the parts of it under the tree's root.
fn library_of_cose_reads(
    tree: &Tree,
    proof: CoseProof,
    label: i64,
    (first, second, path): (u64, u64, &[Hash]),
) {
    let name = KeyName::new("example.com/log").expect("a name");
    let key = SignerKey::from_seed(name, KeyType::Ed25519, &[7; 32]);
    let receipt = CoseReceipt::sign(&key, proof, &tree.root()).expect("a log's key");

    let read = CoseSign1::from_tagged_slice(&receipt.to_bytes()).expect("COSE_Sign1");

    let header = &read.protected.header;
    let algorithm = coset::RegisteredLabelWithPrivate::Assigned(coset::iana::Algorithm::EdDSA);
    assert_eq!(header.alg, Some(algorithm));
    assert_eq!(header.key_id, key.verifier().id());
    let structure = (Label::Int(395), Value::from(1));
    assert!(header.rest.contains(&structure));
    let hashes = path.iter().map(|hash| Value::from(hash.0.to_vec()));
    let expected = [
        Value::from(first),
        Value::from(second),
        Value::Array(hashes.collect()),
    ];
    let proofs = read.unprotected.rest[0].1.as_map().expect("a map");
    assert_eq!(proofs[0].0, Value::from(label));
    let written = proofs[0].1.as_array().expect("an array")[0]
        .as_bytes()
        .expect("bytes");
    assert_eq!(
        Value::from_slice(written).expect("CBOR"),
        Value::Array(expected.into())
    );
    assert_eq!(read.payload, None);
    let public = UnparsedPublicKey::new(&ED25519, key.verifier().public_key());
    let verified = |root: &Hash| {
        let check = |signature: &[u8], signed: &[u8]| public.verify(signed, signature);
        read.verify_detached_signature(root.as_bytes(), &[], check)
    };
    assert!(verified(&tree.root()).is_ok());
    assert!(verified(&tree.root_at(103).expect("an older root")).is_err());
}

/// Our tree as `tlog_tiles` reads one.
struct Stored<'t>(&'t Tree);

impl HashReader for Stored<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let hash = |index: &u64| {
            let (level, place) = tlog_tiles::split_stored_hash_index(*index);
            let node = self.0.node(u32::from(level), place);
            tlog_tiles::Hash(node.expect("they ask for what is there").0)
        };
        Ok(indexes.iter().map(hash).collect())
    }
}

/// Every place of the small trees, and some of the large ones.
fn places() -> impl Iterator<Item = (u64, u64)> {
    let small = (1..=SIZES).flat_map(|size| (0..size).map(move |index| (size, index)));
    let large = LARGE.into_iter().flat_map(|size| {
        let some = (0..size).step_by(STEP).chain([size - 1]);
        some.map(move |index| (size, index))
    });
    small.chain(large)
}

fn trees(size: u64) -> (Tree, Theirs) {
    let (mut ours, mut theirs) = (Tree::new(), Theirs::new());
    for index in 0..size {
        ours.append(leaf_hash(&entry(index)));
        theirs.push(entry(index));
    }
    (ours, theirs)
}

fn entry(index: u64) -> Vec<u8> {
    let all = index.to_be_bytes();
    all.into_iter().skip((index % 8) as usize).collect()
}

/// A proof with one hash changed, one missing, and one too many.
fn changes(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[proof, &[Hash([7; 32])]].concat()];
    if let Some((last, others)) = proof.split_last() {
        let mut flipped = last.0;
        flipped[31] ^= 1;
        all.extend([others.to_vec(), [others, &[Hash(flipped)]].concat()]);
    }
    all
}

fn foreign(proof: &[Hash]) -> Vec<tlog_tiles::Hash> {
    proof.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

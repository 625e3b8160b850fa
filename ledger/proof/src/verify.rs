//! Checks proofs against roots that the caller trusts. The algorithms are those of RFC 9162
//! §2.1.3.2 and §2.1.4.2; the trees are the same as in RFC 6962.

use alloc::vec::Vec;

use crate::hash::{Hash, node_hash};

/// Hashes in a proof of either kind are at most this many: a tree has fewer than 2^64 leaves,
/// and a consistency proof has one hash more than the tree has levels.
pub const PROOF_HASHES_MAX: usize = 65;

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf would stand beyond the end of the tree.
    #[error("leaf {index} is not in a tree of size {size}")]
    IndexBeyondSize {
        /// The leaf.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The earlier size is zero or above the later one: nothing can be proven.
    #[error("no consistency proof leads from size {from} to size {to}")]
    NoProofBetween {
        /// The earlier size.
        from: u64,
        /// The later size.
        to: u64,
    },
    /// The proof has too few or too many hashes for the sizes.
    #[error("the proof has a length of {0} that does not fit the sizes")]
    Length(usize),
    /// A hash has not 32 bytes.
    #[error("a hash of the proof or a root has a length of {0}")]
    HashLength(usize),
    /// The proof leads to another root than the one of the tree.
    #[error("the proof leads to another root")]
    Root,
    /// The proof leads to another root than the one of the earlier tree.
    #[error("the proof leads to another root of the earlier tree")]
    EarlierRoot,
}

/// Checks that `leaf` is leaf `index` of the tree of `size` leaves under `root`
/// (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`ProofError`] says which check failed.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    let reached = root_of_inclusion(leaf, index, size, proof)?;
    if reached == *root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Returns the root that a proof leads to; the caller compares it (RFC 9162 §2.1.3.2).
///
/// # Errors
/// When the leaf is beyond the size or the proof has not the length that the size asks for.
pub fn root_of_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
) -> Result<Hash, ProofError> {
    if index >= size {
        return Err(ProofError::IndexBeyondSize { index, size });
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            (node, last) = skip_left_edge(node, last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last == 0 {
        Ok(hash)
    } else {
        Err(ProofError::Length(proof.len()))
    }
}

/// Checks that the tree of `from` leaves under `old` is a prefix of that of `to` leaves under
/// `new` (RFC 9162 §2.1.4.2). Equal sizes take equal roots and no proof.
///
/// # Errors
/// [`ProofError`] says which check failed.
pub fn verify_consistency(
    from: u64,
    to: u64,
    old: &Hash,
    new: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if from == 0 || from > to {
        return Err(ProofError::NoProofBetween { from, to });
    }
    if from == to {
        return match (proof.is_empty(), old == new) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
            (false, _) => Err(ProofError::Length(proof.len())),
        };
    }
    let (reached_old, reached_new) = roots_of_consistency(from, to, old, proof)?;
    if reached_old != *old {
        Err(ProofError::EarlierRoot)
    } else if reached_new != *new {
        Err(ProofError::Root)
    } else {
        Ok(())
    }
}

/// Checks an inclusion proof whose hashes come as byte strings of any length.
///
/// # Errors
/// As [`verify_inclusion`], and when a byte string is no hash.
pub fn verify_inclusion_bytes<P: AsRef<[u8]>>(
    leaf: &[u8],
    index: u64,
    size: u64,
    proof: &[P],
    root: &[u8],
) -> Result<(), ProofError> {
    verify_inclusion(
        &parsed(leaf)?,
        index,
        size,
        &parsed_all(proof)?,
        &parsed(root)?,
    )
}

/// Checks a consistency proof whose hashes come as byte strings of any length.
///
/// A tree is consistent with itself: for equal sizes the roots are compared as they are.
///
/// # Errors
/// As [`verify_consistency`], and when a byte string that has to be hashed is no hash.
pub fn verify_consistency_bytes<P: AsRef<[u8]>>(
    from: u64,
    to: u64,
    old: &[u8],
    new: &[u8],
    proof: &[P],
) -> Result<(), ProofError> {
    if from == to && from > 0 && proof.is_empty() {
        return if old == new {
            Ok(())
        } else {
            Err(ProofError::Root)
        };
    }
    verify_consistency(from, to, &parsed(old)?, &parsed(new)?, &parsed_all(proof)?)
}

/// Returns the two roots that a proof from `from > 0` to a larger `to` leads to.
fn roots_of_consistency(
    from: u64,
    to: u64,
    old: &Hash,
    proof: &[Hash],
) -> Result<(Hash, Hash), ProofError> {
    let wrong_length = ProofError::Length(proof.len());
    // A full earlier tree is a node of the later one, so its hash is not sent.
    let (first, rest) = if from.is_power_of_two() {
        (old, proof)
    } else {
        proof.split_first().ok_or(wrong_length.clone())?
    };
    let shift = (from - 1).trailing_ones();
    let (mut node, mut last) = ((from - 1) >> shift, (to - 1) >> shift);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            (node, last) = skip_left_edge(node, last);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last == 0 {
        Ok((old_hash, new_hash))
    } else {
        Err(wrong_length)
    }
}

/// Goes up while the node is a left child without a sibling: such levels send no hash.
fn skip_left_edge(mut node: u64, mut last: u64) -> (u64, u64) {
    while node & 1 == 0 && node != 0 {
        (node, last) = (node >> 1, last >> 1);
    }
    (node, last)
}

fn parsed(bytes: &[u8]) -> Result<Hash, ProofError> {
    Hash::from_slice(bytes).ok_or(ProofError::HashLength(bytes.len()))
}

fn parsed_all<P: AsRef<[u8]>>(proof: &[P]) -> Result<Vec<Hash>, ProofError> {
    proof.iter().map(|bytes| parsed(bytes.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::tree::Tree;

    #[test]
    fn inclusion_refuses_a_leaf_beyond_the_tree() {
        let (tree, root) = seven();
        let proof = tree.inclusion_proof(6, 7).unwrap();

        let refused = verify_inclusion(&leaf(6), 7, 7, &proof, &root);

        assert_eq!(
            refused,
            Err(ProofError::IndexBeyondSize { index: 7, size: 7 })
        );
    }

    #[test]
    fn inclusion_refuses_a_proof_of_another_length() {
        let (tree, root) = seven();
        let mut proof = tree.inclusion_proof(2, 7).unwrap();
        let check = |proof: &[Hash]| verify_inclusion(&leaf(2), 2, 7, proof, &root);

        assert_eq!(check(&proof[..2]), Err(ProofError::Length(2)));
        proof.push(leaf(0));
        assert_eq!(check(&proof), Err(ProofError::Length(4)));
    }

    #[test]
    fn inclusion_refuses_another_leaf_and_another_position() {
        let (tree, root) = seven();
        let proof = tree.inclusion_proof(2, 7).unwrap();

        assert_eq!(
            verify_inclusion(&leaf(3), 2, 7, &proof, &root),
            Err(ProofError::Root)
        );
        assert_eq!(
            verify_inclusion(&leaf(2), 3, 7, &proof, &root),
            Err(ProofError::Root)
        );
    }

    #[test]
    fn consistency_refuses_sizes_that_prove_nothing() {
        let (_, root) = seven();

        for (from, to) in [(0, 7), (8, 7), (0, 0)] {
            let refused = verify_consistency(from, to, &root, &root, &[]);
            assert_eq!(refused, Err(ProofError::NoProofBetween { from, to }));
        }
    }

    #[test]
    fn consistency_names_the_root_that_is_wrong() {
        let (tree, new) = seven();
        let old = tree.root_at(3).unwrap();
        let proof = tree.consistency_proof(3, 7).unwrap();
        let check = |old: &Hash, new: &Hash| verify_consistency(3, 7, old, new, &proof);

        assert_eq!(check(&old, &new), Ok(()));
        assert_eq!(check(&leaf(0), &new), Err(ProofError::EarlierRoot));
        assert_eq!(check(&old, &leaf(0)), Err(ProofError::Root));
        assert_eq!(
            verify_consistency(7, 7, &old, &new, &[]),
            Err(ProofError::Root)
        );
    }

    #[test]
    fn consistency_refuses_a_proof_of_another_length() {
        let (tree, new) = seven();
        let old = tree.root_at(3).unwrap();
        let mut proof = tree.consistency_proof(3, 7).unwrap();
        let check = |proof: &[Hash]| verify_consistency(3, 7, &old, &new, proof);

        assert_eq!(check(&[]), Err(ProofError::Length(0)));
        assert_eq!(check(&proof[..1]), Err(ProofError::Length(1)));
        proof.extend([leaf(0); 4]);
        assert_eq!(check(&proof), Err(ProofError::Length(8)));
        assert_eq!(
            verify_consistency(7, 7, &new, &new, &proof),
            Err(ProofError::Length(8))
        );
    }

    #[test]
    fn byte_strings_of_another_length_are_no_hashes() {
        let (_, root) = seven();
        let none: [&[u8]; 0] = [];

        let inclusion = verify_inclusion_bytes(&[1; 31], 0, 1, &none, &root.0);
        let consistency = verify_consistency_bytes(1, 2, &root.0, &root.0, &[[1; 33]]);

        assert_eq!(inclusion, Err(ProofError::HashLength(31)));
        assert_eq!(consistency, Err(ProofError::HashLength(33)));
    }

    #[test]
    fn the_largest_sizes_are_refused_without_overflow() {
        let any = leaf(0);

        for proof in [&[][..], &[any; PROOF_HASHES_MAX][..]] {
            let inclusion = verify_inclusion(&any, u64::MAX - 1, u64::MAX, proof, &any);
            assert!(inclusion.is_err());
            assert!(verify_consistency(u64::MAX - 1, u64::MAX, &any, &any, proof).is_err());
            assert!(verify_consistency(1 << 63, u64::MAX, &any, &any, proof).is_err());
        }
    }

    fn leaf(index: u8) -> Hash {
        leaf_hash(&[index])
    }

    fn seven() -> (Tree, Hash) {
        let mut tree = Tree::new();
        for index in 0..7 {
            tree.append(leaf(index));
        }
        let root = tree.root();
        (tree, root)
    }
}

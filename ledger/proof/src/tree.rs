//! A growing tree in memory: roots and proofs of it at every size it ever had.
//!
//! `levels[l][i]` is the hash of leaves `[i * 2^l, (i + 1) * 2^l)`, kept once that range is full.
//! Such a hash never changes, so the tree at an earlier size is a view of the same levels. It
//! takes 64 bytes for a leaf.

use alloc::vec::Vec;

use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// A Merkle tree that leaves are appended to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

/// Why a tree cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The size asked for was never reached.
    #[error("size {asked} is beyond the tree of size {size}")]
    SizeBeyondTree {
        /// The size asked for.
        asked: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The leaf is not in the tree of that size.
    #[error("leaf {index} is not in a tree of size {size}")]
    IndexBeyondSize {
        /// The leaf asked for.
        index: u64,
        /// The size it was asked for at.
        size: u64,
    },
    /// A consistency proof starts from at least one leaf and goes forward.
    #[error("no consistency proof leads from size {from} to size {to}")]
    NoProofBetween {
        /// The earlier size.
        from: u64,
        /// The later size.
        to: u64,
    },
}

impl Tree {
    /// Returns the tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf and returns its index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size();
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            match row.as_slice() {
                [.., left, right] if row.len().is_multiple_of(2) => hash = node_hash(left, right),
                _ => break,
            }
        }
        index
    }

    /// Takes away the newest leaves until `size` are left; a larger size changes nothing.
    ///
    /// A log does this to leaves it could not make durable and therefore never published.
    pub fn truncate(&mut self, size: u64) {
        let mut left = usize::try_from(size).unwrap_or(usize::MAX);
        for row in &mut self.levels {
            row.truncate(left);
            left /= 2;
        }
        self.levels.retain(|row| !row.is_empty());
    }

    /// Returns the hash of leaf `index`.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        let index = usize::try_from(index).ok()?;
        self.levels.first()?.get(index).copied()
    }

    /// Returns the hash of the full subtree over leaves `[index * 2^level, (index + 1) * 2^level)`.
    pub fn node(&self, level: u32, index: u64) -> Option<Hash> {
        let (level, index) = (usize::try_from(level).ok()?, usize::try_from(index).ok()?);
        self.levels.get(level)?.get(index).copied()
    }

    /// Returns the root over all leaves.
    pub fn root(&self) -> Hash {
        self.levels
            .first()
            .map_or(EMPTY_ROOT, |leaves| self.range(0, leaves.len()))
    }

    /// Returns the root the tree had at `size` (RFC 6962 §2.1).
    ///
    /// # Errors
    /// When the tree has fewer leaves.
    pub fn root_at(&self, size: u64) -> Result<Hash, TreeError> {
        Ok(match self.checked_size(size)? {
            0 => EMPTY_ROOT,
            size => self.range(0, size),
        })
    }

    /// Proves that leaf `index` is in the tree of `size` leaves (RFC 6962 §2.1.1).
    ///
    /// # Errors
    /// When the tree never had that size, or the leaf is beyond it.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, TreeError> {
        let (mut start, mut end) = (0, self.checked_size(size)?);
        let leaf = match usize::try_from(index) {
            Ok(leaf) if leaf < end => leaf,
            _ => return Err(TreeError::IndexBeyondSize { index, size }),
        };
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if leaf < middle {
                path.push(self.range(middle, end));
                end = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// Proves that the tree of `from` leaves is a prefix of that of `to` (RFC 6962 §2.1.2).
    ///
    /// # Errors
    /// When the tree never had size `to`, `from` is zero or larger than `to`.
    pub fn consistency_proof(&self, from: u64, to: u64) -> Result<Vec<Hash>, TreeError> {
        let (mut start, mut end) = (0, self.checked_size(to)?);
        let old = match usize::try_from(from) {
            Ok(old) if old > 0 && old <= end => old,
            _ => return Err(TreeError::NoProofBetween { from, to }),
        };
        let mut path = Vec::new();
        while old != end {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(self.range(middle, end));
                end = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
            }
        }
        // The verifier knows the old root; it needs the last subtree only if that is a part of it.
        if start > 0 {
            path.push(self.range(start, end));
        }
        path.reverse();
        Ok(path)
    }

    fn checked_size(&self, asked: u64) -> Result<usize, TreeError> {
        let size = self.size();
        match usize::try_from(asked) {
            Ok(leaves) if asked <= size => Ok(leaves),
            _ => Err(TreeError::SizeBeyondTree { asked, size }),
        }
    }

    /// Hashes leaves `[start, end)`, a range that the recursion of RFC 6962 §2.1 visits: its
    /// start is a multiple of the largest power of two that is not above its length.
    fn range(&self, start: usize, end: usize) -> Hash {
        let length = end - start;
        if length.is_power_of_two() {
            let level = length.trailing_zeros();
            return self.levels[level as usize][start >> level];
        }
        let middle = start + split(length);
        node_hash(&self.range(start, middle), &self.range(middle, end))
    }
}

/// Returns the largest power of two below `length`, which is at least two.
fn split(length: usize) -> usize {
    1 << (usize::BITS - 1 - (length - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::verify::{verify_consistency, verify_inclusion};

    #[test]
    fn every_root_equals_the_definition() {
        let leaves = leaves(67);

        for size in 0..=leaves.len() {
            let root = grown(67).root_at(size as u64).unwrap();

            assert_eq!(root, mth(&leaves[..size]), "size {size}");
            assert_eq!(grown(size as u64).root(), root, "size {size}");
        }
    }

    #[test]
    fn every_inclusion_proof_of_a_small_tree_verifies() {
        let tree = grown(40);

        for size in 1..=40 {
            let root = tree.root_at(size).unwrap();
            for index in 0..size {
                let proof = tree.inclusion_proof(index, size).unwrap();
                let leaf = tree.leaf(index).unwrap();
                assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
            }
        }
    }

    #[test]
    fn every_consistency_proof_of_a_small_tree_verifies() {
        let tree = grown(40);

        for to in 1..=40 {
            for from in 1..=to {
                let proof = tree.consistency_proof(from, to).unwrap();
                let (old, new) = (tree.root_at(from).unwrap(), tree.root_at(to).unwrap());
                assert_eq!(verify_consistency(from, to, &old, &new, &proof), Ok(()));
            }
        }
    }

    #[test]
    fn a_node_is_the_root_over_its_leaves() {
        let tree = grown(11);

        assert_eq!(tree.node(0, 10), tree.leaf(10));
        assert_eq!(tree.node(2, 1), Some(mth(&leaves(11)[4..8])));
        assert_eq!(tree.node(2, 2), None);
        assert_eq!(tree.node(4, 0), None);
    }

    #[test]
    fn a_truncated_tree_is_the_tree_that_never_grew() {
        for size in 0..=20 {
            let mut tree = grown(20);

            tree.truncate(size);

            assert_eq!(tree, grown(size));
        }
    }

    #[test]
    fn a_tree_refuses_sizes_and_leaves_it_does_not_have() {
        let tree = grown(3);
        let beyond = TreeError::SizeBeyondTree { asked: 4, size: 3 };

        assert_eq!(tree.root_at(4), Err(beyond.clone()));
        assert_eq!(tree.inclusion_proof(0, 4), Err(beyond.clone()));
        assert_eq!(tree.consistency_proof(1, 4), Err(beyond));
        assert_eq!(
            tree.inclusion_proof(2, 2),
            Err(TreeError::IndexBeyondSize { index: 2, size: 2 })
        );
        for (from, to) in [(0, 3), (3, 2)] {
            let expected = Err(TreeError::NoProofBetween { from, to });
            assert_eq!(tree.consistency_proof(from, to), expected);
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count)
            .map(|index| leaf_hash(&index.to_be_bytes()))
            .collect()
    }

    fn grown(count: u64) -> Tree {
        let mut tree = Tree::new();
        for (index, leaf) in leaves(count).into_iter().enumerate() {
            assert_eq!(tree.append(leaf), index as u64);
        }
        tree
    }

    /// The definition of RFC 6962 §2.1, word for word.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_ROOT,
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                node_hash(&mth(left), &mth(right))
            }
        }
    }
}

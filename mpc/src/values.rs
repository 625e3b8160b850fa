//! Vectors over the two rings: code values modulo 2^16, mask cells modulo 2^32 [MPC-20].

use alloc::vec;
use alloc::vec::Vec;

use zeroize::ZeroizeOnDrop;

use crate::wipe::wipe;

/// Code values and mask cells of one or more encodings, or a share of them.
#[derive(Clone)]
pub(crate) struct Values {
    pub(crate) code: Vec<u16>,
    pub(crate) cells: Vec<u32>,
}

/// Both holders' components of replicated values: component A is missing at party A [MPC-1].
#[derive(Clone)]
pub(crate) struct ReplicatedValues {
    pub(crate) with_next: Values,
    pub(crate) with_previous: Values,
}

/// An element of Z/2^k whose operations wrap.
pub(crate) trait Element: Copy {
    /// The inverse of 3, which is a unit because it is odd.
    const THIRD: Self;
    fn from_bit(bit: u8) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}

impl ReplicatedValues {
    /// Returns zeros of the shape of a component.
    pub(crate) fn zeros(&self) -> Values {
        let Values { code, cells } = &self.with_next;
        Values {
            code: vec![0; code.len()],
            cells: vec![0; cells.len()],
        }
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        wipe(&mut self.code);
        wipe(&mut self.cells);
    }
}

impl ZeroizeOnDrop for Values {}
impl ZeroizeOnDrop for ReplicatedValues {}

impl Values {
    /// Returns the bytes of so many values.
    pub(crate) fn byte_count(code: usize, cells: usize) -> usize {
        2 * code + 4 * cells
    }

    /// Reads little-endian values, code first. The length is that of [`Self::byte_count`].
    pub(crate) fn from_bytes(bytes: &[u8], code: usize) -> Self {
        let (code, cells) = bytes.split_at(2 * code);
        Self {
            code: code
                .as_chunks()
                .0
                .iter()
                .map(|b| u16::from_le_bytes(*b))
                .collect(),
            cells: cells
                .as_chunks()
                .0
                .iter()
                .map(|b| u32::from_le_bytes(*b))
                .collect(),
        }
    }

    /// Returns the little-endian values, code first.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::byte_count(self.code.len(), self.cells.len()));
        self.code
            .iter()
            .for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        self.cells
            .iter()
            .for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        bytes
    }

    /// Reads single bits, 64 to a word, as the values 0 and 1.
    pub(crate) fn from_bits(code: &[u64], cells: &[u64]) -> Self {
        Self {
            code: bits_of(code),
            cells: bits_of(cells),
        }
    }

    /// Adds other values.
    pub(crate) fn add(&mut self, other: &Self) {
        zip(&mut self.code, &other.code, u16::plus);
        zip(&mut self.cells, &other.cells, u32::plus);
    }

    /// Subtracts other values.
    pub(crate) fn subtract(&mut self, other: &Self) {
        zip(&mut self.code, &other.code, u16::minus);
        zip(&mut self.cells, &other.cells, u32::minus);
    }

    /// Multiplies by `1 - 2 bit`, where `bits` holds 0 and 1.
    pub(crate) fn negate_where(&mut self, bits: &Self) {
        zip(&mut self.code, &bits.code, negate_if);
        zip(&mut self.cells, &bits.cells, negate_if);
    }
}

impl Element for u16 {
    const THIRD: Self = 43_691;

    fn from_bit(bit: u8) -> Self {
        bit.into()
    }

    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    fn times(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
}

impl Element for u32 {
    const THIRD: Self = 2_863_311_531;

    fn from_bit(bit: u8) -> Self {
        bit.into()
    }

    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    fn times(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
}

fn negate_if<E: Element>(value: E, bit: E) -> E {
    value.minus(bit.times(value.plus(value)))
}

fn zip<E: Element>(target: &mut [E], other: &[E], operation: fn(E, E) -> E) {
    debug_assert_eq!(target.len(), other.len(), "vectors of one shape");
    target
        .iter_mut()
        .zip(other)
        .for_each(|(t, o)| *t = operation(*t, *o));
}

fn bits_of<E: Element>(words: &[u64]) -> Vec<E> {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes());
    bytes
        .flat_map(|byte| (0..8).map(move |bit| E::from_bit(byte >> bit & 1)))
        .collect()
}

//! Geometry of a palm template: the code, its mask, and the alignments at which two are compared.
//!
//! A template has 12,800 code bits, `2 phases x 40 rows x 40 columns x 4 orientations`, and one
//! validity bit for each of the 1,600 cells. Index of a code bit:
//! `((phase * 40 + row) * 40 + column) * 4 + orientation`, rows downward, columns to the right.
//! Bits are packed least significant bit first.

use alloc::boxed::Box;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Rows and columns of the cell grid.
pub const GRID: usize = 40;
/// Filter orientations of a cell, 45 degrees apart.
pub const ORIENTATIONS: usize = 4;
/// Filter phases: even, then odd.
pub const PHASES: usize = 2;
/// Cells of a template, each with one validity bit.
pub const CELLS: usize = GRID * GRID;
/// Code bits of a template.
pub const CODE_BITS: usize = PHASES * CELLS * ORIENTATIONS;
/// Bytes of a packed code.
pub const CODE_BYTES: usize = CODE_BITS / 8;
/// Bytes of a packed mask.
pub const MASK_BYTES: usize = CELLS / 8;
/// Bytes of a packed template: code, then mask.
pub const TEMPLATE_BYTES: usize = CODE_BYTES + MASK_BYTES;
/// Rotations at which a scanner encodes a palm: 0, +2.5 and -2.5 degrees, in this order.
pub const ROTATIONS: usize = 3;
/// Bytes of a palm encoded at every rotation.
pub const ENCODINGS_BYTES: usize = ROTATIONS * TEMPLATE_BYTES;
/// Alignments at which a query meets a stored template.
pub const ALIGNMENT_COUNT: usize = 31;
/// Threshold numerator of the match rule `65536 * dot > THRESHOLD * valid`: distance below 0.350.
pub const THRESHOLD: u32 = 19_661;
/// Valid cells of each encoding at least, three quarters: scanners and parties refuse a palm with
/// fewer, for the less two templates have in common, the more often chance makes them alike.
pub const VALID_CELLS_MIN: usize = CELLS * 3 / 4;

/// One relative placement of a query on a stored template.
///
/// Query cell `(row - dy, column - dx)` meets template cell `(row, column)` where both exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alignment {
    /// Index of the query's encoding, below [`ROTATIONS`].
    pub rotation: usize,
    /// Shift downward, in cells.
    pub dy: isize,
    /// Shift to the right, in cells.
    pub dx: isize,
}

/// Returns the alignments in their fixed order: by rotation, then `dy`, then `dx`.
///
/// Eleven shifts at rotation 0, ten at each other one: `(dy, 0)` for `|dy| <= 2` and `(dy, dx)`
/// for `|dy| <= 1, |dx| = 1`, less `(-1, +1)` at rotation 1 and `(+1, -1)` at rotation 2.
pub const fn alignments() -> [Alignment; ALIGNMENT_COUNT] {
    let mut all = [Alignment {
        rotation: 0,
        dy: 0,
        dx: 0,
    }; ALIGNMENT_COUNT];
    let mut filled = 0;
    let mut rotation = 0;
    while rotation < ROTATIONS {
        let mut dy = -2;
        while dy <= 2 {
            let mut dx = -1;
            while dx <= 1 {
                let inside = dx == 0 || (dy >= -1 && dy <= 1);
                let left_out = (rotation == 1 && dy == -1 && dx == 1)
                    || (rotation == 2 && dy == 1 && dx == -1);
                if inside && !left_out {
                    all[filled] = Alignment { rotation, dy, dx };
                    filled += 1;
                }
                dx += 1;
            }
            dy += 1;
        }
        rotation += 1;
    }
    assert!(filled == ALIGNMENT_COUNT, "the table is full");
    all
}

/// A palm template in the clear. It exists on a scanner and in tests, never on a server.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Template {
    bits: Box<[u8; TEMPLATE_BYTES]>,
}

impl Template {
    /// Returns a template whose code is zero and whose mask is empty.
    pub fn empty() -> Self {
        Self {
            bits: Box::new([0; TEMPLATE_BYTES]),
        }
    }

    /// Builds a template from its packed bytes, code first.
    pub fn from_bytes(bytes: &[u8; TEMPLATE_BYTES]) -> Self {
        Self {
            bits: Box::new(*bytes),
        }
    }

    /// Shows the packed bytes, code first, to code that splits or compares them.
    pub fn expose_bytes(&self) -> &[u8; TEMPLATE_BYTES] {
        &self.bits
    }

    /// Returns code bit `index`, below [`CODE_BITS`].
    pub fn code_bit(&self, index: usize) -> bool {
        assert!(index < CODE_BITS, "code index");
        self.bits[index / 8] >> (index % 8) & 1 == 1
    }

    /// Sets code bit `index`, below [`CODE_BITS`].
    pub fn set_code_bit(&mut self, index: usize, value: bool) {
        assert!(index < CODE_BITS, "code index");
        set_bit(&mut self.bits[..CODE_BYTES], index, value);
    }

    /// Tells whether cell `index`, below [`CELLS`], is valid.
    pub fn cell_valid(&self, index: usize) -> bool {
        assert!(index < CELLS, "cell index");
        self.bits[CODE_BYTES + index / 8] >> (index % 8) & 1 == 1
    }

    /// Returns how many cells are valid.
    pub fn valid_cells(&self) -> usize {
        let mask = self.bits[CODE_BYTES..].iter();
        mask.map(|byte| byte.count_ones() as usize).sum()
    }

    /// Marks cell `index`, below [`CELLS`], as valid or not.
    pub fn set_cell_valid(&mut self, index: usize, value: bool) {
        assert!(index < CELLS, "cell index");
        set_bit(&mut self.bits[CODE_BYTES..], index, value);
    }
}

impl core::fmt::Debug for Template {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Template([secret])")
    }
}

/// A palm encoded at every rotation, in the order of [`ROTATIONS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encodings(pub [Template; ROTATIONS]);

impl Encodings {
    /// Returns the valid cells of the encoding with the fewest, which parties want to be
    /// [`VALID_CELLS_MIN`] [MPC-15].
    pub fn valid_cells_least(&self) -> usize {
        let counts = self.0.iter().map(Template::valid_cells);
        counts.min().unwrap_or_default()
    }
}

/// Returns the index of a code bit.
pub const fn code_index(phase: usize, row: usize, column: usize, orientation: usize) -> usize {
    ((phase * GRID + row) * GRID + column) * ORIENTATIONS + orientation
}

fn set_bit(bytes: &mut [u8], index: usize, value: bool) {
    let mask = 1 << (index % 8);
    if value {
        bytes[index / 8] |= mask;
    } else {
        bytes[index / 8] &= !mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignments_are_eleven_ten_and_ten() {
        let all = alignments();

        let per_rotation = [0, 1, 2].map(|r| all.iter().filter(|a| a.rotation == r).count());

        assert_eq!(per_rotation, [11, 10, 10]);
        assert!(all.contains(&Alignment {
            rotation: 0,
            dy: -2,
            dx: 0
        }));
        assert!(!all.contains(&Alignment {
            rotation: 1,
            dy: -1,
            dx: 1
        }));
        assert!(!all.contains(&Alignment {
            rotation: 2,
            dy: 1,
            dx: -1
        }));
    }

    #[test]
    fn template_bits_are_set_one_by_one() {
        let mut template = Template::empty();

        template.set_code_bit(CODE_BITS - 1, true);
        template.set_cell_valid(0, true);

        assert!(template.code_bit(CODE_BITS - 1) && template.cell_valid(0));
        assert_eq!(
            template
                .expose_bytes()
                .iter()
                .map(|b| b.count_ones())
                .sum::<u32>(),
            2
        );
        template.set_cell_valid(0, false);
        assert!(!template.cell_valid(0));
    }

    #[test]
    fn the_encoding_with_the_fewest_valid_cells_counts() {
        let mut palm = Encodings([(); ROTATIONS].map(|()| Template::from_bytes(&[0xff; 1_800])));
        (7..11).for_each(|cell| palm.0[1].set_cell_valid(cell, false));
        palm.0[2].set_cell_valid(CELLS - 1, false);

        let counts = palm.0.each_ref().map(Template::valid_cells);

        assert_eq!(counts, [CELLS, CELLS - 4, CELLS - 1]);
        assert_eq!(palm.valid_cells_least(), CELLS - 4);
    }

    #[test]
    fn a_template_does_not_print_its_bits() {
        assert_eq!(
            alloc::format!("{:?}", Template::empty()),
            "Template([secret])"
        );
    }
}

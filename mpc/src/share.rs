//! The two forms in which a party holds a palm: stored, and expanded for a query.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use boop_kernel::{Base, Rows, Shift, Tile};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::cells::EnoughCells;
use crate::error::ShareDecodeError;
use crate::galois::{convert, convert_query};
use crate::rule::{Profile, Rule};
use crate::values::{Element, ReplicatedValues, Values};
use boop_wire::template::{Alignment, CELLS, CODE_BITS, GRID, ROTATIONS, alignments};

/// Bytes of a stored share.
pub const STORED_SHARE_BYTES: usize = 2 * CODE_BITS + 4 * CELLS;

/// A party's Shamir share of a template at rotation 0 [MPC-21].
#[derive(Clone)]
pub struct StoredShare {
    values: Values,
}

// Its values wipe themselves.
impl ZeroizeOnDrop for StoredShare {}

/// A party's share of a query, one row for each alignment [MPC-22].
pub struct QueryShare {
    palm: ReplicatedValues,
    rule: Rule,
    rows: Arc<Rows>,
    enough_cells: Option<EnoughCells>,
}

impl StoredShare {
    /// Returns the canonical bytes: little-endian code values, then mask cells.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.values.to_bytes())
    }

    /// Reads a share. Every value of the rings is valid, so only the length can be wrong.
    ///
    /// # Errors
    /// Returns [`ShareDecodeError::WrongLength`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ShareDecodeError> {
        if bytes.len() != STORED_SHARE_BYTES {
            let expected = STORED_SHARE_BYTES;
            return Err(ShareDecodeError::WrongLength {
                expected,
                found: bytes.len(),
            });
        }
        Ok(Self {
            values: Values::from_bytes(bytes, CODE_BITS),
        })
    }

    /// Converts the first encoding of a shared palm.
    pub(crate) fn convert(palm: &ReplicatedValues) -> Self {
        let (next, previous) = (&palm.with_next, &palm.with_previous);
        Self {
            values: Values {
                code: convert_pairs(&next.code[..CODE_BITS], &previous.code[..CODE_BITS]),
                cells: convert_pairs(&next.cells[..CELLS], &previous.cells[..CELLS]),
            },
        }
    }

    /// Reads a lane of a tile.
    pub(crate) fn of_lane(tile: &Tile, lane: usize) -> Self {
        let mut values = Values {
            code: vec![0; CODE_BITS],
            cells: vec![0; CELLS],
        };
        tile.get(lane, &mut values.code, &mut values.cells);
        Self { values }
    }

    pub(crate) fn code(&self) -> &[u16] {
        &self.values.code
    }

    pub(crate) fn cells(&self) -> &[u32] {
        &self.values.cells
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }
}

impl fmt::Debug for StoredShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredShare([secret])")
    }
}

impl QueryShare {
    /// Expands a shared palm: each alignment moves the values of its encoding into place, then
    /// converts them. The penalty of a valid cell is folded in.
    pub(crate) fn convert(palm: &ReplicatedValues, rule: Rule) -> Self {
        let rows = Arc::new(expand(&palm.with_next, &palm.with_previous, rule));
        Self {
            palm: palm.clone(),
            rule,
            rows,
            enough_cells: None,
        }
    }

    /// Has the search open a bit, which has to be one, before any match.
    pub(crate) fn demanding(mut self, enough_cells: Option<EnoughCells>) -> Self {
        self.enough_cells = enough_cells;
        self
    }

    /// Returns the shared bit that has to be opened, and be one, before any match is.
    pub(crate) fn enough_cells(&self) -> Option<&EnoughCells> {
        self.enough_cells.as_ref()
    }

    /// Returns how exactly valid cells are weighed.
    pub(crate) fn profile(&self) -> Profile {
        self.rule.profile()
    }

    /// Returns the rows, in the order of the alignments.
    pub(crate) fn rows(&self) -> Arc<Rows> {
        Arc::clone(&self.rows)
    }

    /// Returns this party's half of the next party's rows; the previous party has the other half.
    pub(crate) fn half_of_next(&self) -> Rows {
        expand(&self.palm.zeros(), &self.palm.with_next, self.rule)
    }

    /// Returns this party's half of the previous party's rows; the next party has the other half.
    pub(crate) fn half_of_previous(&self) -> Rows {
        expand(&self.palm.with_previous, &self.palm.zeros(), self.rule)
    }
}

/// Converts the components of a party once for each rotation, of which the rows are shifts; and
/// the cells wherever a shift takes them out of their pairs, or their penalties differ.
fn expand(with_next: &Values, with_previous: &Values, rule: Rule) -> Rows {
    let penalties: Vec<_> = (0..CELLS).map(|cell| rule.cell_penalty(cell)).collect();
    let mut code = Zeroizing::new(vec![0; ROTATIONS * CODE_BITS]);
    convert_row(&mut code, &with_next.code, &with_previous.code);
    let code: [&[u16]; ROTATIONS] =
        core::array::from_fn(|rotation| &code[rotation * CODE_BITS..][..CODE_BITS]);
    let shifts = alignments().map(|alignment| Shift {
        base: alignment.rotation,
        dy: alignment.dy,
        dx: alignment.dx,
    });
    let align = |alignments: &[Alignment]| {
        let mut cells = Zeroizing::new(vec![0; alignments.len() * CELLS]);
        for (cells, alignment) in cells.chunks_exact_mut(CELLS).zip(alignments) {
            let components = [&with_next.cells[..], &with_previous.cells];
            align_cells(cells, *alignment, components, &penalties);
        }
        cells
    };
    match rule.profile() {
        Profile::Exact => {
            let [a, b, c] = [0, 1, 2].map(|rotation| {
                align(&[-1, 0, 1].map(|dx| Alignment {
                    rotation,
                    dy: 0,
                    dx,
                }))
            });
            let bases = core::array::from_fn(|rotation| Base {
                code: code[rotation],
                cells: core::array::from_fn(|dx| &[&a, &b, &c][rotation][dx * CELLS..][..CELLS]),
            });
            Rows::shifts(&bases, &shifts)
        }
        Profile::Sixteen => {
            let cells = align(&alignments());
            let cells: Vec<_> = cells.chunks_exact(CELLS).collect();
            Rows::shifts_of_code(code, &shifts, &cells)
        }
    }
}

impl fmt::Debug for QueryShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryShare([secret])")
    }
}

fn convert_pairs<E: Element>(with_next: &[E], with_previous: &[E]) -> Vec<E> {
    let pairs = with_next
        .as_chunks()
        .0
        .iter()
        .zip(with_previous.as_chunks().0);
    let converted = pairs.map(|([a, b], [c, d])| convert((*a, *b), (*c, *d)));
    converted.flat_map(|(a, b)| [a, b]).collect()
}

/// Fills a row with the query's cells times the penalties of the template's; the cells of a pair
/// may come from two pairs, and have two penalties, which components allow.
fn align_cells(row: &mut [u32], alignment: Alignment, components: [&[u32]; 2], penalties: &[u32]) {
    let rotation = alignment.rotation * CELLS;
    let mut moved = Zeroizing::new([[0_u32; CELLS]; 2]);
    for (moved, component) in moved.iter_mut().zip(components) {
        for run in runs(alignment) {
            let source = &component[rotation + run.source..][..run.cells];
            moved[run.target..][..run.cells].copy_from_slice(source);
        }
        let cells = moved.iter_mut().zip(penalties);
        cells.for_each(|(cell, penalty)| *cell = cell.wrapping_mul(*penalty));
    }
    convert_row(row, &moved[0], &moved[1]);
}

/// Converts pairs of a query's components.
fn convert_row<E: Element>(row: &mut [E], with_next: &[E], with_previous: &[E]) {
    let components = with_next.as_chunks().0.iter();
    let components = components.zip(with_previous.as_chunks().0);
    for (pair, ([a, b], [c, d])) in row.as_chunks_mut().0.iter_mut().zip(components) {
        *pair = convert_query((*a, *b), (*c, *d)).into();
    }
}

/// Neighbouring cells of a template, and the query's that meet them.
struct CellRun {
    target: usize,
    source: usize,
    cells: usize,
}

/// Returns the cells that meet a query's, row by row.
fn runs(alignment: Alignment) -> impl Iterator<Item = CellRun> {
    let on_grid = |offset: isize| {
        let beyond = offset.unsigned_abs().min(GRID);
        if offset < 0 {
            0..GRID - beyond
        } else {
            beyond..GRID
        }
    };
    let columns = on_grid(alignment.dx);
    on_grid(alignment.dy).filter_map(move |row| {
        let target = row * GRID + columns.start;
        let source = source_cell(alignment, target)?;
        let cells = columns.len();
        Some(CellRun {
            target,
            source,
            cells,
        })
    })
}

/// Returns the query cell that meets a template cell, if it is on the grid.
pub(crate) fn source_cell(alignment: Alignment, target: usize) -> Option<usize> {
    let row = (target / GRID)
        .checked_add_signed(-alignment.dy)
        .filter(|row| *row < GRID)?;
    let column = (target % GRID)
        .checked_add_signed(-alignment.dx)
        .filter(|c| *c < GRID)?;
    Some(row * GRID + column)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::testing::seeded;

    #[test]
    fn a_stored_share_reads_back_from_its_bytes() {
        let mut bytes = vec![0; STORED_SHARE_BYTES];
        seeded(1).fill_bytes(&mut bytes);

        let share = StoredShare::from_bytes(&bytes).unwrap();

        assert_eq!(*share.to_bytes(), bytes);
        assert_eq!(format!("{share:?}"), "StoredShare([secret])");
    }

    #[test]
    fn a_stored_share_of_another_length_is_refused() {
        for found in [0, STORED_SHARE_BYTES - 1, STORED_SHARE_BYTES + 1] {
            let refused = StoredShare::from_bytes(&vec![0; found]).err();

            let expected = STORED_SHARE_BYTES;
            assert_eq!(
                refused,
                Some(ShareDecodeError::WrongLength { expected, found })
            );
        }
    }

    #[test]
    fn runs_are_the_cells_that_meet_one() {
        for alignment in alignments() {
            let mut found = vec![None; CELLS];
            for run in runs(alignment) {
                for cell in 0..run.cells {
                    found[run.target + cell] = Some(run.source + cell);
                }
            }

            let expected = (0..CELLS).map(|target| source_cell(alignment, target));
            assert!(found.into_iter().eq(expected), "{alignment:?}");
        }
    }

    #[test]
    fn cells_beyond_the_grid_meet_nothing() {
        let at = |rotation, dy, dx| Alignment { rotation, dy, dx };

        assert_eq!(source_cell(at(0, 0, 0), 41), Some(41));
        assert_eq!(source_cell(at(0, 1, 1), 41), Some(0));
        assert_eq!(source_cell(at(0, 1, 0), 39), None);
        assert_eq!(source_cell(at(0, 0, 1), 40), None);
        assert_eq!(source_cell(at(0, 0, -1), 39), None);
        assert_eq!(source_cell(at(0, -2, 0), CELLS - 1), None);
    }
}

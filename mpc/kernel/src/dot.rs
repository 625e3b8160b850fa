//! Dot products of query rows with stored templates.
//!
//! A score is the code values' dot product modulo 2^16, times 2^16, plus the mask cells' dot
//! product, modulo 2^32. The vector forms differ in their two inner loops; the order in which
//! tiles and rows go through the caches is common to all, and written here.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod check;
mod portable;
mod rows;
mod tile;

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

pub use self::rows::Rows;
pub use self::tile::{CELLS, CODE, LANES, Tile};

use self::rows::Group;
use self::tile::{Lanes, Pairs};
use crate::kernel::Kernel;

/// The positions of a template that go through all rows before the next positions: so few that
/// they and the rows' values stay in the second-level cache, and so many that it does not matter
/// what a call costs. A divisor of both lengths.
const CHUNK: usize = 800;

/// The tiles that share one pass over the rows, which come from a cache further away.
const TILES: usize = 8;

/// Adds the products of some positions of a tile with a group's values there, both halves of it,
/// to the sums of the group's rows. What lies `ahead` is needed soon: a form may ask the memory
/// for it meanwhile.
type Multiply<T> = fn(tile: &[T], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[T]);

/// The inner loops of one implementation.
pub(crate) struct DotTable {
    pub(crate) name: &'static str,
    /// Adds the products of pairs; only the low half of a sum counts.
    code: Multiply<Pairs>,
    /// Adds the products of cells.
    cells: Multiply<Lanes>,
    peak: fn(rounds: u32) -> (u64, u32),
    plain: fn(row: &[u16], template: &[u16]) -> u16,
}

impl DotTable {
    pub(crate) const PORTABLE: Self = Self {
        name: "portable",
        code: portable::code,
        cells: portable::cells,
        peak: portable::peak,
        plain: portable::plain,
    };

    pub(crate) fn best() -> &'static Self {
        Self::vectors().last().unwrap_or(&Self::PORTABLE)
    }

    /// The vector forms that this processor runs and that give the portable form's answers, the
    /// fastest last.
    pub(crate) fn vectors() -> impl Iterator<Item = &'static Self> {
        #[cfg(target_arch = "x86_64")]
        let detected = [avx2::table(), avx512::table()];
        #[cfg(not(target_arch = "x86_64"))]
        let detected: [Option<&'static Self>; 0] = [];
        detected
            .into_iter()
            .flatten()
            .filter(|table| check::agrees(table))
    }
}

impl Kernel {
    /// Multiplies every row with every template: `out[row * stride + tile * LANES + lane]` is
    /// the score of a row and the template in a lane of a tile.
    ///
    /// # Panics
    ///
    /// Panics if `stride` is less than the templates, or `out` ends before the last score.
    pub fn scores(self, rows: &Rows, tiles: &[&Tile], out: &mut [u32], stride: usize) {
        assert!(tiles.len() * LANES <= stride);
        let count = rows.count();
        let mut sums = Zeroizing::new(vec![Lanes::ZERO; count * TILES.min(tiles.len())]);
        for (index, tiles) in tiles.chunks(TILES).enumerate() {
            let sums = &mut sums[..count * tiles.len()];
            sums.fill(Lanes::ZERO);
            let mut batch = Batch { rows, tiles, sums };
            batch.pass(|tile| &tile.code, |group| &group.code, self.dot.code);
            let scores = batch.sums.iter_mut().flat_map(|sums| &mut sums.0);
            scores.for_each(|score| *score <<= 16);
            batch.pass(|tile| &tile.cells, |group| &group.cells, self.dot.cells);
            batch.write(&mut out[index * TILES * LANES..], stride);
        }
    }

    /// Runs the 16-bit multiply-add of [`Kernel::scores`] on registers alone, and returns how
    /// many products were added, and a checksum that keeps the work from being left out: a
    /// benchmark's measure of what the processor could do.
    pub fn multiply_add_peak(self, rounds: u32) -> (u64, u32) {
        (self.dot.peak)(rounds)
    }

    /// Returns the dot product of two rows modulo 2^16, by a plain loop of which the compiler
    /// makes what it can for this processor: a benchmark's measure of [`Kernel::scores`].
    pub fn plain_product(self, row: &[u16], template: &[u16]) -> u16 {
        (self.dot.plain)(row, template)
    }
}

/// The tiles of one pass over the rows, and the sums of every tile: a row's sums one after the
/// other.
struct Batch<'a> {
    rows: &'a Rows,
    tiles: &'a [&'a Tile],
    sums: &'a mut [Lanes],
}

impl Batch<'_> {
    /// Adds the products of one part of the templates, code or cells, to the sums.
    fn pass<T: 'static>(
        &mut self,
        of_tile: fn(&Tile) -> &[T],
        of_group: fn(&Group) -> &[Vec<u32>; 2],
        multiply: Multiply<T>,
    ) {
        let (count, groups) = (self.rows.count(), self.rows.groups.len());
        let Some(length) = self.tiles.first().map(|tile| of_tile(tile).len()) else {
            return;
        };
        for start in (0..length).step_by(CHUNK) {
            let end = length.min(start + CHUNK);
            for (index, tile) in self.tiles.iter().enumerate() {
                let tile = &of_tile(tile)[start..end];
                let next = after(self.tiles, index, start, of_tile);
                let mut sums = &mut self.sums[index * count..][..count];
                for (number, group) in self.rows.groups.iter().enumerate() {
                    let values = group.values(of_group(group), start..end);
                    let ahead = &next[number * next.len() / groups..];
                    let ahead = &ahead[..next.len() / groups];
                    let (of_group, rest) = sums.split_at_mut(group.rows());
                    multiply(tile, values, of_group, ahead);
                    sums = rest;
                }
            }
        }
    }

    /// Writes the sums to the rows of `out`, at its front.
    fn write(&self, out: &mut [u32], stride: usize) {
        let count = self.rows.count().max(1);
        for (tile, sums) in self.sums.chunks_exact(count).enumerate() {
            for (row, sums) in sums.iter().enumerate() {
                out[row * stride + tile * LANES..][..LANES].copy_from_slice(&sums.0);
            }
        }
    }
}

/// Returns what [`Batch::pass`] reads after a tile's positions from `start` on.
fn after<'a, T>(
    tiles: &[&'a Tile],
    index: usize,
    start: usize,
    of_tile: fn(&Tile) -> &[T],
) -> &'a [T] {
    let (tile, start) = match tiles.get(index + 1) {
        Some(tile) => (tile, start),
        None => (&tiles[0], start + CHUNK),
    };
    let part = of_tile(tile);
    &part[part.len().min(start)..part.len().min(start + CHUNK)]
}

#[cfg(test)]
mod tests {
    use super::rows::GROUP;
    use super::*;
    use alloc::format;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
    use std::println;

    type Template = (Vec<u16>, Vec<u32>);

    const SEED: u64 = 0xd07;

    #[test]
    fn the_portable_form_is_the_definition() {
        let stored = templates(3 * LANES, SEED);
        let queries = templates(2, SEED + 1);

        let out = scores(Kernel::portable(), &queries, &stored, 3 * LANES);

        for (row, query) in queries.iter().enumerate() {
            for (column, template) in stored.iter().enumerate() {
                let found = out[row * 3 * LANES + column];
                assert_eq!(found, score(query, template), "row {row}, column {column}");
            }
        }
    }

    #[test]
    fn every_form_gives_the_portable_scores() {
        let stored = templates(9 * LANES, SEED + 2);
        let queries = templates(62, SEED + 3);
        for kernel in Kernel::all() {
            for (rows, tiles) in [(1, 3), (2, 1), (12, 1), (13, 2), (15, 1), (31, 9), (62, 2)] {
                let (queries, stored) = (&queries[..rows], &stored[..tiles * LANES]);
                let stride = tiles * LANES + 5;

                let found = scores(kernel, queries, stored, stride);

                assert_eq!(found, scores(Kernel::portable(), queries, stored, stride));
                let unwritten = found.chunks(stride).flat_map(|row| &row[tiles * LANES..]);
                assert!(
                    unwritten.copied().all(|score| score == UNWRITTEN),
                    "beyond the tiles"
                );
            }
        }
    }

    #[test]
    fn no_rows_and_no_tiles_give_no_scores() {
        let stored = templates(LANES, SEED + 4);

        assert!(scores(Kernel::best(), &[], &stored, LANES).is_empty());
        assert_eq!(scores(Kernel::best(), &stored[..1], &[], 3), [UNWRITTEN; 3]);
    }

    #[test]
    fn a_lane_gives_back_what_was_set_until_it_is_cleared() {
        let stored = templates(LANES, SEED + 5);
        let mut tile = tiles(&stored).remove(0);

        tile.clear(7);

        for (lane, (code, cells)) in stored.iter().enumerate() {
            let (mut found_code, mut found_cells) = (vec![1; CODE], vec![1; CELLS]);
            tile.get(lane, &mut found_code, &mut found_cells);
            if lane == 7 {
                assert_eq!((found_code, found_cells), (vec![0; CODE], vec![0; CELLS]));
            } else {
                assert_eq!((&found_code, &found_cells), (code, cells), "lane {lane}");
            }
        }
    }

    #[test]
    fn rows_fill_groups_of_almost_equal_size() {
        let queries = templates(31, SEED + 6);

        let rows = lay_out(&queries);

        assert_eq!(rows.count(), 31);
        let halves = rows.groups.iter().map(|group| group.halves);
        assert!(halves.eq([[6, 5], [5, 5], [5, 5]]));
    }

    #[test]
    fn tiles_and_rows_print_nothing_of_their_contents() {
        let rows = lay_out(&templates(1, SEED + 7));

        assert_eq!(
            format!("{:?} {rows:?}", Tile::new()),
            "Tile([secret]) Rows([secret])"
        );
    }

    #[test]
    fn tiles_and_rows_wipe_themselves() {
        fn wipes<T: zeroize::ZeroizeOnDrop>() {}

        wipes::<Tile>();
        wipes::<Rows>();
    }

    #[test]
    fn a_form_with_a_wrong_answer_is_not_taken() {
        fn wrong_code(tile: &[Pairs], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[Pairs]) {
            portable::code(tile, rows, sums, ahead);
            if tile.len() == 9 {
                sums[0].0[15] ^= 0x8000;
            }
        }
        fn wrong_cells(tile: &[Lanes], rows: [&[u32]; 2], sums: &mut [Lanes], ahead: &[Lanes]) {
            portable::cells(tile, rows, sums, ahead);
            if sums.len() == GROUP {
                sums[GROUP - 1].0[0] ^= 0x8000_0000;
            }
        }

        assert!(check::agrees(&DotTable::PORTABLE));
        assert!(!check::agrees(&DotTable {
            code: wrong_code,
            ..DotTable::PORTABLE
        }));
        assert!(!check::agrees(&DotTable {
            cells: wrong_cells,
            ..DotTable::PORTABLE
        }));
    }

    #[test]
    fn every_form_of_the_plain_loop_is_the_dot_product() {
        let stored = templates(2, SEED + 8);
        let (one, other) = (&stored[0].0, &stored[1].0);
        for kernel in Kernel::all() {
            for length in [0, 1, 15, 800, CODE] {
                let products = one[..length].iter().zip(other);
                let sum = products.fold(0_u16, |sum, (a, b)| sum.wrapping_add(a.wrapping_mul(*b)));

                assert_eq!(kernel.plain_product(&one[..length], &other[..length]), sum);
            }
        }
    }

    #[test]
    fn the_peak_counts_its_operations() {
        for kernel in Kernel::all() {
            let (operations, _) = kernel.multiply_add_peak(10);
            assert!(operations > 0 && operations.is_multiple_of(10));
        }
    }

    const UNWRITTEN: u32 = 0xdead_beef;

    fn templates(count: usize, seed: u64) -> Vec<Template> {
        println!("seed {seed}");
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut template = || {
            let mut bytes = [0; 2 * CODE];
            generator.fill_bytes(&mut bytes);
            let code = bytes
                .as_chunks()
                .0
                .iter()
                .map(|value| u16::from_le_bytes(*value));
            (
                code.collect(),
                (0..CELLS).map(|_| generator.next_u32()).collect(),
            )
        };
        (0..count).map(|_| template()).collect()
    }

    fn tiles(stored: &[Template]) -> Vec<Tile> {
        let tile = |lanes: &[Template]| {
            let mut tile = Tile::new();
            for (lane, (code, cells)) in lanes.iter().enumerate() {
                tile.set(lane, code, cells);
            }
            tile
        };
        stored.chunks(LANES).map(tile).collect()
    }

    fn lay_out(queries: &[Template]) -> Rows {
        Rows::new(queries.iter().map(|(code, cells)| (&code[..], &cells[..])))
    }

    fn scores(
        kernel: Kernel,
        queries: &[Template],
        stored: &[Template],
        stride: usize,
    ) -> Vec<u32> {
        let mut out = vec![UNWRITTEN; queries.len() * stride];
        kernel.scores(
            &lay_out(queries),
            &tiles(stored).iter().collect::<Vec<_>>(),
            &mut out,
            stride,
        );
        out
    }

    fn score(query: &Template, template: &Template) -> u32 {
        let mut dot = 0_u16;
        for (a, b) in query.0.iter().zip(&template.0) {
            dot = dot.wrapping_add(a.wrapping_mul(*b));
        }
        let mut cells = 0_u32;
        for (a, b) in query.1.iter().zip(&template.1) {
            cells = cells.wrapping_add(a.wrapping_mul(*b));
        }
        (u32::from(dot) << 16).wrapping_add(cells)
    }
}

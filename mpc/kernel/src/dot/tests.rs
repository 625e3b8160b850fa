//! Every form of the dot products against their definition.

use alloc::vec::Vec;

use super::rows::GROUP;
use super::tile::{Lanes, Pairs};
use super::*;
use alloc::format;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
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
fn shifts_give_the_scores_of_their_rows() {
    let stored = templates(3 * LANES, SEED + 9);
    let bases = Bases::random(SEED + 10);
    let shifts = all_shifts();
    let rows: Vec<_> = shifts.iter().map(|shift| bases.row(*shift)).collect();
    let expected = scores(Kernel::portable(), &rows, &stored, 3 * LANES);
    for kernel in Kernel::all() {
        let found = scores_of(kernel, &bases.shifts(&shifts), &stored, 3 * LANES);

        assert_eq!(found, expected, "{}", kernel.names()[0]);
    }
}

#[test]
fn shifts_come_in_the_order_asked_for_and_in_any_number_of_tiles() {
    let stored = templates(9 * LANES, SEED + 11);
    let bases = Bases::random(SEED + 12);
    let mut shifts = all_shifts();
    shifts.reverse();
    shifts.swap(3, 20);
    for (count, tiles) in [(33, 1), (31, 8), (15, 2), (1, 9), (0, 1), (31, 0)] {
        let (shifts, stored) = (&shifts[33 - count..], &stored[..tiles * LANES]);
        let stride = tiles * LANES + 3;
        let rows: Vec<_> = shifts.iter().map(|shift| bases.row(*shift)).collect();

        let found = scores_of(Kernel::best(), &bases.shifts(shifts), stored, stride);

        assert_eq!(found, scores(Kernel::best(), &rows, stored, stride));
    }
}

#[test]
fn each_value_of_a_base_meets_the_cell_it_is_shifted_to() {
    let stored = templates(LANES, SEED + 13);
    let shifts = all_shifts();
    let ends = [0, 1, 2, 19, 37, 38, 39];
    for cell in ends.into_iter().flat_map(|y| ends.map(|x| y * 40 + x)) {
        let mut bases = Bases::zero();
        for (number, (code, cells)) in bases.0.iter_mut().enumerate() {
            code[(cell % 2 * CELLS + cell) * 4 + number] = 0x8001;
            cells.iter_mut().for_each(|cells| cells[cell] = 0x8000_0001);
        }
        let rows: Vec<_> = shifts.iter().map(|shift| bases.row(*shift)).collect();

        let found = scores_of(Kernel::best(), &bases.shifts(&shifts), &stored, LANES);

        assert_eq!(
            found,
            scores(Kernel::best(), &rows, &stored, LANES),
            "{cell}"
        );
    }
}

#[test]
fn cells_that_are_no_shifts_stand_beside_shifted_code() {
    let stored = templates(2 * LANES, SEED + 14);
    let bases = Bases::random(SEED + 15);
    let shifts = &all_shifts()[..31];
    let cells = templates(shifts.len(), SEED + 16);
    let cells: Vec<&[u32]> = cells.iter().map(|(_, cells)| &cells[..]).collect();
    let rows = shifts.iter().zip(&cells);
    let rows: Vec<_> = rows
        .map(|(shift, cells)| (bases.row(*shift).0, cells.to_vec()))
        .collect();

    let shifted = Rows::shifts_of_code(bases.code(), shifts, &cells);
    let found = scores_of(Kernel::best(), &shifted, &stored, 2 * LANES);

    assert_eq!(found, scores(Kernel::best(), &rows, &stored, 2 * LANES));
}

#[test]
fn shifts_beyond_the_plan_are_refused() {
    let bases = Bases::zero();
    let shift = |base, dy, dx| Shift { base, dy, dx };
    for beyond in [
        shift(3, 0, 0),
        shift(0, 3, 0),
        shift(0, -3, 0),
        shift(0, 2, 1),
        shift(0, -2, -1),
        shift(0, 0, 2),
        shift(0, 0, -2),
        shift(0, isize::MIN, 0),
    ] {
        let plan = || bases.shifts(&[shift(0, 0, 0), beyond]);

        assert!(catch_unwind(AssertUnwindSafe(plan)).is_err(), "{beyond:?}");
    }
}

#[test]
fn shifts_take_less_than_half_of_the_code_products() {
    let (bases, shifts) = (Bases::zero(), all_shifts());
    let rows: Vec<_> = shifts.iter().map(|shift| bases.row(*shift)).collect();

    assert_eq!(lay_out(&rows).products(), [33 * CODE, 33 * CELLS]);
    assert_eq!([33 * CODE, 33 * CELLS], [422_400, 52_800]);
    assert_eq!(bases.shifts(&shifts).products(), [194_904, 33_840]);
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
    let Part::Each(groups) = &rows.code else {
        panic!("rows without shifts");
    };
    let halves = groups.iter().map(|group| group.halves);
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

    fn wrong_code_terms(
        block: usize,
        cells: &[Pairs],
        factors: &[u32],
        sums: &mut [Lanes],
        ahead: &[Pairs],
    ) {
        portable::code_terms(block, cells, factors, sums, ahead);
        if block == 3 && !cells.is_empty() {
            sums[17].0[15] ^= 0x8000;
        }
    }
    fn wrong_cell_terms(
        block: usize,
        cells: &[Lanes],
        factors: &[u32],
        sums: &mut [Lanes],
        ahead: &[Lanes],
    ) {
        portable::cell_terms(block, cells, factors, sums, ahead);
        if block == 5 && !cells.is_empty() {
            sums[0].0[0] ^= 0x8000_0000;
        }
    }
    fn wrong_add(one: &[Pairs], other: &[Pairs], sums: &mut [Pairs]) {
        portable::add(one, other, sums);
        if let Some(sum) = sums.last_mut() {
            sum.0[31] ^= 1;
        }
    }

    assert!(check::agrees(&DotTable::PORTABLE));
    assert!(!check::agrees(&DotTable {
        code_terms: wrong_code_terms,
        ..DotTable::PORTABLE
    }));
    assert!(!check::agrees(&DotTable {
        cell_terms: wrong_cell_terms,
        ..DotTable::PORTABLE
    }));
    assert!(!check::agrees(&DotTable {
        add: wrong_add,
        ..DotTable::PORTABLE
    }));
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

/// Three bases: code values, and cells at shifts to the right.
struct Bases([(Vec<u16>, [Vec<u32>; 3]); 3]);

impl Bases {
    fn zero() -> Self {
        Self([(); 3].map(|()| (vec![0; CODE], [(); 3].map(|()| vec![0; CELLS]))))
    }

    fn random(seed: u64) -> Self {
        let mut drawn = templates(9, seed).into_iter();
        Self([(); 3].map(|()| {
            let drawn = [(); 3].map(|()| drawn.next().unwrap());
            (drawn[0].0.clone(), drawn.map(|(_, cells)| cells))
        }))
    }

    fn code(&self) -> [&[u16]; 3] {
        self.0.each_ref().map(|(code, _)| &code[..])
    }

    fn shifts(&self, shifts: &[Shift]) -> Rows {
        let bases = self.0.each_ref().map(|(code, cells)| Base {
            code,
            cells: cells.each_ref().map(|cells| &cells[..]),
        });
        Rows::shifts(&bases, shifts)
    }

    /// Returns a shift as it is defined.
    fn row(&self, shift: Shift) -> Template {
        let (code, cells) = &self.0[shift.base];
        let cells = match shift.dx {
            -1 => &cells[0],
            0 => &cells[1],
            _ => &cells[2],
        };
        let mut row = (vec![0; CODE], vec![0; CELLS]);
        let on_grid =
            |at: usize, offset: isize| at.checked_add_signed(-offset).filter(|at| *at < 40);
        for (y, x) in (0..40).flat_map(|y| (0..40).map(move |x| (y, x))) {
            let Some(from_y) = on_grid(y, shift.dy) else {
                continue;
            };
            row.1[y * 40 + x] = cells[from_y * 40 + x];
            if let Some(from_x) = on_grid(x, shift.dx) {
                for (phase, value) in (0..2).flat_map(|f| (0..4).map(move |o| (f, o))) {
                    let at = |y: usize, x: usize| ((phase * 40 + y) * 40 + x) * 4 + value;
                    row.0[at(y, x)] = code[at(from_y, from_x)];
                }
            }
        }
        row
    }
}

/// Returns every shift that there is a plan for.
fn all_shifts() -> Vec<Shift> {
    let near = |base| {
        let all = (-2_isize..=2).flat_map(|dy| (-1_isize..=1).map(move |dx| (dy, dx)));
        let planned = all.filter(|(dy, dx)| *dx == 0 || dy.abs() < 2);
        planned.map(move |(dy, dx)| Shift { base, dy, dx })
    };
    (0..3).flat_map(near).collect()
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

#[test]
fn a_tile_of_templates_is_one_with_each_put_into_its_lane() {
    let templates = templates(LANES, SEED + 9);
    let each = tiles(&templates).remove(0);
    let slices: Vec<_> = templates
        .iter()
        .map(|(code, cells)| (&code[..], &cells[..]))
        .collect();

    let whole = Tile::of(slices.try_into().unwrap());

    let same = |(a, b): (&Pairs, &Pairs)| a.0 == b.0;
    assert!(whole.code.iter().zip(&each.code).all(same));
    let same = |(a, b): (&Lanes, &Lanes)| a.0 == b.0;
    assert!(whole.cells.iter().zip(&each.cells).all(same));
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

fn scores(kernel: Kernel, queries: &[Template], stored: &[Template], stride: usize) -> Vec<u32> {
    scores_of(kernel, &lay_out(queries), stored, stride)
}

fn scores_of(kernel: Kernel, rows: &Rows, stored: &[Template], stride: usize) -> Vec<u32> {
    let mut out = vec![UNWRITTEN; rows.count() * stride];
    let tiles = tiles(stored);
    kernel.scores(rows, &tiles.iter().collect::<Vec<_>>(), &mut out, stride);
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

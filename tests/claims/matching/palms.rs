//! Palms made from chance.

use boop_wire::template::{
    Alignment, CELLS, CODE_BITS, Encodings, GRID, ORIENTATIONS, PHASES, ROTATIONS, TEMPLATE_BYTES,
    Template, alignments, code_index,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::matching::world::any;

/// Returns a template of random bits, mask included.
pub(super) fn any_template(rng: &mut ChaCha8Rng) -> Template {
    let mut bits = [0; TEMPLATE_BYTES];
    rng.fill_bytes(&mut bits);
    Template::from_bytes(&bits)
}

/// Returns a template of random bits, all cells valid.
pub(super) fn full_template(rng: &mut ChaCha8Rng) -> Template {
    let mut template = any_template(rng);
    (0..CELLS).for_each(|cell| template.set_cell_valid(cell, true));
    template
}

/// Returns a palm whose rotations have nothing in common.
pub(super) fn full_palm(rng: &mut ChaCha8Rng) -> Encodings {
    Encodings([(); ROTATIONS].map(|()| full_template(rng)))
}

/// Returns a palm that shows `template` at rotation 0 and nothing at the others.
pub(super) fn upright(template: Template) -> Encodings {
    Encodings([template, Template::empty(), Template::empty()])
}

/// Flips each code bit with probability `per_mille` / 1000, and invalidates some cells.
pub(super) fn noisy(rng: &mut ChaCha8Rng, template: &Template, per_mille: u32) -> Template {
    let mut noisy = template.clone();
    for index in 0..CODE_BITS {
        if rng.next_u32() % 1_000 < per_mille {
            noisy.set_code_bit(index, !template.code_bit(index));
        }
    }
    for _ in 0..CELLS / 8 {
        noisy.set_cell_valid(any(rng, CELLS), false);
    }
    noisy
}

/// Returns templates and palms whose pairs lie on both sides of the cut, at every alignment,
/// and the extremes: nothing, and codes of zeros and of ones.
pub(super) fn pairs_near_the_cut(
    rng: &mut ChaCha8Rng,
    templates: usize,
    palms: usize,
) -> (Vec<Template>, Vec<Encodings>) {
    let origins = [full_palm(rng), full_palm(rng)];
    let extremes = [Template::empty(), full_with(false), full_with(true)];
    let copy = |rng: &mut ChaCha8Rng, index: usize| {
        let origin = &origins[index % 2].0[any(rng, ROTATIONS)];
        // Two copies with noise p each differ in 2 p (1 - p) of their bits: 0.26 to 0.42.
        let noise = [155, 170, 185, 200, 215, 230, 245, 260, 275, 290];
        let per_mille = noise[any(rng, noise.len())];
        noisy(rng, origin, per_mille)
    };
    let stored = (0..templates).map(|index| {
        let extreme = extremes.get(index).cloned();
        extreme.unwrap_or_else(|| copy(rng, index))
    });
    let stored = stored.collect();
    let queries = (0..palms).map(|index| {
        if let Some(extreme) = extremes.get(index) {
            return upright(extreme.clone());
        }
        let alignment = alignments()[index % alignments().len()];
        let mut palm = upright(Template::empty());
        palm.0[alignment.rotation] = displaced(&copy(rng, index), alignment);
        palm
    });
    (stored, queries.collect())
}

/// Returns what a query shows where, at the alignment, it meets the template cell by cell.
fn displaced(template: &Template, alignment: Alignment) -> Template {
    let mut displaced = Template::empty();
    for cell in 0..CELLS {
        let (row, column) = (cell / GRID, cell % GRID);
        let below_grid = |at: &usize| *at < GRID;
        let from_row = row.checked_add_signed(alignment.dy).filter(below_grid);
        let from_column = column.checked_add_signed(alignment.dx).filter(below_grid);
        let (Some(from_row), Some(from_column)) = (from_row, from_column) else {
            continue;
        };
        displaced.set_cell_valid(cell, template.cell_valid(from_row * GRID + from_column));
        for (phase, k) in (0..PHASES).flat_map(|p| (0..ORIENTATIONS).map(move |k| (p, k))) {
            let bit = template.code_bit(code_index(phase, from_row, from_column, k));
            displaced.set_code_bit(code_index(phase, row, column, k), bit);
        }
    }
    displaced
}

fn full_with(bit: bool) -> Template {
    let mut template = Template::empty();
    (0..CELLS).for_each(|cell| template.set_cell_valid(cell, true));
    (0..CODE_BITS).for_each(|index| template.set_code_bit(index, bit));
    template
}

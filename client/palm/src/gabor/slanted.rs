//! Filters whose lines run at 45 and 135 degrees, orientations 1 and 3.
//!
//! The two are mirror images of each other. Of four pixels at equal distances to the right, left,
//! above and below, the even filters see sums and the odd ones differences; the sum of both
//! orientations and their difference take one multiplication each, for all four pixels at once.

use std::sync::OnceLock;

use boop_wire::template::GRID;

use crate::context::PITCH;
use crate::gabor::dealt::Dealt;
use crate::gabor::{FIRST_ROW, REACH, ROWS, Responses, envelope, phase};
use crate::number::narrow;

const RISING: usize = 1;
const FALLING: usize = 3;
const EVEN: usize = 0;
const ODD: usize = 1;
/// Cells whose sums stay in registers.
const BLOCK: usize = 8;

/// Weights of four pixels for the sum of the two orientations and for their difference.
#[derive(Clone, Copy)]
struct Tap {
    even_sum: f32,
    even_difference: f32,
    odd_sum: f32,
    odd_difference: f32,
}

/// Sums of a block of cells.
#[derive(Default)]
struct Sums {
    even_sum: [f32; BLOCK],
    even_difference: [f32; BLOCK],
    odd_sum: [f32; BLOCK],
    odd_difference: [f32; BLOCK],
}

/// Two pixels at equal distances to the right and left of each cell of a block.
#[derive(Clone, Copy)]
struct Sides {
    sum: [f32; BLOCK],
    difference: [f32; BLOCK],
}

/// The sides at every distance, of one row of pixels.
type SidesOfRow = [Sides; REACH + 1];

/// Evaluates both orientations at every cell.
pub(super) fn respond(dealt: &Dealt, responses: &mut Responses) {
    let taps = taps();
    let mut rising = [[[0.0; GRID]; 2]; GRID];
    let mut falling = [[[0.0; GRID]; 2]; GRID];
    for block in 0..GRID / BLOCK {
        let rows: Vec<SidesOfRow> = (FIRST_ROW..FIRST_ROW + ROWS)
            .map(|y| sides(dealt, y, block))
            .collect();
        for row in 0..GRID {
            let sums = sum_block(&rows[PITCH * row..][..=2 * REACH], taps);
            for cell in 0..BLOCK {
                let place = block * BLOCK + cell;
                let half = |sum: f32, difference: f32| {
                    ((sum + difference) / 2.0, (sum - difference) / 2.0)
                };
                (rising[row][EVEN][place], falling[row][EVEN][place]) =
                    half(sums.even_sum[cell], sums.even_difference[cell]);
                (rising[row][ODD][place], falling[row][ODD][place]) =
                    half(sums.odd_sum[cell], sums.odd_difference[cell]);
            }
        }
    }
    for row in 0..GRID {
        for phase in [EVEN, ODD] {
            responses.set_row(phase, RISING, row, &rising[row][phase]);
            responses.set_row(phase, FALLING, row, &falling[row][phase]);
        }
    }
}

fn sides(dealt: &Dealt, y: usize, block: usize) -> SidesOfRow {
    core::array::from_fn(|dx| {
        let right = &dealt.right(y, dx).as_chunks::<BLOCK>().0[block];
        let left = &dealt.left(y, dx).as_chunks::<BLOCK>().0[block];
        Sides {
            sum: core::array::from_fn(|cell| right[cell] + left[cell]),
            difference: core::array::from_fn(|cell| right[cell] - left[cell]),
        }
    })
}

/// Sums the rows around one row of cells, from the one furthest above to the one furthest below.
fn sum_block(rows: &[SidesOfRow], taps: &[[Tap; REACH + 1]]) -> Sums {
    let mut sums = Sums::default();
    let below = rows[REACH..].iter();
    let above = rows[..=REACH].iter().rev();
    for ((below, above), taps) in below.zip(above).zip(taps) {
        for ((below, above), tap) in below.iter().zip(above).zip(taps) {
            sums.add(below, above, tap);
        }
    }
    sums
}

impl Sums {
    fn add(&mut self, below: &Sides, above: &Sides, tap: &Tap) {
        for cell in 0..BLOCK {
            let (sum, other_sum) = (below.sum[cell], above.sum[cell]);
            let (difference, other_difference) = (below.difference[cell], above.difference[cell]);
            self.even_sum[cell] += tap.even_sum * (sum + other_sum);
            self.even_difference[cell] += tap.even_difference * (difference - other_difference);
            self.odd_sum[cell] += tap.odd_sum * (difference + other_difference);
            self.odd_difference[cell] += tap.odd_difference * (sum - other_sum);
        }
    }
}

/// Returns the weights by distance below and to the right, computed once.
fn taps() -> &'static [[Tap; REACH + 1]] {
    static TAPS: OnceLock<Vec<[Tap; REACH + 1]>> = OnceLock::new();
    TAPS.get_or_init(|| {
        let mean = carrier_mean();
        (0..=REACH)
            .map(|dy| core::array::from_fn(|dx| tap(dx, dy, mean)))
            .collect()
    })
}

fn tap(dx: usize, dy: usize, mean: f64) -> Tap {
    let share = share(dx, dy);
    let even = |x: f64| {
        let (envelope, phase) = rising(x, dy as f64);
        share * envelope * (phase.cos() - mean)
    };
    let odd = |x: f64| {
        let (envelope, phase) = rising(x, dy as f64);
        share * envelope * phase.sin()
    };
    let (right, left) = (dx as f64, -(dx as f64));
    Tap {
        even_sum: narrow(even(right) + even(left)),
        even_difference: narrow(even(right) - even(left)),
        odd_sum: narrow(odd(right) - odd(left)),
        odd_difference: narrow(odd(right) + odd(left)),
    }
}

/// Pixels straight above, below or beside the centre are read twice, the centre four times.
fn share(dx: usize, dy: usize) -> f64 {
    let once = |distance: usize| if distance == 0 { 0.5 } else { 1.0 };
    once(dx) * once(dy)
}

/// Returns the weighted mean of the carrier, which is taken off so that flat skin answers zero.
fn carrier_mean() -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for dy in 0..=REACH {
        for dx in 0..=REACH {
            for x in [dx as f64, -(dx as f64)] {
                let (envelope, phase) = rising(x, dy as f64);
                sum += share(dx, dy) * envelope * phase.cos();
                total += share(dx, dy) * envelope;
            }
        }
    }
    sum / total
}

/// Returns envelope and phase of the filter of 45 degrees, `x` to the right and `y` below.
fn rising(x: f64, y: f64) -> (f64, f64) {
    let across = (-y - x) * core::f64::consts::FRAC_1_SQRT_2;
    let along = (x - y) * core::f64::consts::FRAC_1_SQRT_2;
    (envelope(across, along), phase(across))
}

//! Oriented line filters, evaluated at the cell centres only.
//!
//! An even filter answers to a line through the centre, an odd one to an edge. Even taps are equal
//! at opposite places and odd taps opposite, so that each pair of pixels is read once: its sum
//! feeds the even filters, its difference the odd ones. The columns of the plane are dealt out
//! by their remainder modulo the pitch, which puts the pixels of one tap of a whole row of cells
//! side by side.

use std::sync::OnceLock;

use boop_wire::template::{CELLS, GRID, ORIENTATIONS, PHASES};

use crate::context::{FIRST_CENTRE, PITCH};
use crate::number::narrow;
use crate::plane::Plane;

const WAVELENGTH: f64 = 14.0;
const SIGMA_ACROSS: f64 = 5.18;
const SIGMA_ALONG: f64 = 9.324;
const REACH: isize = 28;
const FILTERS: usize = PHASES * ORIENTATIONS;

/// Answers of the filters, `[phase][cell][orientation]`, in the order of the code.
pub(crate) type Responses = Vec<f32>;

/// One pair of opposite taps, `(dx, dy)` and `(-dx, -dy)`, with the weight at the former.
struct Tap {
    dx: isize,
    dy: isize,
    even: [f32; ORIENTATIONS],
    odd: [f32; ORIENTATIONS],
}

/// Evaluates every filter at every cell of a context.
pub(crate) fn respond(plane: &Plane) -> Responses {
    let dealt = Dealt::new(plane);
    let taps = taps();
    let mut responses = vec![0.0; FILTERS * CELLS];
    for row in 0..GRID {
        let sums = row_sums(&dealt, taps, row);
        for (filter, sums) in sums.iter().enumerate() {
            let (phase, orientation) = (filter / ORIENTATIONS, filter % ORIENTATIONS);
            for (column, sum) in sums.iter().enumerate() {
                let cell = row * GRID + column;
                responses[(phase * CELLS + cell) * ORIENTATIONS + orientation] = *sum;
            }
        }
    }
    responses
}

fn row_sums(dealt: &Dealt, taps: &[Tap], row: usize) -> [[f32; GRID]; FILTERS] {
    let mut sums = [[0.0; GRID]; FILTERS];
    let centre = FIRST_CENTRE + PITCH * row;
    for tap in taps {
        let near = dealt.cells(centre.saturating_add_signed(tap.dy), tap.dx);
        let far = dealt.cells(centre.saturating_add_signed(-tap.dy), -tap.dx);
        let mut total = [0.0; GRID];
        let mut difference = [0.0; GRID];
        for cell in 0..GRID {
            total[cell] = near[cell] + far[cell];
            difference[cell] = near[cell] - far[cell];
        }
        for orientation in 0..ORIENTATIONS {
            add(&mut sums[orientation], &total, tap.even[orientation]);
            add(
                &mut sums[ORIENTATIONS + orientation],
                &difference,
                tap.odd[orientation],
            );
        }
    }
    sums
}

fn add(sums: &mut [f32; GRID], values: &[f32; GRID], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

/// A plane whose columns are sorted by their remainder modulo the pitch.
struct Dealt {
    width: usize,
    planes: [Vec<f32>; PITCH],
}

impl Dealt {
    fn new(plane: &Plane) -> Self {
        let width = plane.width / PITCH;
        let deal = |remainder: usize| {
            let column = |pixel: &[f32]| pixel[remainder];
            (0..plane.height)
                .flat_map(|y| plane.row(y).chunks_exact(PITCH).map(column))
                .collect()
        };
        Self {
            width,
            planes: core::array::from_fn(deal),
        }
    }

    /// Returns the pixels `dx` to the right of each cell centre of a row of cells.
    fn cells(&self, y: usize, dx: isize) -> &[f32] {
        let column = FIRST_CENTRE.saturating_add_signed(dx);
        let start = y * self.width + column / PITCH;
        &self.planes[column % PITCH][start..start + GRID]
    }
}

/// Returns the filters, computed once.
fn taps() -> &'static [Tap] {
    static TAPS: OnceLock<Vec<Tap>> = OnceLock::new();
    TAPS.get_or_init(|| {
        let means: [f64; ORIENTATIONS] = core::array::from_fn(carrier_mean);
        let half = (0..=REACH).flat_map(|dy| (-REACH..=REACH).map(move |dx| (dx, dy)));
        half.filter(|(dx, dy)| *dy > 0 || *dx >= 0)
            .map(|(dx, dy)| tap(dx, dy, &means))
            .collect()
    })
}

fn tap(dx: isize, dy: isize, means: &[f64; ORIENTATIONS]) -> Tap {
    // The centre is opposite to itself: read twice, it counts half.
    let share = if (dx, dy) == (0, 0) { 0.5 } else { 1.0 };
    let even = |orientation: usize| {
        let (envelope, phase) = wave(dx, dy, orientation);
        narrow(share * envelope * (phase.cos() - means[orientation]))
    };
    let odd = |orientation: usize| {
        let (envelope, phase) = wave(dx, dy, orientation);
        narrow(share * envelope * phase.sin())
    };
    Tap {
        dx,
        dy,
        even: core::array::from_fn(even),
        odd: core::array::from_fn(odd),
    }
}

/// Returns the weighted mean of the carrier, which is taken off so that flat skin answers zero.
fn carrier_mean(orientation: usize) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for dy in -REACH..=REACH {
        for dx in -REACH..=REACH {
            let (envelope, phase) = wave(dx, dy, orientation);
            sum += envelope * phase.cos();
            total += envelope;
        }
    }
    sum / total
}

/// Returns the envelope and the phase of a filter whose lines run at `orientation * 45` degrees.
fn wave(dx: isize, dy: isize, orientation: usize) -> (f64, f64) {
    let (sin, cos) = (45.0 * orientation as f64).to_radians().sin_cos();
    let (x, y) = (dx as f64, -(dy as f64));
    let along = x * cos + y * sin;
    let across = y * cos - x * sin;
    let power = (across / SIGMA_ACROSS).powi(2) + (along / SIGMA_ALONG).powi(2);
    (
        (-0.5 * power).exp(),
        core::f64::consts::TAU * across / WAVELENGTH,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::CONTEXT;

    const CENTRE_CELL: usize = 20 * GRID + 20;

    #[test]
    fn flat_skin_has_no_answer() {
        let responses = respond(&Plane::from_fn(CONTEXT, CONTEXT, |_, _| 2.0));

        assert!(responses.iter().all(|response| response.abs() < 1e-2));
    }

    #[test]
    fn a_line_answers_most_in_its_own_orientation() {
        let centre = (FIRST_CENTRE + PITCH * 20) as f32;
        let lines: [fn(f32, f32) -> f32; 4] = [
            |_, y| y,
            |x, y| (x + y) * 0.707,
            |x, _| x,
            |x, y| (x - y) * 0.707,
        ];
        for (wanted, across) in lines.into_iter().enumerate() {
            let plane = Plane::from_fn(CONTEXT, CONTEXT, |x, y| {
                let offset = across(x as f32 - centre, y as f32 - centre);
                (-offset * offset / 8.0).exp()
            });

            let responses = respond(&plane);

            let even = &responses[CENTRE_CELL * ORIENTATIONS..][..ORIENTATIONS];
            let strongest = (0..4).max_by(|a, b| even[*a].total_cmp(&even[*b])).unwrap();
            assert_eq!(strongest, wanted);
            assert!(even[wanted] > 0.0);
        }
    }

    #[test]
    fn folded_filters_agree_with_the_plain_sum() {
        let plane = Plane::from_fn(CONTEXT, CONTEXT, |x, y| {
            ((x * 7 + y * 13) % 31) as f32 - 15.0
        });

        let responses = respond(&plane);

        for orientation in 0..ORIENTATIONS {
            let (row, column) = (3, 37);
            let mean = carrier_mean(orientation);
            let (mut even, mut odd) = (0.0, 0.0);
            for dy in -REACH..=REACH {
                for dx in -REACH..=REACH {
                    let (envelope, phase) = wave(dx, dy, orientation);
                    let x = (FIRST_CENTRE + PITCH * column).saturating_add_signed(dx);
                    let y = (FIRST_CENTRE + PITCH * row).saturating_add_signed(dy);
                    let pixel = f64::from(plane.at(x, y));
                    even += envelope * (phase.cos() - mean) * pixel;
                    odd += envelope * phase.sin() * pixel;
                }
            }
            let cell = (row * GRID + column) * ORIENTATIONS + orientation;
            assert!((f64::from(responses[cell]) - even).abs() < 1e-2);
            assert!((f64::from(responses[CELLS * ORIENTATIONS + cell]) - odd).abs() < 1e-2);
        }
    }
}

//! Filters whose lines run along the rows or the columns, orientations 0 and 2.
//!
//! Such a filter is the product of a profile across its line and a Gaussian along it: the rows of
//! pixels are filtered first, at the columns of the cells only, and then the columns of what this
//! leaves, at the rows of the cells only.

use std::sync::OnceLock;

use boop_wire::template::GRID;

use crate::context::PITCH;
use crate::gabor::dealt::Dealt;
use crate::gabor::{FIRST_ROW, REACH, ROWS, Responses, envelope, phase};
use crate::number::narrow;

const ALONG_ROWS: usize = 0;
const ALONG_COLUMNS: usize = 2;
const EVEN: usize = 0;
const ODD: usize = 1;
/// Weights at one distance from the centre; the even ones count half in the centre itself, which
/// is opposite to itself and therefore read twice.
#[derive(Clone, Copy, Default)]
struct Tap {
    along: f32,
    even: f32,
    odd: f32,
}

/// A row of pixels, filtered at the columns of the cells.
struct Filtered {
    along: [f32; GRID],
    even: [f32; GRID],
    odd: [f32; GRID],
}

/// Evaluates both orientations at every cell.
pub(super) fn respond(dealt: &Dealt, responses: &mut Responses) {
    let taps = taps();
    let rows: Vec<Filtered> = (FIRST_ROW..FIRST_ROW + ROWS)
        .map(|y| filter_row(dealt, taps, y))
        .collect();
    for row in 0..GRID {
        let centre = REACH + PITCH * row;
        let mut flat = [[0.0; GRID]; 2];
        let mut steep = [[0.0; GRID]; 2];
        for (dy, tap) in taps.iter().enumerate() {
            let (below, above) = (&rows[centre + dy], &rows[centre - dy]);
            for cell in 0..GRID {
                flat[EVEN][cell] += tap.even * (below.along[cell] + above.along[cell]);
                // Rows count downward, and the profile across a flat line upward.
                flat[ODD][cell] += tap.odd * (above.along[cell] - below.along[cell]);
                steep[EVEN][cell] += tap.along * (below.even[cell] + above.even[cell]);
                steep[ODD][cell] += tap.along * (below.odd[cell] + above.odd[cell]);
            }
        }
        for phase in [EVEN, ODD] {
            responses.set_row(phase, ALONG_ROWS, row, &flat[phase]);
            responses.set_row(phase, ALONG_COLUMNS, row, &steep[phase]);
        }
    }
}

fn filter_row(dealt: &Dealt, taps: &[Tap; REACH + 1], y: usize) -> Filtered {
    let mut filtered = Filtered {
        along: [0.0; GRID],
        even: [0.0; GRID],
        odd: [0.0; GRID],
    };
    for (dx, tap) in taps.iter().enumerate() {
        let (right, left) = (dealt.right(y, dx), dealt.left(y, dx));
        for cell in 0..GRID {
            let sum = right[cell] + left[cell];
            filtered.along[cell] += tap.along * sum;
            filtered.even[cell] += tap.even * sum;
            filtered.odd[cell] += tap.odd * (left[cell] - right[cell]);
        }
    }
    filtered
}

/// Returns the weights by distance, computed once.
fn taps() -> &'static [Tap; REACH + 1] {
    static TAPS: OnceLock<[Tap; REACH + 1]> = OnceLock::new();
    TAPS.get_or_init(|| {
        let share = |distance: usize| if distance == 0 { 0.5 } else { 1.0 };
        let distances = || (0..=REACH).map(|d| (share(d), d as f64));
        let total: f64 = distances().map(|(share, d)| share * envelope(d, 0.0)).sum();
        let carrier = |(share, d): (f64, f64)| share * envelope(d, 0.0) * phase(d).cos();
        // The mean of the carrier is taken off, so that flat skin answers zero.
        let mean = distances().map(carrier).sum::<f64>() / total;
        let mut taps = [Tap::default(); REACH + 1];
        for (tap, (share, d)) in taps.iter_mut().zip(distances()) {
            tap.along = narrow(share * envelope(0.0, d));
            tap.even = narrow(share * envelope(d, 0.0) * (phase(d).cos() - mean));
            tap.odd = narrow(envelope(d, 0.0) * phase(d).sin());
        }
        taps
    })
}

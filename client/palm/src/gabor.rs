//! Oriented line filters, evaluated at the cell centres only.
//!
//! An even filter answers to a line through the centre, an odd one to an edge. Two of the four
//! orientations are upright: their filters are products of a column and a row and are taken one
//! after the other ([`upright`]). The other two are mirror images of each other, so that four
//! pixels at a time serve all of their filters ([`slanted`]). Both read the plane with its columns
//! dealt out by their remainder modulo the pitch ([`dealt`]), which puts the pixels of one tap of
//! a whole row of cells side by side.

use boop_wire::template::{CELLS, GRID, ORIENTATIONS, PHASES};

use crate::context::{FIRST_CENTRE, PITCH};
use crate::plane::Plane;
use dealt::Dealt;

mod dealt;
mod slanted;
mod upright;

const WAVELENGTH: f64 = 14.0;
const SIGMA_ACROSS: f64 = 5.18;
const SIGMA_ALONG: f64 = 9.324;
const REACH: usize = 28;
/// First row of pixels that a filter of the first row of cells sees.
const FIRST_ROW: usize = FIRST_CENTRE - REACH;
/// Rows of pixels that any filter sees.
const ROWS: usize = PITCH * (GRID - 1) + 2 * REACH + 1;

/// Answers of the filters, `[phase][cell][orientation]`, in the order of the code.
pub(crate) struct Responses(Vec<f32>);

impl Responses {
    /// Returns the answers in the order of the code.
    pub(crate) fn values(&self) -> &[f32] {
        &self.0
    }

    /// Writes the answers of one filter along a row of cells.
    fn set_row(&mut self, phase: usize, orientation: usize, row: usize, values: &[f32; GRID]) {
        let start = (phase * CELLS + row * GRID) * ORIENTATIONS + orientation;
        let places = self.0[start..].iter_mut().step_by(ORIENTATIONS);
        for (place, value) in places.zip(values) {
            *place = *value;
        }
    }
}

/// Evaluates every filter at every cell of a context.
pub(crate) fn respond(plane: &Plane) -> Responses {
    let dealt = Dealt::new(plane);
    let mut responses = Responses(vec![0.0; PHASES * CELLS * ORIENTATIONS]);
    upright::respond(&dealt, &mut responses);
    slanted::respond(&dealt, &mut responses);
    responses
}

/// Returns the strength of a filter at a distance across and along its line.
fn envelope(across: f64, along: f64) -> f64 {
    let power = (across / SIGMA_ACROSS).powi(2) + (along / SIGMA_ALONG).powi(2);
    (-0.5 * power).exp()
}

/// Returns the phase of a filter at a distance across its line.
fn phase(across: f64) -> f64 {
    core::f64::consts::TAU * across / WAVELENGTH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::CONTEXT;

    const CENTRE_CELL: usize = 20 * GRID + 20;

    #[test]
    fn flat_skin_has_no_answer() {
        let responses = respond(&Plane::from_fn(CONTEXT, CONTEXT, |_, _| 2.0));

        assert!(
            responses
                .values()
                .iter()
                .all(|response| response.abs() < 1e-2)
        );
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

            let even = &responses.values()[CENTRE_CELL * ORIENTATIONS..][..ORIENTATIONS];
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
            for (row, column) in [(3, 37), (0, 0), (39, 39), (20, 8)] {
                let (even, odd) = by_definition(&plane, orientation, row, column);
                let cell = (row * GRID + column) * ORIENTATIONS + orientation;
                let measured = [cell, CELLS * ORIENTATIONS + cell].map(|i| responses.values()[i]);
                assert!((f64::from(measured[0]) - even).abs() < 1e-3);
                assert!((f64::from(measured[1]) - odd).abs() < 1e-3);
            }
        }
    }

    /// Sums the pixels around a cell, each with the weight that the definition gives it.
    fn by_definition(plane: &Plane, orientation: usize, row: usize, column: usize) -> (f64, f64) {
        let reach = isize::try_from(REACH).unwrap();
        let (sin, cos) = (45.0 * orientation as f64).to_radians().sin_cos();
        let taps = || (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)));
        let wave = |(dx, dy): (isize, isize)| {
            let (x, y) = (dx as f64, -(dy as f64));
            let across = y * cos - x * sin;
            (envelope(across, x * cos + y * sin), phase(across))
        };
        let total: f64 = taps().map(|tap| wave(tap).0).sum();
        let mean = taps()
            .map(|tap| wave(tap).0 * wave(tap).1.cos())
            .sum::<f64>()
            / total;
        let (mut even, mut odd) = (0.0, 0.0);
        for (dx, dy) in taps() {
            let (envelope, phase) = wave((dx, dy));
            let x = (FIRST_CENTRE + PITCH * column).saturating_add_signed(dx);
            let y = (FIRST_CENTRE + PITCH * row).saturating_add_signed(dy);
            let pixel = f64::from(plane.at(x, y));
            even += envelope * (phase.cos() - mean) * pixel;
            odd += envelope * phase.sin() * pixel;
        }
        (even, odd)
    }
}

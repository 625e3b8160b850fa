//! Soft lines, blur and motion on a square picture.

use std::sync::LazyLock;

use super::capture::SIDE_PX;
use super::geometry::Point;
use super::math::{exp, floor, narrow};

/// Lines are drawn out to this many standard deviations.
const REACH: f64 = 3.3;
const TABLE_STEPS: f32 = 64.0;
const TABLE_LENGTH: usize = 352;

/// A soft line between two pixels.
pub(super) struct Stroke {
    pub(super) from: Point,
    pub(super) to: Point,
    /// Standard deviation of the profile, in pixels.
    pub(super) sigma_px: f64,
    pub(super) strength: f64,
}

/// Raises a picture to a stroke wherever the stroke is higher.
pub(super) fn stroke(picture: &mut [f32], stroke: &Stroke) {
    let Stroke {
        from,
        to,
        sigma_px,
        strength,
    } = stroke;
    let reach = REACH * sigma_px;
    let (left, right) = span(from.x, to.x, reach);
    let (top, bottom) = span(from.y, to.y, reach);
    let along = to.minus(*from);
    let (ax, ay) = (narrow(along.x), narrow(along.y));
    let inverse_square = 1.0 / narrow(along.dot(along)).max(1e-9);
    let inverse_sigma = 0.5 / narrow(sigma_px * sigma_px);
    let strength = narrow(*strength);
    for row in top..bottom {
        let dy = row as f32 - narrow(from.y);
        let line = &mut picture[row * SIDE_PX + left..row * SIDE_PX + right];
        for (column, value) in (left..right).zip(line) {
            let dx = column as f32 - narrow(from.x);
            let share = ((dx * ax + dy * ay) * inverse_square).clamp(0.0, 1.0);
            let (rx, ry) = (dx - share * ax, dy - share * ay);
            let height = strength * falling((rx * rx + ry * ry) * inverse_sigma);
            *value = value.max(height);
        }
    }
}

/// Returns the pixels that two coordinates and their surroundings cover.
fn span(a: f64, b: f64, reach: f64) -> (usize, usize) {
    let low = floor(a.min(b) - reach).max(0).unsigned_abs().min(SIDE_PX);
    let high = (floor(a.max(b) + reach) + 2)
        .max(0)
        .unsigned_abs()
        .min(SIDE_PX);
    (low, high.max(low))
}

/// Returns e to the power of `-power` from a table, zero beyond its end.
pub(super) fn falling(power: f32) -> f32 {
    static TABLE: LazyLock<[f32; TABLE_LENGTH]> = LazyLock::new(|| {
        core::array::from_fn(|step| narrow(exp(-(step as f64) / f64::from(TABLE_STEPS))))
    });
    let place = power * TABLE_STEPS;
    let index = floor(f64::from(place)).unsigned_abs();
    if index + 1 >= TABLE_LENGTH {
        return 0.0;
    }
    TABLE[index] + (TABLE[index + 1] - TABLE[index]) * (place - index as f32)
}

/// Smooths a picture by a Gaussian; the border repeats.
pub(super) fn blur(picture: &[f32], sigma: f64) -> Vec<f32> {
    let reach = floor(3.0 * sigma).unsigned_abs() + 1;
    let weights: Vec<f64> = (0..=2 * reach)
        .map(|tap| {
            let offset = (tap as f64 - reach as f64) / sigma;
            exp(-0.5 * offset * offset)
        })
        .collect();
    let total: f64 = weights.iter().sum();
    let weights: Vec<f32> = weights
        .iter()
        .map(|weight| narrow(weight / total))
        .collect();
    let mut across = vec![0.0; picture.len()];
    let mut padded = vec![0.0; SIDE_PX + 2 * reach];
    for (row, out) in picture
        .chunks_exact(SIDE_PX)
        .zip(across.chunks_exact_mut(SIDE_PX))
    {
        padded[..reach].fill(row[0]);
        padded[reach..reach + SIDE_PX].copy_from_slice(row);
        padded[reach + SIDE_PX..].fill(row[SIDE_PX - 1]);
        for (tap, weight) in weights.iter().enumerate() {
            accumulate(out, &padded[tap..], *weight);
        }
    }
    let mut down = vec![0.0; picture.len()];
    for (y, out) in down.chunks_exact_mut(SIDE_PX).enumerate() {
        for (tap, weight) in weights.iter().enumerate() {
            let row = (y + tap).saturating_sub(reach).min(SIDE_PX - 1);
            accumulate(out, &across[row * SIDE_PX..], *weight);
        }
    }
    down
}

fn accumulate(out: &mut [f32], source: &[f32], weight: f32) {
    for (out, value) in out.iter_mut().zip(source) {
        *out += weight * value;
    }
}

/// Averages a picture along the way of a hand that moved.
pub(super) fn smear(picture: &[f32], way: Point) -> Vec<f32> {
    const STOPS: isize = 9;
    let mut out = vec![0.0; picture.len()];
    for stop in 0..STOPS {
        let share = stop as f64 / (STOPS - 1) as f64 - 0.5;
        let moved = way.times(share);
        for y in 0..SIDE_PX {
            for x in 0..SIDE_PX {
                let place = Point::new(x as f64 + moved.x, y as f64 + moved.y);
                out[y * SIDE_PX + x] += sample(picture, place) / STOPS as f32;
            }
        }
    }
    out
}

fn sample(picture: &[f32], place: Point) -> f32 {
    let last = (SIDE_PX - 1) as f64 - 1e-6;
    let (x, y) = (place.x.clamp(0.0, last), place.y.clamp(0.0, last));
    let (column, row) = (floor(x).unsigned_abs(), floor(y).unsigned_abs());
    let (right, below) = (narrow(x - column as f64), narrow(y - row as f64));
    let at = row * SIDE_PX + column;
    let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
    let upper = mix(picture[at], picture[at + 1], right);
    let lower = mix(picture[at + SIDE_PX], picture[at + SIDE_PX + 1], right);
    mix(upper, lower, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_is_highest_on_its_line_and_leaves_the_rest() {
        let mut picture = vec![0.0; SIDE_PX * SIDE_PX];

        stroke(
            &mut picture,
            &Stroke {
                from: Point::new(100.0, 100.0),
                to: Point::new(140.0, 100.0),
                sigma_px: 2.0,
                strength: 0.5,
            },
        );

        let at = |x: usize, y: usize| picture[y * SIDE_PX + x];
        assert!((at(120, 100) - 0.5).abs() < 1e-6);
        assert!((at(120, 102) - 0.5 * (-0.5f32).exp()).abs() < 1e-3);
        assert_eq!(at(120, 120), 0.0);
    }

    #[test]
    fn strokes_beyond_the_border_are_cut() {
        let mut picture = vec![0.0; SIDE_PX * SIDE_PX];
        let (from, to) = (Point::new(-500.0, 390.0), Point::new(900.0, 400.0));

        stroke(
            &mut picture,
            &Stroke {
                from,
                to,
                sigma_px: 3.0,
                strength: 1.0,
            },
        );

        assert!(picture.iter().any(|value| *value > 0.9));
    }

    #[test]
    fn blur_and_motion_keep_the_mean() {
        let mut picture = vec![0.0; SIDE_PX * SIDE_PX];
        picture[200 * SIDE_PX + 200] = 1.0;

        for out in [blur(&picture, 1.3), smear(&picture, Point::new(4.0, -3.0))] {
            assert!((out.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            assert!(out[200 * SIDE_PX + 200] < 0.3);
        }
    }
}

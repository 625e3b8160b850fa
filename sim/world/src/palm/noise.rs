//! Value noise: random heights on a lattice, joined smoothly. It repeats after a table's length.

use super::geometry::Point;
use super::math::{floor, narrow};
use super::random::Random;

const SIDE: usize = 32;
/// Noise of mean zero between -1 and 1, with a deviation of about 0.43.
#[derive(Clone)]
pub(super) struct Noise {
    heights: Vec<f32>,
}

impl Noise {
    /// Draws the heights of the lattice.
    pub(super) fn new(random: &mut Random) -> Self {
        let heights = (0..SIDE * SIDE)
            .map(|_| narrow(random.between(-1.0, 1.0)))
            .collect();
        Self { heights }
    }

    /// Returns the noise at a place, with lattice points `pitch` millimetres apart.
    pub(super) fn at(&self, place: Point, pitch: f64) -> f64 {
        let (x, y) = (place.x / pitch, place.y / pitch);
        let (column, row) = (floor(x), floor(y));
        let (fx, fy) = (smooth(x - column as f64), smooth(y - row as f64));
        let left = column.rem_euclid(SIDE as isize).unsigned_abs();
        let top = row.rem_euclid(SIDE as isize).unsigned_abs();
        let (right, bottom) = ((left + 1) % SIDE, (top + 1) % SIDE);
        let height = |column: usize, row: usize| f64::from(self.heights[row * SIDE + column]);
        let upper = mix(height(left, top), height(right, top), fx);
        let lower = mix(height(left, bottom), height(right, bottom), fx);
        mix(upper, lower, fy)
    }
}

fn mix(a: f64, b: f64, share: f64) -> f64 {
    a + (b - a) * share
}

fn smooth(x: f64) -> f64 {
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_its_deviation_and_no_jumps() {
        let noise = Noise::new(&mut Random::new([5, 0, 0], b"test    "));
        let at = |step: i32| Point {
            x: f64::from(step % 320),
            y: f64::from(step / 320),
        };

        let values: Vec<f64> = (0..320 * 320)
            .map(|step| noise.at(at(step), 10.0))
            .collect();

        let square = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        assert!((square.sqrt() - 0.43).abs() < 0.04, "{square}");
        let jump = values
            .windows(2)
            .take(300)
            .map(|two| (two[0] - two[1]).abs());
        assert!(jump.fold(0.0, f64::max) < 0.32);
    }
}

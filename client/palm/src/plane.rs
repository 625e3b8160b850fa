//! A plane of pixels in single precision, the working form of every step.

use crate::number::{narrow, whole};

/// Pixel values, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f32>,
}

/// A place in an image: x to the right, y downward, pixel centres at whole numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Plane {
    /// Returns a plane of zeros.
    pub(crate) fn zeros(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            values: vec![0.0; width * height],
        }
    }

    /// Returns a plane with each pixel computed from its column and row.
    pub(crate) fn from_fn(
        width: usize,
        height: usize,
        mut pixel: impl FnMut(usize, usize) -> f32,
    ) -> Self {
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            values.extend((0..width).map(|x| pixel(x, y)));
        }
        Self {
            width,
            height,
            values,
        }
    }

    /// Returns the pixel at a column and row.
    pub(crate) fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }

    /// Returns one row.
    pub(crate) fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.width..(y + 1) * self.width]
    }

    /// Combines two planes of one size pixel by pixel.
    pub(crate) fn zip(&self, other: &Self, combine: impl Fn(f32, f32) -> f32) -> Self {
        let values = self
            .values
            .iter()
            .zip(&other.values)
            .map(|(a, b)| combine(*a, *b))
            .collect();
        Self {
            width: self.width,
            height: self.height,
            values,
        }
    }

    /// Interpolates bilinearly; the plane is zero outside.
    pub(crate) fn sample(&self, point: Point) -> f32 {
        let (x, y) = (narrow(point.x), narrow(point.y));
        if x < 0.0 || y < 0.0 {
            return 0.0;
        }
        let (left, top) = (whole(x), whole(y));
        let (fx, fy) = (x - left as f32, y - top as f32);
        if left + 1 >= self.width || top + 1 >= self.height {
            return 0.0;
        }
        let (upper, lower) = (self.row(top), self.row(top + 1));
        let above = upper[left] + fx * (upper[left + 1] - upper[left]);
        let below = lower[left] + fx * (lower[left + 1] - lower[left]);
        above + fy * (below - above)
    }
}

/// Returns the value below which `fraction` of the values lie; the order of `values` changes.
pub(crate) fn quantile(values: &mut [f32], fraction: f64) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let rank = narrow(fraction * (values.len() - 1) as f64);
    let rank = whole(rank + 0.5).min(values.len() - 1);
    *values.select_nth_unstable_by(rank, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_interpolates_between_pixels() {
        let plane = Plane::from_fn(3, 3, |x, y| (x + 10 * y) as f32);

        assert!((plane.sample(Point { x: 0.5, y: 1.25 }) - 13.0).abs() < 1e-5);
    }

    #[test]
    fn a_plane_is_zero_outside() {
        let plane = Plane::from_fn(3, 3, |_, _| 5.0);

        assert_eq!(plane.sample(Point { x: -0.1, y: 1.0 }), 0.0);
        assert_eq!(plane.sample(Point { x: 1.0, y: 2.5 }), 0.0);
    }

    #[test]
    fn quantiles_are_taken_by_rank() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];

        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert_eq!(quantile(&mut values, 1.0), 5.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}

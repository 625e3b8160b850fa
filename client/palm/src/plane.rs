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
    #[cfg(test)]
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

    /// Returns one row to be written.
    pub(crate) fn row_mut(&mut self, y: usize) -> &mut [f32] {
        &mut self.values[y * self.width..(y + 1) * self.width]
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
    fn quantiles_are_taken_by_rank() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];

        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert_eq!(quantile(&mut values, 1.0), 5.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}

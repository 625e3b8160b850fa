//! Gaussian smoothing: separable, cut at three standard deviations, with or without a mask.
//!
//! Wide masked Gaussians run on a plane reduced by two or four and are brought back by
//! interpolation: what they leave is smooth anyway.

use crate::number::{narrow, pixels, whole};
use crate::plane::Plane;

/// What a Gaussian sees beyond the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Border {
    /// Nothing: zeros.
    Zero,
    /// The nearest pixel, repeated.
    Repeat,
}

/// Smooths a plane by a Gaussian of standard deviation `sigma` pixels.
pub(crate) fn blur(plane: &Plane, sigma: f64, border: Border) -> Plane {
    let kernel = kernel(sigma);
    let reach = kernel.len() / 2;
    let (width, height) = (plane.width, plane.height);
    let mut across = Plane::zeros(width, height);
    let mut padded = vec![0.0; width + 2 * reach];
    for y in 0..height {
        let row = plane.row(y);
        padded[reach..reach + width].copy_from_slice(row);
        if border == Border::Repeat {
            padded[..reach].fill(row[0]);
            padded[reach + width..].fill(row[width - 1]);
        }
        weighted_sum(across.row_mut(y), &kernel, |tap| {
            Some(&padded[tap..tap + width])
        });
    }
    let mut down = Plane::zeros(width, height);
    for y in 0..height {
        weighted_sum(down.row_mut(y), &kernel, |tap| {
            let source = y + tap;
            let inside = source >= reach && source < height + reach;
            let nearest = source.saturating_sub(reach).min(height - 1);
            (inside || border == Border::Repeat).then(|| across.row(nearest))
        });
    }
    down
}

/// Smooths the pixels where `weight` is one, as if the others did not exist.
pub(crate) fn masked_blur(plane: &Plane, weight: &Plane, sigma: f64) -> Plane {
    let factor = match sigma {
        s if s >= 16.0 => 4,
        s if s >= 8.0 => 2,
        _ => 1,
    };
    let weighted = plane.zip(weight, |value, weight| value * weight);
    if factor == 1 {
        return ratio(
            &blur(&weighted, sigma, Border::Zero),
            &blur(weight, sigma, Border::Zero),
        );
    }
    let scaled = sigma / factor as f64;
    let above = blur(&reduce(&weighted, factor), scaled, Border::Zero);
    let below = blur(&reduce(weight, factor), scaled, Border::Zero);
    enlarge(&ratio(&above, &below), factor, plane.width, plane.height)
}

fn ratio(above: &Plane, below: &Plane) -> Plane {
    above.zip(below, |a, b| if b > 1e-4 { a / b } else { 0.0 })
}

/// Adds up rows, each times the weight of its tap; a tap may have no row.
///
/// A block of sums stays in registers while the rows go by.
fn weighted_sum<'a>(out: &mut [f32], kernel: &[f32], row: impl Fn(usize) -> Option<&'a [f32]>) {
    const BLOCK: usize = 16;
    let rows: Vec<(&[f32], f32)> = kernel
        .iter()
        .enumerate()
        .filter_map(|(tap, weight)| Some((row(tap)?, *weight)))
        .collect();
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    for (index, block) in blocks.iter_mut().enumerate() {
        let mut sums = [0.0; BLOCK];
        for (row, weight) in &rows {
            let values = &row.as_chunks::<BLOCK>().0[index];
            for place in 0..BLOCK {
                sums[place] += weight * values[place];
            }
        }
        *block = sums;
    }
    let done = blocks.len() * BLOCK;
    for (row, weight) in &rows {
        for (sum, value) in rest.iter_mut().zip(&row[done..]) {
            *sum += weight * value;
        }
    }
}

fn kernel(sigma: f64) -> Vec<f32> {
    let reach = pixels(narrow(3.0 * sigma));
    let weights: Vec<f64> = (0..=2 * reach)
        .map(|tap| {
            let offset = (tap as f64 - reach as f64) / sigma;
            (-0.5 * offset * offset).exp()
        })
        .collect();
    let total: f64 = weights.iter().sum();
    weights
        .iter()
        .map(|weight| narrow(weight / total))
        .collect()
}

/// Averages blocks of `factor` by `factor` pixels.
fn reduce(plane: &Plane, factor: usize) -> Plane {
    let (width, height) = (plane.width.div_ceil(factor), plane.height.div_ceil(factor));
    let mut reduced = Plane::zeros(width, height);
    for y in 0..plane.height {
        let sums = reduced.row_mut(y / factor);
        for (sum, block) in sums.iter_mut().zip(plane.row(y).chunks(factor)) {
            for value in block {
                *sum += value;
            }
        }
    }
    for sum in &mut reduced.values {
        *sum /= (factor * factor) as f32;
    }
    reduced
}

/// Interpolates a reduced plane back to its former size.
fn enlarge(plane: &Plane, factor: usize, width: usize, height: usize) -> Plane {
    let columns = places(width, plane.width, factor);
    let mut wide = Plane::zeros(width, plane.height);
    for y in 0..plane.height {
        let row = plane.row(y);
        for (out, (left, share)) in wide.row_mut(y).iter_mut().zip(&columns) {
            *out = row[*left] + share * (row[left + 1] - row[*left]);
        }
    }
    let mut large = Plane::zeros(width, height);
    for (y, (top, share)) in places(height, plane.height, factor).into_iter().enumerate() {
        let rows = wide.row(top).iter().zip(wide.row(top + 1));
        for (out, (above, below)) in large.row_mut(y).iter_mut().zip(rows) {
            *out = above + share * (below - above);
        }
    }
    large
}

/// Returns for each pixel of a side the reduced pixel before it and the share of the next.
fn places(side: usize, reduced: usize, factor: usize) -> Vec<(usize, f32)> {
    (0..side)
        .map(|index| {
            let place = (index as f32 + 0.5) / factor as f32 - 0.5;
            let before = whole(place).min(reduced - 2);
            (before, (place - before as f32).clamp(0.0, 1.0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_plane_stays_flat_when_its_border_repeats() {
        let flat = Plane::from_fn(20, 15, |_, _| 7.0);

        let smooth = blur(&flat, 2.0, Border::Repeat);

        assert!(smooth.values.iter().all(|value| (value - 7.0).abs() < 1e-4));
    }

    #[test]
    fn an_impulse_spreads_to_the_wanted_width() {
        let impulse = Plane::from_fn(41, 41, |x, y| f32::from(u8::from(x == 20 && y == 20)));

        let smooth = blur(&impulse, 3.0, Border::Zero);

        let second_moment: f32 = (0..41)
            .map(|x| {
                let column: f32 = (0..41).map(|y| smooth.at(x, y)).sum();
                column * (x as f32 - 20.0).powi(2)
            })
            .sum();
        assert!((second_moment.sqrt() - 3.0).abs() < 0.06, "{second_moment}");
    }

    #[test]
    fn masked_pixels_have_no_influence() {
        for sigma in [2.0, 9.0, 26.0] {
            let plane = Plane::from_fn(64, 64, |x, _| if x < 32 { 50.0 } else { 1_000.0 });
            let weight = Plane::from_fn(64, 64, |x, _| f32::from(u8::from(x < 32)));

            let smooth = masked_blur(&plane, &weight, sigma);

            assert!((smooth.at(30, 30) - 50.0).abs() < 1e-2, "sigma {sigma}");
        }
    }

    #[test]
    fn a_reduced_gaussian_is_close_to_the_full_one() {
        let plane = Plane::from_fn(96, 96, |x, y| ((x / 16 + y / 16) % 2) as f32);
        let weight = Plane::from_fn(96, 96, |_, _| 1.0);

        let reduced = masked_blur(&plane, &weight, 9.0);
        let full = ratio(
            &blur(&plane, 9.0, Border::Zero),
            &blur(&weight, 9.0, Border::Zero),
        );

        for (a, b) in reduced.values.iter().zip(&full.values) {
            assert!((a - b).abs() < 0.02, "{a} {b}");
        }
    }
}

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
        let out = &mut across.values[y * width..(y + 1) * width];
        for (tap, weight) in kernel.iter().enumerate() {
            accumulate(out, &padded[tap..tap + width], *weight);
        }
    }
    let mut down = Plane::zeros(width, height);
    for y in 0..height {
        let out = &mut down.values[y * width..(y + 1) * width];
        for (tap, weight) in kernel.iter().enumerate() {
            let source = y + tap;
            let inside = source >= reach && source < height + reach;
            if inside || border == Border::Repeat {
                let source = source.saturating_sub(reach).min(height - 1);
                accumulate(out, across.row(source), *weight);
            }
        }
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

fn accumulate(out: &mut [f32], source: &[f32], weight: f32) {
    for (out, value) in out.iter_mut().zip(source) {
        *out += weight * value;
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
    Plane::from_fn(width, height, |x, y| {
        let mut sum = 0.0;
        for row in y * factor..((y + 1) * factor).min(plane.height) {
            for column in x * factor..((x + 1) * factor).min(plane.width) {
                sum += plane.at(column, row);
            }
        }
        sum / (factor * factor) as f32
    })
}

/// Interpolates a reduced plane back to its former size.
fn enlarge(plane: &Plane, factor: usize, width: usize, height: usize) -> Plane {
    let columns = places(width, plane.width, factor);
    let rows = places(height, plane.height, factor);
    Plane::from_fn(width, height, |x, y| {
        let ((left, right), (top, down)) = (columns[x], rows[y]);
        let (upper, lower) = (plane.row(top), plane.row(top + 1));
        let above = upper[left] + right * (upper[left + 1] - upper[left]);
        let below = lower[left] + right * (lower[left + 1] - lower[left]);
        above + down * (below - above)
    })
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

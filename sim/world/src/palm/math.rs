//! Elementary functions that give the same bits on every machine.
//!
//! They use additions, multiplications and divisions only, which IEEE 754 fixes; the functions of
//! the standard library may differ in the last bit between platforms.

use core::f64::consts::{FRAC_PI_2, LN_2};

/// Returns e to the power of `x`, for `x` between about -700 and 700.
pub(super) fn exp(x: f64) -> f64 {
    let doublings = (x / LN_2).round().clamp(-1_000.0, 1_000.0);
    let rest = x - doublings * LN_2;
    let mut sum = 1.0;
    for order in (1..=14).rev() {
        sum = 1.0 + sum * rest / f64::from(order);
    }
    sum * power_of_two(doublings)
}

/// Returns sine and cosine of an angle in degrees.
pub(super) fn sin_cos_degrees(degrees: f64) -> (f64, f64) {
    let quarter = (degrees / 90.0).round();
    let angle = (degrees / 90.0 - quarter) * FRAC_PI_2;
    let square = angle * angle;
    let (mut sin, mut cos) = (1.0, 1.0);
    for order in (1..=9).rev() {
        let even = f64::from(2 * order);
        sin = 1.0 - sin * square / (even * (even + 1.0));
        cos = 1.0 - cos * square / (even * (even - 1.0));
    }
    sin *= angle;
    match quarter.rem_euclid(4.0) {
        0.0 => (sin, cos),
        1.0 => (cos, -sin),
        2.0 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// Returns the cube root of a positive number near one.
pub(super) fn cube_root(x: f64) -> f64 {
    (0..40).fold(1.0, |root, _| (2.0 * root + x / (root * root)) / 3.0)
}

/// Narrows to the precision of a pixel.
#[expect(
    clippy::cast_possible_truncation,
    reason = "pixels hold 24 bits of precision"
)]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

/// Returns the largest whole number not above `value`.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
pub(super) fn floor(value: f64) -> isize {
    let cut = value as isize;
    if (cut as f64) > value { cut - 1 } else { cut }
}

/// Rounds a grey value between 0 and 255 to a byte.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
pub(super) fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

fn power_of_two(exponent: f64) -> f64 {
    let half = if exponent < 0.0 { 0.5 } else { 2.0 };
    (0..floor(exponent.abs())).fold(1.0, |power, _| power * half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential() {
        for step in -300..300 {
            let x = f64::from(step) * 0.1;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "{x}");
        }
    }

    #[test]
    fn sine_and_cosine_go_round_the_circle() {
        for step in -80..80 {
            let degrees = f64::from(step) * 7.3;
            let (sin, cos) = sin_cos_degrees(degrees);
            let wanted = degrees.to_radians().sin_cos();
            assert!(
                (sin - wanted.0).abs() < 1e-12 && (cos - wanted.1).abs() < 1e-12,
                "{degrees}"
            );
        }
    }

    #[test]
    fn cube_roots_are_exact_enough() {
        for root in [0.4f64, 0.55, 1.0, 1.7, 3.0] {
            assert!((cube_root(root.powi(3)) - root).abs() < 1e-12);
        }
    }

    #[test]
    fn floors_lie_below() {
        assert_eq!(
            [floor(-0.5), floor(-2.0), floor(2.9), floor(3.0)],
            [-1, -2, 2, 3]
        );
    }

    #[test]
    fn bytes_saturate() {
        assert_eq!([byte(-4.0), byte(7.6), byte(1e9)], [0, 8, 255]);
    }
}

//! The narrowing conversions of image arithmetic, in one place; each of them saturates.

/// Rounds a grey value to a byte.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
pub(crate) fn byte(value: f64) -> u8 {
    (value + 0.5) as u8
}

/// Narrows to the precision of a pixel.
#[expect(
    clippy::cast_possible_truncation,
    reason = "pixels hold 24 bits of precision"
)]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}

/// Cuts a non-negative number to a whole one.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
pub(crate) fn whole(value: f32) -> usize {
    value as usize
}

/// Rounds a non-negative length up to a number of pixels.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
pub(crate) fn pixels(length: f32) -> usize {
    length.ceil() as usize
}

/// Rises from 0 at `from` to 1 at `to`.
pub(crate) fn ramp(value: f64, from: f64, to: f64) -> f64 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_saturate_and_round() {
        assert_eq!([byte(-3.0), byte(1.5), byte(300.0)], [0, 2, 255]);
        assert_eq!([whole(-0.5), whole(2.9)], [0, 2]);
        assert_eq!(pixels(2.1), 3);
    }

    #[test]
    fn a_ramp_stays_between_zero_and_one() {
        assert_eq!(
            [
                ramp(0.0, 1.0, 3.0),
                ramp(2.0, 1.0, 3.0),
                ramp(9.0, 1.0, 3.0)
            ],
            [0.0, 0.5, 1.0]
        );
    }
}

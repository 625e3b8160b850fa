//! Local normalisation: lines of equal depth become equally strong, whatever the light.

use crate::blur::masked_blur;
use crate::plane::Plane;

const LINE_SIGMA: f64 = 9.0;
const POWER_SIGMA: f64 = 14.4;
const POWER_FLOOR: f32 = 0.6;
const CLIP: f32 = 3.0;

/// Returns the local mean of what is valid.
pub(crate) fn surroundings(grey: &Plane, valid: &Plane) -> Plane {
    masked_blur(grey, valid, LINE_SIGMA)
}

/// Divides the deviation from the local mean by its local strength; zero where not valid.
pub(crate) fn normalise(grey: &Plane, valid: &Plane, mean: &Plane) -> Plane {
    let deviation = grey.zip(mean, |grey, mean| grey - mean);
    let squared = deviation.zip(&deviation, |a, b| a * b);
    let power = masked_blur(&squared, valid, POWER_SIGMA);
    let scaled = deviation.zip(&power, |deviation, power| {
        (deviation / (power.max(0.0).sqrt() + POWER_FLOOR)).clamp(-CLIP, CLIP)
    });
    scaled.zip(valid, |value, valid| value * valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gain_and_offset_of_the_light_disappear() {
        let valid = Plane::from_fn(96, 96, |_, _| 1.0);
        let strong = normalised(&stripes(100.0, 20.0), &valid);
        let weak = normalised(&stripes(60.0, 10.0), &valid);

        for (a, b) in strong.values.iter().zip(&weak.values) {
            assert!((a - b).abs() < 0.15, "{a} {b}");
        }
    }

    #[test]
    fn pixels_without_skin_are_zero() {
        let valid = Plane::from_fn(96, 96, |x, _| f32::from(u8::from(x > 40)));

        let normal = normalised(&stripes(100.0, 20.0), &valid);

        assert!((0..96).all(|y| normal.at(40, y) == 0.0));
        assert!(normal.values.iter().all(|value| value.abs() <= CLIP));
    }

    fn normalised(grey: &Plane, valid: &Plane) -> Plane {
        normalise(grey, valid, &surroundings(grey, valid))
    }

    fn stripes(mean: f32, height: f32) -> Plane {
        Plane::from_fn(96, 96, |x, _| mean + height * (x as f32 * 0.45).sin())
    }
}

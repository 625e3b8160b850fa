//! How good a capture is: four marks between 0 and 1, each from a few measures of the image.
//!
//! The ramps are steep on purpose. The score is a plain mean, and a wholly blurred image would
//! pass a mean of gentle marks.

use boop_wire::template::VALID_CELLS_MIN;

use crate::blur::{Border, blur};
use crate::context::Context;
use crate::number::{byte, narrow, ramp};
use crate::plane::{Plane, quantile};

/// Score from which a capture is accepted.
pub const ACCEPT: u8 = 80;

/// What the marks are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// Radius of the largest disc inside the hand, in image pixels.
    pub radius_px: f64,
    /// Distance between the outer valleys, in image pixels.
    pub base_px: f64,
    /// Turn of the hand in the plane, clockwise.
    pub turn_degrees: f64,
    /// Angle of the valley line less the angle of the palm axis.
    pub disagree_degrees: f64,
    /// Size of a region pixel, in image pixels.
    pub scale: f64,
    /// Width of the outline, in image pixels.
    pub edge_px: f64,
    /// Median grey value of the region.
    pub median: f64,
    /// Noise of the region relative to its median.
    pub noise: f64,
    /// Darkest to lightest light on the region.
    pub light: f64,
    /// Strength of dark lines relative to the grey around them.
    pub band: f64,
    /// Share of the region that shows skin.
    pub valid: f64,
    /// Valid cells of the encoding with the fewest.
    pub cells_least: usize,
}

/// The four marks of a capture, each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Exposure, noise, evenness of the light and strength of the lines.
    pub contrast: f64,
    /// Focus and stillness.
    pub sharpness: f64,
    /// Turn, tilt and distance of the hand.
    pub position: f64,
    /// Share of the region that shows skin, if enough cells of every encoding do.
    pub completeness: f64,
}

impl Quality {
    /// Returns the score, 0 to 100.
    pub fn score(&self) -> u8 {
        let sum = self.contrast + self.sharpness + self.position + self.completeness;
        byte((25.0 * sum).floor())
    }

    /// Tells whether the score reaches [`ACCEPT`].
    pub fn acceptable(&self) -> bool {
        self.score() >= ACCEPT
    }

    pub(crate) fn judge(m: &Measures) -> Self {
        let contrast = ramp(m.median, 81.25, 95.0)
            * (1.0 - ramp(m.median, 222.0, 229.0))
            * (1.0 - ramp(m.noise, 0.018, 0.0235))
            * ramp(m.light, 0.525, 0.60)
            * ramp(m.band, 0.008, 0.012);
        let position = (1.0 - ramp(m.turn_degrees.abs(), 18.0, 22.0))
            * (1.0 - ramp(m.disagree_degrees.abs(), 3.5, 4.875))
            * ramp(m.scale, 0.8125, 0.85)
            * (1.0 - ramp(m.scale, 1.30, 1.3625));
        Self {
            contrast,
            sharpness: 1.0 - ramp(100.0 * m.edge_px / m.radius_px, 2.6, 2.925),
            position,
            completeness: if m.cells_least < VALID_CELLS_MIN {
                // The parties would refuse it [MPC-15].
                0.0
            } else {
                ramp(m.valid, 0.8125, 0.90)
            },
        }
    }
}

/// Noise of the skin relative to `median`: what a kernel blind to lines and slopes still sees.
pub(crate) fn noise(context: &Context, median: f64) -> f64 {
    let cross = cross(&context.grey);
    let mut values = context.skin(&cross);
    let centre = quantile(&mut values, 0.5);
    for value in &mut values {
        *value = (*value - centre).abs();
    }
    1.4826 * f64::from(quantile(&mut values, 0.5)) / median.max(1.0)
}

/// Second difference of second differences, zero on the border.
fn cross(grey: &Plane) -> Plane {
    let (width, height) = (grey.width, grey.height);
    let mut cross = Plane::zeros(width, height);
    let mut columns = vec![0.0; width];
    for y in 1..height - 1 {
        let rows = grey.row(y - 1).iter().zip(grey.row(y)).zip(grey.row(y + 1));
        for (column, ((above, here), below)) in columns.iter_mut().zip(rows) {
            *column = above - 2.0 * here + below;
        }
        for (out, three) in cross.row_mut(y)[1..].iter_mut().zip(columns.windows(3)) {
            *out = (three[0] - 2.0 * three[1] + three[2]) / 6.0;
        }
    }
    cross
}

/// Ratio of the dim end to the bright end of the light on the skin.
pub(crate) fn evenness(context: &Context) -> f64 {
    let mut light = context.skin(&context.light);
    let bright = f64::from(quantile(&mut light, 0.95));
    f64::from(quantile(&mut light, 0.05)) / bright.max(1.0)
}

/// Root mean square of what is darker than its surroundings, `broad`, relative to them.
pub(crate) fn band(context: &Context, broad: &Plane) -> f64 {
    let fine = blur(&context.grey, 1.5, Border::Repeat);
    let dark = fine.zip(broad, |fine, broad| {
        ((fine - broad) / broad.max(1.0)).min(0.0).powi(2)
    });
    let values = context.skin(&dark);
    let sum: f32 = values.iter().sum();
    f64::from(sum / narrow(values.len().max(1) as f64)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Measures = Measures {
        radius_px: 102.0,
        base_px: 116.0,
        turn_degrees: 2.0,
        disagree_degrees: 0.5,
        scale: 1.06,
        edge_px: 2.3,
        median: 165.0,
        noise: 0.0106,
        light: 0.77,
        band: 0.02,
        valid: 0.97,
        cells_least: VALID_CELLS_MIN,
    };

    #[test]
    fn a_good_capture_scores_a_hundred() {
        let quality = Quality::judge(&GOOD);

        assert_eq!(quality.score(), 100);
        assert!(quality.acceptable());
    }

    #[test]
    fn each_single_fault_falls_under_the_acceptance() {
        let faults = [
            Measures {
                median: 70.0,
                ..GOOD
            },
            Measures {
                median: 235.0,
                ..GOOD
            },
            Measures {
                noise: 0.03,
                ..GOOD
            },
            Measures { light: 0.4, ..GOOD },
            Measures {
                band: 0.005,
                ..GOOD
            },
            Measures {
                edge_px: 3.2,
                ..GOOD
            },
            Measures {
                turn_degrees: -25.0,
                ..GOOD
            },
            Measures {
                disagree_degrees: 6.0,
                ..GOOD
            },
            Measures { scale: 0.7, ..GOOD },
            Measures { scale: 1.5, ..GOOD },
            Measures { valid: 0.7, ..GOOD },
            Measures {
                cells_least: VALID_CELLS_MIN - 1,
                ..GOOD
            },
        ];

        for measures in faults {
            assert_eq!(Quality::judge(&measures).score(), 75, "{measures:?}");
        }
    }

    #[test]
    fn a_score_is_rounded_down() {
        let almost = Quality {
            contrast: 1.0,
            sharpness: 1.0,
            position: 1.0,
            completeness: 0.199,
        };

        assert_eq!(almost.score(), 79);
        assert!(!almost.acceptable());
    }
}

//! What goes wrong at some visits: blur, motion, darkness, plaster and shine.

use super::geometry::Point;
use super::random::Random;

/// The defects of one capture; most captures have none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Defects {
    /// Blur of a hand out of focus, in pixels.
    pub(super) gross_blur_px: Option<f64>,
    /// Factor of a capture taken too dark.
    pub(super) darkness: Option<f64>,
    /// Way of the hand during the exposure, in pixels.
    pub(super) motion_px: Option<Point>,
    /// Something stuck on the skin.
    pub(super) patch: Option<Patch>,
    /// Places where the skin mirrors the lamp.
    pub(super) shine: Vec<Spot>,
}

/// An opaque disc.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Patch {
    /// Centre, on the hand.
    pub(super) centre: Point,
    pub(super) radius_mm: f64,
    /// Brightness relative to the skin.
    pub(super) brightness: f64,
}

/// A bright spot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    /// Centre, on the hand.
    pub(super) centre: Point,
    /// Standard deviation.
    pub(super) width_mm: f64,
    /// Added brightness.
    pub(super) height: f64,
}

impl Defects {
    /// Draws what goes wrong.
    pub(super) fn new(random: &mut Random) -> Self {
        let gross_blur_px = random.chance(0.02).then(|| random.between(2.2, 4.5));
        let darkness = random.chance(0.02).then(|| random.between(0.25, 0.5));
        let motion_px = random.chance(0.04).then(|| {
            let (sin, cos) = super::math::sin_cos_degrees(random.between(0.0, 180.0));
            Point::new(cos, sin).times(random.between(3.0, 9.0))
        });
        let patch = random.chance(0.05).then(|| Patch {
            centre: on_palm(random),
            radius_mm: random.between(7.0, 18.0),
            brightness: if random.chance(0.5) {
                1.6
            } else {
                random.between(0.2, 0.5)
            },
        });
        let spots = if random.chance(0.06) {
            random.whole(1, 4)
        } else {
            0
        };
        let shine = (0..spots).map(|_| Spot {
            centre: on_palm(random),
            width_mm: random.between(2.0, 6.0),
            height: random.between(0.3, 0.8),
        });
        let shine = shine.collect();
        Self {
            gross_blur_px,
            darkness,
            motion_px,
            patch,
            shine,
        }
    }
}

fn on_palm(random: &mut Random) -> Point {
    Point::new(random.between(-30.0, 30.0), random.between(-38.0, 34.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defects_are_as_frequent_as_meant() {
        let mut random = Random::new([4, 0, 0], b"test    ");
        let all: Vec<Defects> = (0..4_000).map(|_| Defects::new(&mut random)).collect();
        let share = |has: fn(&Defects) -> bool| all.iter().filter(|d| has(d)).count() as f64 / 4e3;

        assert!((share(|d| d.gross_blur_px.is_some()) - 0.02).abs() < 0.01);
        assert!((share(|d| d.darkness.is_some()) - 0.02).abs() < 0.01);
        assert!((share(|d| d.motion_px.is_some()) - 0.04).abs() < 0.015);
        assert!((share(|d| d.patch.is_some()) - 0.05).abs() < 0.015);
        assert!((share(|d| !d.shine.is_empty()) - 0.06).abs() < 0.015);
    }
}

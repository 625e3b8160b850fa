//! The outline of a hand: capsules for palm, wrist, thumb and fingers, joined smoothly.

use super::geometry::{Capsule, Point};
use super::math::sin_cos_degrees;
use super::random::Random;

/// Parts whose surfaces are this near to each other blend.
const JOINT: f64 = 4.5;
/// A finger starts this far straight below its base, inside the palm: where two of them part, and
/// so where the valleys lie, depends on it.
const FINGER_ROOT: f64 = 14.0;
const FINGERS: usize = 4;
const BASES: [Point; FINGERS] = [
    Point::new(-31.0, 43.0),
    Point::new(-9.8, 49.0),
    Point::new(11.3, 46.0),
    Point::new(30.0, 36.0),
];
const ANGLES: [f64; FINGERS] = [-15.0, -4.0, 6.5, 19.0];
const LENGTHS: [f64; FINGERS] = [72.0, 80.0, 74.0, 58.0];
/// Deviation of a finger's base, in millimetres, and of its angle, in degrees.
const BASE_SPREAD: f64 = 0.9;
const ANGLE_SPREAD: f64 = 1.2;
const RADII: [f64; FINGERS] = [8.6, 8.8, 8.3, 7.4];

/// The outline of one person's hand.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hand {
    /// Size relative to the mean, along and across.
    pub(super) along: f64,
    pub(super) across: f64,
    palm: [Capsule; 3],
    thumb: Capsule,
    fingers: [Finger; FINGERS],
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Finger {
    base: Point,
    angle: f64,
    length: f64,
    radius: f64,
}

impl Hand {
    /// Draws the hand of a person.
    pub(super) fn new(random: &mut Random) -> Self {
        let along = random.normal(1.0, 0.06).clamp(0.85, 1.16);
        let across = along * random.normal(1.0, 0.035);
        let place = |x: f64, y: f64| Point::new(x * across, y * along);
        let capsule = |from: [f64; 2], to: [f64; 2], radius: f64| Capsule {
            from: place(from[0], from[1]),
            to: place(to[0], to[1]),
            radius: radius * across,
        };
        let mut thick = |radius: f64| radius * random.normal(1.0, 0.03);
        let palm = [
            capsule([-12.0, 22.0], [-10.0, -40.0], 27.0),
            capsule([14.0, 20.0], [12.0, -42.0], 27.0),
            capsule([-2.0, -40.0], [-2.0, -140.0], 27.0),
        ];
        let thumb = capsule([-26.0, -18.0], [-72.0, 22.0], thick(10.5));
        let fingers = core::array::from_fn(|finger| Finger {
            base: place(
                BASES[finger].x + random.within(BASE_SPREAD),
                BASES[finger].y + random.within(BASE_SPREAD),
            ),
            angle: ANGLES[finger] + random.within(ANGLE_SPREAD),
            length: LENGTHS[finger] * along * random.normal(1.0, 0.04),
            radius: RADII[finger] * across * (1.0 + random.within(0.03)),
        });
        Self {
            along,
            across,
            palm,
            thumb,
            fingers,
        }
    }

    /// Returns the parts of the hand with each finger turned by some degrees.
    pub(super) fn parts(&self, turns: [f64; FINGERS]) -> Vec<Capsule> {
        let mut parts: Vec<Capsule> = self.palm.to_vec();
        parts.push(self.thumb);
        for (finger, turn) in self.fingers.iter().zip(turns) {
            let (sin, cos) = sin_cos_degrees(finger.angle + turn);
            parts.push(Capsule {
                from: finger.base.plus(Point::new(0.0, -FINGER_ROOT)),
                to: finger.base.plus(Point::new(sin, cos).times(finger.length)),
                radius: finger.radius,
            });
        }
        parts
    }

    /// Returns the distance to the edge of the palm without fingers and thumb, negative inside.
    pub(super) fn palm_distance(&self, place: Point) -> f64 {
        union(&self.palm, place)
    }

    /// Returns the places between neighbouring fingers, where vessels enter the palm.
    pub(super) fn webs(&self) -> [Point; FINGERS - 1] {
        core::array::from_fn(|web| self.fingers[web].base.midpoint(self.fingers[web + 1].base))
    }

    /// Scales a place of the mean hand to this one.
    pub(super) fn scaled(&self, x: f64, y: f64) -> Point {
        Point::new(x * self.across, y * self.along)
    }
}

/// Returns the distance to the surface of joined parts, negative inside.
pub(super) fn union(parts: &[Capsule], place: Point) -> f64 {
    let distances = parts.iter().map(|part| part.signed_distance(place));
    distances.fold(1_000.0, joined)
}

/// Joins two distances with a smooth transition where they are nearly equal.
fn joined(a: f64, b: f64) -> f64 {
    let overlap = (JOINT - (a - b).abs()).max(0.0) / JOINT;
    a.min(b) - overlap * overlap * JOINT / 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_has_four_fingers_with_gaps_between_them() {
        for index in 0..20 {
            let hand = Hand::new(&mut Random::new([index, 0, 0], b"test    "));
            let parts = hand.parts([0.0; FINGERS]);
            let inside = |x: i32| union(&parts, hand.scaled(f64::from(x), 72.0)) < 0.0;

            let fingers = (-70..70).filter(|x| !inside(*x) && inside(x + 1)).count();

            assert_eq!(fingers, FINGERS, "hand {index}");
            assert!(
                union(&parts, Point::new(0.0, 0.0)) < -10.0,
                "palm of {index}"
            );
        }
    }

    #[test]
    fn a_joint_fills_the_corner_between_parts() {
        assert!(joined(1.0, 1.0) < 1.0);
        assert_eq!(joined(1.0, 9.0), 1.0);
    }
}

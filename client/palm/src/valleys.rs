//! The three valleys between the fingers, found on rays from the centre of the palm.
//!
//! A ray ends where it leaves the silhouette: far out along a finger, near between two fingers.
//! Angles are mathematical, counter-clockwise from the right, so the first valley is the
//! rightmost one.

use crate::mask::Mask;
use crate::plane::Point;

const FIRST_DEGREES: f64 = 25.0;
const STEP_DEGREES: f64 = 0.25;
const RAYS: usize = 613;
const STRIDE: f64 = 0.5;
const REACH_RADII: f64 = 2.0;
const PROMINENCE_RADII: f64 = 0.18;
const SMOOTHING_RAYS: f64 = 3.0;
const GAP_DEGREES: core::ops::RangeInclusive<f64> = 9.0..=48.0;
const GAP_RATIO: core::ops::RangeInclusive<f64> = 0.45..=2.2;
const SOFT_RAYS: usize = 6;
const SOFTNESS_RADII: f64 = 0.02;

/// The valleys from left to right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Valleys {
    pub(crate) left: Point,
    pub(crate) middle: Point,
    pub(crate) right: Point,
}

/// Finds the valleys of a hand with a palm of the given centre and radius.
pub(crate) fn find(hand: &Mask, centre: Point, radius: f64) -> Option<Valleys> {
    let rays = smooth(&cast(hand, centre, radius));
    let minima: Vec<Minimum> = minima(&rays)
        .into_iter()
        .filter(|m| m.prominence > PROMINENCE_RADII * radius)
        .collect();
    let best = minima
        .windows(3)
        .filter(|three| plausible(three))
        .min_by(|a, b| unevenness(a).total_cmp(&unevenness(b)))?;
    let place = |minimum: &Minimum| soft_minimum(&rays, centre, radius, minimum.ray);
    Some(Valleys {
        left: place(&best[2]),
        middle: place(&best[1]),
        right: place(&best[0]),
    })
}

struct Minimum {
    ray: usize,
    prominence: f64,
}

fn plausible(three: &[Minimum]) -> bool {
    let [first, second] = gaps(three);
    GAP_DEGREES.contains(&first)
        && GAP_DEGREES.contains(&second)
        && GAP_RATIO.contains(&(first / second))
}

/// Tells how unequal the gaps are: the valley of the thumb lies further off than the others.
fn unevenness(three: &[Minimum]) -> f64 {
    let [first, second] = gaps(three);
    (first / second).ln().abs()
}

fn gaps(three: &[Minimum]) -> [f64; 2] {
    [[0, 1], [1, 2]].map(|[a, b]| (three[b].ray - three[a].ray) as f64 * STEP_DEGREES)
}

/// Returns the unit vector of a ray, in image coordinates.
fn direction(ray: usize) -> Point {
    let angle = (FIRST_DEGREES + ray as f64 * STEP_DEGREES).to_radians();
    Point {
        x: angle.cos(),
        y: -angle.sin(),
    }
}

fn along(centre: Point, ray: usize, length: f64) -> Point {
    let direction = direction(ray);
    Point {
        x: centre.x + length * direction.x,
        y: centre.y + length * direction.y,
    }
}

/// Measures how far each ray stays on the hand.
fn cast(hand: &Mask, centre: Point, radius: f64) -> Vec<f64> {
    let cap = REACH_RADII * radius;
    (0..RAYS)
        .map(|ray| {
            let mut length = 0.8 * radius;
            while length < cap && hand.contains(along(centre, ray, length)) {
                length += STRIDE;
            }
            length.min(cap)
        })
        .collect()
}

fn smooth(rays: &[f64]) -> Vec<f64> {
    let reach = 9isize;
    let weights: Vec<f64> = (-reach..=reach)
        .map(|offset| (-0.5 * (offset as f64 / SMOOTHING_RAYS).powi(2)).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    (0..rays.len())
        .map(|ray| {
            let mut sum = 0.0;
            for (tap, weight) in weights.iter().enumerate() {
                let source = (ray + tap).saturating_sub(reach.unsigned_abs());
                sum += weight * rays[source.min(rays.len() - 1)];
            }
            sum / total
        })
        .collect()
}

/// Returns the local minima with the height that one must climb to leave each of them.
fn minima(rays: &[f64]) -> Vec<Minimum> {
    let climb = |start: f64, rest: &mut dyn Iterator<Item = &f64>| {
        rest.take_while(|length| **length >= start)
            .fold(start, |top, length| top.max(*length))
    };
    (1..rays.len() - 1)
        .filter(|&ray| rays[ray] < rays[ray - 1] && rays[ray] <= rays[ray + 1])
        .map(|ray| {
            let before = climb(rays[ray], &mut rays[..ray].iter().rev());
            let after = climb(rays[ray], &mut rays[ray + 1..].iter());
            Minimum {
                ray,
                prominence: before.min(after) - rays[ray],
            }
        })
        .collect()
}

/// Averages the ray ends around a minimum, the nearest ones counting most.
fn soft_minimum(rays: &[f64], centre: Point, radius: f64, ray: usize) -> Point {
    let range = ray.saturating_sub(SOFT_RAYS)..(ray + SOFT_RAYS + 1).min(rays.len());
    let (mut x, mut y, mut total) = (0.0, 0.0, 0.0);
    for near in range {
        let weight = (-(rays[near] - rays[ray]) / (SOFTNESS_RADII * radius)).exp();
        let end = along(centre, near, rays[near]);
        x += weight * end.x;
        y += weight * end.y;
        total += weight;
    }
    Point {
        x: x / total,
        y: y / total,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_notches_of_a_fan_are_the_valleys() {
        let centre = Point { x: 150.0, y: 200.0 };
        let hand = fan(centre, &[70.0, 95.0, 120.0]);

        let valleys = find(&hand, centre, 60.0).unwrap();

        for (valley, degrees) in [
            (valleys.right, 70.0),
            (valleys.middle, 95.0),
            (valleys.left, 120.0f64),
        ] {
            let angle = (centre.y - valley.y)
                .atan2(valley.x - centre.x)
                .to_degrees();
            assert!((angle - degrees).abs() < 1.0, "{angle} {degrees}");
            let length = (centre.y - valley.y).hypot(valley.x - centre.x);
            assert!((length - 70.0).abs() < 6.0, "{length}");
        }
    }

    #[test]
    fn the_valley_of_the_thumb_is_passed_over() {
        let centre = Point { x: 150.0, y: 200.0 };

        for (notches, middle) in [
            ([60.0, 83.0, 106.0, 148.0], 83.0f64),
            ([32.0, 74.0, 97.0, 120.0], 97.0),
        ] {
            let valleys = find(&fan(centre, &notches), centre, 60.0).unwrap();

            let Point { x, y } = valleys.middle;
            let angle = (centre.y - y).atan2(x - centre.x).to_degrees();
            assert!((angle - middle).abs() < 1.0, "{angle}");
        }
    }

    #[test]
    fn two_notches_are_too_few() {
        let centre = Point { x: 150.0, y: 200.0 };

        assert_eq!(find(&fan(centre, &[70.0, 95.0]), centre, 60.0), None);
    }

    /// A disc of radius 120 with notches that reach in to radius 70.
    fn fan(centre: Point, notches: &[f64]) -> Mask {
        let mut mask = Mask::empty(300, 300);
        for (pixel, member) in mask.members.iter_mut().enumerate() {
            let x = (pixel % 300) as f64 - centre.x;
            let y = centre.y - (pixel / 300) as f64;
            let angle = y.atan2(x).to_degrees();
            let aside = notches
                .iter()
                .map(|notch| (angle - notch).abs())
                .fold(90.0, f64::min);
            *member = x.hypot(y) < (70.0 + 5.0 * aside).min(120.0);
        }
        mask
    }
}

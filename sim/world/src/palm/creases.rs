//! The lines of the skin: three main creases that everybody has, and wrinkles.

use super::geometry::{Point, curve};
use super::hand::Hand;
use super::math::sin_cos_degrees;
use super::random::Random;

/// Heart, head and life line of the mean hand.
const MAIN: [[Point; 4]; 3] = [
    [
        Point::new(37.0, 19.0),
        Point::new(20.0, 20.0),
        Point::new(2.0, 24.0),
        Point::new(-15.0, 37.0),
    ],
    [
        Point::new(-36.0, 13.0),
        Point::new(-14.0, 13.0),
        Point::new(9.0, 5.0),
        Point::new(29.0, -8.0),
    ],
    [
        Point::new(-36.0, 11.0),
        Point::new(-16.0, 4.0),
        Point::new(-5.0, -18.0),
        Point::new(-11.0, -50.0),
    ],
];
const MAIN_SPREAD: f64 = 2.2;
const MAIN_WIDTH: f64 = 0.45;
const WRINKLE_WIDTH: f64 = 0.4;

/// A line of the skin, in straight pieces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Crease {
    pub(super) points: Vec<Point>,
    /// Share of the light that it takes.
    pub(super) contrast: f64,
    /// Standard deviation of its profile, in millimetres.
    pub(super) width: f64,
}

/// Draws the creases of a hand.
pub(super) fn creases(hand: &Hand, random: &mut Random) -> Vec<Crease> {
    let mut out: Vec<Crease> = MAIN
        .iter()
        .map(|line| main_crease(line, hand, random))
        .collect();
    for _ in 0..random.whole(6, 15) {
        out.push(wrinkle(hand, random));
    }
    out
}

fn main_crease(line: &[Point; 4], hand: &Hand, random: &mut Random) -> Crease {
    let points = line.map(|point| {
        let x = point.x + random.normal(0.0, MAIN_SPREAD);
        hand.scaled(x, point.y + random.normal(0.0, MAIN_SPREAD))
    });
    Crease {
        points: curve(&points, 10),
        contrast: random.between(0.075, 0.085),
        width: MAIN_WIDTH,
    }
}

fn wrinkle(hand: &Hand, random: &mut Random) -> Crease {
    let start = hand.scaled(random.between(-34.0, 34.0), random.between(-45.0, 36.0));
    let (sin, cos) = sin_cos_degrees(random.between(0.0, 360.0));
    let length = random.between(8.0, 26.0);
    let along = Point::new(cos, sin).times(length);
    let aside = Point::new(-sin, cos).times(length * random.normal(0.0, 0.12));
    let middle = start.plus(along.times(0.5)).plus(aside);
    Crease {
        points: curve(&[start, middle, start.plus(along)], 5),
        contrast: random.between(0.02, 0.055),
        width: WRINKLE_WIDTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_palm_has_three_main_creases_and_some_wrinkles() {
        for index in 0..20 {
            let mut random = Random::new([index, 0, 0], b"test    ");
            let hand = Hand::new(&mut random);

            let creases = creases(&hand, &mut random);

            assert!((9..=18).contains(&creases.len()));
            assert_eq!(
                creases
                    .iter()
                    .filter(|crease| crease.contrast >= 0.075)
                    .count(),
                3
            );
        }
    }
}

//! A person who does not exist, by the palm of one hand.

use boop_palm::Image;

use super::capture::Visit;
use super::creases::{Crease, creases};
use super::hand::Hand;
use super::noise::Noise;
use super::random::Random;
use super::render::render;
use super::veins::{Vein, veins};

/// Which hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The left hand.
    Left,
    /// The right hand.
    Right,
}

/// One palm of a synthetic person.
#[derive(Clone)]
pub struct Person {
    seed: u64,
    index: u64,
    side: Side,
    pub(super) hand: Hand,
    pub(super) veins: Vec<Vein>,
    pub(super) creases: Vec<Crease>,
    pub(super) skin: Noise,
    /// Brightness of the skin.
    pub(super) tone: f64,
    /// Share of the light that a wide vein near the surface takes.
    pub(super) vein_contrast: f64,
}

impl Person {
    /// Grows the palm of person `index` of the population `seed`.
    ///
    /// The two palms of a person have nothing in common, as in life their veins do not.
    pub fn new(seed: u64, index: u64, side: Side) -> Self {
        let mut random = Random::new([seed, index, 0], purposes(side).identity);
        let hand = Hand::new(&mut random);
        let veins = veins(&hand, &mut random);
        let creases = creases(&hand, &mut random);
        let skin = Noise::new(&mut random);
        let tone = random.normal(0.66, 0.05).clamp(0.5, 0.82);
        let vein_contrast = 0.27 * random.normal(1.0, 0.15).clamp(0.55, 1.45);
        Self {
            seed,
            index,
            side,
            hand,
            veins,
            creases,
            skin,
            tone,
            vein_contrast,
        }
    }

    /// Returns which hand this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Takes a picture of the palm, as visit `capture_seed` to a scanner would.
    pub fn capture(&self, capture_seed: u64) -> Image {
        let numbers = [self.seed, self.index, capture_seed];
        let mut random = Random::new(numbers, purposes(self.side).capture);
        let visit = Visit::new(self.side, &mut random);
        render(self, &visit, &mut random)
    }
}

impl core::fmt::Debug for Person {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Person({}, {}, {:?})", self.seed, self.index, self.side)
    }
}

/// Names of the random streams of one hand.
struct Purposes {
    identity: &'static [u8; 8],
    capture: &'static [u8; 8],
}

fn purposes(side: Side) -> Purposes {
    match side {
        Side::Left => Purposes {
            identity: b"left who",
            capture: b"left see",
        },
        Side::Right => Purposes {
            identity: b"rightwho",
            capture: b"rightsee",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_pictures() {
        let again = || Person::new(7, 3, Side::Left).capture(5);

        assert_eq!(again(), again());
    }

    #[test]
    fn seeds_people_sides_and_visits_differ() {
        let picture = Person::new(7, 3, Side::Right).capture(5);

        assert_ne!(picture, Person::new(8, 3, Side::Right).capture(5));
        assert_ne!(picture, Person::new(7, 4, Side::Right).capture(5));
        assert_ne!(picture, Person::new(7, 3, Side::Left).capture(5));
        assert_ne!(picture, Person::new(7, 3, Side::Right).capture(6));
    }
}

//! Random numbers of one purpose: a ChaCha20 stream keyed by what it is for.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::math::exp;

/// A stream of random numbers.
pub(super) struct Random(ChaCha20Rng);

impl Random {
    /// Opens the stream of a key: three numbers and the name of its use.
    pub(super) fn new(numbers: [u64; 3], purpose: &[u8; 8]) -> Self {
        let mut key = [0; 32];
        for (part, number) in key.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *part = number.to_le_bytes();
        }
        key[24..].copy_from_slice(purpose);
        Self(ChaCha20Rng::from_seed(key))
    }

    /// Returns a number between 0 and 1.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns a number between two others.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Returns a whole number from `low` to `high`, both included.
    pub(super) fn whole(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.next_u64() % (high - low + 1)
    }

    /// Returns true with probability `share`.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.uniform() < share
    }

    /// Returns a number of normal distribution, the sum of twelve uniform ones less six.
    pub(super) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..3).map(|_| halves(self.0.next_u64())).sum();
        mean + deviation * (sum - 6.0)
    }

    /// Returns a normal number about zero of at most 1.4 deviations, for what must not go wrong.
    pub(super) fn within(&mut self, deviation: f64) -> f64 {
        self.normal(0.0, deviation)
            .clamp(-1.4 * deviation, 1.4 * deviation)
    }

    /// Returns a number whose logarithm is normal with mean zero.
    pub(super) fn log_normal(&mut self, deviation: f64) -> f64 {
        exp(self.normal(0.0, deviation))
    }

    /// Returns a cheap number of nearly normal distribution, for the noise of single pixels.
    pub(super) fn pixel_noise(&mut self) -> f64 {
        // Four uniform numbers have a variance of one third.
        (halves(self.0.next_u64()) - 2.0) * 1.732_050_807_568_877_2
    }
}

/// Returns the sum of four uniform numbers cut from 64 bits.
fn halves(bits: u64) -> f64 {
    let part = |shift: u32| (bits >> shift & 0xffff) as f64 + 0.5;
    (part(0) + part(16) + part(32) + part(48)) / 65_536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u64; 3] = [1, 2, 3];

    #[test]
    fn a_key_always_gives_the_same_numbers() {
        let mut random = Random::new(SEED, b"test    ");

        assert_eq!(random.whole(0, 999_999), 903_420);
    }

    #[test]
    fn uses_are_independent() {
        let mut a = Random::new(SEED, b"identity");
        let mut b = Random::new(SEED, b"capture ");

        assert_ne!(a.whole(0, u64::MAX - 1), b.whole(0, u64::MAX - 1));
    }

    #[test]
    fn normal_numbers_have_their_moments() {
        let mut random = Random::new(SEED, b"test    ");
        for draw in [
            |r: &mut Random| r.normal(0.0, 1.0),
            |r: &mut Random| r.pixel_noise(),
        ] {
            let values: Vec<f64> = (0..20_000).map(|_| draw(&mut random)).collect();

            let mean = values.iter().sum::<f64>() / 20_000.0;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!(
                mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04,
                "{SEED:?}"
            );
        }
    }
}

//! Pseudo-random streams: AES-256 in counter mode, one key a pair, one counter range a draw.

use aes::Aes256;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher};
use alloc::vec;
use alloc::vec::Vec;
use ctr::{Ctr64BE, CtrCore};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::payload::Number;
use crate::wipe::wipe;

/// A key that gives a fresh stream at every draw [MPC-2].
///
/// The first half of the counter block is the number of the draw, the second counts blocks
/// within it, so two draws cannot meet.
pub(crate) struct Prg {
    cipher: Aes256,
    draws: u64,
}

impl Prg {
    /// Derives the key from a seed and what the key is for.
    pub(crate) fn new(domain: &[u8], seed: &[u8; 32]) -> Self {
        Self::of_lane(domain, seed, 0)
    }

    /// Derives the key of one lane of a run.
    pub(crate) fn of_lane(domain: &[u8], seed: &[u8; 32], lane: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(domain);
        hash.update(seed);
        hash.update(lane.to_le_bytes());
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(hash.finalize().into());
        Self {
            cipher: Aes256::new((&*key).into()),
            draws: 0,
        }
    }

    /// Returns the next stream's first bytes. Both holders of a key draw in the same order.
    pub(crate) fn draw(&mut self, bytes: usize) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![0; bytes]);
        self.next_stream().apply_keystream(&mut out);
        out
    }

    /// Returns the next stream's first numbers.
    pub(crate) fn draw_numbers<T: Number>(&mut self, count: usize) -> Vec<T> {
        let mut numbers = Vec::with_capacity(count);
        self.draw_parts(T::BYTES * count, |bytes| numbers.extend(T::each(bytes)));
        numbers
    }

    /// Has `mix` put the next stream's first numbers in their places.
    pub(crate) fn draw_into<T: Number, U>(&mut self, places: &mut [U], mix: impl Fn(&mut U, T)) {
        let bytes = T::BYTES * places.len();
        let mut places = places.chunks_mut(PART_BYTES / T::BYTES);
        self.draw_parts(bytes, |bytes| {
            let places = places.next().unwrap_or_default();
            let pairs = places.iter_mut().zip(T::each(bytes));
            pairs.for_each(|(place, number)| mix(place, number));
        });
    }

    /// Reads the next stream part by part, so that its bytes are never in memory as a whole.
    fn draw_parts(&mut self, bytes: usize, mut take: impl FnMut(&[u8])) {
        let mut stream = self.next_stream();
        let mut part = [0; PART_BYTES];
        for first in (0..bytes).step_by(PART_BYTES) {
            let part = &mut part[..PART_BYTES.min(bytes - first)];
            part.fill(0);
            stream.apply_keystream(part);
            take(part);
        }
        wipe(&mut part);
    }

    fn next_stream(&mut self) -> Ctr64BE<Aes256> {
        let mut block = [0; 16];
        block[..8].copy_from_slice(&self.draws.to_be_bytes());
        self.draws = self
            .draws
            .checked_add(1)
            .expect("2^64 draws outlive every job");
        let core = CtrCore::inner_iv_init(self.cipher.clone(), (&block).into());
        Ctr64BE::from_core(core)
    }
}

/// How much of a stream is read at once: whole blocks, that stay in the first-level cache.
const PART_BYTES: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_holders_of_a_seed_draw_the_same_streams() {
        let (mut one, mut other) = (Prg::new(b"a", &[7; 32]), Prg::new(b"a", &[7; 32]));

        for bytes in [0, 1, 16, 100] {
            assert_eq!(one.draw(bytes), other.draw(bytes));
        }
    }

    #[test]
    fn words_and_values_are_the_bytes_of_the_stream() {
        for count in [0, 1, 255, 256, 257, 1_000] {
            let [mut words, mut values, mut bytes] = [(); 3].map(|()| Prg::new(b"a", &[7; 32]));

            let words: Vec<u64> = words.draw_numbers(count);
            let values: Vec<u32> = values.draw_numbers(2 * count);

            let bytes = bytes.draw(8 * count);
            assert!(
                words
                    .iter()
                    .flat_map(|word| word.to_le_bytes())
                    .eq(bytes.to_vec())
            );
            assert!(
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .eq(bytes.to_vec())
            );
        }
    }

    #[test]
    fn no_two_draws_have_a_block_in_common() {
        let mut prg = Prg::new(b"a", &[7; 32]);

        let mut blocks: Vec<_> = (0..64)
            .flat_map(|_| prg.draw(1024).as_chunks::<16>().0.to_vec())
            .collect();

        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 64 * 64);
    }

    #[test]
    fn domain_and_seed_each_change_the_stream() {
        let stream = |domain, seed| Prg::new(domain, &[seed; 32]).draw(16);

        assert_ne!(stream(b"a", 7), stream(b"b", 7));
        assert_ne!(stream(b"a", 7), stream(b"a", 8));
    }
}

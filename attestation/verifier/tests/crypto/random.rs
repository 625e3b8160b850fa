//! Random changes from a printed seed.

/// A small generator (xorshift), enough to pick places and values.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("limit fits");
        usize::try_from(self.next() % limit).expect("a small number fits")
    }

    /// Changes a few bytes, and now and then the length.
    pub(crate) fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                return;
            }
            let place = self.below(bytes.len());
            let value = self.next().to_le_bytes()[0];
            match self.below(16) {
                0 => bytes.insert(place, value),
                1 => drop(bytes.remove(place)),
                _ => bytes[place] = bytes[place].wrapping_add(value | 1),
            }
        }
    }
}

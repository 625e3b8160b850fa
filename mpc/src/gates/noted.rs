//! One vector of a proof's statements: words of many steps, where those steps left them.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use super::Words;

/// A vector in parts, which are never moved or copied; whoever lets a part go last wipes it.
#[derive(Default)]
pub(crate) struct Noted {
    parts: Vec<Part>,
    words: usize,
}

struct Part {
    words: Words,
    range: Range<usize>,
}

impl Noted {
    /// Returns the number of words.
    pub(crate) const fn len(&self) -> usize {
        self.words
    }

    /// Appends words.
    pub(crate) fn push(&mut self, words: &Words) {
        self.push_range(words, 0..words.len());
    }

    /// Appends some of the words.
    pub(crate) fn push_range(&mut self, words: &Words, range: Range<usize>) {
        self.words += range.len();
        let words = Arc::clone(words);
        self.parts.push(Part { words, range });
    }

    /// Appends the parts of another vector.
    pub(crate) fn append(&mut self, other: &Self) {
        for part in &other.parts {
            self.push_range(&part.words, part.range.clone());
        }
    }

    /// Returns the parts, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u64]> {
        self.parts
            .iter()
            .map(|part| &part.words[part.range.clone()])
    }
}

#[cfg(test)]
mod in_tests {
    use alloc::vec::Vec;

    use super::*;

    impl From<Vec<u64>> for Noted {
        fn from(words: Vec<u64>) -> Self {
            let mut noted = Self::default();
            noted.push(&Arc::new(words.into()));
            noted
        }
    }

    impl Noted {
        pub(crate) fn to_vec(&self) -> Vec<u64> {
            self.parts().flatten().copied().collect()
        }

        /// Changes what is noted.
        pub(crate) fn change(&mut self, change: impl FnOnce(&mut [u64])) {
            let mut words = self.to_vec();
            change(&mut words);
            *self = words.into();
        }
    }
}

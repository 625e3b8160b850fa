//! Wiping long vectors as fast as memory takes it: element by element, which `zeroize` does for a
//! vector, takes as long as a good part of what is computed with it.

use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use zeroize::{ZeroizeOnDrop, optimization_barrier};

/// Overwrites values with zeros, and lets no compiler leave that out.
///
/// What lies in a vector's memory behind its end stays: it is for vectors that never shrank and
/// had all their memory before secrets came.
pub(crate) fn wipe<T: Copy + Default>(values: &mut [T]) {
    values.fill(T::default());
    optimization_barrier(values);
}

/// A vector that wipes itself. It keeps its length.
#[derive(Clone, Default)]
pub(crate) struct Wiping<T: Copy + Default>(Vec<T>);

impl<T: Copy + Default> From<Vec<T>> for Wiping<T> {
    fn from(values: Vec<T>) -> Self {
        Self(values)
    }
}

impl<T: Copy + Default> Deref for Wiping<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Copy + Default> DerefMut for Wiping<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Copy + Default> Drop for Wiping<T> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl<T: Copy + Default> ZeroizeOnDrop for Wiping<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_what_was_wiped() {
        let (mut words, mut halves) = ([u64::MAX; 1_001], [u16::MAX; 3]);

        wipe(&mut words);
        wipe(&mut halves);

        assert_eq!((words, halves), ([0; 1_001], [0; 3]));
    }
}

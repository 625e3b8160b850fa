//! Randomness of the machine.

use crate::PlatformError;

/// Fills `buffer` with random bytes of the operating system.
///
/// # Errors
/// [`PlatformError::Random`] when the operating system gives none; the caller must stop.
pub fn random(buffer: &mut [u8]) -> Result<(), PlatformError> {
    getrandom::fill(buffer).map_err(|_| PlatformError::Random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_fills_the_whole_buffer_with_fresh_bytes() {
        let mut first = [0; 64];
        let mut second = [0; 64];

        random(&mut first).unwrap();
        random(&mut second).unwrap();

        assert_ne!(first, second);
        assert_ne!(first[32..], [0; 32]);
    }
}

//! CMS envelopes as AWS KMS makes them.

use boop_channel::cms::{ENVELOPED_BYTES_MAX, Enveloped, NotEnveloped};

/// Reads an envelope. What is read stands in it, and it is that long and no other.
pub(super) fn run(input: &[u8]) {
    let Ok(read) = Enveloped::parse(input) else {
        return;
    };
    assert!(input.len() <= ENVELOPED_BYTES_MAX);
    let stands = |part: &[u8]| part.is_empty() || input.windows(part.len()).any(|at| at == part);
    assert!(stands(&read.wrapped) && stands(&read.iv));
    assert!(stands(&read.ciphertext[..1]));
    let longer = [input, &[0]].concat();
    assert_eq!(Enveloped::parse(&longer), Err(NotEnveloped));
    let shorter = &input[..input.len() - 1];
    assert_eq!(Enveloped::parse(shorter), Err(NotEnveloped));
}

//! Canonical encoding: deterministic CBOR (RFC 8949 §4.2.1) of types that derive minicbor's traits.
//!
//! Structs are definite-length arrays in field order and integers take their shortest form, so a
//! value has exactly one encoding. Reading proves it: what was decoded must encode to the same
//! bytes again, else the input is refused [ENC-1]. Hashes and signatures are made under domains
//! [ENC-2].

use alloc::vec::Vec;

use minicbor::{Decode, Decoder, Encode};
use sha2::{Digest as _, Sha256};

use crate::id::Digest;

/// Why bytes are not the canonical encoding of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not CBOR of the expected shape.
    #[error("not an encoding of the expected type")]
    Malformed,
    /// The bytes decode, but a shorter or differently ordered encoding exists, or bytes follow.
    #[error("not the canonical encoding")]
    NotCanonical,
    /// The input is longer than its kind may be.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The limit that was passed.
        max: usize,
    },
}

/// Encodes a value canonically.
pub fn to_canonical<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        Err(_) => unreachable!("a Vec takes every byte and no type of ours refuses to encode"),
    }
}

/// Decodes a value from its canonical encoding.
///
/// # Errors
/// [`CodecError::Malformed`] if the bytes are of another shape, [`CodecError::NotCanonical`] if
/// they differ from the value's own encoding.
pub fn from_canonical<T: Encode<()> + for<'b> Decode<'b, ()>>(
    bytes: &[u8],
) -> Result<T, CodecError> {
    let value: T = minicbor::decode(bytes).map_err(|_| CodecError::Malformed)?;
    if to_canonical(&value) == bytes {
        Ok(value)
    } else {
        Err(CodecError::NotCanonical)
    }
}

/// Decodes as [`from_canonical`], after refusing input longer than `max` bytes.
///
/// # Errors
/// [`CodecError::TooLong`], and those of [`from_canonical`].
pub fn from_canonical_max<T: Encode<()> + for<'b> Decode<'b, ()>>(
    bytes: &[u8],
    max: usize,
) -> Result<T, CodecError> {
    if bytes.len() > max {
        return Err(CodecError::TooLong { max });
    }
    from_canonical(bytes)
}

/// Decodes a CBOR sequence (RFC 8742) of at most `items_max` canonical encodings, each at most
/// `item_bytes_max` bytes long.
///
/// # Errors
/// Those of [`from_canonical_max`], and [`CodecError::TooLong`] if there are more items.
pub fn sequence_from_canonical<T: Encode<()> + for<'b> Decode<'b, ()>>(
    mut bytes: &[u8],
    item_bytes_max: usize,
    items_max: usize,
) -> Result<Vec<T>, CodecError> {
    let mut items = Vec::new();
    while !bytes.is_empty() {
        if items.len() == items_max {
            let max = items_max.saturating_mul(item_bytes_max);
            return Err(CodecError::TooLong { max });
        }
        let mut decoder = Decoder::new(bytes);
        let _: T = decoder.decode().map_err(|_| CodecError::Malformed)?;
        let (item, rest) = bytes.split_at(decoder.position());
        items.push(from_canonical_max(item, item_bytes_max)?);
        bytes = rest;
    }
    Ok(items)
}

/// Prefixes `bytes` with the domain `boop/<purpose>/v1`, so that no signature or hash made for
/// one purpose stands for another.
pub fn domain_separated(purpose: &str, bytes: &[u8]) -> Vec<u8> {
    [b"boop/", purpose.as_bytes(), b"/v1\0", bytes].concat()
}

/// Returns the SHA-256 of `bytes` under the domain of `purpose`.
pub fn domain_digest(purpose: &str, bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(domain_separated(purpose, bytes)).into())
}

/// Returns the plain SHA-256 of `bytes`, for what the outside world hashes the same way.
pub fn plain_digest(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

/// Returns the SHA-256 of a value's canonical encoding under the domain of `purpose`.
pub fn digest_of<T: Encode<()>>(purpose: &str, value: &T) -> Digest {
    domain_digest(purpose, &to_canonical(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Pair {
        #[n(0)]
        left: u32,
        #[n(1)]
        right: Option<u32>,
    }

    #[test]
    fn a_value_survives_its_encoding() {
        let pair = Pair {
            left: 500,
            right: None,
        };

        assert_eq!(from_canonical::<Pair>(&to_canonical(&pair)), Ok(pair));
    }

    #[test]
    fn a_longer_form_of_the_same_integer_is_refused() {
        let short = to_canonical(&Pair {
            left: 5,
            right: Some(1),
        });
        assert_eq!(short, [0x82, 5, 1]);

        let long = [0x82, 0x18, 5, 1];

        assert_eq!(from_canonical::<Pair>(&long), Err(CodecError::NotCanonical));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let result = from_canonical::<Pair>(&[0x82, 5, 1, 0]);

        assert_eq!(result, Err(CodecError::NotCanonical));
    }

    #[test]
    fn another_shape_and_too_long_are_refused() {
        assert_eq!(from_canonical::<Pair>(&[0xff]), Err(CodecError::Malformed));
        assert_eq!(
            from_canonical_max::<Pair>(&[0x82, 5, 1], 2),
            Err(CodecError::TooLong { max: 2 })
        );
    }

    #[test]
    fn purposes_separate_digests() {
        assert_ne!(domain_digest("a", b"x"), domain_digest("b", b"x"));
    }
}

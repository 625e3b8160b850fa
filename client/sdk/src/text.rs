//! How binary values travel in JSON: base64url without padding of a canonical encoding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_wire::codec::{CodecError, from_canonical_max, to_canonical};
use minicbor::{Decode, Encode};

/// Encodes bytes.
pub(crate) fn encode_bytes(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Encodes a value.
pub(crate) fn encode<T: Encode<()>>(value: &T) -> String {
    encode_bytes(&to_canonical(value))
}

/// Decodes a value whose canonical encoding has at most `max` bytes.
pub(crate) fn decode<T>(text: &str, max: usize) -> Result<T, CodecError>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    from_canonical_max(&decode_bytes(text, max)?, max)
}

/// Decodes bytes, hardly more than `max`.
pub(crate) fn decode_bytes(text: &str, max: usize) -> Result<Vec<u8>, CodecError> {
    // Four characters carry three bytes; checked first, so that nothing large is decoded.
    if text.len() / 4 > max / 3 + 1 {
        return Err(CodecError::TooLong { max });
    }
    let decoded = URL_SAFE_NO_PAD.decode(text);
    decoded.map_err(|_| CodecError::Malformed)
}

#[cfg(test)]
mod tests {
    use boop_wire::RequestId;

    use super::*;

    #[test]
    fn a_value_comes_back_from_its_text() {
        let id = RequestId::new([7; 16]);

        assert_eq!(decode(&encode(&id), 32), Ok(id));
    }

    #[test]
    fn long_padded_and_foreign_texts_are_refused() {
        let decode = |text: &str| decode::<RequestId>(text, 32);

        assert_eq!(
            decode(&"A".repeat(1000)),
            Err(CodecError::TooLong { max: 32 })
        );
        assert_eq!(decode("UAcHBw=="), Err(CodecError::Malformed));
        assert_eq!(decode("?"), Err(CodecError::Malformed));
        assert_eq!(decode(""), Err(CodecError::Malformed));
    }
}

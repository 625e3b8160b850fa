//! Hashes and digests, which print and travel in hexadecimal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// `N` bytes that print as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

/// Why a text is not `N` bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {bytes} bytes in hexadecimal: {text:?}")]
pub struct HexError {
    /// How many bytes were expected.
    pub bytes: usize,
    /// The beginning of what was found.
    pub text: String,
}

/// How much of a bad text an error shows.
const SHOWN_CHARS_MAX: usize = 32;

impl<const N: usize> FromStr for Hex<N> {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        let mut bytes = [0; N];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HexError {
            bytes: N,
            text: text.chars().take(SHOWN_CHARS_MAX).collect(),
        })?;
        Ok(Self(bytes))
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_and_print() {
        let bytes: Hex<3> = "00ff7A".parse().unwrap();

        assert_eq!(bytes, Hex([0, 255, 0x7a]));
        assert_eq!(bytes.to_string(), "00ff7a");
        for text in ["", "00ff", "00ff7a00", "00ff7g"] {
            let error = text.parse::<Hex<3>>().unwrap_err();
            let text = text.to_owned();
            assert_eq!(error, HexError { bytes: 3, text });
        }
    }
}

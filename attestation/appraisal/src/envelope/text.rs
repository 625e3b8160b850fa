//! Evidence as text: hexadecimal, or base64 in either alphabet, with line breaks.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const PADDING_OPTIONAL: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, PADDING_OPTIONAL);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, PADDING_OPTIONAL);

/// Decodes text and names its encoding; `None` when it is no such text.
///
/// Text of hexadecimal digits alone is taken as hexadecimal.
pub(super) fn decode(bytes: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    let text = bytes.trim_ascii();
    let digits = without(text, u8::is_ascii_whitespace);
    let digits = digits.strip_prefix(b"0x").unwrap_or(&digits);
    if let Ok(decoded) = hex::decode(digits) {
        return (!decoded.is_empty()).then_some((decoded, "hexadecimal text"));
    }
    Some((base64(text)?, "base64 text"))
}

/// Decodes base64 in either alphabet, but not in a mixture of both, with line breaks anywhere.
///
/// Spaces inside are refused: a sentence without its spaces is base64 too often.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = without(text.trim_ascii(), |byte| matches!(byte, b'\r' | b'\n'));
    BASE64
        .decode(&text)
        .or_else(|_| BASE64URL.decode(&text))
        .ok()
}

/// Decodes base64url without padding or white space, as a CMW has it.
pub(super) fn base64url_strict(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .ok()
}

/// Encodes as base64url without padding.
pub(super) fn to_base64url(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn without(bytes: &[u8], is_left_out: impl Fn(&u8) -> bool) -> Vec<u8> {
    let kept = bytes.iter().filter(|byte| !is_left_out(byte));
    kept.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_with_and_without_padding_and_line_breaks() {
        let bytes = [0xfb, 0xff, 0xfe, 0x01];

        for text in [
            "+//+AQ==",
            "+//+AQ",
            "-__-AQ==",
            "-__-AQ",
            " +/\r\n/+A\nQ==\n",
        ] {
            let expected = Some((bytes.to_vec(), "base64 text"));
            assert_eq!(decode(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn hexadecimal_is_read_in_either_case_with_a_prefix() {
        for text in ["fbfe01", "FBfe01\n", "0xfb fe 01"] {
            let expected = Some((vec![0xfb, 0xfe, 0x01], "hexadecimal text"));
            assert_eq!(decode(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_text_is_not_decoded() {
        for text in [
            "",
            " \n",
            "0x",
            "+_+_",
            "AQ=A",
            "AR==",
            "words of a note!",
            "these are words",
            "\u{e9}",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}

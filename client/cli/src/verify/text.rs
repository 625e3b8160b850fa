//! Text that is safe to print, and lines that a terminal can hold.

pub(super) use crate::plain::plain;

/// Columns of a line of an explanation.
const COLUMNS: usize = 96;
/// Hexadecimal digits of a line.
const DIGITS: usize = 64;

/// Breaks text into lines that start in column `indent`; long words are broken too.
pub(super) fn wrap(text: &str, indent: usize) -> Vec<String> {
    let width = COLUMNS.saturating_sub(indent).max(20);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + word.len() > width {
            lines.push(String::new());
            used = 0;
        }
        for (index, piece) in word.chunks(piece_of(&word, width)).enumerate() {
            if index > 0 {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if used > 0 {
                    line.push(' ');
                    used += 1;
                }
                line.extend(piece);
                used += piece.len();
            }
        }
    }
    lines
}

/// Returns the length of the pieces that a word is broken into: digits in a round number.
fn piece_of(word: &[char], width: usize) -> usize {
    if word.iter().all(char::is_ascii_hexdigit) {
        width.min(DIGITS)
    } else {
        width
    }
}

/// Returns up to 64 bytes in hexadecimal, and the length of what is longer.
pub(super) fn long_hex(bytes: &[u8]) -> String {
    match bytes {
        [] => "(empty)".into(),
        bytes if bytes.len() <= 64 => hex::encode(bytes),
        bytes => format!("{}.. ({} bytes)", hex::encode(&bytes[..64]), bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_long_words_inside() {
        let words = "word ".repeat(40);
        let hex = "ab".repeat(100);

        let lines = wrap(&words, 10);
        let long = wrap(&hex, 10);

        assert!(lines.len() > 1 && long.len() > 1);
        for line in lines.iter().chain(&long) {
            assert!(line.chars().count() <= COLUMNS - 10, "{line}");
        }
        assert_eq!(lines.join(" "), words.trim_end());
        assert_eq!(long.concat(), hex);
        assert_eq!(wrap("", 0), [""]);
    }

    #[test]
    fn long_bytes_are_cut_with_their_length() {
        assert_eq!(long_hex(&[]), "(empty)");
        assert_eq!(long_hex(&[0xab; 2]), "abab");
        assert!(long_hex(&[0; 65]).ends_with("00.. (65 bytes)"));
    }
}

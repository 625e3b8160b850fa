//! Text that is safe to show: much of what is printed was written by whoever made the evidence.

use std::fmt::Write as _;

/// Returns text without characters that move the cursor, change colours, turn the direction of
/// reading or cannot be seen.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c| {
        if hides(c) {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

/// Returns text of several lines in which only the first can start a line: each further one is
/// indented, so that none passes for another message.
pub(crate) fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    lines.join("\n    ")
}

/// Returns JSON in which such characters are written as escapes. They can only be inside strings,
/// where an escape means the same.
pub(crate) fn plain_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !hides(c) {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // A string takes every text.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

/// Says whether a character acts on other text or cannot be seen.
pub(crate) fn hides(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
        )
        || matches!(
            c,
            '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{feff}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_or_hides_text_is_printed() {
        let hostile = "i-1\u{1b}[2J\n\r\u{202e}live\u{200b}";

        assert_eq!(
            plain(hostile),
            "i-1\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}live\u{fffd}"
        );
        assert_eq!(plain("i-0abc-enc0 ü"), "i-0abc-enc0 ü");
    }

    #[test]
    fn every_control_and_every_turn_of_direction_is_taken_out() {
        let ranges = [
            '\0'..='\u{1f}',
            '\u{7f}'..='\u{9f}',
            '\u{200b}'..='\u{200f}',
            '\u{2028}'..='\u{202e}',
            '\u{2060}'..='\u{2069}',
        ];
        for c in ranges.into_iter().flatten() {
            assert_eq!(plain(&c.to_string()), "\u{fffd}", "{}", c.escape_unicode());
        }
    }

    #[test]
    fn a_line_inside_a_text_does_not_start_a_line() {
        let text = "no such policy: x\nboop: accepted\r\n\u{9b}31m";

        assert_eq!(
            plain_lines(text),
            "no such policy: x\n    boop: accepted\n    \u{fffd}31m"
        );
    }

    #[test]
    fn json_keeps_its_meaning_and_shows_what_would_hide() {
        let value = serde_json::json!({ "a": "\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}ü\n" });
        let json = serde_json::to_string_pretty(&value).unwrap();

        let safe = plain_json(&json);

        assert_eq!(
            safe,
            "{\n  \"a\": \"\\u001b\\u007f\\u009b\\u202e\\udb40\\udc41ü\\n\"\n}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).unwrap(),
            value
        );
    }
}

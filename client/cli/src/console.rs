//! Where a command writes: plain lines, with a little colour on a terminal alone.

use std::fmt::Display;
use std::io::Write as _;

use serde::Serialize;

/// How a line of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It was not looked at.
    Open,
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    colours: bool,
}

impl Console {
    /// Writes with colours if the output is a terminal.
    pub const fn new(terminal: bool) -> Self {
        Self { colours: terminal }
    }

    /// Writes a line.
    pub fn line(&self, text: impl Display) {
        // Whoever closed the pipe wants no more lines; the exit code still tells the result.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Writes `name` and `value` in two columns.
    pub fn field(&self, name: &str, value: impl Display) {
        self.line(format_args!("  {name:<14} {value}"));
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// Never for the types of this crate, whose keys are strings.
    pub fn json(&self, value: &impl Serialize) -> anyhow::Result<()> {
        self.line(serde_json::to_string_pretty(value)?);
        Ok(())
    }

    /// Returns the word for a mark.
    pub fn word(&self, mark: Mark) -> String {
        let (word, colour) = match mark {
            Mark::Pass => ("pass", "32"),
            Mark::Fail => ("FAIL", "31"),
            Mark::Open => ("open", "33"),
        };
        self.coloured(word, colour)
    }

    /// Returns the headline of an answer.
    pub fn headline(&self, holds: bool, text: &str) -> String {
        self.coloured(text, if holds { "1;32" } else { "1;31" })
    }

    /// Returns text in the colour of a warning.
    pub fn warning(&self, text: &str) -> String {
        self.coloured(text, "33")
    }

    fn coloured(&self, text: &str, colour: &str) -> String {
        if self.colours {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_no_colours() {
        assert_eq!(Console::new(false).word(Mark::Fail), "FAIL");
        assert_eq!(
            Console::new(true).word(Mark::Pass),
            "\u{1b}[32mpass\u{1b}[0m"
        );
    }
}

//! Where a command writes: plain lines, with a little colour on a terminal alone.

use std::fmt::Display;
use std::io::Write as _;

use serde::Serialize;

use crate::plain::{plain_json, plain_lines};

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
    /// Writes with colours if asked to: on a terminal whose user has not turned them off.
    pub const fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// Writes a line.
    pub fn line(&self, text: impl Display) {
        // Whoever closed the pipe wants no more lines; the exit code still tells the result.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Writes a question and leaves the cursor behind it.
    pub fn question(&self, text: impl Display) {
        let mut out = std::io::stdout();
        // As for lines: whoever closed the pipe does not answer either.
        let _ = write!(out, "{text} ").and_then(|()| out.flush());
    }

    /// Writes `name` and `value` in two columns.
    pub fn field(&self, name: &str, value: impl Display) {
        self.line(format_args!("  {name:<14} {value}"));
    }

    /// Writes to standard error why a command could not be carried out.
    pub fn trouble(&self, error: &anyhow::Error) {
        // Nobody is left to tell if standard error is closed; the exit code still tells.
        let _ = writeln!(
            std::io::stderr(),
            "boop: {}",
            plain_lines(&format!("{error:#}"))
        );
    }

    /// Writes bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) {
        // As for lines: whoever closed the pipe wants no more.
        let _ = std::io::stdout().write_all(bytes);
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// Never for the types of this crate, whose keys are strings.
    pub fn json(&self, value: &impl Serialize) -> anyhow::Result<()> {
        self.line(plain_json(&serde_json::to_string_pretty(value)?));
        Ok(())
    }

    /// Returns the word for a mark.
    pub fn word(&self, mark: Mark) -> String {
        let word = match mark {
            Mark::Pass => "pass",
            Mark::Fail => "FAIL",
            Mark::Open => "open",
        };
        self.toned(word, mark)
    }

    /// Returns text in the colour of a mark.
    pub fn toned(&self, text: &str, mark: Mark) -> String {
        let colour = match mark {
            Mark::Pass => "32",
            Mark::Fail => "31",
            Mark::Open => "33",
        };
        self.coloured(text, colour)
    }

    /// Returns text that stands out.
    pub fn bold(&self, text: &str) -> String {
        self.coloured(text, "1")
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

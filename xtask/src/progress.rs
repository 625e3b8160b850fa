//! A line that says how far a build is.
//!
//! On a terminal the line is rewritten as the build goes on; in a pipe a new one comes every
//! quarter of a minute, so that a log stays short and nobody believes it hangs.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::duration;

/// How often a pipe gets a line.
const PIPE_LINE_EVERY: Duration = Duration::from_secs(15);

/// What is shown of a build.
#[derive(Debug)]
pub(crate) struct Progress {
    total: usize,
    terminal: bool,
    shown: Option<(usize, u64)>,
    next_pipe_line: Duration,
}

impl Progress {
    /// Starts showing a build of `total` packages on standard error.
    pub(crate) fn new(total: usize) -> Self {
        Self {
            total,
            terminal: io::stderr().is_terminal(),
            shown: None,
            next_pipe_line: Duration::ZERO,
        }
    }

    /// Shows that `done` packages are built, if it is time to.
    pub(crate) fn show(&mut self, done: usize, elapsed: Duration) {
        if !self.is_due(done, elapsed) {
            return;
        }
        let line = line(done, self.total, elapsed);
        let mut stderr = io::stderr().lock();
        let written = if self.terminal {
            write!(stderr, "\r\x1b[2K{line}").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "{line}")
        };
        // A build goes on even where nobody can read how far it is.
        drop(written);
    }

    /// Leaves the line behind, for other output to follow.
    pub(crate) fn finish(&mut self, done: usize, elapsed: Duration) {
        let clear = if self.terminal { "\r\x1b[2K" } else { "" };
        let text = duration::text(elapsed);
        eprintln!("{clear}built {done} packages in {text}");
    }

    fn is_due(&mut self, done: usize, elapsed: Duration) -> bool {
        if self.terminal {
            let now = Some((done, elapsed.as_secs()));
            let due = self.shown != now;
            self.shown = now;
            return due;
        }
        let due = elapsed >= self.next_pipe_line;
        if due {
            self.next_pipe_line = elapsed + PIPE_LINE_EVERY;
        }
        due
    }
}

fn line(done: usize, total: usize, elapsed: Duration) -> String {
    // The total counts what cargo plans; it never shows less than what is there.
    let total = total.max(done);
    format!("building {done}/{total} … {}", duration::text(elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_much_of_what_is_built_since_when() {
        let elapsed = Duration::from_secs(80);

        assert_eq!(line(123, 340, elapsed), "building 123/340 … 1m20s");
        assert_eq!(line(341, 340, elapsed), "building 341/341 … 1m20s");
    }

    #[test]
    fn a_pipe_gets_a_line_at_once_and_then_every_fifteen_seconds() {
        let mut progress = Progress::new(10);
        progress.terminal = false;

        let due = [0, 1, 14, 15, 16, 29, 30].map(|s| progress.is_due(1, Duration::from_secs(s)));

        assert_eq!(due, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn a_terminal_gets_a_line_when_something_changed() {
        let mut progress = Progress::new(10);
        progress.terminal = true;

        let states = [(1, 100), (1, 900), (2, 900), (2, 1_000)];
        let due = states.map(|(done, ms)| progress.is_due(done, Duration::from_millis(ms)));

        assert_eq!(due, [true, false, true, true]);
    }
}

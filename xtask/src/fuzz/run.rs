//! One run of one target, and what libFuzzer says about it.

use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::output_folder;
use super::target::Target;
use crate::workspace;

/// An input may take this long, and the program this much memory.
const INPUT_SECONDS_MAX: u32 = 10;
const MEMORY_MB_MAX: u32 = 1024;
/// Lines of libFuzzer that are shown when it stops early.
const LAST_LINES: usize = 200;

/// What came of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) target: &'static str,
    pub(super) executions: u64,
    pub(super) seconds: u64,
    pub(super) features: u64,
    pub(super) edges: u64,
    pub(super) corpus: u64,
    pub(super) failure: Option<String>,
}

impl Outcome {
    pub(super) fn per_second(&self) -> u64 {
        self.executions / self.seconds.max(1)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "target": self.target,
            "executions": self.executions,
            "seconds": self.seconds,
            "executions_per_second": self.per_second(),
            "features": self.features,
            "edges": self.edges,
            "corpus": self.corpus,
            "crashes": usize::from(self.failure.is_some()),
            "failure": self.failure,
        })
    }
}

/// Fuzzes a target for some seconds, from these folders on; what is found goes into the first.
pub(super) fn fuzz(
    program: &Path,
    target: &Target,
    folders: &[PathBuf],
    seconds: u64,
    board: &Board,
) -> Result<Outcome> {
    let mut command = fuzzer(program, target)?;
    command.arg(format!("-max_total_time={seconds}"));
    command.arg("-print_final_stats=1");
    command.args(folders);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let stderr = child.stderr.take().context("libFuzzer has an output")?;
    let mut said = Said::default();
    for line in BufReader::new(stderr).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        said.add(line);
        board.show(target.name, &said);
    }
    let status = child.wait()?;
    board.done();
    let failure = (!status.success()).then(|| said.failure());
    Ok(Outcome {
        target: target.name,
        executions: said.executions,
        seconds: seconds.max(1),
        features: said.features,
        edges: said.edges,
        corpus: said.corpus,
        failure,
    })
}

/// Runs one input through a target.
pub(super) fn replay(program: &Path, target: &Target, file: &Path) -> Result<()> {
    workspace::run(fuzzer(program, target)?.arg(file))
}

pub(super) fn fuzzer(program: &Path, target: &Target) -> Result<Command> {
    let crashes = output_folder().join("fuzz-crashes");
    fs::create_dir_all(&crashes)?;
    let mut command = Command::new(program);
    command.env("BOOP_FUZZ_TARGET", target.name);
    command.arg(format!("-max_len={}", target.bytes_max));
    command.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
    command.arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"));
    let prefix = format!("{}/{}-", crashes.display(), target.name);
    command.arg(format!("-artifact_prefix={prefix}"));
    let words = workspace::root().join("tests/fuzz/words");
    let words = words.join(format!("{}.dict", target.name));
    if words.is_file() {
        command.arg(format!("-dict={}", words.display()));
    }
    Ok(command)
}

/// What was read from libFuzzer's lines.
#[derive(Debug, Default)]
pub(super) struct Said {
    executions: u64,
    features: u64,
    edges: u64,
    corpus: u64,
    last: Vec<String>,
}

impl Said {
    /// Reads a line such as `#2048 pulse cov: 120 ft: 300 corp: 12/3Kb lim: 4 exec/s: 900`.
    fn add(&mut self, line: String) {
        if let Some(counted) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = counted.trim().parse().unwrap_or(self.executions);
        }
        if let Some(rest) = line.strip_prefix('#') {
            let mut words = rest.split_whitespace().peekable();
            let executions = words.peek().and_then(|word| word.parse().ok());
            self.executions = executions.unwrap_or(self.executions);
            while let Some(word) = words.next() {
                let place = match word {
                    "cov:" => &mut self.edges,
                    "ft:" => &mut self.features,
                    "corp:" => &mut self.corpus,
                    _ => continue,
                };
                let number = words.peek().and_then(|word| word.split('/').next());
                *place = number.and_then(|word| word.parse().ok()).unwrap_or(*place);
            }
        } else if !line.trim().is_empty() {
            self.last.push(line);
            if self.last.len() > LAST_LINES {
                self.last.remove(0);
            }
        }
    }

    /// Says where the input lies that stopped the target, or what was said last.
    fn failure(&self) -> String {
        let marker = "Test unit written to ";
        let mut lines = self.last.iter().rev();
        let written = lines.find_map(|line| line.split_once(marker));
        let panicked = self
            .last
            .iter()
            .position(|line| line.contains("panicked at"));
        let cause = panicked.map_or(&[][..], |at| &self.last[at..self.last.len().min(at + 2)]);
        match written {
            Some((_, file)) => format!("{file}\n  {}", cause.join("\n  ")),
            None => self.last.join("\n  "),
        }
    }
}

/// The line on a terminal that says how far the targets are.
#[derive(Debug)]
pub(super) struct Board {
    total: usize,
    seconds: u64,
    terminal: bool,
    done: Mutex<usize>,
}

impl Board {
    pub(super) fn new(total: usize, seconds: u64) -> Self {
        Self {
            total,
            seconds,
            terminal: io::stderr().is_terminal(),
            done: Mutex::new(0),
        }
    }

    fn show(&self, target: &str, said: &Said) {
        if self.terminal {
            let Said {
                executions, edges, ..
            } = said;
            let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            let (done, total, seconds) = (*done, self.total, self.seconds);
            write_line(&format!(
                "{done}/{total} targets, {seconds} s each … {target}: \
                 {executions} executions, {edges} edges"
            ));
        }
    }

    fn done(&self) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += 1;
    }

    pub(super) fn clear(&self) {
        if self.terminal {
            write_line("");
        }
    }
}

fn write_line(text: &str) {
    let mut stderr = io::stderr().lock();
    let written = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
    // Fuzzing goes on even where nobody can read how far it is.
    drop(written);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_last_line() {
        let mut said = Said::default();

        for line in [
            "#8\tINITED cov: 10 ft: 20 corp: 3/9b exec/s: 0 rss: 30Mb",
            "#4096\tpulse  cov: 12 ft: 25 corp: 4/19b lim: 4 exec/s: 2048 rss: 31Mb",
            "Done 5000 runs in 2 second(s)",
            "stat::number_of_executed_units: 5000",
        ] {
            said.add(line.to_owned());
        }

        let Said {
            executions,
            features,
            edges,
            corpus,
            ..
        } = said;
        assert_eq!((executions, features, edges, corpus), (5000, 25, 12, 4));
    }

    #[test]
    fn a_crash_is_told_by_its_input_and_its_message() {
        let mut said = Said::default();

        for line in [
            "#99\tNEW cov: 10 ft: 20 corp: 3/9b",
            "thread '<unnamed>' panicked at tests/fuzz/src/targets/eif.rs:9:5:",
            "a reader and its writer differ",
            "artifact_prefix='x-'; Test unit written to target/fuzz-crashes/eif-crash-1",
            "Base64: AA==",
        ] {
            said.add(line.to_owned());
        }

        assert_eq!(
            said.failure(),
            "target/fuzz-crashes/eif-crash-1\n  \
             thread '<unnamed>' panicked at tests/fuzz/src/targets/eif.rs:9:5:\n  \
             a reader and its writer differ"
        );
    }
}

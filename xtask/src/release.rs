//! Release builds of the programs of a network, with a line that says how far they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::progress::Progress;
use crate::workspace;

/// The packages whose programs make up a network on one machine.
const NETWORK: [&str; 7] = [
    "boop-tee",
    "boop-host",
    "boop-hsm",
    "boop-server",
    "boop-service",
    "boop-world",
    "boop-cli",
];

/// How often the line is looked at while cargo is silent.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Builds the programs of a network and gives the one that launches it.
///
/// # Errors
/// If something does not build.
pub fn world() -> Result<Command> {
    let programs = build(&NETWORK)?;
    let world = programs.get("boop-world");
    let world = world.context("package boop-world builds no program `boop-world`")?;
    Ok(Command::new(world))
}

/// Builds the benchmarks and gives the program that runs them.
///
/// # Errors
/// If something does not build.
pub fn bench() -> Result<Command> {
    bench_with(&[])
}

/// Builds the benchmarks and the programs of a network.
///
/// # Errors
/// If something does not build.
pub fn bench_of_network() -> Result<Command> {
    bench_with(&NETWORK)
}

fn bench_with(packages: &[&str]) -> Result<Command> {
    let programs = build(&[&["boop-bench"], packages].concat())?;
    let bench = programs.get("boop-bench");
    let bench = bench.context("package boop-bench builds no program `boop-bench`")?;
    Ok(Command::new(bench))
}

/// Gives this process over to another program; returns only if that fails.
///
/// # Errors
/// If the program cannot be started.
pub fn become_program(program: &mut Command) -> Result<()> {
    let error = program.exec();
    let name = program.get_program().to_string_lossy().into_owned();
    Err(error).with_context(|| format!("cannot start {name}"))
}

/// Builds the programs of the packages; gives where each of them lies.
fn build(packages: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let total = planned(packages)?;
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--bins", "--locked", "--quiet"]);
    command.arg("--message-format=json-render-diagnostics");
    for package in packages {
        command.args(["--package", package]);
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo build")?;
    let stdout = child.stdout.take().context("cargo build has an output")?;
    let built = follow(&lines_of(stdout), total)?;
    let status = child.wait()?;
    if !status.success() {
        bail!("cargo build --release failed: {status}");
    }
    Ok(built)
}

/// How many packages cargo plans to build.
fn planned(packages: &[&str]) -> Result<usize> {
    let mut command = workspace::cargo();
    command.args(["tree", "--edges", "normal,build", "--prefix", "none"]);
    command.args(["--no-dedupe", "--locked", "--target", workspace::TARGET]);
    for package in packages {
        command.args(["--package", package]);
    }
    let tree = workspace::output(&mut command)?;
    let packages: BTreeSet<&str> = tree.lines().filter(|line| !line.is_empty()).collect();
    Ok(packages.len())
}

/// Reads the lines on a thread of its own, so that time can be shown while none come.
fn lines_of(stdout: ChildStdout) -> Receiver<io::Result<String>> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person who waits is told for how long"
)]
fn follow(lines: &Receiver<io::Result<String>>, total: usize) -> Result<BTreeMap<String, PathBuf>> {
    let started = Instant::now();
    let mut progress = Progress::new(total);
    let mut built = Built::default();
    loop {
        progress.show(built.packages.len(), started.elapsed());
        match lines.recv_timeout(LOOK_EVERY) {
            Ok(line) => built.add(&serde_json::from_str(&line?)?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    progress.finish(built.packages.len(), started.elapsed());
    Ok(built.programs)
}

/// What cargo has said it built.
#[derive(Debug, Default)]
struct Built {
    packages: BTreeSet<String>,
    programs: BTreeMap<String, PathBuf>,
}

impl Built {
    fn add(&mut self, message: &Value) {
        if message["reason"] != "compiler-artifact" || is_build_script(message) {
            return;
        }
        if let Some(id) = message["package_id"].as_str() {
            self.packages.insert(id.to_owned());
        }
        let name = message["target"]["name"].as_str();
        if let (Some(name), Some(path)) = (name, message["executable"].as_str()) {
            self.programs.insert(name.to_owned(), PathBuf::from(path));
        }
    }
}

fn is_build_script(message: &Value) -> bool {
    let kinds = message["target"]["kind"].as_array();
    kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "custom-build"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_counts_once_and_not_by_its_build_script() {
        let mut built = Built::default();
        let artifact = |id: &str, kind: &str, executable: Option<&str>| {
            json!({
                "reason": "compiler-artifact", "package_id": id, "executable": executable,
                "target": { "kind": [kind], "name": "boop-world" },
            })
        };

        built.add(&artifact("a", "custom-build", Some("/a/build-script")));
        assert_eq!(built.packages.len(), 0);
        assert_eq!(built.programs.len(), 0);

        built.add(&artifact("a", "lib", None));
        built.add(&artifact("a", "bin", Some("/a/boop-world")));
        built.add(&json!({ "reason": "build-finished", "success": true }));
        assert_eq!(built.packages.len(), 1);
        assert_eq!(built.programs["boop-world"], PathBuf::from("/a/boop-world"));
    }

    #[test]
    fn the_plan_of_this_package_holds_it_and_what_it_needs() {
        let total = planned(&["boop-xtask"]).unwrap();

        assert!(total > 3, "{total}");
    }
}

//! `cargo xtask test`: all tests, in the order they need.
//!
//! Tests of whole processes start the programs of the workspace, so those are built first, in
//! the same profile and with the same features as the tests.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{vectors, workspace};

/// Builds the programs and runs every test.
///
/// # Errors
/// If something does not build, or a test fails.
pub fn run() -> Result<()> {
    let folder = vectors::folder();
    if folder.is_dir() {
        println!("vectors: {}", folder.display());
    } else {
        println!(
            "vectors: none in {}; tests on them pass unread",
            folder.display()
        );
    }
    workspace::run(cargo("build").args(["--workspace", "--bins"]))?;
    // A test follows docs/vendor.md, which runs it by itself, with the features of its package.
    workspace::run(cargo("build").args(["--package", "boop-sdk", "--example", "vendor"]))?;
    let documented = documented_packages()?;
    if !documented.is_empty() {
        let mut command = cargo("test");
        command.arg("--doc");
        for package in &documented {
            command.args(["--package", package]);
        }
        workspace::run(&mut command)?;
    }
    if has_nextest() {
        return workspace::run(workspace::cargo().args([
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ]));
    }
    println!("cargo-nextest is not installed: the tests run under cargo test");
    workspace::run(cargo("test").args([
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
    ]))
}

fn cargo(command: &str) -> Command {
    let mut cargo = workspace::cargo();
    cargo.args([command, "--locked"]);
    cargo
}

fn has_nextest() -> bool {
    let mut command = Command::new("cargo");
    command.args(["nextest", "--version"]);
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The packages whose comments hold an example that runs.
fn documented_packages() -> Result<Vec<String>> {
    let mut names = vec![];
    for package in workspace::packages()? {
        let sources = workspace::root().join(&package.folder).join("src");
        if sources.is_dir() && holds_example(&sources)? {
            names.push(package.name);
        }
    }
    Ok(names)
}

fn holds_example(folder: &Path) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = if path.is_dir() {
            holds_example(&path)?
        } else {
            path.extension().is_some_and(|end| end == "rs")
                && opens_example(&fs::read_to_string(&path)?)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a comment opens a block of Rust. A block of another language names it; the line that
/// closes a block looks like one that opens it, so they are counted in turns.
fn opens_example(text: &str) -> bool {
    let mut inside = false;
    for line in text.lines() {
        let line = line.trim_start();
        let comment = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        let Some(language) = comment.and_then(|text| text.trim().strip_prefix("```")) else {
            continue;
        };
        let rust = language.is_empty() || language.starts_with("rust");
        if !inside && (rust || language.starts_with("should_panic") || language == "no_run") {
            return true;
        }
        inside = !inside;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_rust_is_an_example_and_a_drawing_is_none() {
        let fence = "```";
        let example = format!("/// {fence}\n/// assert!(true);\n/// {fence}\n");
        let drawing = format!("//! {fence}text\n//! a --> b\n//! {fence}\n");

        assert!(opens_example(&example));
        assert!(opens_example(&format!("{drawing}{example}")));
        assert!(!opens_example(&drawing));
        assert!(!opens_example("let fence = \"```\";"));
    }
}

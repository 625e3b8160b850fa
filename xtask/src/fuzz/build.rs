//! The program that holds libFuzzer and all targets, built with coverage.

use std::path::PathBuf;

use anyhow::Result;

use crate::workspace;

/// What makes the stable compiler count edges and report comparisons, as libFuzzer reads them.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    // Counters of code that nothing calls would be scanned after every input.
    "-Ccodegen-units=1",
];

/// Builds the program and says where it lies.
pub(super) fn fuzzer() -> Result<PathBuf> {
    let folder = super::output_folder().join("fuzz");
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--locked"]);
    command.args(["--package", "boop-fuzz", "--bin", "boop-fuzzer"]);
    command.args(["--features", "libfuzzer"]);
    // With a target named, flags stay away from build scripts and procedural macros.
    command.args(["--target", workspace::TARGET]);
    command.arg("--target-dir").arg(&folder);
    command.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    command.env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    command.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    workspace::run(&mut command)?;
    let program = folder.join(workspace::TARGET).join("release/boop-fuzzer");
    Ok(program)
}

//! `cargo xtask`: see `cargo xtask help`.

use std::process::ExitCode;

use boop_xtask::{bench, check, demo, fuzz, prove, tcb, test, vectors};
use clap::Parser;

/// Developer commands of boop.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Builds and runs the whole network once: enrols people, pays, verifies, shows refusals.
    Demo(demo::Args),
    /// Runs all tests.
    Test,
    /// Holds every case of the vectors folder against our code.
    Vectors(vectors::Args),
    /// Tries to break the project's claims, each with a control that must succeed.
    Prove(prove::Args),
    /// Measures, each figure beside a stated reference in the same run.
    Bench(bench::Args),
    /// Feeds the parsers with inputs that a fuzzer makes.
    Fuzz(fuzz::Args),
    /// Compares enclave/TCB.md with what the measured binary links.
    Tcb(tcb::Args),
    /// Runs everything that CI runs.
    Check,
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Demo(args) => demo::run(&args),
        Command::Test => test::run(),
        Command::Vectors(args) => vectors::run(&args),
        Command::Prove(args) => prove::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Tcb(args) => tcb::run(&args),
        Command::Check => check::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! `cargo xtask fuzz`: feeds the parsers with inputs that a fuzzer makes.
//!
//! libFuzzer comes as source with the crate `libfuzzer-sys`, and coverage is switched on by flags
//! that the stable compiler has: a C++ compiler is all that is needed beside Rust. The committed
//! corpora are read and never written; what is found goes to `target/fuzz-corpus/`.

mod build;
mod corpus;
mod run;
mod target;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::workspace;
use run::{Board, Outcome};
use target::Target;

/// Arguments of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which target; all without a name.
    target: Option<String>,
    /// Seconds for each target.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// How many targets run at once; as many as there are processors without a number.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Writes the table to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Runs one input through the target and nothing else.
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Fuzzes from the committed corpus alone and adds to it what covers more.
    #[arg(long, requires = "target", conflicts_with = "input")]
    keep: bool,
}

/// Builds the targets and runs them.
///
/// # Errors
/// If the build fails, or a target crashes.
pub fn run(args: &Args) -> Result<()> {
    let targets = chosen(args.target.as_deref())?;
    let program = build::fuzzer()?;
    if let ([target], Some(file)) = (targets.as_slice(), &args.input) {
        return run::replay(&program, target, &std::path::absolute(file)?);
    }
    if let ([target], true) = (targets.as_slice(), args.keep) {
        return corpus::keep(&program, target, args.seconds);
    }
    let outcomes = run_all(&program, targets, args)?;
    print(&outcomes);
    if let Some(file) = &args.json {
        let table: Vec<_> = outcomes.iter().map(Outcome::to_json).collect();
        let table = json!({ "seconds_per_target": args.seconds, "targets": table });
        fs::write(file, serde_json::to_string_pretty(&table)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    conclude(&outcomes)
}

fn chosen(name: Option<&str>) -> Result<Vec<Target>> {
    let Some(name) = name else {
        return Ok(target::ALL.to_vec());
    };
    let found = target::ALL.iter().find(|target| target.name == name);
    let names = || target::ALL.map(|target| target.name).join(", ");
    let found = found.with_context(|| format!("no target `{name}`; there are: {}", names()))?;
    Ok(vec![*found])
}

/// Runs the targets, some at a time, in the order of the list.
fn run_all(program: &Path, targets: Vec<Target>, args: &Args) -> Result<Vec<Outcome>> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or(processors).clamp(1, targets.len());
    let board = Board::new(targets.len(), args.seconds);
    let waiting = Mutex::new(VecDeque::from(targets));
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    };
    let work = || {
        let mut outcomes = vec![];
        while let Some(target) = next() {
            let folders = corpus::of(&target)?;
            outcomes.push(run::fuzz(program, &target, &folders, args.seconds, &board)?);
        }
        Ok(outcomes)
    };
    let outcomes: Result<Vec<Vec<Outcome>>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(outcomes) => outcomes,
            Err(_) => bail!("a thread that ran targets panicked"),
        });
        joined.collect()
    });
    board.clear();
    let mut outcomes: Vec<Outcome> = outcomes?.into_iter().flatten().collect();
    outcomes.sort_by_key(|outcome| outcome.target);
    Ok(outcomes)
}

fn print(outcomes: &[Outcome]) {
    println!(
        "{:<18} {:>12} {:>8} {:>9} {:>7} {:>7} {:>8}",
        "target", "executions", "exec/s", "features", "edges", "corpus", "crashes"
    );
    for outcome in outcomes {
        println!(
            "{:<18} {:>12} {:>8} {:>9} {:>7} {:>7} {:>8}",
            outcome.target,
            outcome.executions,
            outcome.per_second(),
            outcome.features,
            outcome.edges,
            outcome.corpus,
            usize::from(outcome.failure.is_some()),
        );
    }
    let executions: u64 = outcomes.iter().map(|outcome| outcome.executions).sum();
    println!("{executions} executions in all");
}

fn conclude(outcomes: &[Outcome]) -> Result<()> {
    let failed: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| {
            let failure = outcome.failure.as_ref()?;
            Some(format!("{}: {failure}", outcome.target))
        })
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{}", failed.join("\n"))
}

fn output_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace::root().join("target"), PathBuf::from)
}

//! `boop measure`: what hardware will say about an image, from its parts, and why it says another.

pub mod arguments;
mod diff;
mod nitro;
mod snp;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use boop_measure::record::{Part, Record};

use crate::Answer;
use crate::console::Console;
use arguments::MeasureCommand;

/// Largest file that is measured, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Carries out a command about measurements.
///
/// # Errors
/// If a file cannot be read or written, or inputs do not go together.
pub fn run(command: &MeasureCommand, console: &Console) -> anyhow::Result<Answer> {
    match command {
        MeasureCommand::Snp(arguments) => snp::run(arguments, console),
        MeasureCommand::Nitro(arguments) => nitro::run(arguments, console),
        MeasureCommand::Diff(arguments) => diff::run(arguments, console),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    crate::verify::read_file(path, FILE_BYTES_MAX)
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a record if one is wanted.
fn keep(record: &Record, path: Option<&Path>) -> anyhow::Result<()> {
    path.map_or(Ok(()), |path| write(path, record.to_json()))
}

fn part(part: &Part) -> String {
    format!("{} bytes, sha256 {}", part.bytes, part.sha256)
}

//! Arguments of `boop palm accuracy`.

use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::{Args, value_parser};

const EXAMPLES: &str = "\
Examples:
  boop palm accuracy                                   60 palms, 4 captures of each
  boop palm accuracy --identities 700 --svg pictures --json accuracy.json
  boop palm accuracy --images captures                 files named palm-capture.png

Every capture is compared with every other by the integer rule of the parties. Printed are equal
error rate, false non-match rates at fixed false match rates, and both rates at distances from 0.25
to 0.45, at 1, 15 and 31 alignments, with Wilson intervals. Drawn palms tell nothing about real
people. The program boop-world must lie beside boop.

Exit code: 0 measured, 2 usage or unreadable input.";

/// Arguments of `boop palm accuracy`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AccuracyArguments {
    /// Where the drawing starts; the same seed draws the same people
    #[arg(long, value_name = "N", default_value_t = 2026)]
    pub seed: u64,
    /// How many palms to draw
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = palms())]
    pub identities: u32,
    /// How many captures to draw of each
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = visits())]
    pub captures: u32,
    /// Folder of captures to read in place of drawn ones
    #[arg(long, value_name = "DIR", conflicts_with_all = ["seed", "identities", "captures"])]
    pub images: Option<PathBuf>,
    /// Write the figures to a file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write error curve and histograms to a folder as SVG
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
}

/// How many palms can be drawn.
fn palms() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(2..=10_000)
}

/// How many captures of each can be drawn.
fn visits() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(2..=100)
}

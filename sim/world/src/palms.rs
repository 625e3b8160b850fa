//! `boop palm`: pictures of palms that nobody has, and how well they are told apart.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::palm::accuracy::{Figures, Population, Report, pictures};
use crate::palm::{Person, Side};

/// What the accuracy of palms is measured on, and where the outcome goes.
#[derive(Debug, Clone)]
pub struct AccuracyOptions {
    /// The captures.
    pub captures: Captures,
    /// Where the figures are written as JSON.
    pub json: Option<PathBuf>,
    /// Folder for the pictures.
    pub svg: Option<PathBuf>,
}

/// Captures of palms.
#[derive(Debug, Clone)]
pub enum Captures {
    /// Of people who do not exist.
    Drawn {
        /// What the people follow from.
        seed: u64,
        /// How many palms.
        identities: u32,
        /// How many captures of each.
        captures: u32,
    },
    /// Images of a folder.
    Read(PathBuf),
}

/// Writes `captures` pictures of each of `people` palms to `out`.
///
/// # Errors
/// If a file cannot be written.
pub fn generate(seed: u64, out: &Path, people: u64, captures: u64) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)?;
    for index in 0..people {
        for (side, name) in [(Side::Left, "left"), (Side::Right, "right")] {
            let person = Person::new(seed, index, side);
            for capture in 0..captures {
                let file = out.join(format!("person-{index}-{name}-{capture}.png"));
                std::fs::write(&file, person.capture(capture).to_png())?;
                println!("{}", file.display());
            }
        }
    }
    Ok(())
}

/// Compares captures of many palms, and prints and writes how well they are told apart.
///
/// # Errors
/// If captures cannot be read or an outcome cannot be written.
pub fn accuracy(options: &AccuracyOptions) -> anyhow::Result<()> {
    // What cannot be written is told before the work, not after it.
    if let Some(folder) = &options.svg {
        let made = std::fs::create_dir_all(folder);
        made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    if let Some(file) = &options.json {
        let made = std::fs::File::create(file);
        made.with_context(|| format!("cannot write {}", file.display()))?;
    }
    let population = match &options.captures {
        Captures::Drawn {
            seed,
            identities,
            captures,
        } => {
            let bar = progress(u64::from(*identities), "drawing palms");
            let (palms, each) = (u64::from(*identities), u64::from(*captures));
            let population = Population::drawn(*seed, palms, each, &|| bar.inc(1));
            bar.finish_and_clear();
            population
        }
        Captures::Read(folder) => Population::read(folder, &|| {})?,
    };
    let bar = progress(population.captures() as u64, "comparing");
    let figures = Figures::of(&population, &|| bar.inc(1));
    bar.finish_and_clear();
    let report = Report::new(&population, &figures);
    print!("{report}");
    if let Some(file) = &options.json {
        report.write_json(file)?;
    }
    if let Some(folder) = &options.svg {
        for (name, text) in pictures(&report, &figures) {
            let file = folder.join(name);
            let written = std::fs::write(&file, text);
            written.with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

/// Returns a progress bar that draws on a terminal alone.
fn progress(length: u64, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length).with_message(what);
    let style = ProgressStyle::with_template("{msg:<14} {bar:40} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

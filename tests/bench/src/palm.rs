//! The scanner's work on a capture, part by part, and comparison in the clear.
//!
//! - An extraction stands beside the time it may take, and each of its parts beside the whole.
//! - The filters stand beside the same sums taken tap by tap in plain loops.
//! - A comparison at all alignments stands beside the bare count of as many differing bits.
//!
//! What the match rule makes of the large population is printed above the table.

use std::hint::black_box;

use anyhow::{Context, Result};
use boop_palm::{Extraction, Image, Query, Stage, Stored, extract, extract_in_stages};
use boop_world::palm::accuracy::{Figures, Population, Report};
use boop_world::palm::{Person, Side};

use crate::rounds::{Comparison, Effort, compare, median, micros, spent};
use crate::table::{Goal, Row, Table};

const SEED: u64 = 2026;
/// Microseconds that an extraction may take on one core.
const EXTRACTION_US: f64 = 50_000.0;
/// Captures whose extraction is timed, and how often.
const CAPTURES: u64 = 24;
const PASSES: usize = 21;
const PASSES_QUICK: usize = 3;
/// Palms that are compared all with all, and captures of each.
const POPULATION: (u64, u64) = (700, 4);
const POPULATION_QUICK: (u64, u64) = (60, 4);
/// Sizes of the filters: cells of a rotation, pixels between them, taps to each side, and so on.
const ROTATIONS: usize = 3;
const GRID: usize = 40;
const PITCH: usize = 4;
const FIRST: usize = 34;
const REACH: usize = 28;
const FILTERS: usize = 8;
const SIDE: usize = 224;
/// Words of a template, code and mask.
const WORDS: usize = 225;
const ALIGNMENTS: usize = 31;

/// Runs the benchmark.
///
/// # Errors
/// If no drawn capture shows a palm.
pub fn run(effort: Effort) -> Result<Table> {
    let quick = effort == Effort::QUICK;
    let (palms, each) = if quick { POPULATION_QUICK } else { POPULATION };
    let population = Population::drawn(SEED, palms, each, &|| {});
    let figures = Figures::of(&population, &|| {});
    println!("{}", Report::new(&population, &figures));
    let captures: Vec<Image> = (0..CAPTURES)
        .map(|index| Person::new(SEED, index, Side::Right).capture(0))
        .collect();
    let mut rows = extraction(&captures, if quick { PASSES_QUICK } else { PASSES })?;
    rows.push(comparison(&captures, effort)?);
    Ok(Table {
        name: "palm",
        subject: format!("{CAPTURES} drawn captures of 400x400 pixels, three rotations each"),
        effort,
        rows,
    })
}

/// Times extractions, their parts, and the plain filters in turn.
fn extraction(captures: &[Image], passes: usize) -> Result<Vec<Row>> {
    let mut parts: Vec<Vec<f64>> = vec![Vec::new(); Stage::ALL.len()];
    let (mut whole, mut plain) = (Vec::new(), Vec::new());
    let planes = Planes::new();
    for _ in 0..passes {
        for capture in captures {
            let mut times = Vec::with_capacity(Stage::ALL.len());
            let start = spent();
            let mut last = start;
            let extraction = extract_in_stages(black_box(capture), |_| {
                let now = spent();
                times.push(micros(now.saturating_sub(last)));
                last = now;
            });
            // A capture without a palm ends early and is not timed.
            if black_box(extraction).is_ok() {
                whole.push(micros(last.saturating_sub(start)));
                for (part, time) in parts.iter_mut().zip(times) {
                    part.push(time);
                }
            }
        }
        let start = spent();
        for _ in 0..ROTATIONS {
            black_box(black_box(&planes).respond());
        }
        plain.push(micros(spent().saturating_sub(start)));
    }
    anyhow::ensure!(!whole.is_empty(), "no drawn capture shows a palm");
    let whole = median(whole);
    let parts: Vec<f64> = parts.into_iter().map(median).collect();
    let filters = parts[Stage::Filters as usize];
    let mut rows = vec![
        row(
            "extraction",
            "50 ms, the goal",
            whole,
            EXTRACTION_US,
            Goal::AtMost(1.0),
        ),
        row(
            "filters-folded",
            "the same sums in plain loops",
            filters,
            median(plain),
            Goal::None,
        ),
    ];
    let each = Stage::ALL.iter().zip(parts);
    rows.extend(each.map(|(stage, time)| {
        let id = format!("part-{stage:?}").to_lowercase();
        row(&id, "the whole extraction", time, whole, Goal::None)
    }));
    Ok(rows)
}

/// Compares two palms at every alignment.
fn comparison(captures: &[Image], effort: Effort) -> Result<Row> {
    let palms: Vec<Extraction> = captures.iter().flat_map(extract).take(2).collect();
    let [first, second] = palms.as_slice() else {
        anyhow::bail!("no two drawn captures show a palm");
    };
    let stored = Stored::new(first.encodings.0.first().context("a rotation")?);
    let query = Query::new(&second.encodings);
    let words = |seed: u64| -> [u64; WORDS] {
        core::array::from_fn(|word| seed.wrapping_mul(word as u64 + 1))
    };
    let (one, other) = (words(0x9e37_79b9_7f4a_7c15), words(0xbf58_476d_1ce4_e5b9));
    let measured = || {
        black_box(black_box(&query).agreements(black_box(&stored)));
    };
    let reference = || {
        for _ in 0..ALIGNMENTS {
            let pairs = black_box(&one).iter().zip(black_box(&other));
            let ones: u32 = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
            black_box(ones);
        }
    };
    Ok(Row {
        id: "comparison-31-alignments".to_owned(),
        unit: "us",
        against: "bare count of 31 x 14,400 bits".to_owned(),
        comparison: compare(effort, measured, reference),
        goal: Goal::None,
    })
}

fn row(id: &str, against: &str, measured_us: f64, reference_us: f64, goal: Goal) -> Row {
    Row {
        id: id.to_owned(),
        unit: "us",
        against: against.to_owned(),
        comparison: Comparison {
            measured_us,
            reference_us,
            ratio: measured_us / reference_us,
        },
        goal,
    }
}

/// A plane and filters of the sizes of the real ones; plain sums take the same time on any values.
struct Planes {
    pixels: Vec<f32>,
    filters: Vec<[f32; FILTERS]>,
}

impl Planes {
    fn new() -> Self {
        let taps = (2 * REACH + 1) * (2 * REACH + 1);
        let value = |index: usize| (index % 31) as f32 / 31.0 - 0.5;
        Self {
            pixels: (0..SIDE * SIDE).map(value).collect(),
            filters: (0..taps)
                .map(|tap| core::array::from_fn(|filter| value(7 * tap + filter)))
                .collect(),
        }
    }

    /// Sums every tap of every filter at every cell.
    fn respond(&self) -> Vec<[f32; FILTERS]> {
        let cell = |cell: usize| {
            let mut sums = [0.0; FILTERS];
            let left = FIRST + PITCH * (cell % GRID) - REACH;
            let top = FIRST + PITCH * (cell / GRID) - REACH;
            for (row, filters) in self.filters.chunks_exact(2 * REACH + 1).enumerate() {
                let pixels = &self.pixels[(top + row) * SIDE + left..];
                for (pixel, weights) in pixels.iter().zip(filters) {
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += weight * pixel;
                    }
                }
            }
            sums
        };
        (0..GRID * GRID).map(cell).collect()
    }
}

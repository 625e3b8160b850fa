//! The dot products of one party, beside what the processor and a compiler can do.

use std::hint::black_box;

use boop_kernel::{Base, LANES, Rows, Shift, Tile};
use boop_mpc::Kernel;
use boop_wire::template::{ALIGNMENT_COUNT, CELLS, CODE_BITS, alignments};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{SEED, row};
use crate::rounds::{Comparison, Effort, compare};
use crate::table::{Goal, Row};

/// The kernel's share of the multiply-add peak that is aimed at, as time over the peak's time.
const KERNEL_GOAL: Goal = Goal::AtMost(1.0 / 0.9);
/// Templates that are enough to leave the caches of a core.
const TEMPLATES: usize = 512;

/// The rows of the benchmark about the kernel.
pub(super) fn rows(kernel: Kernel, effort: Effort) -> Vec<Row> {
    let tiles = tiles();
    let (shifts, apart) = (
        Scoring::shifts(&tiles),
        Scoring::apart(&tiles, ALIGNMENT_COUNT),
    );
    let defined = apart.rows.products();
    let [of_shifts, of_apart] = [
        "a template; the multiply-adds of the definition alone, on registers",
        "a template, rows that are no shifts; their multiply-adds alone, on registers",
    ];
    let made = "a template; the multiply-adds it makes alone, on registers";
    let goal = KERNEL_GOAL;
    vec![
        beside_peak(
            kernel,
            effort,
            &shifts,
            defined,
            ("kernel-31", of_shifts, goal),
        ),
        beside_peak(
            kernel,
            effort,
            &shifts,
            shifts.rows.products(),
            ("kernel-31-made", made, Goal::None),
        ),
        beside_peak(
            kernel,
            effort,
            &apart,
            defined,
            ("kernel-31-rows", of_apart, goal),
        ),
        beside_rows(kernel, effort, &shifts, &apart),
        one_alignment(kernel, effort, &tiles),
        beside_plain_loop(kernel, effort, &shifts),
    ]
}

/// All alignments beside so many multiply-adds for a template, of code values and of cells. One
/// of cells takes the place of two of code values.
fn beside_peak(
    kernel: Kernel,
    effort: Effort,
    scoring: &Scoring<'_>,
    [code, cells]: [usize; 2],
    (id, against, goal): (&str, &str, Goal),
) -> Row {
    let products = (code + 2 * cells) * TEMPLATES;
    let (each, _) = kernel.multiply_add_peak(1);
    let rounds = u32::try_from(products as u64 / each.max(1)).unwrap_or(u32::MAX);
    let compared = compare(
        effort,
        || {
            black_box(scoring.run(kernel));
        },
        || {
            black_box(kernel.multiply_add_peak(black_box(rounds)));
        },
    );
    row(id, "us", against, per_template(compared), goal)
}

/// All alignments, as shifts beside rows that have nothing to do with each other.
fn beside_rows(kernel: Kernel, effort: Effort, shifts: &Scoring<'_>, apart: &Scoring<'_>) -> Row {
    let compared = compare(
        effort,
        || {
            black_box(shifts.run(kernel));
        },
        || {
            black_box(apart.run(kernel));
        },
    );
    let against = "a template; as many rows that are no shifts";
    row(
        "kernel-31-shifts",
        "us",
        against,
        per_template(compared),
        Goal::None,
    )
}

/// One alignment, which waits for memory, beside a sum over as many bytes.
fn one_alignment(kernel: Kernel, effort: Effort, tiles: &[Tile]) -> Row {
    let scoring = Scoring::apart(tiles, 1);
    let words = vec![1_u64; TEMPLATES * (2 * CODE_BITS + 4 * CELLS) / 8];
    let compared = compare(
        effort,
        || {
            black_box(scoring.run(kernel));
        },
        || {
            let words = black_box(&words).iter();
            black_box(words.fold(0_u64, |sum, word| sum.wrapping_add(*word)));
        },
    );
    let against = "a template; the sum of as many bytes, read once";
    row(
        "kernel-1",
        "us",
        against,
        per_template(compared),
        Goal::None,
    )
}

/// The peer's products by a plain loop, compiled for the kernel's vector unit, beside the kernel.
fn beside_plain_loop(kernel: Kernel, effort: Effort, scoring: &Scoring<'_>) -> Row {
    let peer = PlainLoop::random();
    let compared = compare(
        effort,
        || {
            black_box(peer.run(kernel));
        },
        || {
            black_box(scoring.run(kernel));
        },
    );
    let ratio = TEMPLATES as f64 / PlainLoop::TEMPLATES as f64;
    let compared = Comparison {
        measured_us: compared.measured_us / PlainLoop::TEMPLATES as f64,
        reference_us: compared.reference_us / TEMPLATES as f64,
        ratio: compared.ratio * ratio,
    };
    let against = "a template: 12,800 + 6,400 products at 31 rotations; kernel-31";
    row("plain-loop-31", "us", against, compared, Goal::None)
}

fn per_template(compared: Comparison) -> Comparison {
    let templates = TEMPLATES as f64;
    Comparison {
        measured_us: compared.measured_us / templates,
        reference_us: compared.reference_us / templates,
        ratio: compared.ratio,
    }
}

/// One party's dot products.
struct Scoring<'a> {
    rows: Rows,
    tiles: &'a [Tile],
}

impl<'a> Scoring<'a> {
    /// Draws the rotations of a query, of which the alignments are shifts.
    fn shifts(tiles: &'a [Tile]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + 1);
        let drawn: [_; 9] = core::array::from_fn(|_| values(&mut rng));
        let bases = core::array::from_fn(|rotation| Base {
            code: &drawn[rotation].0,
            cells: core::array::from_fn(|dx| &drawn[3 * rotation + dx].1[..]),
        });
        let shifts = alignments().map(|alignment| Shift {
            base: alignment.rotation,
            dy: alignment.dy,
            dx: alignment.dx,
        });
        let rows = Rows::shifts(&bases, &shifts);
        Self { rows, tiles }
    }

    /// Draws the rows of so many alignments as if they had nothing to do with each other.
    fn apart(tiles: &'a [Tile], alignments: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + 1);
        let rows: Vec<_> = (0..alignments).map(|_| values(&mut rng)).collect();
        let rows = rows.iter().map(|(code, cells)| (&code[..], &cells[..]));
        let rows = Rows::new(rows);
        Self { rows, tiles }
    }

    fn run(&self, kernel: Kernel) -> Vec<u32> {
        let stride = self.tiles.len() * LANES;
        let mut scores = vec![0; self.rows.count() * stride];
        let tiles: Vec<_> = self.tiles.iter().collect();
        kernel.scores(&self.rows, &tiles, &mut scores, stride);
        scores
    }
}

/// Dot products in the peer's shape: the rows of a code and of a mask, at every rotation, each
/// a plain loop; a row of the query at all rotations stays in the cache for many templates.
struct PlainLoop {
    query: Vec<u16>,
    templates: Vec<u16>,
}

impl PlainLoop {
    const ROW: usize = 800;
    const ROWS: usize = (12_800 + 6_400) / Self::ROW;
    const ROTATIONS: usize = 31;
    const TEMPLATES: usize = 128;

    fn random() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + 2);
        let mut values = |count| (0..count).map(|_| low(rng.next_u32())).collect();
        Self {
            query: values(Self::ROWS * Self::ROTATIONS * Self::ROW),
            templates: values(Self::ROWS * Self::TEMPLATES * Self::ROW),
        }
    }

    fn run(&self, kernel: Kernel) -> Vec<u16> {
        let mut sums = vec![0_u16; Self::TEMPLATES * Self::ROTATIONS];
        let query = self.query.chunks_exact(Self::ROTATIONS * Self::ROW);
        let templates = self.templates.chunks_exact(Self::TEMPLATES * Self::ROW);
        for (query, templates) in query.zip(templates) {
            let templates = templates.chunks_exact(Self::ROW);
            for (template, sums) in templates.zip(sums.chunks_exact_mut(Self::ROTATIONS)) {
                for (row, sum) in query.chunks_exact(Self::ROW).zip(sums) {
                    *sum = sum.wrapping_add(kernel.plain_product(row, template));
                }
            }
        }
        sums
    }
}

/// Draws templates, up to whole tiles.
fn tiles() -> Vec<Tile> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED + 3);
    let tiles = (0..TEMPLATES.div_ceil(LANES)).map(|_| {
        let mut tile = Tile::new();
        for lane in 0..LANES {
            let (code, cells) = values(&mut rng);
            tile.set(lane, &code, &cells);
        }
        tile
    });
    tiles.collect()
}

fn values(rng: &mut ChaCha8Rng) -> (Vec<u16>, Vec<u32>) {
    let code = (0..CODE_BITS).map(|_| low(rng.next_u32())).collect();
    (code, (0..CELLS).map(|_| rng.next_u32()).collect())
}

fn low(value: u32) -> u16 {
    let [a, b, ..] = value.to_le_bytes();
    u16::from_le_bytes([a, b])
}

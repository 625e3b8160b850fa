//! Two things measured in turn, in one loop, so that whatever disturbs the machine hits both.
//!
//! The clock counts what this thread spends on a core; time that it waits for one does not count.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Pairs of batches, after which medians are taken.
    pub rounds: usize,
    /// The least time of a batch.
    pub batch: Duration,
}

impl Effort {
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        rounds: 301,
        batch: Duration::from_millis(4),
    };
    /// Enough to see whether something is far off.
    pub const QUICK: Self = Self {
        rounds: 41,
        batch: Duration::from_millis(2),
    };
}

/// Medians over all rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Microseconds of what is measured, each time it runs.
    pub measured_us: f64,
    /// Microseconds of the reference, each time it runs.
    pub reference_us: f64,
    /// Median of the rounds' own ratios.
    pub ratio: f64,
}

/// Measures `measured` beside `reference`.
pub fn compare(
    effort: Effort,
    mut measured: impl FnMut(),
    mut reference: impl FnMut(),
) -> Comparison {
    let measured_runs = runs_of(effort.batch, &mut measured);
    let reference_runs = runs_of(effort.batch, &mut reference);
    let (mut first, mut second, mut ratios) = (vec![], vec![], vec![]);
    for round in 0..effort.rounds {
        // Who comes first changes, so that neither profits from the other's warm caches.
        let (own, other) = if round % 2 == 0 {
            let own = batch(measured_runs, &mut measured);
            (own, batch(reference_runs, &mut reference))
        } else {
            let other = batch(reference_runs, &mut reference);
            (batch(measured_runs, &mut measured), other)
        };
        first.push(own);
        second.push(other);
        ratios.push(own / other);
    }
    Comparison {
        measured_us: median(first),
        reference_us: median(second),
        ratio: median(ratios),
    }
}

/// How many runs fill a batch.
fn runs_of(least: Duration, work: &mut impl FnMut()) -> u32 {
    let mut runs = 1;
    while f64::from(runs) * batch(runs, work) < micros(least) {
        runs *= 2;
    }
    runs
}

/// Microseconds of one run, as a mean over a batch.
fn batch(runs: u32, work: &mut impl FnMut()) -> f64 {
    let start = spent();
    for _ in 0..runs {
        work();
    }
    micros(spent().saturating_sub(start)) / f64::from(runs)
}

/// What this thread has spent on a core so far.
pub(crate) fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The time on the wall, for what waits or works on several cores.
pub(crate) fn wall() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::try_from(time).unwrap_or_default()
}

/// Microseconds of a duration.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The value in the middle; `NaN` without one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn twice_the_work_has_about_twice_the_time() {
        let work = |amount: u64| {
            move || {
                let mut state = 1_u64;
                for step in 0..amount {
                    state = black_box(state.wrapping_mul(6_364_136_223_846_793_005) ^ step);
                }
                black_box(state);
            }
        };

        let compared = compare(Effort::QUICK, work(20_000), work(10_000));

        let ratio = compared.ratio;
        assert!((1.6..2.4).contains(&ratio), "{ratio}");
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}

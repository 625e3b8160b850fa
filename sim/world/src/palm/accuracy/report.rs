//! Error rates from scores.

use std::fs;
use std::path::Path;

use anyhow::Context;
use boop_palm::ACCEPT;
use serde_json::{Value, json};

use super::LIMITS;
use super::compare::{Alignments, Figures, Kind};
use super::population::Population;
use super::rates::Rate;
use super::scores::{Pair, Scores, distance_of, threshold_of};

/// False match rates for which the false non-match rate is told.
const FMR_TARGETS: [f64; 4] = [1e-2, 1e-3, 1e-4, 1e-5];
/// Thresholds of the table, in thousandths of distance.
const PERMILLE: core::ops::RangeInclusive<u16> = 250..=450;
const PERMILLE_STEP: usize = 5;

/// Everything that is told about a population.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where the captures come from.
    pub origin: String,
    /// Palms in the population.
    pub palms: usize,
    /// Captures without a palm on them, of all.
    pub without_palm: Rate,
    /// Captures accepted by their quality, of all.
    pub accepted: Rate,
    /// Enrolments that were not refused, of all tried.
    pub enrolled: Rate,
    /// Error rates, by [`Kind`] and then by [`Alignments`].
    pub results: Vec<Results>,
}

/// Error rates of one kind of comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// What was compared.
    pub kind: Kind,
    /// At how many placements.
    pub alignments: Alignments,
    /// Distances of the same palm.
    pub genuine: Moments,
    /// Distances of different palms.
    pub impostor: Moments,
    /// Where both error rates are nearest to each other; `None` without scores of both kinds.
    pub equal: Option<Row>,
    /// For each target, the largest distance at which the false match rate is not above it;
    /// `None` with too few comparisons to tell.
    pub at_fmr: Vec<(f64, Option<Row>)>,
    /// Error rates of the integer rule at fixed distances.
    pub rows: Vec<Row>,
}

/// Number, mean and deviation of distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Comparisons.
    pub count: u64,
    /// Mean distance.
    pub mean: f64,
    /// Standard deviation of the distance.
    pub deviation: f64,
}

/// Error rates at a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Distance below which the rule matches.
    pub distance: f64,
    /// Numerator of the rule.
    pub threshold: i32,
    /// False matches.
    pub fmr: Rate,
    /// False non-matches.
    pub fnmr: Rate,
}

impl Report {
    /// Computes the error rates.
    pub fn new(population: &Population, figures: &Figures) -> Self {
        let captures = population.palms.iter().flat_map(|palm| &palm.captures);
        let without = captures.filter(|capture| capture.is_err()).count();
        let accepted = population.palms.iter().map(|palm| palm.accepted().count());
        let trials = population.captures() as u64;
        let sets = Kind::ALL
            .into_iter()
            .flat_map(|kind| Alignments::ALL.map(|alignments| (kind, alignments)));
        let results = sets.map(|(kind, alignments)| {
            let pair = figures.pair(kind, alignments);
            Results::new(kind, alignments, pair)
        });
        Self {
            origin: population.origin.clone(),
            palms: population.palms.len(),
            without_palm: Rate {
                hits: without as u64,
                trials,
            },
            accepted: Rate {
                hits: accepted.sum::<usize>() as u64,
                trials,
            },
            enrolled: Rate {
                hits: figures.enrolled,
                trials: figures.enrolments,
            },
            results: results.collect(),
        }
    }

    /// Gives the report as programs read it.
    pub fn to_json(&self) -> Value {
        let results: Vec<Value> = self.results.iter().map(Results::to_json).collect();
        json!({
            "name": "palm-accuracy",
            "origin": self.origin,
            "palms": self.palms,
            "captures": self.accepted.trials,
            "failure_to_acquire": self.without_palm.to_json(),
            "accepted": self.accepted.to_json(),
            "accepted_from": ACCEPT,
            "enrolled": self.enrolled.to_json(),
            "interval": "Wilson, 95 %, as if comparisons were independent",
            "results": results,
            "limits": LIMITS,
        })
    }

    /// Writes the report to a file as JSON.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_json(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&self.to_json())? + "\n";
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

impl Results {
    fn new(kind: Kind, alignments: Alignments, pair: &Pair) -> Self {
        let known = pair.genuine.count() > 0 && pair.impostor.count() > 0;
        let row_at = |permille: u16| row(pair, threshold_of(f64::from(permille) / 1_000.0));
        Self {
            kind,
            alignments,
            genuine: Moments::of(&pair.genuine),
            impostor: Moments::of(&pair.impostor),
            equal: known.then(|| row(pair, equal_threshold(pair))),
            at_fmr: FMR_TARGETS
                .map(|target| (target, at_fmr(pair, target)))
                .to_vec(),
            rows: PERMILLE.step_by(PERMILLE_STEP).map(row_at).collect(),
        }
    }

    /// Returns how many deviations lie between the means.
    pub fn d_prime(&self) -> f64 {
        let variance = |moments: &Moments| moments.deviation * moments.deviation;
        let spread = f64::midpoint(variance(&self.genuine), variance(&self.impostor));
        (self.impostor.mean - self.genuine.mean) / spread.sqrt()
    }

    fn to_json(&self) -> Value {
        let at_fmr = self
            .at_fmr
            .iter()
            .map(|(target, row)| json!({ "target": target, "at": row.map(Row::to_json) }));
        let d_prime = self.d_prime();
        json!({
            "kind": self.kind.id(),
            "alignments": self.alignments.count(),
            "genuine": self.genuine.to_json(),
            "impostor": self.impostor.to_json(),
            "d_prime": d_prime.is_finite().then_some(d_prime),
            "eer": self.equal.map(|row| json!({ "rate": row.equal(), "at": row.to_json() })),
            "fnmr_at_fmr": at_fmr.collect::<Vec<Value>>(),
            "rows": self.rows.iter().copied().map(Row::to_json).collect::<Vec<Value>>(),
        })
    }
}

impl Moments {
    fn of(scores: &Scores) -> Self {
        Self {
            count: scores.count(),
            mean: scores.mean(),
            deviation: scores.deviation(),
        }
    }

    fn to_json(self) -> Value {
        json!({ "count": self.count, "mean": self.mean, "deviation": self.deviation })
    }
}

impl Row {
    /// Returns the mean of both error rates.
    pub fn equal(self) -> f64 {
        f64::midpoint(self.fmr.value(), self.fnmr.value())
    }

    fn to_json(self) -> Value {
        json!({
            "distance": self.distance,
            "numerator": self.threshold,
            "fmr": self.fmr.to_json(),
            "fnmr": self.fnmr.to_json(),
        })
    }
}

fn row(pair: &Pair, threshold: i32) -> Row {
    let Pair { genuine, impostor } = pair;
    Row {
        distance: distance_of(threshold),
        threshold,
        fmr: Rate {
            hits: impostor.matches_at(threshold),
            trials: impostor.count(),
        },
        fnmr: Rate {
            hits: genuine.count() - genuine.matches_at(threshold),
            trials: genuine.count(),
        },
    }
}

/// Returns the threshold at which both error rates are nearest to each other.
fn equal_threshold(pair: &Pair) -> i32 {
    let both = pair.genuine.descending().zip(pair.impostor.descending());
    let gaps = both.map(|((threshold, genuine), (_, impostor))| {
        let missed = 1.0 - genuine as f64 / pair.genuine.count() as f64;
        let passed = impostor as f64 / pair.impostor.count() as f64;
        (threshold, (missed - passed).abs())
    });
    let nearest = gaps.min_by(|a, b| a.1.total_cmp(&b.1));
    nearest.map_or(0, |(threshold, _)| threshold)
}

/// Returns the row of the largest distance whose false match rate is at most `target`.
fn at_fmr(pair: &Pair, target: f64) -> Option<Row> {
    let allowed = target * pair.impostor.count() as f64;
    if allowed < 1.0 || pair.genuine.count() == 0 {
        return None;
    }
    let strict = pair.impostor.descending();
    let last = strict
        .take_while(|(_, matches)| *matches as f64 <= allowed)
        .last();
    last.map(|(threshold, _)| row(pair, threshold))
}

#[cfg(test)]
mod tests {
    use boop_palm::Agreement;

    use super::*;

    #[test]
    fn rates_are_counted_at_the_threshold() {
        let results = results(&[0.2, 0.3, 0.4], &[0.38, 0.45, 0.46, 0.47]);

        let at = |distance: f64| {
            let row = results
                .rows
                .iter()
                .find(|row| (row.distance - distance).abs() < 1e-4);
            let row = row.unwrap();
            (row.fmr.hits, row.fnmr.hits)
        };
        assert_eq!(at(0.250), (0, 2));
        assert_eq!(at(0.350), (0, 1));
        assert_eq!(at(0.390), (1, 1));
        assert_eq!(at(0.405), (1, 0));
        assert_eq!(results.rows.len(), 41);
    }

    #[test]
    fn separate_scores_have_no_equal_error() {
        let results = results(&[0.2, 0.3], &[0.44, 0.45]);

        assert!(results.equal.unwrap().equal() == 0.0);
        assert!(results.d_prime() > 3.0);
    }

    #[test]
    fn overlapping_scores_meet_where_errors_are_equal() {
        let results = results(&[0.2, 0.25, 0.3, 0.42], &[0.41, 0.45, 0.46, 0.47]);

        let equal = results.equal.unwrap();
        assert_eq!((equal.fmr.hits, equal.fnmr.hits), (1, 1));
        assert!((equal.equal() - 0.25).abs() < 1e-12);
    }

    #[test]
    fn a_rate_that_too_few_comparisons_carry_is_not_told() {
        let impostor: Vec<f64> = (0..150).map(|i| 0.42 + 0.0002 * f64::from(i)).collect();
        let results = results(&[0.2, 0.421], &impostor);

        let (target, row) = results.at_fmr[0];
        let row = row.unwrap();
        assert_eq!((target, row.fmr.hits, row.fnmr.hits), (1e-2, 1, 1));
        assert!(results.at_fmr[1..].iter().all(|(_, row)| row.is_none()));
    }

    #[test]
    fn a_population_without_genuine_pairs_has_no_rates() {
        let results = results(&[], &[0.45]);

        assert_eq!(results.equal, None);
        assert!(results.at_fmr.iter().all(|(_, row)| row.is_none()));
        assert_eq!(results.to_json()["eer"], Value::Null);
    }

    fn results(genuine: &[f64], impostor: &[f64]) -> Results {
        let scores = |distances: &[f64]| {
            let mut scores = Scores::default();
            for distance in distances {
                let dot = threshold_of(*distance) / 8;
                scores.add(&Agreement { dot, valid: 8_192 });
            }
            scores
        };
        let pair = Pair {
            genuine: scores(genuine),
            impostor: scores(impostor),
        };
        Results::new(Kind::Accepted, Alignments::ThirtyOne, &pair)
    }
}

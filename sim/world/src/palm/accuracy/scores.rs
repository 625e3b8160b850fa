//! Scores of many comparisons, as counts by the highest threshold that still matches.

use boop_palm::Agreement;

/// Threshold numerators from -65536 to 65535, and one place before for what never matches.
const NUMERATORS: usize = 2 * 65_536 + 1;
const OFFSET: i64 = 65_537;

/// Scores of one kind of comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    counts: Vec<u32>,
    count: u64,
    sum: f64,
    squares: f64,
}

/// Scores of one palm's captures with each other, and of different palms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pair {
    /// Of the same palm.
    pub genuine: Scores,
    /// Of different palms.
    pub impostor: Scores,
}

impl Default for Scores {
    fn default() -> Self {
        Self {
            counts: vec![0; NUMERATORS],
            count: 0,
            sum: 0.0,
            squares: 0.0,
        }
    }
}

impl Scores {
    /// Adds a comparison.
    pub fn add(&mut self, agreement: &Agreement) {
        self.counts[place(agreement)] += 1;
        let distance = agreement.distance();
        self.count += 1;
        self.sum += distance;
        self.squares += distance * distance;
    }

    /// Adds the scores of others.
    pub fn merge(&mut self, others: &Self) {
        for (own, other) in self.counts.iter_mut().zip(&others.counts) {
            *own += other;
        }
        self.count += others.count;
        self.sum += others.sum;
        self.squares += others.squares;
    }

    /// Returns the number of comparisons.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the mean distance.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// Returns the standard deviation of the distance.
    pub fn deviation(&self) -> f64 {
        let variance = self.squares / self.count.max(1) as f64 - self.mean() * self.mean();
        variance.max(0.0).sqrt()
    }

    /// Counts the comparisons that match at a threshold numerator.
    pub fn matches_at(&self, threshold: i32) -> u64 {
        let first = (i64::from(threshold) + OFFSET).clamp(1, NUMERATORS as i64);
        let first = usize::try_from(first).unwrap_or(0);
        self.counts[first..].iter().map(|n| u64::from(*n)).sum()
    }

    /// Returns, for each threshold numerator from the highest down, how many comparisons match.
    pub fn descending(&self) -> impl Iterator<Item = (i32, u64)> {
        let mut matches = 0;
        let counts = self.counts[1..].iter().rev();
        counts
            .zip((-65_536..=65_535).rev())
            .map(move |(n, threshold)| {
                matches += u64::from(*n);
                (threshold, matches)
            })
    }
}

/// Returns the highest numerator `A` with `65536 * dot > A * valid`, as a place in the counts.
fn place(agreement: &Agreement) -> usize {
    let Agreement { dot, valid } = *agreement;
    if valid == 0 {
        return 0;
    }
    let numerator = (65_536 * i64::from(dot) - 1).div_euclid(i64::from(valid));
    usize::try_from(numerator + OFFSET).unwrap_or(0)
}

/// Returns the threshold numerator of a distance: a match is anything nearer.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
pub fn threshold_of(distance: f64) -> i32 {
    (65_536.0 * (1.0 - 2.0 * distance)).round() as i32
}

/// Returns the distance below which the rule with a threshold numerator matches.
pub fn distance_of(threshold: i32) -> f64 {
    0.5 - f64::from(threshold) / 131_072.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_matches_are_those_of_the_rule_at_every_threshold() {
        let agreements = [
            (0, 0),
            (-800, 800),
            (799, 800),
            (800, 800),
            (1, 3),
            (0, 9_000),
            (-1, 12_800),
            (3_840, 12_800),
            (19_661, 65_536),
        ]
        .map(|(dot, valid)| Agreement { dot, valid });
        let mut scores = Scores::default();
        agreements.iter().for_each(|a| scores.add(a));
        let descending: Vec<(i32, u64)> = scores.descending().collect();

        for threshold in (-65_536..65_540).step_by(7).chain([19_660, 19_661, 19_662]) {
            let wanted = agreements
                .iter()
                .filter(|a| a.matches_at(threshold))
                .count() as u64;

            assert_eq!(scores.matches_at(threshold), wanted, "at {threshold}");
            if let Some((_, matches)) = descending.iter().find(|(at, _)| *at == threshold) {
                assert_eq!(*matches, wanted, "at {threshold}");
            }
        }
    }

    #[test]
    fn thresholds_and_distances_belong_together() {
        assert_eq!(threshold_of(0.350), 19_661);
        assert!((distance_of(19_661) - 0.350).abs() < 1e-5);
        assert_eq!(threshold_of(distance_of(20_316)), 20_316);
    }

    #[test]
    fn moments_are_those_of_the_distances() {
        let mut scores = Scores::default();
        for dot in [60, 40] {
            scores.add(&Agreement { dot, valid: 100 });
        }

        assert!((scores.mean() - 0.25).abs() < 1e-12);
        assert!((scores.deviation() - 0.05).abs() < 1e-9);
    }
}

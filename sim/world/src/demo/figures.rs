//! What a demonstration found out, as the table and the JSON show it.

use std::collections::BTreeMap;

use serde::Serialize;

/// Figures of one demonstration.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Figures {
    /// People enrolled.
    pub people: usize,
    /// Genuine attempts that were recognised as the right person.
    pub identified: usize,
    /// Of these, those that took a second capture.
    pub identified_at_second_capture: usize,
    /// Genuine attempts made; an attempt is up to two captures.
    pub genuine_attempts: usize,
    /// Attempts that were recognised as somebody else.
    pub false_matches: usize,
    /// Attempts of people who are not enrolled, all refused.
    pub unknown_rejected: usize,
    /// Attempts of people who are not enrolled.
    pub unknown_attempts: usize,
    /// Second enrolments of an enrolled palm, all refused.
    pub duplicates_refused: usize,
    /// Second enrolments tried.
    pub duplicate_attempts: usize,
    /// Payments refused because the account held too little.
    pub insufficient_funds_refused: usize,
    /// Such payments tried.
    pub insufficient_funds_attempts: usize,
    /// Median time of the matching, in milliseconds.
    pub match_p50_ms: f64,
    /// 99th percentile of the same.
    pub match_p99_ms: f64,
    /// Time of each stage.
    pub stages: Vec<Stage>,
    /// Receipts that hold when checked again, offline.
    pub receipts_verified: usize,
    /// Receipts that do not.
    pub receipts_failed: usize,
    /// What was tried against the network, and whether it was refused as it must be.
    pub refusals: BTreeMap<String, bool>,
    /// The parties as a client judged them.
    pub parties: Vec<PartyFigures>,
    /// Whether the hardware is simulated.
    pub simulated: bool,
    /// Seconds from the first process to the last check.
    pub elapsed_s: f64,
}

/// One party as a client judged it.
#[derive(Debug, Clone, Serialize)]
pub struct PartyFigures {
    /// Which one.
    pub index: u8,
    /// Its operator.
    pub operator: String,
    /// What signed its evidence.
    pub platform: String,
    /// Its launch measurement.
    pub measurement: String,
    /// "accepted", and whether under a simulated root.
    pub verdict: String,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Median, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, in milliseconds.
    pub p99_ms: f64,
}

impl Stage {
    /// Sums up measured times in microseconds.
    pub fn new(name: &str, times_us: &[u64]) -> Self {
        let percentile = |share: f64| percentile_ms(times_us, share);
        Self {
            name: name.to_owned(),
            p50_ms: percentile(0.5),
            p99_ms: percentile(0.99),
        }
    }
}

impl Figures {
    /// Tells whether the demonstration showed what it is for.
    pub fn all_held(&self) -> bool {
        let enough = self.identified * 100 >= self.genuine_attempts * 99;
        enough
            && self.false_matches == 0
            && self.unknown_rejected == self.unknown_attempts
            && self.duplicates_refused == self.duplicate_attempts
            && self.insufficient_funds_refused == self.insufficient_funds_attempts
            && self.receipts_failed == 0
            && self.refusals.values().all(|held| *held)
    }

    /// Returns the closing table.
    pub fn table(&self) -> String {
        let mut lines = vec![
            row("people enrolled", &self.people.to_string()),
            row("recognised", &of(self.identified, self.genuine_attempts)),
            row(
                "  of them at the second capture",
                &self.identified_at_second_capture.to_string(),
            ),
            row("false matches", &self.false_matches.to_string()),
            row(
                "strangers turned away",
                &of(self.unknown_rejected, self.unknown_attempts),
            ),
            row(
                "second enrolments refused",
                &of(self.duplicates_refused, self.duplicate_attempts),
            ),
            row(
                "empty accounts refused",
                &of(
                    self.insufficient_funds_refused,
                    self.insufficient_funds_attempts,
                ),
            ),
            row(
                "receipts that hold, checked offline",
                &of(
                    self.receipts_verified,
                    self.receipts_verified + self.receipts_failed,
                ),
            ),
            String::new(),
            format!(
                "  {:<42}{:>9}{:>10}",
                "time of a payment (ms)", "p50", "p99"
            ),
        ];
        for stage in &self.stages {
            let Stage {
                name,
                p50_ms,
                p99_ms,
            } = stage;
            lines.push(format!("    {name:<40}{p50_ms:>9.1}{p99_ms:>10.1}"));
        }
        lines.push(String::new());
        lines.push("  refused, as they must be".to_owned());
        for (name, held) in &self.refusals {
            lines.push(format!(
                "    {:<4} {name}",
                if *held { "yes" } else { "NO" }
            ));
        }
        lines.push(String::new());
        lines.push("  who matched, and what proves it".to_owned());
        for party in &self.parties {
            let PartyFigures {
                index,
                operator,
                platform,
                measurement,
                verdict,
            } = party;
            let short = measurement.get(..16).unwrap_or(measurement);
            lines.push(format!(
                "    party {index} ({operator}), {platform}, code {short}…: {verdict}"
            ));
        }
        lines.join("\n")
    }
}

fn row(name: &str, value: &str) -> String {
    format!("  {name:<42}{value:>19}")
}

fn of(part: usize, whole: usize) -> String {
    format!("{part} of {whole}")
}

/// Returns a percentile by nearest rank, in milliseconds; 0 where nothing was measured.
fn percentile_ms(times_us: &[u64], share: f64) -> f64 {
    let mut sorted = times_us.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among thousands of times"
    )]
    let rank = ((sorted.len() as f64 * share).ceil() as usize)
        .saturating_sub(1)
        .min(last);
    let time_us = sorted.get(rank).copied().unwrap_or(0);
    #[expect(
        clippy::cast_precision_loss,
        reason = "times far below 2^52 microseconds"
    )]
    let time_ms = time_us as f64 / 1000.0;
    time_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let times: Vec<u64> = (1..=100).map(|n| n * 1000).collect();

        let stage = Stage::new("match", &times);

        assert!((stage.p50_ms - 50.0).abs() < 1e-9 && (stage.p99_ms - 99.0).abs() < 1e-9);
        assert!(Stage::new("none", &[]).p50_ms.abs() < 1e-9);
    }

    #[test]
    fn one_wrong_figure_is_enough_to_fail() {
        let good = Figures {
            identified: 99,
            genuine_attempts: 100,
            ..Figures::default()
        };
        assert!(good.all_held());

        for bad in [
            Figures {
                identified: 98,
                ..good.clone()
            },
            Figures {
                false_matches: 1,
                ..good.clone()
            },
            Figures {
                unknown_attempts: 1,
                ..good.clone()
            },
            Figures {
                receipts_failed: 1,
                ..good.clone()
            },
            Figures {
                refusals: BTreeMap::from([("x".to_owned(), false)]),
                ..good
            },
        ] {
            assert!(!bad.all_held());
        }
    }
}

//! Rows of a benchmark, for people and for programs.

use std::fmt;

use serde_json::{Value, json};

use crate::rounds::{Comparison, Effort};

/// A finished benchmark.
#[derive(Debug, Clone)]
pub struct Table {
    /// Name of the benchmark.
    pub name: &'static str,
    /// What was worked on.
    pub subject: String,
    /// How long it was measured.
    pub effort: Effort,
    /// The rows in the order they were measured.
    pub rows: Vec<Row>,
}

/// One figure beside its reference.
#[derive(Debug, Clone)]
pub struct Row {
    /// Stable name.
    pub id: String,
    /// The unit of both figures.
    pub unit: &'static str,
    /// What the reference is, in words.
    pub against: String,
    /// What was measured.
    pub comparison: Comparison,
    /// The ratio that is aimed at.
    pub goal: Goal,
}

/// The ratio that is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// The figure is for information.
    None,
}

impl Row {
    /// Says whether the goal is reached; `None` without one.
    pub fn reaches_goal(&self) -> Option<bool> {
        match self.goal {
            Goal::AtMost(limit) => Some(self.comparison.ratio <= limit),
            Goal::AtLeast(limit) => Some(self.comparison.ratio >= limit),
            Goal::None => None,
        }
    }

    fn to_json(&self) -> Value {
        let Comparison {
            measured_us,
            reference_us,
            ratio,
        } = self.comparison;
        let goal = match self.goal {
            Goal::AtMost(limit) | Goal::AtLeast(limit) => Some(limit),
            Goal::None => None,
        };
        json!({
            "id": self.id,
            "value": rounded(measured_us),
            "unit": self.unit,
            "reference": rounded(reference_us),
            "against": self.against,
            "ratio": rounded(ratio),
            "goal": goal,
            "goal_is": match self.goal {
                Goal::AtMost(_) => Some("at-most"),
                Goal::AtLeast(_) => Some("at-least"),
                Goal::None => None,
            },
            "reached": self.reaches_goal(),
        })
    }
}

impl Table {
    /// Gives the table as programs read it.
    pub fn to_json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::to_json).collect();
        json!({
            "name": self.name,
            "subject": self.subject,
            "rounds": self.effort.rounds,
            "rows": rows,
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, subject, .. } = self;
        let Effort { rounds, batch } = self.effort;
        let batch_ms = batch.as_millis();
        writeln!(formatter, "{name}: {subject}")?;
        writeln!(
            formatter,
            "one core; medians of {rounds} rounds, each a batch of {batch_ms} ms of either side"
        )?;
        writeln!(
            formatter,
            "\n{:<30} {:>10} {:>13} {:<4} {:>7}  {:<16} reference",
            "", "measured", "reference", "", "ratio", "goal"
        )?;
        for row in &self.rows {
            let Comparison {
                measured_us,
                reference_us,
                ratio,
            } = row.comparison;
            let mark = match row.reaches_goal() {
                Some(true) => "pass",
                Some(false) => "miss",
                None => "",
            };
            let goal = match row.goal {
                Goal::AtMost(limit) => format!("<= {limit:.2} {mark}"),
                Goal::AtLeast(limit) => format!(">= {limit:.2} {mark}"),
                Goal::None => String::new(),
            };
            let (id, unit, against) = (&row.id, row.unit, &row.against);
            writeln!(
                formatter,
                "{id:<30} {measured_us:>10.1} {reference_us:>13.1} {unit:<4} {ratio:>7.3}  \
                 {goal:<16} {against}"
            )?;
        }
        Ok(())
    }
}

/// Three digits after the point are more than the clock is good for.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_goal_is_reached() {
        assert_eq!(row(1.1, Goal::AtMost(1.15)).reaches_goal(), Some(true));
        assert_eq!(row(1.2, Goal::AtMost(1.15)).reaches_goal(), Some(false));
        assert_eq!(row(0.9, Goal::AtLeast(1.0)).reaches_goal(), Some(false));
        assert_eq!(row(0.9, Goal::None).reaches_goal(), None);
    }

    #[test]
    fn programs_and_people_read_the_same_row() {
        let table = Table {
            name: "attestation",
            subject: "nothing".to_owned(),
            effort: Effort::QUICK,
            rows: vec![row(1.25, Goal::AtMost(1.15))],
        };

        let json = table.to_json();
        let text = table.to_string();

        assert_eq!(json["rows"][0]["ratio"], 1.25);
        assert_eq!(json["rows"][0]["goal"], 1.15);
        assert_eq!(json["rows"][0]["reached"], false);
        assert!(text.contains("1.250  <= 1.15 miss"), "{text}");
    }

    fn row(ratio: f64, goal: Goal) -> Row {
        Row {
            id: "row".to_owned(),
            unit: "us",
            against: "another".to_owned(),
            comparison: Comparison {
                measured_us: ratio,
                reference_us: 1.0,
                ratio,
            },
            goal,
        }
    }
}

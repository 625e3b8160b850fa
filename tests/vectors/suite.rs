//! A group of cases and how it went.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// The cases of one kind.
#[derive(Debug)]
pub(crate) struct Suite {
    /// What the cases are about, such as `snp`.
    pub(crate) name: String,
    /// How many of them got the stated verdict.
    pub(crate) agree: usize,
    /// The others.
    pub(crate) disagreements: Vec<Disagreement>,
}

/// A case that states one verdict and gets another.
#[derive(Debug)]
pub(crate) struct Disagreement {
    /// Which case.
    pub(crate) id: String,
    /// The stated verdict.
    pub(crate) expected: String,
    /// Ours.
    pub(crate) got: String,
}

impl Suite {
    /// Starts a suite without cases.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            agree: 0,
            disagreements: vec![],
        }
    }

    /// Adds a case with what it states and what our code says.
    pub(crate) fn add(&mut self, id: &str, expected: &str, got: &str) {
        if expected == got {
            self.agree += 1;
            return;
        }
        self.disagreements.push(Disagreement {
            id: id.to_owned(),
            expected: expected.to_owned(),
            got: got.to_owned(),
        });
    }

    /// How many cases there are.
    pub(crate) fn cases(&self) -> usize {
        self.agree + self.disagreements.len()
    }
}

/// The suites for a person.
pub(crate) fn table(suites: &[Suite]) -> String {
    let mut text = format!(
        "{:<24}{:>6}{:>7}{:>10}\n",
        "suite", "cases", "agree", "disagree"
    );
    for suite in suites {
        let (cases, disagree) = (suite.cases(), suite.disagreements.len());
        let name = &suite.name;
        let agree = suite.agree;
        let line = writeln!(text, "{name:<24}{cases:>6}{agree:>7}{disagree:>10}");
        line.expect("a string takes any text");
        for Disagreement { id, expected, got } in &suite.disagreements {
            let line = writeln!(text, "  {id}: expected {expected}, got {got}");
            line.expect("a string takes any text");
        }
    }
    text
}

/// The suites for a program.
pub(crate) fn json(suites: &[Suite]) -> Value {
    let suites = suites.iter().map(|suite| {
        let disagree = suite
            .disagreements
            .iter()
            .map(|case| json!({ "id": case.id, "expected": case.expected, "got": case.got }));
        json!({
            "name": suite.name,
            "cases": suite.cases(),
            "agree": suite.agree,
            "disagree": disagree.collect::<Vec<_>>(),
        })
    });
    json!({ "suites": suites.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_with_another_verdict_is_shown_and_counted() {
        let mut suite = Suite::new("snp");
        suite.add("a", "accept", "accept");
        suite.add("b", "reject", "accept");

        let json = json(&[suite]);

        let disagree = json!([{ "id": "b", "expected": "reject", "got": "accept" }]);
        let suite = json!({ "name": "snp", "cases": 2, "agree": 1, "disagree": disagree });
        assert_eq!(json, json!({ "suites": [suite] }));
    }
}

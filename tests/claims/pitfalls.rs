//! Pitfalls that verifiers fell into, each with evidence that falls into it.
//!
//! A pitfall holds if every attempt is refused with the reason that names it. Its control is the
//! nearest evidence without the fault, or the same evidence under a policy without the rule: that
//! is accepted.

mod list;

use std::collections::BTreeSet;

use boop_verifier::Policy;
use serde_json::{Value, json};

use crate::claim::{Claim, Sheet};
use crate::evidence::{Case, Evidence};

/// A pitfall, by its number in the list that the design keeps.
struct Pitfall {
    numbers: &'static str,
    words: &'static str,
    attempts: Vec<Attempt>,
}

/// Evidence that must be refused with a reason.
struct Attempt {
    reason: &'static str,
    cases: Cases,
    /// The rule that refuses it, if the policy of the vectors has none.
    rule: Option<fn(&mut Policy)>,
}

/// Which cases an attempt is made with.
enum Cases {
    /// Those of these names; where there are none, all that state the reason.
    Named(&'static [&'static str]),
    /// Accepted ones of a name, which a rule refuses; where there are none, all accepted ones
    /// that the rule refuses, or else those that state the reason under a policy of their own.
    Accepted(&'static [&'static str]),
}

/// Tries every pitfall.
pub(crate) fn claims(evidence: &Evidence, sheet: &mut Sheet) {
    for pitfall in list::all() {
        sheet.add(pitfall.claim(evidence));
    }
}

impl Pitfall {
    fn claim(&self, evidence: &Evidence) -> Claim {
        let tried: Vec<Tried> = self
            .attempts
            .iter()
            .map(|attempt| attempt.run(evidence))
            .collect();
        let all = || tried.iter().flat_map(|tried| &tried.cases);
        let cases = all().count();
        let refused = all().filter(|case| case.refused).count();
        let ids: BTreeSet<&str> = all().map(|case| case.id.as_str()).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let figures: Vec<Value> = tried.iter().map(Tried::to_json).collect();
        Claim {
            id: format!("pitfall-{}", self.numbers),
            claim: format!("{} ({})", self.words, self.numbers.replace('-', ", ")),
            held: tried.iter().all(|tried| !tried.cases.is_empty()) && refused == cases,
            control: cases > 0 && all().all(|case| case.control_accepted),
            summary: format!("{refused} of {cases} refused: {}", shortened(&ids)),
            figures: json!({ "attempts": figures }),
        }
    }
}

fn shortened(ids: &[&str]) -> String {
    const SHOWN: usize = 3;
    let more = ids.len().saturating_sub(SHOWN);
    let shown = ids
        .iter()
        .take(SHOWN)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

/// What came of an attempt.
struct Tried {
    reason: &'static str,
    cases: Vec<TriedCase>,
}

struct TriedCase {
    id: String,
    refused: bool,
    control: String,
    control_accepted: bool,
}

impl Tried {
    fn to_json(&self) -> Value {
        let cases = self.cases.iter().map(|case| {
            json!({
                "case": case.id,
                "refused_with_the_reason": case.refused,
                "control": case.control,
                "control_accepted": case.control_accepted,
            })
        });
        json!({ "reason": self.reason, "cases": cases.collect::<Vec<_>>() })
    }
}

impl Attempt {
    fn run(&self, evidence: &Evidence) -> Tried {
        let cases = self.cases(evidence).into_iter();
        let cases = cases.map(|case| self.try_case(evidence, case)).collect();
        let reason = self.reason;
        Tried { reason, cases }
    }

    fn cases<'a>(&self, evidence: &'a Evidence) -> Vec<&'a Case> {
        let (names, accepted) = match self.cases {
            Cases::Named(names) => (names, false),
            Cases::Accepted(names) => (names, true),
        };
        let named: Vec<_> = names
            .iter()
            .filter_map(|name| evidence.case(name))
            .collect();
        if !named.is_empty() {
            return named;
        }
        let all = || evidence.cases().iter();
        let ruled = all().filter(|case| accepted && case.is_accepted && self.is_refused(case));
        let ruled: Vec<_> = ruled.collect();
        if !ruled.is_empty() {
            return ruled;
        }
        let stated = |case: &&Case| case.reasons.iter().any(|reason| self.is_reason(reason));
        all().filter(stated).collect()
    }

    fn try_case(&self, evidence: &Evidence, case: &Case) -> TriedCase {
        let control = match self.rule {
            // The same evidence without the rule.
            Some(_) if case.is_accepted => Some(case),
            Some(_) | None => nearest(evidence, case),
        };
        TriedCase {
            id: case.name(),
            refused: self.is_refused(case),
            control: control.map(Case::name).unwrap_or_default(),
            control_accepted: control.is_some_and(|case| case.verdict().accepted),
        }
    }

    /// Whether the case is refused, for the reason among others that are stated of it.
    fn is_refused(&self, case: &Case) -> bool {
        let mut judged = case.clone();
        if let Some(rule) = self.rule {
            rule(&mut judged.policy);
        }
        let verdict = judged.verdict();
        let mut reasons = verdict.reasons.iter();
        !verdict.accepted && reasons.any(|reason| self.is_reason(reason.as_str()))
    }

    /// Compares codes without what some of them carry behind a colon.
    fn is_reason(&self, code: &str) -> bool {
        code.split(':').next() == Some(self.reason)
    }
}

/// The accepted case most like this one: of the same platform and roots, if there is one, and as
/// much as possible of the same make.
fn nearest<'a>(evidence: &'a Evidence, case: &Case) -> Option<&'a Case> {
    let alike = |other: &&Case| {
        let same = other
            .make
            .iter()
            .zip(&case.make)
            .filter(|(a, b)| a == b)
            .count();
        (other.is_simulated == case.is_simulated, same)
    };
    let cases = evidence.cases().iter();
    let accepted = cases.filter(|other| other.is_accepted && other.kind == case.kind);
    accepted.max_by_key(alike)
}

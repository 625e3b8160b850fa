//! What came of changes, in counts.

use boop_verifier::{Facts, Verdict};
use serde_json::json;

use crate::claim::Claim;

/// Places that are listed at most; the counts go on.
const LISTED: usize = 20;

/// Where a change was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) case: String,
    pub(super) part: &'static str,
    pub(super) byte: usize,
}

/// What came of changes.
#[derive(Debug, Default)]
pub(super) struct Tally {
    tried: u64,
    refused: u64,
    /// Accepted, with the same facts as before.
    ignored: u64,
    /// Accepted, with other facts: evidence was forged.
    believed: u64,
    /// Judged, and accepted, by the verifier with its signature checks switched off.
    pub(super) controlled: u64,
    pub(super) accepted_without_checks: u64,
    /// Accepted before anything was changed.
    pub(super) whole: u64,
    compared: u64,
    disagreements: u64,
    places: Vec<Place>,
}

impl Tally {
    /// Counts a verdict on changed evidence whose facts were these before.
    pub(super) fn note(&mut self, verdict: &Verdict, before: &Facts, place: Place) {
        self.tried += 1;
        if !verdict.accepted {
            self.refused += 1;
            return;
        }
        if verdict.facts.as_ref() == Some(before) {
            self.ignored += 1;
        } else {
            self.believed += 1;
        }
        if self.places.len() < LISTED {
            self.places.push(place);
        }
    }

    /// Counts what the second implementation says.
    pub(super) fn compare(&mut self, first: &Verdict, second: &Verdict) {
        self.compared += 1;
        self.disagreements += u64::from(first != second);
    }

    /// Adds the counts of another.
    pub(super) fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.refused += other.refused;
        self.ignored += other.ignored;
        self.believed += other.believed;
        self.controlled += other.controlled;
        self.accepted_without_checks += other.accepted_without_checks;
        self.whole += other.whole;
        self.compared += other.compared;
        self.disagreements += other.disagreements;
        self.places.extend(other.places);
        self.places.truncate(LISTED);
    }

    /// Makes the claim that nothing changed is accepted. The control is the verifier without its
    /// signature checks: some of the changes must be among what that one believes.
    pub(super) fn into_claim(self, id: &str, words: &str) -> Claim {
        let Self {
            tried,
            refused,
            ignored,
            believed,
            controlled,
            accepted_without_checks,
            whole,
            compared,
            disagreements,
            places,
        } = self;
        let places: Vec<_> = places
            .iter()
            .map(|place| format!("{} of {}, byte {:#x}", place.part, place.case, place.byte))
            .collect();
        Claim {
            id: id.into(),
            claim: words.into(),
            held: tried > 0 && refused == tried && disagreements == 0,
            control: accepted_without_checks > 0,
            summary: format!(
                "tried {tried}, refused {refused}, ignored {ignored}, believed {believed}; \
                 without signature checks {accepted_without_checks} of {controlled} pass"
            ),
            figures: json!({
                "tried": tried,
                "refused": refused,
                "ignored": ignored,
                "believed": believed,
                "judged_without_signature_checks": controlled,
                "accepted_without_signature_checks": accepted_without_checks,
                "accepted_unchanged": whole,
                "compared_with_the_second_implementation": compared,
                "disagreements": disagreements,
                "accepted_places": places,
            }),
        }
    }
}

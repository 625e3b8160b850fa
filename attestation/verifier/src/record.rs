//! The running account of a verification: steps in order, reasons and flags without repeats.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use crate::{
    flag::Flag,
    reason::Reason,
    step::{Level, Outcome, Step, StepName},
};

/// Collects what a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) steps: Vec<Step>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) flags: Vec<Flag>,
}

impl Record {
    /// Notes a step that failed when it has reasons, and passed otherwise.
    pub(crate) fn conclude(
        &mut self,
        name: StepName,
        detail: impl ToString,
        mut reasons: Vec<Reason>,
    ) {
        let outcome = if reasons.is_empty() {
            Outcome::Pass
        } else {
            Outcome::Fail
        };
        reasons.dedup();
        for reason in &reasons {
            if !self.reasons.contains(reason) {
                self.reasons.push(reason.clone());
            }
        }
        self.push(name, outcome, detail.to_string(), reasons);
    }

    /// Notes a step that gives one reason unless `holds`.
    pub(crate) fn require(
        &mut self,
        name: StepName,
        detail: impl ToString,
        holds: bool,
        reason: Reason,
    ) {
        self.conclude(name, detail, if holds { vec![] } else { vec![reason] });
    }

    /// Notes a step that could not be, or did not need to be, checked.
    pub(crate) fn skip(&mut self, name: StepName, detail: impl ToString) {
        self.push(name, Outcome::NotChecked, detail.to_string(), vec![]);
    }

    /// Raises a flag when `holds`.
    pub(crate) fn flag_when(&mut self, holds: bool, flag: Flag) {
        if holds && !self.flags.contains(&flag) {
            self.flags.push(flag);
        }
    }

    /// Says whether each of these steps was taken and none of them ended otherwise than well.
    pub(crate) fn all_pass(&self, names: &[StepName]) -> bool {
        names.iter().all(|name| {
            let mut taken = self
                .steps
                .iter()
                .filter(|step| step.name == *name)
                .peekable();
            taken.peek().is_some() && taken.all(|step| step.outcome == Outcome::Pass)
        })
    }

    /// Says whether no step of the level failed.
    pub(crate) fn none_failed(&self, level: Level) -> bool {
        let mut steps = self.steps.iter().filter(|step| step.name.level() == level);
        steps.all(|step| step.outcome != Outcome::Fail)
    }

    fn push(&mut self, name: StepName, outcome: Outcome, detail: String, reasons: Vec<Reason>) {
        self.steps.push(Step {
            name,
            outcome,
            detail,
            why: name.why(),
            reasons,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_was_never_taken_does_not_count_as_passed() {
        let mut record = Record::default();
        record.conclude(StepName::Root, "root", vec![]);

        assert!(record.all_pass(&[StepName::Root]));
        assert!(!record.all_pass(&[StepName::Root, StepName::Chain]));
    }

    #[test]
    fn a_skipped_step_does_not_count_as_passed() {
        let mut record = Record::default();
        record.skip(StepName::Chain, "nothing to check");

        assert!(!record.all_pass(&[StepName::Chain]));
        assert!(record.none_failed(Level::Authentic));
    }

    #[test]
    fn a_reason_is_listed_once() {
        let mut record = Record::default();
        for _ in 0..3 {
            record.require(StepName::Root, "root", false, Reason::UntrustedRoot);
        }

        assert_eq!(record.reasons, vec![Reason::UntrustedRoot]);
        assert!(!record.none_failed(Level::Authentic));
    }
}

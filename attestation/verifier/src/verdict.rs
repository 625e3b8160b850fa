//! The verdict: three results that are never merged, and how they came about.

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    evidence::ParseError,
    facts::Facts,
    flag::Flag,
    policy::Tier,
    reason::Reason,
    record::Record,
    step::{Outcome, Step, StepName},
};

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Signatures lead from the evidence to a pinned root, and its form is exact.
    pub authentic: bool,
    /// The policy allows what the evidence says.
    pub acceptable: bool,
    /// The evidence was compared with what the caller expected, and it fits.
    pub bound: bool,
    /// Authentic, acceptable, and nothing that the caller expected was found otherwise.
    pub accepted: bool,
    /// How far the policy trusts the hardware; `None` unless the evidence is accepted.
    pub tier: Option<Tier>,
    /// The chain ends at a simulated root.
    pub simulated: bool,
    /// Checks in the order they were made.
    pub steps: Vec<Step>,
    /// Why the evidence is refused; empty when it is accepted.
    pub reasons: Vec<Reason>,
    /// What is worth a look.
    pub flags: Vec<Flag>,
    /// What the evidence says; `None` when it could not be read.
    pub facts: Option<Facts>,
}

impl Verdict {
    /// Gives the verdict on bytes that could not be read.
    pub fn unreadable(error: &ParseError) -> Self {
        let mut record = Record::default();
        record.conclude(StepName::Format, error, vec![error.reason()]);
        Self {
            authentic: false,
            acceptable: false,
            bound: false,
            accepted: false,
            tier: None,
            simulated: false,
            steps: record.steps,
            reasons: record.reasons,
            flags: record.flags,
            facts: None,
        }
    }

    /// Gives the first step that failed.
    pub fn first_failure(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.outcome == Outcome::Fail)
    }

    /// Says in one line of plain words how it went, naming the first step that failed.
    pub fn summary(&self) -> String {
        let simulated = if self.simulated { ", simulated" } else { "" };
        match self.first_failure() {
            Some(step) => {
                let cause = step.reasons.first().map_or("", Reason::meaning);
                format!(
                    "refused{simulated}: not shown that {}. {cause}",
                    step.name.title()
                )
            }
            None if !self.accepted => format!("refused{simulated}: a check was left out"),
            None if self.bound => format!("accepted{simulated}: authentic, allowed and bound"),
            None => format!("accepted{simulated}: authentic and allowed, bound to nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_bytes_give_a_verdict_with_one_failed_step() {
        let verdict = Verdict::unreadable(&ParseError::NotCoseSign1);

        assert!(!verdict.accepted);
        assert_eq!(verdict.reasons, vec![Reason::NotCoseSign1]);
        assert_eq!(
            verdict.summary(),
            "refused: not shown that the evidence has the exact form. \
             The document is not a COSE_Sign1 with its payload inside."
        );
    }
}

//! The watch: every rule over every event.

use serde::Serialize;

use crate::event::{Event, Subject};
use crate::memory::{Memory, Reached};
use crate::rule::{Response, Rule, Sign, Span};
use crate::rules::RULES;
use crate::standing::{RESPONSE_MS_MAX, STANDINGS_MAX, Standings, Verdict, holds};
use crate::subjects::{SUBJECTS_MAX, Subjects};

/// For how long a rule says nothing more of a subject after a finding, in milliseconds: an attack
/// is one line an hour. What the door does goes on meanwhile.
pub(crate) const COOL_DOWN_MS: u64 = RESPONSE_MS_MAX;

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// About whom.
    pub subject: Subject,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// What was seen, in words and numbers.
    pub detail: String,
    /// What follows.
    pub response: Response,
}

/// All rules, with what each remembers.
#[derive(Debug)]
pub struct Watch {
    rules: Vec<(Rule, Subjects<Memory>)>,
    standings: Standings,
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Watch {
    /// Begins with the rules of [`RULES`] and nothing seen.
    pub fn new() -> Self {
        Self::of(&RULES, SUBJECTS_MAX)
    }

    /// Begins with other rules, or less room.
    pub(crate) fn of(rules: &[Rule], subjects_max: usize) -> Self {
        let rules = rules.iter();
        Self {
            rules: rules
                .map(|rule| (*rule, Subjects::new(subjects_max)))
                .collect(),
            standings: Standings::new(STANDINGS_MAX),
        }
    }

    /// Takes what a door saw, and returns what the rules find with it.
    pub fn observe(&mut self, event: &Event) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (rule, subjects) in &mut self.rules {
            let Some((subject, sign)) = (rule.look)(&event.what) else {
                continue;
            };
            let Some((reached, memory)) = note(rule, subjects, subject, sign, event.at_ms) else {
                continue;
            };
            self.standings.answer(subject, rule.response, event.at_ms);
            if !holds(memory.quiet_until_ms, event.at_ms) {
                memory.quiet_until_ms = event.at_ms.saturating_add(COOL_DOWN_MS);
                findings.push(finding(rule, subject, event.at_ms, reached));
            }
        }
        findings
    }

    /// Returns how a subject stands at a door now.
    pub fn verdict(&self, subject: Subject, now_ms: u64) -> Verdict {
        self.standings.verdict(subject, now_ms)
    }

    /// Tells whether nobody is slowed or blocked: then nobody need be named to be let in.
    pub const fn is_calm(&self, now_ms: u64) -> bool {
        self.standings.are_free(now_ms)
    }

    /// Lets a subject free, and forgets what it did: an attack that goes on is found anew.
    pub fn lift(&mut self, subject: Subject) {
        self.standings.lift(subject);
        for (_, subjects) in &mut self.rules {
            subjects.forget(subject);
        }
    }

    /// How many subjects a rule remembers.
    #[cfg(test)]
    pub(crate) fn remembered(&self, id: &str) -> usize {
        let mut rules = self.rules.iter();
        let found = rules.find(|(rule, _)| rule.id == id);
        found.map_or(0, |(_, subjects)| subjects.len())
    }
}

/// Lets a rule take a sign; gives what it reached, with the subject's memory.
fn note<'a>(
    rule: &Rule,
    subjects: &'a mut Subjects<Memory>,
    subject: Subject,
    sign: Sign,
    at_ms: u64,
) -> Option<(Reached, &'a mut Memory)> {
    let memory = if Memory::opens(&sign) {
        subjects.or_new(subject)?
    } else {
        subjects.known(subject)?
    };
    let reached = memory.note(at_ms, sign, &rule.threshold)?;
    Some((reached, memory))
}

fn finding(rule: &Rule, subject: Subject, at_ms: u64, reached: Reached) -> Finding {
    let Reached { count, within_ms } = reached;
    Finding {
        rule: rule.id,
        subject,
        at_ms,
        detail: format!("{count} {} within {}", rule.counts, Span(within_ms)),
        response: rule.response,
    }
}

//! The form of a rule: whom it is about, what counts, how often is too often, and what then.

use core::fmt;

use serde::Serialize;

use crate::event::{Pseudonym, Subject, What};

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// In words.
    pub title: &'static str,
    /// The attack's name elsewhere: a technique of MITRE ATT&CK.
    pub tag: Option<&'static str>,
    /// What it counts, in the plural; a finding's words.
    pub counts: &'static str,
    /// How often is too often.
    pub threshold: Threshold,
    /// What follows.
    pub response: Response,
    /// What an operator does about a finding.
    pub runbook: &'static str,
    /// What an event says to the rule, and about whom.
    pub(crate) look: fn(&What) -> Option<(Subject, Sign)>,
}

/// How often is too often: `count` signs within `window_ms`, where they are at least `percent` of
/// all that the subject did between the first and the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Signs.
    pub count: usize,
    /// Milliseconds.
    pub window_ms: u64,
    /// Least share; at 100 one good thing in between ends the run, at 0 good things do not matter.
    pub percent: u8,
}

/// What follows a finding. Each is shown to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// Nothing but that.
    Page,
    /// The door lets the subject wait.
    Slow {
        /// For how long, in milliseconds.
        for_ms: u64,
    },
    /// The door turns the subject away.
    Block {
        /// For how long, in milliseconds.
        for_ms: u64,
    },
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page => f.write_str("page"),
            Self::Slow { for_ms } => write!(f, "slow for {}", Span(*for_ms)),
            Self::Block { for_ms } => write!(f, "block for {}", Span(*for_ms)),
        }
    }
}

/// What an event says to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It counts.
    Hit,
    /// It counts, and the same thing again counts once.
    HitOn(Pseudonym),
    /// It is good, and counts against.
    Good,
    /// The subject is at a place; a change of places counts.
    At {
        /// The place.
        place: Pseudonym,
        /// Whether the places of the subject's first hour are its own.
        learns: bool,
    },
}

/// A length of time as people say it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span(pub(crate) u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.div_ceil(1000) {
            seconds if seconds >= 60 && seconds % 60 == 0 => write!(f, "{} min", seconds / 60),
            seconds => write!(f, "{seconds} s"),
        }
    }
}

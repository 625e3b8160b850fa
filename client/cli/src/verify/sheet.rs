//! The verdict laid out for readers: what the explanation on a terminal and the page both show.
//!
//! A sheet is made once from a [`Case`] and holds text alone. How it looks is left to whoever
//! prints it, and a page escapes every text, because much of it is what the evidence says.

pub(super) mod chain;
mod decoded;
mod levels;
mod proof;
mod repeat;

use boop_verifier::{Level, Outcome, StepName, Tier};

use super::case::{Case, Extra};
use super::input::Source;
use super::rfc3339;
use super::text::plain;
use crate::arguments::VerifyArguments;
pub(super) use chain::Certificate;
pub(super) use decoded::signed_by;

/// How much attention a text asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It holds.
    Good,
    /// It does not hold.
    Bad,
    /// It is open, or worth a look.
    Open,
    /// It is a plain fact.
    Plain,
}

/// A verdict laid out for readers.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Whether the evidence is accepted.
    pub(super) accepted: bool,
    /// The verdict in one line.
    pub(super) summary: String,
    /// What was judged, in a few words.
    pub(super) subject: String,
    /// Where it came from.
    pub(super) origin: String,
    /// Name of the policy.
    pub(super) policy: String,
    /// How far the policy trusts the hardware.
    pub(super) tier: Option<&'static str>,
    /// The time that it was judged for, with where that time is from.
    pub(super) judged_at: String,
    /// The three results.
    pub(super) levels: Vec<LevelPart>,
    /// What the evidence says, decoded.
    pub(super) groups: Vec<Group>,
    /// The certificates that are at hand, from the signing key upwards.
    pub(super) chain: Vec<Certificate>,
    /// Code and meaning of what is worth a look.
    pub(super) flags: Vec<(String, String)>,
    /// What happened on the way, and advice.
    pub(super) notes: Vec<String>,
    /// What a reader may conclude.
    pub(super) proves: Vec<String>,
    /// What a reader may not conclude.
    pub(super) proves_not: Vec<String>,
    /// The byte strings that the verdict rests on.
    pub(super) sources: Vec<Source>,
    /// The command that gives this verdict again.
    pub(super) command: String,
    /// Program and version.
    pub(super) tool: String,
}

/// One of the three results with its steps.
#[derive(Debug)]
pub(super) struct LevelPart {
    pub(super) name: &'static str,
    pub(super) question: &'static str,
    /// The result in a word or two.
    pub(super) result: &'static str,
    pub(super) tone: Tone,
    /// The result in a sentence.
    pub(super) meaning: String,
    pub(super) steps: Vec<StepPart>,
}

/// One check.
#[derive(Debug)]
pub(super) struct StepPart {
    /// Position among all steps, from 1.
    pub(super) number: usize,
    pub(super) title: String,
    pub(super) outcome: Outcome,
    /// What was compared.
    pub(super) detail: String,
    pub(super) why: String,
    /// Code and meaning of each reason.
    pub(super) reasons: Vec<(String, String)>,
}

/// Fields of the evidence that belong together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: &'static str,
    /// What the fields are about.
    pub(super) about: &'static str,
    pub(super) fields: Vec<Field>,
}

/// One field of the evidence.
#[derive(Debug)]
pub(super) struct Field {
    /// The field in words, with the vendor's own name where it has one.
    pub(super) name: String,
    pub(super) value: String,
    /// What the value means.
    pub(super) meaning: String,
    pub(super) tone: Tone,
}

impl Sheet {
    /// Lays a case out.
    pub(super) fn of(case: &Case, arguments: &VerifyArguments) -> Self {
        let conditions = &case.conditions;
        let verdict = &case.verdict;
        let at = rfc3339(conditions.at.0);
        let notes = case.input.notes.iter();
        let mut notes: Vec<String> = notes.map(|note| plain(note)).collect();
        notes.extend(late_note(case));
        notes.extend(repeat::note(arguments));
        Self {
            accepted: case.accepted(),
            summary: plain(&case.summary()),
            subject: decoded::subject(case),
            origin: plain(&format!("{} ({})", case.input.origin, case.input.form)),
            policy: plain(&conditions.policy_name),
            tier: case.tier().map(tier_meaning),
            judged_at: if conditions.at_given {
                format!("{at} (the time asked for)")
            } else {
                format!("{at} (the clock of the machine that judged)")
            },
            levels: levels::of(case),
            groups: decoded::groups(case),
            chain: chain::of(&case.input, &conditions.roots),
            flags: verdict
                .flags
                .iter()
                .map(|flag| (flag.to_string(), flag.meaning().to_owned()))
                .collect(),
            notes,
            proves: proof::proves(case),
            proves_not: proof::proves_not(case),
            sources: sources(case),
            command: repeat::command(case, arguments),
            tool: concat!("boop ", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// Names the byte strings that the verdict rests on.
fn sources(case: &Case) -> Vec<Source> {
    let sources = case.sources().into_iter();
    let shown = sources.map(|source| Source {
        from: plain(&source.from),
        ..source
    });
    shown.collect()
}

/// Says that only the time of the check speaks against a Nitro document, if that is so.
pub(super) fn late_note(case: &Case) -> Option<String> {
    let time = rfc3339(case.better_time()?);
    Some(format!(
        "refused for its time alone: a Nitro document lives 3 hours; \
         this one holds with --at {time}"
    ))
}

/// Says how far the policy trusts the hardware.
pub(super) const fn tier_meaning(tier: Tier) -> &'static str {
    match tier {
        Tier::Affirming => "affirming: the policy knows nothing that speaks against it",
        Tier::Warning => "warning: accepted with a reservation that the policy names",
    }
}

/// Says how a step ended, if it was made.
fn outcome(case: &Case, name: StepName) -> Option<Outcome> {
    let mut steps = case.verdict.steps.iter();
    Some(steps.find(|step| step.name == name)?.outcome)
}

/// Returns the steps of the verifier and of the connection in one list, numbered.
fn steps(case: &Case) -> impl Iterator<Item = (Level, StepPart)> {
    let verdict = case.verdict.steps.iter().map(|step| {
        let reasons = step.reasons.iter();
        let part = StepPart {
            number: 0,
            title: step.name.title().into(),
            outcome: step.outcome,
            detail: plain(&step.detail),
            why: step.why.into(),
            reasons: reasons
                .map(|reason| (plain(&reason.to_string()), reason.meaning().to_owned()))
                .collect(),
        };
        (step.name.level(), part)
    });
    let extras = case.extras.iter();
    verdict.chain(extras.map(|extra| (Level::Bound, of_extra(extra))))
}

fn of_extra(extra: &Extra) -> StepPart {
    StepPart {
        number: 0,
        title: extra.title.into(),
        outcome: if extra.holds {
            Outcome::Pass
        } else {
            Outcome::Fail
        },
        detail: plain(&extra.detail),
        why: extra.why.into(),
        reasons: if extra.holds {
            vec![]
        } else {
            vec![(extra.name.into(), extra.meaning())]
        },
    }
}

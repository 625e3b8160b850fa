//! `boop statements`: what three parties signed about their jobs, laid beside each other [JOB-9].

mod log;

use std::collections::BTreeMap;

use boop_channel::{Expectation, Trust};
use boop_wire::PartyIndex;
use boop_wire::binding::Role;
use boop_wire::evidence::EvidenceBundle;
use boop_wire::statement::{Difference, JobEnding, JobStatement, compare};
use serde_json::{Value, json};

use crate::Answer;
use crate::arguments::StatementsArguments;
use crate::console::{Console, Mark};
use crate::ledger::trust;
use crate::plain::plain;
use crate::verify::rfc3339;
use log::{Flaw, Key, Log};

/// What the logs say together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Comparison {
    /// Jobs of which all three statements are there.
    compared: u64,
    /// Jobs about which the three do not agree, oldest session and number first.
    disagreements: Vec<(JobStatement, Vec<Difference>)>,
    /// Jobs of which statements are missing: a log that is younger, or a party that was away.
    incomplete: u64,
    /// Jobs about which one party signed two different things.
    two_faced: Vec<JobStatement>,
}

impl Comparison {
    fn holds(&self) -> bool {
        let messages = |all: &[Difference]| {
            all.iter()
                .any(|difference| matches!(difference, Difference::Messages { .. }))
        };
        let lies = self.disagreements.iter().any(|(_, all)| messages(all));
        !lies && self.two_faced.is_empty()
    }
}

/// Reads logs of the hosts, judges the evidence in them and compares what was signed.
///
/// # Errors
/// If a log cannot be read or the network is not known.
pub fn run(arguments: &StatementsArguments, console: &Console) -> anyhow::Result<Answer> {
    let network = &arguments.network;
    let manifest = network.manifest.as_deref();
    let trust = trust(&network.network, manifest, network.danger_simulated_tee)?;
    let mut logs = Vec::new();
    for path in &arguments.logs {
        logs.push(Log::read(path, |bundle| judge(&trust, bundle))?);
    }
    let flaws: Vec<&Flaw> = logs.iter().flat_map(|log| &log.flaws).collect();
    let comparison = compared(logs.iter().flat_map(|log| &log.statements));
    let holds = flaws.is_empty() && comparison.holds();
    if arguments.json {
        console.json(&described(holds, &comparison, &flaws))?;
    } else {
        print(holds, &logs, &comparison, &flaws, console);
    }
    Ok(holds.into())
}

/// Judges evidence as of when it was made: the log is of the past.
fn judge(trust: &Trust, bundle: &EvidenceBundle) -> Result<Key, String> {
    let binding = bundle.binding().map_err(|error| error.to_string())?;
    let expected = Expectation::boot(Role::Party, binding.party);
    let judged = trust
        .judge(bundle, &expected, binding.made_at_ms)
        .map_err(|error| error.to_string())?;
    let party = judged.binding.party.ok_or("the evidence is of no party")?;
    Ok(Key {
        party,
        network: judged.binding.network,
        identity: judged.binding.keys.identity,
        since_ms: judged.binding.made_at_ms,
    })
}

fn compared<'a>(statements: impl Iterator<Item = &'a JobStatement>) -> Comparison {
    let mut jobs: BTreeMap<_, [Vec<&JobStatement>; PartyIndex::COUNT]> = BTreeMap::new();
    for statement in statements {
        let key = (statement.session, statement.job);
        let said = &mut jobs.entry(key).or_default()[statement.party.as_usize()];
        if !said.contains(&statement) {
            said.push(statement);
        }
    }
    let mut comparison = Comparison::default();
    for said in jobs.into_values() {
        let twice = said.iter().find(|said| said.len() > 1);
        if let Some(one) = twice.and_then(|said| said.first()) {
            comparison.two_faced.push((*one).clone());
            continue;
        }
        let [[first], [second], [third]] = said.each_ref().map(Vec::as_slice) else {
            comparison.incomplete += 1;
            continue;
        };
        comparison.compared += 1;
        match compare([first, second, third]) {
            Ok(differences) if differences.is_empty() => {}
            Ok(differences) => {
                let differing = ((*first).clone(), differences);
                comparison.disagreements.push(differing);
            }
            // One session and number, and the kinds differ: somebody signed what was not.
            Err(_) => comparison.two_faced.push((*first).clone()),
        }
    }
    comparison
}

fn print(holds: bool, logs: &[Log], comparison: &Comparison, flaws: &[&Flaw], console: &Console) {
    let headline = if holds {
        "no party contradicts another"
    } else {
        "the statements do not agree"
    };
    console.line(console.headline(holds, headline));
    for log in logs {
        console.field("log", plain(&log.name()));
        for key in &log.keys {
            let since = rfc3339(key.since_ms / 1000);
            let party = key.party;
            let identity = hex::encode(&key.identity[..8]);
            console.field(
                "",
                format_args!("party {party}, key {identity}.. of {since}"),
            );
        }
    }
    console.field("compared", format_args!("{} jobs", comparison.compared));
    console.field("incomplete", format_args!("{} jobs", comparison.incomplete));
    for flaw in flaws {
        let word = console.word(Mark::Fail);
        console.line(format_args!("  {word}  {}", plain(&flaw.to_string())));
    }
    for job in &comparison.two_faced {
        let word = console.word(Mark::Fail);
        let text = "signed in two ways, or as jobs of different kinds";
        console.line(format_args!("  {word}  {}: {text}", named(job)));
    }
    for (job, differences) in &comparison.disagreements {
        for difference in differences {
            let (mark, text) = told(difference);
            let word = console.word(mark);
            console.line(format_args!("  {word}  {}: {text}", named(job)));
        }
    }
}

fn named(job: &JobStatement) -> String {
    let session = hex::encode(&job.session.as_bytes()[..8]);
    format!("job {} of session {session}..", job.job)
}

/// Says a difference in words. Endings may differ where a connection broke.
fn told(difference: &Difference) -> (Mark, String) {
    match difference {
        Difference::Messages { from, to } => (
            Mark::Fail,
            format!("what party {from} says it sent is not what party {to} says it got: one lies"),
        ),
        Difference::Endings { endings } => {
            let endings = endings.map(|ending| word(&ending)).join(", ");
            (Mark::Open, format!("it ended as {endings}"))
        }
    }
}

fn word(ending: &JobEnding) -> String {
    match ending {
        JobEnding::Done => "done".into(),
        JobEnding::Refused(refusal) => refusal.to_string(),
    }
}

fn described(holds: bool, comparison: &Comparison, flaws: &[&Flaw]) -> Value {
    let job = |job: &JobStatement| json!({ "session": job.session.to_string(), "job": job.job });
    let differing = comparison.disagreements.iter().map(|(of, differences)| {
        let told: Vec<Value> = differences.iter().map(difference).collect();
        json!({ "job": job(of), "differences": told })
    });
    json!({
        "holds": holds,
        "compared": comparison.compared,
        "incomplete": comparison.incomplete,
        "flaws": flaws.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "two_faced": comparison.two_faced.iter().map(job).collect::<Vec<_>>(),
        "disagreements": differing.collect::<Vec<_>>(),
    })
}

fn difference(difference: &Difference) -> Value {
    match difference {
        Difference::Messages { from, to } => {
            json!({ "messages": { "from": from.get(), "to": to.get() } })
        }
        Difference::Endings { endings } => {
            json!({ "endings": endings.map(|ending| word(&ending)) })
        }
    }
}

#[cfg(test)]
mod tests;

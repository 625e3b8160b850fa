//! An approval: every change answered for, then the signature.

use std::io::{BufRead, stdin};
use std::path::Path;

use anyhow::{Context as _, bail};
use boop_channel::VerifiedManifest;
use boop_channel::manifest::{APPROVERS_MAX, Change, Effect, approval_holds, changes};
use boop_wire::manifest::{Approval, SignedManifest};
use serde_json::Value;

use super::key::Approver;
use super::show::Tally;
use super::{Answers, Diversity, Known, Loaded, diff, print_head, replace};
use crate::arguments::ApproveArguments;
use crate::console::Console;
use crate::plain::plain;
use crate::verify::read_file;
use crate::{Answer, Now};

/// Largest file of expected changes, in bytes.
const EXPECTED_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How often one question is put.
const QUESTIONS_MAX: usize = 3;

/// Approves a manifest if every change is accepted.
pub(super) fn run(
    arguments: &ApproveArguments,
    (answers, now): (Answers, Now),
    console: &Console,
) -> anyhow::Result<Answer> {
    let how = How::of(arguments, answers)?;
    let key = Approver::open(&arguments.place)?;
    let known = Known::read(&arguments.approvers)?;
    let mut loaded = Loaded::read(&arguments.manifest)?;
    let before = arguments
        .previous
        .as_deref()
        .map(Loaded::read)
        .transpose()?;
    let changes = changes(before.as_ref().map(|it| &it.manifest), &loaded.manifest);
    console.line(console.bold(&diff::summary(&changes)));
    print_head(&loaded, console);
    if known.is_none() {
        let text = "who may approve was not given, so the approvals before are not checked";
        console.line(format_args!("  {}  {text}", console.warning("warn")));
    }
    let allowed = allowed(
        &loaded,
        before.as_ref(),
        known.as_ref(),
        (&key.key(), now),
        console,
    );
    let accepted = allowed.and_then(|()| how.accepted(&changes, &mut stdin().lock(), console));
    if let Err(reason) = accepted {
        let text = format!("not approved: {reason}");
        console.line(console.headline(false, &plain(&text)));
        return Ok(Answer::No);
    }
    let approval = Approval {
        key: key.key(),
        signature: key.approve(&loaded.signed)?,
    };
    add(&mut loaded.signed, approval)?;
    replace(&arguments.manifest, &loaded.to_bytes())?;
    console.line(console.headline(true, "approved"));
    Tally::of(&loaded, known.as_ref()).print(console);
    Ok(Answer::Yes)
}

/// Why nothing is signed. Shown to whoever asked for it, so it is a sentence.
type Refusal = String;

/// What is checked instead of asked for.
fn allowed(
    loaded: &Loaded,
    before: Option<&Loaded>,
    known: Option<&Known>,
    (key, now): (&[u8; 32], Now),
    console: &Console,
) -> Result<(), Refusal> {
    match before {
        Some(before) => before
            .head
            .check_next(&loaded.manifest)
            .map_err(|error| error.to_string())?,
        None if loaded.head.version == 1 => {}
        None => return Err("a version after the genesis is compared with --previous".into()),
    }
    let diversity = Diversity::of(&loaded.manifest, known);
    diversity.print(console);
    if !diversity.refusals.is_empty() {
        return Err("the parties do not differ as they must".into());
    }
    let foreign = |it: &&Approval| !approval_holds(&loaded.signed, it);
    if let Some(approval) = loaded.signed.approvals.iter().find(foreign) {
        let key = hex::encode(approval.key);
        return Err(format!("the approval by {key} in the file does not verify"));
    }
    let Some(known) = known else {
        // Changes since a version that nobody approved show nothing of what it holds.
        return match before {
            Some(_) => Err("whether the version before is approved cannot be checked: \
                            --network, or --approver and --needed, say who may approve"
                .into()),
            None => Ok(()),
        };
    };
    let rules = before.map_or(&loaded.manifest, |before| &before.manifest);
    if !known.or_named(rules, key) {
        return Err("the key is not an approver's".into());
    }
    if let Some(network) = known
        .network
        .filter(|network| *network != loaded.head.network)
    {
        return Err(format!("the network file is of {network}"));
    }
    if let Some(before) = before {
        let versions = before.versions();
        VerifiedManifest::newest_of(&versions, &known.approvers, now.unix_ms)
            .map_err(|error| format!("the version before: {error}"))?;
    }
    Ok(())
}

/// How changes are accepted.
#[derive(Debug)]
enum How<'a> {
    /// A person is asked for each.
    Asked,
    /// Those of the named fields.
    Fields(&'a [String]),
    /// Exactly those that a file lists.
    Expected(Vec<Value>),
}

impl<'a> How<'a> {
    fn of(arguments: &'a ApproveArguments, answers: Answers) -> anyhow::Result<Self> {
        if let Some(path) = &arguments.expect {
            return Ok(Self::Expected(expected(path)?));
        }
        match answers {
            _ if !arguments.yes_to.is_empty() => Ok(Self::Fields(&arguments.yes_to)),
            Answers::Terminal => Ok(Self::Asked),
            Answers::Nobody => bail!(
                "standard input is not a terminal, so nobody can be asked: \
                 give --expect or --yes-to"
            ),
        }
    }

    fn accepted(
        &self,
        changes: &[Change],
        input: &mut impl BufRead,
        console: &Console,
    ) -> Result<(), Refusal> {
        match self {
            Self::Asked => ask(changes, input, console),
            Self::Fields(fields) => named(changes, fields, console),
            Self::Expected(expected) => listed(changes, expected, console),
        }
    }
}

fn expected(path: &Path) -> anyhow::Result<Vec<Value>> {
    let bytes = read_file(path, EXPECTED_BYTES_MAX)?;
    let value: Value = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not JSON", path.display()))?;
    match value.get("changes").and_then(Value::as_array) {
        Some(changes) => Ok(changes.clone()),
        None => bail!("{} does not list `changes`", path.display()),
    }
}

/// Leaves out what was checked already.
fn asked_for(changes: &[Change]) -> impl Iterator<Item = &Change> {
    changes.iter().filter(|change| match change.effect {
        Effect::AddsTrust | Effect::RemovesTrust | Effect::Neutral => true,
        Effect::Lineage => false,
    })
}

fn ask(changes: &[Change], input: &mut impl BufRead, console: &Console) -> Result<(), Refusal> {
    for change in asked_for(changes) {
        diff::print(change, console);
        if !yes(input, console) {
            return Err(format!("{} was not accepted", change.field));
        }
    }
    console.question("sign? [y/n]");
    if yes_or_no(input) == Some(true) {
        Ok(())
    } else {
        Err("signing was not accepted".into())
    }
}

/// Puts one question until it is answered; no answer is a no.
fn yes(input: &mut impl BufRead, console: &Console) -> bool {
    for _ in 0..QUESTIONS_MAX {
        console.question("      accept? [y/n]");
        match yes_or_no(input) {
            Some(answer) => return answer,
            None => continue,
        }
    }
    false
}

fn yes_or_no(input: &mut impl BufRead) -> Option<bool> {
    let mut line = String::new();
    match input.read_line(&mut line) {
        Ok(0) | Err(_) => Some(false),
        Ok(_) => match line.trim() {
            "y" | "yes" => Some(true),
            "n" | "no" => Some(false),
            _ => None,
        },
    }
}

fn named(changes: &[Change], fields: &[String], console: &Console) -> Result<(), Refusal> {
    let mut unnamed = vec![];
    for change in asked_for(changes) {
        diff::print(change, console);
        if !fields.contains(&change.field) {
            unnamed.push(change.field.as_str());
        }
    }
    if !unnamed.is_empty() {
        return Err(format!("no --yes-to for {}", unnamed.join(", ")));
    }
    let changed = |field: &&String| !asked_for(changes).any(|change| change.field == **field);
    match fields.iter().find(changed) {
        Some(field) => Err(format!("--yes-to {field}, which does not change")),
        None => Ok(()),
    }
}

fn listed(changes: &[Change], expected: &[Value], console: &Console) -> Result<(), Refusal> {
    let found = diff::described(changes);
    for (change, value) in changes.iter().zip(&found) {
        diff::print(change, console);
        if !expected.contains(value) {
            return Err(format!("{} is not as the file expects", change.field));
        }
    }
    match expected.iter().find(|value| !found.contains(value)) {
        Some(value) => {
            let field = value.get("field").and_then(Value::as_str);
            let field = field.unwrap_or("something without a field");
            Err(format!(
                "the file expects {field}, which does not change so"
            ))
        }
        None => Ok(()),
    }
}

/// Adds an approval beside those that are there; the same key's takes its own place.
fn add(signed: &mut SignedManifest, approval: Approval) -> anyhow::Result<()> {
    let key = approval.key;
    if !approval_holds(signed, &approval) {
        bail!("the key signed something else than it was given");
    }
    signed.approvals.retain(|it| it.key != key);
    if signed.approvals.len() >= APPROVERS_MAX {
        bail!("the file carries {APPROVERS_MAX} approvals already");
    }
    signed.approvals.push(approval);
    signed.approvals.sort_by_key(|it| it.key);
    Ok(())
}

#[cfg(test)]
mod tests;

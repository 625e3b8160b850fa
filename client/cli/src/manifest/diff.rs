//! What differs between two manifests, field by field.

use std::path::Path;

use boop_channel::manifest::{Change, ChangeKind, Effect, changes, is_restriction};
use serde_json::{Value, json};

use super::twin::TWIN_BYTES_MAX;
use super::{Loaded, new};
use crate::arguments::DiffArguments;
use crate::console::{Console, Mark};
use crate::plain::plain;
use crate::verify::read_file;
use crate::{Answer, Now};

/// Tells what differs.
pub(super) fn run(
    arguments: &DiffArguments,
    now: Now,
    console: &Console,
) -> anyhow::Result<Answer> {
    let first = either(&arguments.old, None, now)?;
    let second = arguments.new.as_deref();
    let second = second
        .map(|path| either(path, Some(&first), now))
        .transpose()?;
    let (old, new) = match &second {
        Some(second) => (Some(&first), second),
        None => (None, &first),
    };
    let changes = changes(old.map(|old| &old.manifest), &new.manifest);
    if arguments.json {
        console.json(&json!({
            "same": changes.is_empty(),
            "old": old.map(|old| old.head.digest.to_string()),
            "new": new.head.digest.to_string(),
            "restriction": is_restriction(&changes),
            "changes": described(&changes),
        }))?;
    } else {
        print_all(&changes, console);
    }
    Ok(changes.is_empty().into())
}

/// Reads a manifest, or a twin as the manifest that it makes: by itself, or as the one that
/// follows `before` if it says so little about its lineage that it can only be that.
fn either(path: &Path, before: Option<&Loaded>, now: Now) -> anyhow::Result<Loaded> {
    let bytes = read_file(path, TWIN_BYTES_MAX)?;
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Loaded::read(path);
    }
    match (new::from_twin(path, None, now), before) {
        (Err(_), Some(before)) => new::from_twin(path, Some(before), now),
        (result, _) => result,
    }
}

fn print_all(changes: &[Change], console: &Console) {
    if changes.is_empty() {
        console.line(console.headline(true, "the same manifest"));
        return;
    }
    console.line(console.headline(false, &summary(changes)));
    for change in changes {
        print(change, console);
    }
}

/// Counts the changes and says what they do together.
pub(super) fn summary(changes: &[Change]) -> String {
    let count = |effect| changes.iter().filter(|it| it.effect == effect).count();
    let (adds, removes) = (count(Effect::AddsTrust), count(Effect::RemovesTrust));
    let restriction = if is_restriction(changes) {
        ": a restriction"
    } else {
        ""
    };
    let total = changes.len() - count(Effect::Lineage);
    format!("{total} changes, {adds} add trust, {removes} remove trust{restriction}")
}

/// Prints one change, its values below it.
pub(super) fn print(change: &Change, console: &Console) {
    let effect = match change.effect {
        Effect::AddsTrust => console.toned(&format!("{:<13}", words(change.effect)), Mark::Open),
        Effect::RemovesTrust => console.toned(&format!("{:<13}", words(change.effect)), Mark::Pass),
        Effect::Neutral | Effect::Lineage => format!("{:<13}", words(change.effect)),
    };
    let kind = kind(change.kind);
    console.line(format_args!("  {effect}  {} {kind}", change.field));
    for (name, value) in [("before", &change.before), ("after", &change.after)] {
        if let Some(value) = value {
            console.line(format_args!("      {name:<6}  {}", plain(value)));
        }
    }
}

const fn words(effect: Effect) -> &'static str {
    match effect {
        Effect::AddsTrust => "adds trust",
        Effect::RemovesTrust => "removes trust",
        Effect::Neutral => "neither",
        Effect::Lineage => "lineage",
    }
}

const fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
    }
}

/// Returns changes as `boop manifest approve --expect` reads them again.
pub(super) fn described(changes: &[Change]) -> Vec<Value> {
    let value = |change: &Change| {
        json!({
            "field": change.field,
            "kind": kind(change.kind),
            "effect": words(change.effect),
            "before": change.before,
            "after": change.after,
        })
    };
    changes.iter().map(value).collect()
}

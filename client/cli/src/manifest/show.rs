//! A manifest for people to read: the twin, and who has approved it.

use std::collections::BTreeSet;

use boop_channel::manifest::approval_holds;
use serde_json::{Value, json};

use super::{Known, Loaded, print_head, twin};
use crate::Answer;
use crate::arguments::ShowArguments;
use crate::console::{Console, Mark};
use crate::plain::plain_json;

/// Shows a manifest.
pub(super) fn run(arguments: &ShowArguments, console: &Console) -> anyhow::Result<Answer> {
    let loaded = Loaded::read(&arguments.manifest)?;
    let known = Known::read(&arguments.approvers)?;
    let twin = twin::write(&loaded.manifest);
    let tally = Tally::of(&loaded, known.as_ref());
    if arguments.twin {
        console.json(&twin)?;
    } else if arguments.json {
        console.json(&described(&loaded, &tally, &twin))?;
    } else {
        console.line(console.bold("manifest"));
        print_head(&loaded, console);
        tally.print(console);
        console.line(plain_json(&format!("{twin:#}")));
    }
    Ok(Answer::Yes)
}

/// Who has approved a manifest, and what is missing.
pub(super) struct Tally {
    lines: Vec<Line>,
    /// How many approvals are needed, and the approvers that have not approved.
    awaited: Option<(u8, Vec<[u8; 32]>)>,
}

struct Line {
    key: [u8; 32],
    holds: bool,
    /// Whether the key is an approver's, if it is known who is one.
    approver: Option<bool>,
}

impl Tally {
    pub(super) fn of(loaded: &Loaded, known: Option<&Known>) -> Self {
        let lines: Vec<Line> = loaded
            .signed
            .approvals
            .iter()
            .map(|approval| Line {
                key: approval.key,
                holds: approval_holds(&loaded.signed, approval),
                approver: known.map(|known| known.may_approve(&approval.key)),
            })
            .collect();
        let holding = lines.iter().filter(|line| line.holds);
        let approved: BTreeSet<[u8; 32]> = holding.map(|line| line.key).collect();
        let awaited = known.map(|known| {
            let keys: BTreeSet<[u8; 32]> = known.approvers.keys.iter().map(|key| key.0).collect();
            let missing = keys.difference(&approved).copied().collect();
            (known.approvers.needed, missing)
        });
        Self { lines, awaited }
    }

    /// Counts the approvals that count: they hold, and each is another approver's.
    fn counted(&self) -> usize {
        let counting = self
            .lines
            .iter()
            .filter(|line| line.holds && line.approver == Some(true));
        counting.map(|line| line.key).collect::<BTreeSet<_>>().len()
    }

    /// Counts the approvals that are still needed.
    fn missing(&self) -> Option<usize> {
        let (needed, _) = self.awaited.as_ref()?;
        Some(usize::from(*needed).saturating_sub(self.counted()))
    }

    pub(super) fn print(&self, console: &Console) {
        for line in &self.lines {
            let (mark, text) = match (line.holds, line.approver) {
                (false, _) => (Mark::Fail, "its signature does not verify"),
                (true, Some(false)) => (Mark::Fail, "not an approver of the network"),
                (true, Some(true)) => (Mark::Pass, "an approver of the network"),
                (true, None) => (Mark::Open, "whose key this is, --network tells"),
            };
            let key = hex::encode(line.key);
            console.field(
                "approved by",
                format_args!("{key} {}", console.toned(text, mark)),
            );
        }
        let Some((needed, waiting)) = &self.awaited else {
            let count = self.lines.len();
            console.field(
                "approvals",
                format_args!("{count}; who may approve was not given"),
            );
            return;
        };
        let (found, missing) = (self.counted(), self.missing().unwrap_or_default());
        console.field(
            "approvals",
            format_args!("{found} of {needed} needed, {missing} missing"),
        );
        for key in waiting.iter().filter(|_| missing > 0) {
            console.field("not yet by", hex::encode(key));
        }
    }

    pub(super) fn described(&self) -> Value {
        let line = |line: &Line| {
            json!({
                "key": hex::encode(line.key),
                "holds": line.holds,
                "approver": line.approver,
            })
        };
        let waiting = self
            .awaited
            .as_ref()
            .map(|(_, keys)| keys.iter().map(hex::encode).collect::<Vec<_>>());
        json!({
            "approvals": self.lines.iter().map(line).collect::<Vec<_>>(),
            "needed": self.awaited.as_ref().map(|(needed, _)| needed),
            "missing": self.missing(),
            "not_yet_by": waiting,
        })
    }
}

fn described(loaded: &Loaded, tally: &Tally, twin: &Value) -> Value {
    json!({
        "version": loaded.head.version,
        "digest": loaded.head.digest.to_string(),
        "network": loaded.head.network.to_string(),
        "approved": tally.described(),
        "twin": twin,
    })
}

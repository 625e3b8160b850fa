//! Changes of who approves and how, and of what is revoked.

use alloc::format;
use alloc::string::String;

use boop_wire::manifest::{
    ApproverEntry, ApproverKind, ChipId, Delays, Measurement, Revoked, Thresholds,
};

use super::list::compare_lists;
use super::words::quoted;
use super::{Change, Effect, Found, Stricter};

impl Found {
    pub(super) fn approvers(&mut self, old: &[ApproverEntry], new: &[ApproverEntry]) {
        let key = |it: &ApproverEntry| it.key;
        let pairs = compare_lists(&mut self.0, "approvers", (old, new), key, approver);
        for (index, old, new) in pairs {
            let ApproverEntry {
                name,
                key: _,
                kind: place,
            } = new;
            let field = format!("approvers[{index}]");
            let (before, after) = (quoted(&old.name), quoted(name));
            self.value(&format!("{field}.name"), &before, &after, Effect::Neutral);
            let (before, after) = (kind(old.kind), kind(*place));
            self.value(&format!("{field}.kind"), &before, &after, Effect::AddsTrust);
        }
    }

    pub(super) fn thresholds(&mut self, old: &Thresholds, new: &Thresholds) {
        let Thresholds {
            operators,
            release_signers,
            reviewers,
            restriction,
            governance,
        } = new;
        for (name, counts) in [
            ("operators", (old.operators, *operators)),
            ("release_signers", (old.release_signers, *release_signers)),
            ("reviewers", (old.reviewers, *reviewers)),
            ("restriction", (old.restriction, *restriction)),
            ("governance", (old.governance, *governance)),
        ] {
            self.number(&format!("thresholds.{name}"), counts, Stricter::Higher);
        }
    }

    pub(super) fn delays(&mut self, old: &Delays, new: &Delays) {
        let Delays {
            ordinary_s,
            restriction_s,
            governance_s,
        } = new;
        for (name, seconds) in [
            ("ordinary_s", (old.ordinary_s, *ordinary_s)),
            ("restriction_s", (old.restriction_s, *restriction_s)),
            ("governance_s", (old.governance_s, *governance_s)),
        ] {
            self.number(&format!("delays.{name}"), seconds, Stricter::Higher);
        }
    }

    pub(super) fn revoked(&mut self, old: &Revoked, new: &Revoked) {
        let Revoked {
            measurements,
            chips,
        } = new;
        let lists = (old.measurements.as_slice(), measurements.as_slice());
        let words = |it: &Measurement| format!("{it}");
        self.refusing("revoked.measurements", lists, words);
        let lists = (old.chips.as_slice(), chips.as_slice());
        let words = |it: &ChipId| hex::encode(&it.0);
        self.refusing("revoked.chips", lists, words);
    }

    pub(super) fn banned(&mut self, old: &[String], new: &[String]) {
        self.refusing("banned_products", (old, new), |it| quoted(it));
    }

    /// Compares lists of what is believed no more: what enters one removes trust.
    fn refusing<T: PartialEq + Clone>(
        &mut self,
        list: &str,
        lists: (&[T], &[T]),
        words: impl Fn(&T) -> String,
    ) {
        let from = self.0.len();
        compare_lists(&mut self.0, list, lists, T::clone, words);
        for change in self.0.iter_mut().skip(from) {
            change.effect = opposite(change);
        }
    }
}

const fn opposite(change: &Change) -> Effect {
    match change.effect {
        Effect::AddsTrust => Effect::RemovesTrust,
        Effect::RemovesTrust => Effect::AddsTrust,
        Effect::Neutral => Effect::Neutral,
        Effect::Lineage => Effect::Lineage,
    }
}

fn approver(entry: &ApproverEntry) -> String {
    let (name, key) = (quoted(&entry.name), hex::encode(entry.key));
    format!("{} {name} with key {key}", kind(entry.kind))
}

fn kind(kind: ApproverKind) -> String {
    match kind {
        ApproverKind::Operator(party) => format!("operator of party {party}"),
        ApproverKind::ReleaseSigner => "release signer".into(),
        ApproverKind::Reviewer => "reviewer".into(),
    }
}

pub(super) fn thresholds(thresholds: &Thresholds) -> String {
    format!(
        "{} operators, {} release signers, {} reviewers; {} operators to restrict; \
         {} operators to change who approves",
        thresholds.operators,
        thresholds.release_signers,
        thresholds.reviewers,
        thresholds.restriction,
        thresholds.governance
    )
}

pub(super) fn delays(delays: &Delays) -> String {
    format!(
        "{} s; {} s to restrict; {} s to change who approves",
        delays.ordinary_s, delays.restriction_s, delays.governance_s
    )
}

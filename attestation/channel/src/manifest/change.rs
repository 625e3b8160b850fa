//! What differs between two versions of a manifest, and whether a difference adds trust.
//!
//! A change *adds* trust when something is believed afterwards that was not before: a machine, a
//! key, a measurement, older firmware, a weaker limit. It *removes* trust when less is believed.
//! Whatever is neither clearly is [`Effect::Neutral`], and an emergency restriction may only
//! remove. Two manifests that differ have at least one change between them: every field is taken
//! apart by name, so that a new field of the format stops the build here.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::cmp::Ordering;

use boop_wire::manifest::{
    LedgerEntry, Machine, Manifest, Matching, PartyEntry, Release, Revoked, TcbFloor,
};

use list::compare_lists;
use words::{cloud, floor, machine, matching, optional, party, profile, quoted, release};

mod list;
mod rules;
mod words;

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It is there no more.
    Removed,
    /// It has another value.
    Changed,
}

/// What a change does to whom and what the network believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Something is believed that was not.
    AddsTrust,
    /// Something is believed no more, or less easily.
    RemovesTrust,
    /// Neither, such as another name.
    Neutral,
    /// Version, predecessor and network, which every version has to change.
    Lineage,
}

/// One difference. Values are in words, with texts in quotes and bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it stands in the new manifest; `old.` leads where it stood if it is gone.
    pub field: String,
    /// What happened.
    pub kind: ChangeKind,
    /// What it does.
    pub effect: Effect,
    /// The value before, unless it was added.
    pub before: Option<String>,
    /// The value after, unless it was removed.
    pub after: Option<String>,
}

/// Returns every change from `old` to `new`; from nothing, everything is added.
pub fn changes(old: Option<&Manifest>, new: &Manifest) -> Vec<Change> {
    let mut found = Found::default();
    match old {
        Some(old) => found.manifests(old, new),
        None => found.genesis(new),
    }
    found.0
}

/// Says whether changes only remove trust: what an emergency may do with fewer approvals.
pub fn is_restriction(changes: &[Change]) -> bool {
    let allowed = |change: &Change| matches!(change.effect, Effect::RemovesTrust | Effect::Lineage);
    let removes = |change: &Change| change.effect == Effect::RemovesTrust;
    changes.iter().all(allowed) && changes.iter().any(removes)
}

/// Which way of a number is the stricter one.
#[derive(Clone, Copy)]
enum Stricter {
    Higher,
    Lower,
}

#[derive(Default)]
struct Found(Vec<Change>);

impl Found {
    fn manifests(&mut self, old: &Manifest, new: &Manifest) {
        let Manifest {
            version,
            previous,
            network,
            name,
            simulated,
            parties,
            gateways,
            ledger,
            releases,
            tcb_floors,
            evidence_age_max_s,
            threshold,
            quality_min,
            matching: mode,
            profile: exactness,
            created_ms,
            approvers,
            thresholds,
            delays,
            revoked,
            banned_products,
        } = new;
        self.value("version", &old.version, version, Effect::Lineage);
        let (before, after) = (optional(old.previous), optional(*previous));
        self.value("previous", &before, &after, Effect::Lineage);
        let (before, after) = (optional(old.network), optional(*network));
        self.value("network", &before, &after, Effect::Lineage);
        self.value("name", &quoted(&old.name), &quoted(name), Effect::Neutral);
        let effect = if *simulated {
            Effect::AddsTrust
        } else {
            Effect::RemovesTrust
        };
        self.value("simulated", &old.simulated, simulated, effect);
        self.parties(&old.parties, parties);
        self.gateways(&old.gateways, gateways);
        self.ledger(&old.ledger, ledger);
        self.releases(&old.releases, releases);
        self.floors(&old.tcb_floors, tcb_floors);
        let age = (old.evidence_age_max_s, *evidence_age_max_s);
        self.number("evidence_age_max_s", age, Stricter::Lower);
        self.number("threshold", (old.threshold, *threshold), Stricter::Higher);
        let quality = (old.quality_min, *quality_min);
        self.number("quality_min", quality, Stricter::Higher);
        let effect = match mode {
            Matching::SemiHonest => Effect::AddsTrust,
            Matching::Abort => Effect::RemovesTrust,
        };
        let (before, after) = (matching(old.matching), matching(*mode));
        self.value("matching", &before, &after, effect);
        let (before, after) = (profile(old.profile), profile(*exactness));
        self.value("profile", &before, &after, Effect::Neutral);
        let lineage = Effect::Lineage;
        self.value("created_ms", &old.created_ms, created_ms, lineage);
        self.approvers(&old.approvers, approvers);
        self.thresholds(&old.thresholds, thresholds);
        self.delays(&old.delays, delays);
        self.revoked(&old.revoked, revoked);
        self.banned(&old.banned_products, banned_products);
    }

    /// Tells every field of a genesis by adding it to nothing.
    fn genesis(&mut self, new: &Manifest) {
        let added = |field: &str, after: String, effect| added(field.into(), after, effect);
        let adds = Effect::AddsTrust;
        let simulated = if new.simulated { adds } else { Effect::Neutral };
        self.0.extend([
            added("version", new.version.to_string(), Effect::Lineage),
            added("previous", optional(new.previous), Effect::Lineage),
            added("network", optional(new.network), Effect::Lineage),
            added("name", quoted(&new.name), Effect::Neutral),
            added("simulated", new.simulated.to_string(), simulated),
        ]);
        self.parties(&[], &new.parties);
        self.gateways(&[], &new.gateways);
        let LedgerEntry {
            machine: place,
            origin,
            key,
        } = &new.ledger;
        self.0.extend([
            added("ledger.machine", machine(place), adds),
            added("ledger.origin", quoted(origin), adds),
            added("ledger.key", hex::encode(key), adds),
        ]);
        self.releases(&[], &new.releases);
        self.floors(&[], &new.tcb_floors);
        let age = new.evidence_age_max_s.to_string();
        self.0.extend([
            added("evidence_age_max_s", age, adds),
            added("threshold", new.threshold.to_string(), adds),
            added("quality_min", new.quality_min.to_string(), adds),
            added("matching", matching(new.matching).into(), adds),
            added("profile", profile(new.profile).into(), Effect::Neutral),
            added("created_ms", new.created_ms.to_string(), Effect::Lineage),
        ]);
        self.approvers(&[], &new.approvers);
        self.0.extend([
            added("thresholds", rules::thresholds(&new.thresholds), adds),
            added("delays", rules::delays(&new.delays), adds),
        ]);
        self.revoked(&Revoked::default(), &new.revoked);
        self.banned(&[], &new.banned_products);
    }

    /// Parties are told apart by their index, which is their place in the protocol.
    fn parties(&mut self, old: &[PartyEntry], new: &[PartyEntry]) {
        for (index, (old, new)) in old.iter().zip(new).enumerate() {
            let PartyEntry {
                operator,
                machine: place,
                custodian,
                physical_custodian,
                cloud: rented,
                hsm_administrator,
                recoveries,
            } = new;
            let field = format!("parties[{index}]");
            let (before, after) = (quoted(&old.operator), quoted(operator));
            self.value(
                &format!("{field}.operator"),
                &before,
                &after,
                Effect::AddsTrust,
            );
            self.machine(&format!("{field}.machine"), &old.machine, place);
            let (before, after) = (hex::encode(old.custodian), hex::encode(custodian));
            self.value(
                &format!("{field}.custodian"),
                &before,
                &after,
                Effect::AddsTrust,
            );
            for (name, before, after) in [
                (
                    "physical_custodian",
                    &old.physical_custodian,
                    physical_custodian,
                ),
                (
                    "hsm_administrator",
                    &old.hsm_administrator,
                    hsm_administrator,
                ),
            ] {
                let field = format!("{field}.{name}");
                self.value(&field, &quoted(before), &quoted(after), Effect::AddsTrust);
            }
            let rents = format!("{field}.cloud");
            let (before, after) = (cloud(old.cloud), cloud(*rented));
            self.value(&rents, &before, &after, Effect::AddsTrust);
            let field = format!("{field}.recoveries");
            self.value(&field, &old.recoveries, recoveries, Effect::Neutral);
        }
        for (index, entry) in old.iter().enumerate().skip(new.len()) {
            let field = format!("old.parties[{index}]");
            self.0
                .push(removed(field, party(entry), Effect::RemovesTrust));
        }
        for (index, entry) in new.iter().enumerate().skip(old.len()) {
            let field = format!("parties[{index}]");
            self.0.push(added(field, party(entry), Effect::AddsTrust));
        }
    }

    fn machine(&mut self, field: &str, old: &Machine, new: &Machine) {
        let Machine {
            platform,
            chip,
            config,
        } = new;
        let adds = Effect::AddsTrust;
        let (before, after) = (words::platform(old.platform), words::platform(*platform));
        self.value(&format!("{field}.platform"), &before, &after, adds);
        let (before, after) = (hex::encode(&old.chip), hex::encode(chip));
        self.value(&format!("{field}.chip"), &before, &after, adds);
        self.value(&format!("{field}.config"), &old.config, config, adds);
    }

    fn gateways(&mut self, old: &[Machine], new: &[Machine]) {
        let key = |it: &Machine| (it.platform, it.chip.clone());
        let pairs = compare_lists(&mut self.0, "gateways", (old, new), key, machine);
        for (index, old, new) in pairs {
            self.machine(&format!("gateways[{index}]"), old, new);
        }
    }

    fn ledger(&mut self, old: &LedgerEntry, new: &LedgerEntry) {
        let LedgerEntry {
            machine: place,
            origin,
            key,
        } = new;
        self.machine("ledger.machine", &old.machine, place);
        let (before, after) = (quoted(&old.origin), quoted(origin));
        self.value("ledger.origin", &before, &after, Effect::AddsTrust);
        let (before, after) = (hex::encode(old.key), hex::encode(key));
        self.value("ledger.key", &before, &after, Effect::AddsTrust);
    }

    fn releases(&mut self, old: &[Release], new: &[Release]) {
        let key = |it: &Release| (it.role, it.platform, it.measurement);
        let pairs = compare_lists(&mut self.0, "releases", (old, new), key, release);
        for (index, old, new) in pairs {
            let Release {
                role: _,
                platform: _,
                measurement: _,
                not_before_ms,
                not_after_ms,
                source,
            } = new;
            let field = format!("releases[{index}]");
            let from = (old.not_before_ms, *not_before_ms);
            self.number(&format!("{field}.not_before_ms"), from, Stricter::Higher);
            let end = |it: Option<u64>| it.unwrap_or(u64::MAX);
            let effect = match end(old.not_after_ms).cmp(&end(*not_after_ms)) {
                Ordering::Less => Effect::AddsTrust,
                Ordering::Equal | Ordering::Greater => Effect::RemovesTrust,
            };
            let (before, after) = (optional(old.not_after_ms), optional(*not_after_ms));
            self.value(&format!("{field}.not_after_ms"), &before, &after, effect);
            // The measurement stays, so what runs does.
            let (before, after) = (quoted(&old.source), quoted(source));
            self.value(&format!("{field}.source"), &before, &after, Effect::Neutral);
        }
    }

    fn floors(&mut self, old: &[TcbFloor], new: &[TcbFloor]) {
        let key = |it: &TcbFloor| it.product.clone();
        let pairs = compare_lists(&mut self.0, "tcb_floors", (old, new), key, floor);
        for (index, old, new) in pairs {
            let TcbFloor {
                product: _,
                fmc,
                bootloader,
                tee,
                snp,
                microcode,
            } = new;
            for (name, levels) in [
                ("fmc", (old.fmc, *fmc)),
                ("bootloader", (old.bootloader, *bootloader)),
                ("tee", (old.tee, *tee)),
                ("snp", (old.snp, *snp)),
                ("microcode", (old.microcode, *microcode)),
            ] {
                let field = format!("tcb_floors[{index}].{name}");
                self.number(&field, levels, Stricter::Higher);
            }
        }
    }

    fn number<N: Ord + core::fmt::Display>(
        &mut self,
        field: &str,
        (old, new): (N, N),
        stricter: Stricter,
    ) {
        let effect = match (old.cmp(&new), stricter) {
            (Ordering::Less, Stricter::Higher) | (Ordering::Greater, Stricter::Lower) => {
                Effect::RemovesTrust
            }
            (Ordering::Less, Stricter::Lower) | (Ordering::Greater, Stricter::Higher) => {
                Effect::AddsTrust
            }
            (Ordering::Equal, _) => return,
        };
        self.value(field, &old, &new, effect);
    }

    fn value<T: PartialEq + core::fmt::Display>(
        &mut self,
        field: &str,
        old: &T,
        new: &T,
        effect: Effect,
    ) {
        if old != new {
            self.0.push(Change {
                field: field.into(),
                kind: ChangeKind::Changed,
                effect,
                before: Some(old.to_string()),
                after: Some(new.to_string()),
            });
        }
    }
}

fn added(field: String, after: String, effect: Effect) -> Change {
    Change {
        field,
        kind: ChangeKind::Added,
        effect,
        before: None,
        after: Some(after),
    }
}

fn removed(field: String, before: String, effect: Effect) -> Change {
    Change {
        field,
        kind: ChangeKind::Removed,
        effect,
        before: Some(before),
        after: None,
    }
}

#[cfg(test)]
mod tests;

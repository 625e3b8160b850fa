//! Policies and paths that the tests share.

use boop_appraisal::policy::{PolicyError, PolicyFile, Problem, shipped};
use boop_verifier::{
    AgeLimit, Demand, Floor, Floors, Mitigations, PcrSet, Permission, Platform, Policy, Product,
    Revocation, Rule, SimulatedEvidence, TcbRules, Tier, UnixTime, Vlek,
};
use toml::{Table, Value};

pub(crate) fn parsed(name: &str) -> Policy {
    let text = shipped(name).expect("the policy is shipped");
    PolicyFile::parse(text).expect("the policy is read").policy
}

pub(crate) fn problems(text: &str) -> Vec<Problem> {
    match PolicyFile::parse(text) {
        Ok(_) => vec![],
        Err(PolicyError::Problems(problems)) => problems,
        Err(other) => {
            assert_eq!(other.to_string(), "", "{text}");
            vec![]
        }
    }
}

pub(crate) fn said(text: &str) -> String {
    match PolicyFile::parse(text) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// Puts one line in the place of another; of several that are alike, the last.
pub(crate) fn changed(text: &str, line: &str, instead: &str) -> String {
    let at = text.rfind(&format!("\n{line}\n")).map(|at| at + 1);
    let at = at.expect("the text has the line");
    format!("{}{instead}{}", &text[..at], &text[at + line.len()..])
}

/// A policy in which every form of every field appears.
pub(crate) fn elaborate() -> Policy {
    let mut policy = Policy::p0();
    policy.simulated = SimulatedEvidence::Allow;
    policy.binding = Demand::Required;
    if let Platform::Accepted(snp) = &mut policy.snp {
        snp.vmpl = Rule::AtLeast(1);
        snp.guest_svn = Rule::OneOf(vec![3, 4]);
        snp.measurement = Rule::OneOf(vec![[1; 48], [2; 48]]);
        snp.host_data = Rule::Exactly([3; 32]);
        snp.id_key_digest = Rule::OneOf(vec![]);
        snp.debug = Permission::Allow;
        snp.revocation = Revocation::Required;
        snp.guest_policy.smt_allowed = Rule::Exactly(false);
        snp.guest_policy.cxl_allowed = Rule::OneOf(vec![true, false]);
        snp.platform.unknown_bits = Permission::Refuse;
        snp.vlek = Vlek::Provider {
            names: Rule::Exactly("CN=\"quoted\"".into()),
            tier: Tier::Warning,
        };
        snp.products.retain(|rules| rules.product != Product::Genoa);
        for rules in &mut snp.products {
            let fmc = match rules.product {
                Product::Turin => Rule::AtLeast(9),
                _ => Rule::Any,
            };
            let level = TcbRules {
                fmc,
                bootloader: Rule::AtLeast(4),
                tee: Rule::Any,
                snp: Rule::Exactly(24),
                microcode: Rule::OneOf(vec![219, 220]),
            };
            let floor = |since| Floor {
                since: UnixTime(since),
                bulletins: vec!["AMD-SB-3019".into(), "other \\ one".into()],
                reported: level.clone(),
                committed: TcbRules::any(),
                launch: level.clone(),
            };
            rules.floors = Floors::Dated(vec![floor(86_400), floor(86_401)]);
            rules.chips = Rule::OneOf(vec![[7; 64]]);
            rules.tier = Tier::Warning;
            rules.fleet_keys = Permission::Refuse;
            rules.launch_mitigations = Mitigations::All(0x3f);
            rules.current_mitigations = Mitigations::All(u64::MAX);
        }
    }
    if let Platform::Accepted(nitro) = &mut policy.nitro {
        nitro.tier = Tier::Warning;
        nitro.age = AgeLimit::Seconds(300);
        nitro.module_id = Rule::OneOf(vec!["i-1-enc2".into()]);
        let mut set = PcrSet::any();
        set.0[0].1 = Rule::Exactly([8; 48]);
        set.0.push((31, Rule::OneOf(vec![[9; 48]])));
        nitro.pcr_sets.push(set);
    }
    policy
}

pub(crate) fn elaborate_text() -> String {
    PolicyFile::to_toml(&elaborate(), "elaborate")
}

/// Lists the path of every field; the registers of a release beyond the mandatory are optional.
pub(crate) fn paths(table: &Table) -> Vec<String> {
    let mut found = vec![];
    walk("", &Value::Table(table.clone()), &mut |path, _| {
        let optional = path.ends_with(".pcrs.31");
        if !path.ends_with(']') && !optional {
            found.push(path.to_owned());
        }
    });
    found
}

pub(crate) fn every_table(table: &Table) -> Vec<String> {
    let mut found = vec![];
    walk("", &Value::Table(table.clone()), &mut |path, value| {
        if value.is_table() {
            found.push(path.to_owned());
        }
    });
    found
}

pub(crate) fn walk(path: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                let inner = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                visit(&inner, value);
                walk(&inner, value, visit);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                let inner = format!("{path}[{index}]");
                visit(&inner, value);
                walk(&inner, value, visit);
            }
        }
        _ => {}
    }
}

pub(crate) fn removed(table: &Table, path: &str) -> Table {
    altered(table, path, None)
}

pub(crate) fn replaced(table: &Table, path: &str, value: &Value) -> Table {
    altered(table, path, Some(value))
}

pub(crate) fn altered(table: &Table, path: &str, value: Option<&Value>) -> Table {
    let mut root = Value::Table(table.clone());
    let mut at = &mut root;
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        let (name, indexes) = part.split_once('[').unwrap_or((part, ""));
        at = &mut at[name];
        for index in indexes.split(['[', ']']).filter(|index| !index.is_empty()) {
            at = &mut at[index.parse::<usize>().expect("an index")];
        }
    }
    let inside = at.as_table_mut().expect("a path leads through tables");
    match value {
        Some(value) => inside.insert(last.to_owned(), value.clone()),
        None => inside.remove(last),
    };
    match root {
        Value::Table(table) => table,
        _ => table.clone(),
    }
}

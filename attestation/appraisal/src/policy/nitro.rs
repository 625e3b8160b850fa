//! The table `[nitro]`.

use boop_verifier::{AgeLimit, NitroPolicy, PcrSet};
use toml::Value;

use super::{
    problem::ProblemKind,
    section::Section,
    value::{ANY, number},
};

/// Registers of a Nitro enclave.
const PCRS_END: u8 = 32;
/// Registers that make up a release.
const MANDATORY: [u8; 3] = [0, 1, 2];

/// Reads the table.
pub(super) fn read(mut nitro: Section<'_>) -> Option<NitroPolicy> {
    let tier = nitro.tier();
    let sets = nitro.sections(
        "pcr_sets",
        "[] for no release, or [[nitro.pcr_sets]] for each",
    );
    let pcr_sets = sets.and_then(|sets| {
        let sets: Vec<_> = sets.into_iter().map(pcr_set).collect();
        sets.into_iter().collect::<Option<Vec<_>>>()
    });
    let module_id = nitro.rule("module_id");
    let debug = nitro.permission("debug");
    let age = nitro.open_or("age_seconds", "\"any\" or a number of seconds", age);
    let ahead = nitro.must("ahead_seconds", "a number of seconds", number);
    nitro.finish();
    Some(NitroPolicy {
        tier: tier?,
        pcr_sets: pcr_sets?,
        module_id: module_id?,
        debug: debug?,
        age: age?,
        ahead_seconds_max: ahead?,
    })
}

/// Reads one release. Its name is for people: the verdict does not carry it.
fn pcr_set(mut set: Section<'_>) -> Option<PcrSet> {
    let name = set.text("name");
    let pcrs = set.section("pcrs");
    let rules = pcrs.map(|pcrs| {
        let missing: Vec<_> = MANDATORY
            .into_iter()
            .filter(|index| !pcrs.has(&index.to_string()))
            .collect();
        if !missing.is_empty() {
            pcrs.refuse_whole(ProblemKind::PcrsMissing { missing });
        }
        pcrs.indexed_rules(PCRS_END)
    });
    set.finish();
    name.and(rules).map(PcrSet)
}

fn age(value: &Value) -> Result<AgeLimit, String> {
    match value {
        Value::String(word) if word == ANY => Ok(AgeLimit::Any),
        _ => number(value).map(AgeLimit::Seconds),
    }
}

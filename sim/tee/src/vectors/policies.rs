//! The policies of cases: one that leaves almost everything open, and what each file has instead.

use toml::{Table, Value};

use crate::chip::ChipModel;
use crate::forge::PROVIDER;
use crate::harness::Harness;
use crate::measure::nitro_pcrs;

/// What the vectors' plain policies say, but for Milan: its leaked keys (arXiv 2605.12990) make
/// listing a chip a duty.
const OPEN: &str = include_str!("open.toml");

/// Returns the text of a policy file.
///
/// # Panics
/// For a name that no case uses.
pub(super) fn text(harness: &Harness, name: &str) -> String {
    let mut policy: Table = OPEN.parse().expect("open.toml is toml");
    let title = name.trim_end_matches(".toml");
    put(&mut policy, "name", Value::from(title));
    let differences = differences(harness, title).expect("cases name policies of this file");
    for (path, value) in differences {
        put(&mut policy, path, value);
    }
    toml::to_string(&policy).expect("a table of texts and numbers is toml")
}

/// Returns what a policy has instead of the open one.
fn differences(harness: &Harness, name: &str) -> Option<Vec<(&'static str, Value)>> {
    let request = harness.request();
    let refuse = || Value::from("refuse");
    Some(match name {
        "strict" => strict(harness),
        "other-chip" => vec![("snp.products.genoa.chips", Value::from("5e".repeat(64)))],
        "milan-chip" => {
            let chip_id = harness
                .chip(ChipModel::MilanV3)
                .chip_id()
                .unwrap_or([0; 64]);
            let mut milan = product();
            milan.insert("chips".into(), Value::from(hex::encode(chip_id)));
            vec![("snp.products.milan", Value::Table(milan))]
        }
        "vmpl-2" => vec![("snp.vmpl", Value::from(2))],
        "mitigations" => vec![
            ("snp.products.genoa.launch_mitigations", Value::from(0x1f)),
            ("snp.products.genoa.current_mitigations", Value::from(0x1b)),
        ],
        "without-genoa" => vec![("snp.products.genoa", refuse())],
        "floors-of-tomorrow" => {
            let floors = [("since", "2026-06-02")];
            vec![("snp.products.genoa.floors", floor(&floors, [10, 0, 26, 85]))]
        }
        "other-provider" => vec![("snp.vlek.csp_ids", Value::from("another-cloud"))],
        "this-provider" => vec![("snp.vlek.csp_ids", Value::from(PROVIDER))],
        "real-hardware" => vec![("simulated", refuse())],
        "nitro-alone" => vec![("snp", refuse())],
        "snp-alone" => vec![("nitro", refuse())],
        "fresh" => vec![("nitro.age_seconds", Value::from(10))],
        "pinned" => pinned(harness),
        "two-releases" => {
            let other = pcr_set("earlier", &[(0, [1; 48]), (1, [2; 48]), (2, [3; 48])]);
            let launch = &request.launch;
            let pcrs = nitro_pcrs(&launch.measurement, &launch.config_hash, "");
            let current: Vec<_> = pcrs.into_iter().filter(|(index, _)| *index < 3).collect();
            let sets = vec![other, pcr_set("current", &current)];
            vec![("nitro.pcr_sets", Value::Array(sets))]
        }
        _ => return None,
    })
}

/// Names everything that evidence of Genoa can be held against.
fn strict(harness: &Harness) -> Vec<(&'static str, Value)> {
    let launch = &harness.request().launch;
    let chip = harness
        .chip(ChipModel::GenoaV5)
        .chip_id()
        .unwrap_or([0; 64]);
    let refuse = || Value::from("refuse");
    let since = [("since", "2026-01-01")];
    vec![
        ("binding", Value::from("required")),
        (
            "snp.measurement",
            Value::from(hex::encode(launch.measurement)),
        ),
        (
            "snp.host_data",
            Value::from(hex::encode(launch.config_hash)),
        ),
        ("snp.family_id", Value::from("00".repeat(16))),
        ("snp.guest_svn", Value::from(0)),
        ("snp.provisional_firmware", refuse()),
        ("snp.reported_below_current", refuse()),
        ("snp.revocation", Value::from("required")),
        ("snp.vlek", refuse()),
        ("snp.guest_policy.single_socket", Value::from(false)),
        ("snp.platform_info.alias_check_complete", Value::from(true)),
        ("snp.platform_info.unknown_bits", refuse()),
        ("snp.products.genoa.chips", Value::from(hex::encode(chip))),
        ("snp.products.genoa.floors", floor(&since, [10, 0, 27, 85])),
        ("snp.products.genoa.launch_mitigations", Value::from(0x0b)),
    ]
}

/// Names everything that a document can be held against.
fn pinned(harness: &Harness) -> Vec<(&'static str, Value)> {
    let launch = &harness.request().launch;
    let module_id = harness
        .chip(ChipModel::Nitro)
        .module_id()
        .unwrap_or_default();
    let instance = module_id
        .rsplit_once('-')
        .map_or("", |(instance, _)| instance);
    let pcrs = nitro_pcrs(&launch.measurement, &launch.config_hash, instance);
    let pcrs: Vec<_> = pcrs.into_iter().collect();
    vec![
        ("binding", Value::from("required")),
        (
            "nitro.pcr_sets",
            Value::Array(vec![pcr_set("release", &pcrs)]),
        ),
        ("nitro.module_id", Value::from(module_id)),
        ("nitro.age_seconds", Value::from(300)),
    ]
}

fn product() -> Table {
    let open: Table = OPEN.parse().expect("open.toml is toml");
    let genoa = open["snp"]["products"]["genoa"].as_table();
    genoa.cloned().unwrap_or_default()
}

/// Returns the one floor that all three levels have to reach.
fn floor(fields: &[(&str, &str)], levels: [i64; 4]) -> Value {
    let names = ["bootloader", "tee", "snp", "microcode"];
    let levels = names.into_iter().zip(levels);
    let levels: Table = levels
        .map(|(name, level)| (name.to_owned(), Value::from(level)))
        .collect();
    let mut floor = Table::new();
    for (name, date) in fields {
        let date = date.parse().expect("dates of this file are dates");
        floor.insert((*name).to_owned(), Value::Datetime(date));
    }
    floor.insert("bulletins".into(), Value::Array(vec![]));
    for level in ["reported", "committed", "launch"] {
        floor.insert(level.into(), Value::Table(levels.clone()));
    }
    Value::Array(vec![Value::Table(floor)])
}

fn pcr_set(name: &str, pcrs: &[(u8, [u8; 48])]) -> Value {
    let pcrs = pcrs
        .iter()
        .map(|(index, value)| (index.to_string(), Value::from(hex::encode(value))));
    let mut set = Table::new();
    set.insert("name".into(), Value::from(name));
    set.insert("pcrs".into(), Value::Table(pcrs.collect()));
    Value::Table(set)
}

/// Puts a value at a path of names with points between them.
fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(table.insert(path.to_owned(), value)),
        Some((first, rest)) => {
            let inner = table.get_mut(first).and_then(Value::as_table_mut);
            put(
                inner.expect("open.toml has the tables of each path"),
                rest,
                value,
            );
        }
    }
}

//! What holds for the manifests of members: lints and versions stand in the root's.

use std::fs;

use boop_xtask::workspace;
use toml::{Table, Value};

use crate::sources::assert_none;

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

#[test]
fn every_package_inherits_lints_and_the_common_fields() {
    let mut offenders = vec![];
    for (folder, manifest) in manifests() {
        if !inherits(manifest.get("lints")) {
            offenders.push(format!("{folder}: lints"));
        }
        for field in INHERITED {
            if !inherits(manifest["package"].get(field)) {
                offenders.push(format!("{folder}: {field}"));
            }
        }
    }

    assert_none("fields not inherited from the workspace", &offenders);
}

#[test]
fn every_dependency_takes_its_version_from_the_workspace() {
    let mut offenders = vec![];
    for (folder, manifest) in manifests() {
        let targets = manifest.get("target").and_then(Value::as_table);
        let targets = targets.into_iter().flat_map(Table::values);
        let tables = targets.filter_map(Value::as_table).chain([&manifest]);
        let lists =
            tables.flat_map(|table| DEPENDENCIES.iter().filter_map(|name| table.get(*name)));
        for (name, dependency) in lists.filter_map(Value::as_table).flatten() {
            if !inherits(Some(dependency)) {
                offenders.push(format!("{folder}: {name}"));
            }
        }
    }

    assert_none("dependencies without `workspace = true`", &offenders);
}

/// The manifest of every member, with its folder.
fn manifests() -> Vec<(String, Table)> {
    let packages = workspace::packages().expect("cargo reads the manifests");
    let read = |folder: String| {
        let file = workspace::root().join(&folder).join("Cargo.toml");
        let text = fs::read_to_string(file).expect("a manifest can be read");
        let manifest = text.parse().expect("cargo reads it too");
        (folder, manifest)
    };
    packages
        .into_iter()
        .map(|package| read(package.folder))
        .collect()
}

fn inherits(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.get("workspace") == Some(&Value::Boolean(true)))
}

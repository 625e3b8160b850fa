//! Every library comes under a licence that deny.toml allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use boop_xtask::workspace;
use toml::{Table, Value};

use crate::sources::assert_none;

#[test]
fn every_library_comes_under_an_allowed_licence() {
    let allowed = allowed();
    let mut command = workspace::cargo();
    command.args(["tree", "--workspace", "--edges", "normal,build,dev"]);
    command.args(["--prefix", "none", "--no-dedupe", "--locked"]);
    command.args(["--target", workspace::TARGET, "--format", "{p}\t{l}"]);
    let tree = workspace::output(&mut command).expect("cargo knows the tree");

    let lines: BTreeSet<&str> = tree.lines().filter(|line| !line.is_empty()).collect();
    let exceptions = exceptions();
    let refused = lines.into_iter().filter(|line| {
        let (package, licence) = line.split_once('\t').unwrap_or((line, ""));
        let name = package.split(' ').next().unwrap_or_default();
        // A package that its own tests depend on is printed twice, the second time marked.
        let licence = licence.trim_end_matches(" (*)");
        let excepted = exceptions.get(name);
        !is_allowed(licence, excepted.unwrap_or(&allowed))
    });

    let refused: Vec<_> = refused.map(str::to_owned).collect();
    assert_none("licences that deny.toml does not allow", &refused);
}

#[test]
fn a_choice_needs_one_allowed_licence_and_a_sum_needs_all() {
    let allowed = ["MIT", "ISC"].map(str::to_owned).into();

    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "GPL-3.0/MIT",
        "(GPL-3.0 OR MIT) AND ISC",
    ] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "ISC AND (GPL-3.0 OR LGPL-3.0)",
    ] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

fn allowed() -> BTreeSet<String> {
    names(&rules()["allow"])
}

/// The libraries that may come under other licences, each with its own.
fn exceptions() -> BTreeMap<String, BTreeSet<String>> {
    let rules = rules();
    let exceptions = rules["exceptions"].as_array().expect("a list");
    let exceptions = exceptions.iter().map(|exception| {
        let name = exception["crate"].as_str().expect("a library's name");
        (name.to_owned(), names(&exception["allow"]))
    });
    exceptions.collect()
}

fn rules() -> Table {
    let rules =
        fs::read_to_string(workspace::root().join("deny.toml")).expect("deny.toml is there");
    let rules: Table = rules.parse().expect("deny.toml is TOML");
    rules["licenses"].as_table().expect("a section").clone()
}

fn names(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().expect("a list of licences");
    let names = list.iter().filter_map(|licence| licence.as_str());
    names.map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met with allowed licences.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words = spaced.split_whitespace().collect::<Vec<_>>();
    let mut words = words.as_slice();
    let met = is_choice_allowed(&mut words, allowed);
    met && words.is_empty()
}

fn is_choice_allowed(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = is_sum_allowed(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        met |= is_sum_allowed(words, allowed);
    }
    met
}

fn is_sum_allowed(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = is_term_allowed(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        met &= is_term_allowed(words, allowed);
    }
    met
}

fn is_term_allowed(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let [first, rest @ ..] = *words else {
        return false;
    };
    *words = rest;
    if *first == "(" {
        let met = is_choice_allowed(words, allowed);
        let [")", rest @ ..] = *words else {
            return false;
        };
        *words = rest;
        return met;
    }
    // An exception grants more than the licence it goes with.
    if let ["WITH", _, rest @ ..] = *words {
        *words = rest;
    }
    allowed.contains(*first)
}

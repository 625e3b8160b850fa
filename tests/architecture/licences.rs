//! Every library comes under a licence that deny.toml allows.

use std::collections::BTreeSet;
use std::fs;

use boop_xtask::workspace;
use toml::Table;

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
    let refused = lines.into_iter().filter(|line| {
        let licence = line.split('\t').nth(1).unwrap_or_default();
        !is_allowed(licence, &allowed)
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
    let rules =
        fs::read_to_string(workspace::root().join("deny.toml")).expect("deny.toml is there");
    let rules: Table = rules.parse().expect("deny.toml is TOML");
    let allowed = rules["licenses"]["allow"]
        .as_array()
        .expect("a list of licences");
    let names = allowed.iter().filter_map(|licence| licence.as_str());
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

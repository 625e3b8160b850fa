//! The clauses that the code cites exist, once each.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_cited_clause_is_defined_once_and_every_clause_is_cited() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let protocol = fs::read_to_string(package.join("../docs/protocol.md")).unwrap();
    let defined: Vec<_> = protocol.split("**[MPC-").skip(1).map(number).collect();

    let mut cited = BTreeSet::new();
    for folder in ["src", "tests/matching"] {
        cite(&package.join(folder), &mut cited);
    }

    let once: BTreeSet<_> = defined.iter().cloned().collect();
    assert_eq!(once.len(), defined.len(), "a clause is defined twice");
    assert_eq!(once, cited);
}

/// Collects the clauses that the files of a folder cite.
fn cite(folder: &Path, cited: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cite(&path, cited);
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let numbers = text.split("[MPC-").skip(1).map(number);
        cited.extend(numbers.filter(|n| !n.is_empty()));
    }
}

fn number(text: &str) -> String {
    text.chars().take_while(char::is_ascii_digit).collect()
}

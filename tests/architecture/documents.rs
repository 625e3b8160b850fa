//! Documents lead where they say, and say what is so.

use std::fs;

use boop_xtask::workspace;

use crate::sources::{assert_none, files_ending, rust};

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut offenders = vec![];
    for document in files_ending(&[".md"]) {
        let folder = document.path.strip_suffix(document.name());
        let folder = workspace::root().join(folder.unwrap_or_default());
        for target in links(&document.text) {
            let file = target.split('#').next().unwrap_or_default();
            if !target.contains("://") && !folder.join(file).exists() {
                offenders.push(format!("{}: {target}", document.path));
            }
        }
    }

    assert_none("links that lead nowhere", &offenders);
}

#[test]
fn links_are_found_wherever_they_stand() {
    let text = "See [a](b.md), and [c](https://example.org/d.md#e)\n| [f](g/h.md#i) |\n";

    let links: Vec<_> = links(text).collect();

    assert_eq!(links, ["b.md", "https://example.org/d.md#e", "g/h.md#i"]);
}

/// The targets of links of the form `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let rests = text.split("](").skip(1);
    rests.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

#[test]
fn the_verifier_states_its_size() {
    let folder = "attestation/verifier/";
    let (mut code, mut unit_tests, mut tests) = (0, 0, 0);
    for file in rust() {
        let Some(path) = file.path.strip_prefix(folder) else {
            continue;
        };
        let (all, of_code) = (file.text.lines().count(), file.lines_without_tests());
        if path.starts_with("tests/") {
            tests += all;
        } else {
            code += of_code;
            unit_tests += all - of_code;
        }
    }
    let [code, unit_tests, tests] =
        [code, unit_tests, tests].map(|lines: usize| lines.next_multiple_of(100));

    let root = workspace::root().join(folder).join("src/lib.rs");
    let text = fs::read_to_string(root).expect("the crate has a root");
    let text = text
        .replace("//!", "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let stated = format!("{code} of code, {unit_tests} of unit tests, {tests} in `tests/`.");
    assert!(
        text.contains(&stated),
        "{folder}src/lib.rs should state: {stated}"
    );
}

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

/// All that a host may say to its enclave. Another word needs a reason, and its line in
/// docs/protocol.md.
const HOST_WORDS: [&str; 8] = [
    "Manifest",
    "StreamOpened",
    "StreamData",
    "StreamClosed",
    "Blob",
    "BlobDone",
    "Drain",
    "Refresh",
];

#[test]
fn what_a_host_may_say_to_its_enclave_is_the_list_of_the_protocol() {
    let root = workspace::root();
    let frames = fs::read_to_string(root.join("enclave/abi/src/frames.rs")).unwrap();
    let from_host = frames.split_once("pub enum FromHost {").unwrap().1;
    let from_host = from_host.split_once("\n}").unwrap().0;
    let words: Vec<&str> = from_host
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .filter_map(|line| line.split(['(', ',', ' ']).next())
        .collect();
    assert_eq!(words, HOST_WORDS);

    let protocol = fs::read_to_string(root.join("docs/protocol.md")).unwrap();
    let table = protocol.split_once("| word | what it asks |").unwrap().1;
    let table = table.split_once("\n\n").unwrap().0;
    let first_cells = table.lines().filter_map(|line| line.split(" | ").next());
    let documented: Vec<&str> = first_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert_eq!(documented, HOST_WORDS);
}

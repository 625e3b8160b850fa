//! Documents lead where they say.

use boop_xtask::workspace;

use crate::sources::{assert_none, files_ending};

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

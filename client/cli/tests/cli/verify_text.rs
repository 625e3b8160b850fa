//! Names that try to steer a terminal or a reader stay text in whatever is printed.

use std::fs;
use std::path::Path;

use crate::run::{Run, boop, vectors};

/// Clears the screen, in two ways, turns the direction of reading, hides and starts a line.
const HOSTILE: &str = "a\u{1b}[2J\u{9b}2J\u{202e}\u{2066}\u{200b}\u{2028}b\nboop: accepted";
const REPORT: &str = "snp/genoa-v3-vcek-b";

#[test]
fn a_hostile_folder_name_stays_text_in_every_output() {
    let Some(folder) = vectors("attestation") else {
        return;
    };
    let scratch = tempfile::tempdir().expect("a folder");
    let hostile = scratch.path().join(HOSTILE);
    fs::create_dir(&hostile).expect("a folder");
    for name in ["report.bin", "vek.der"] {
        let from = folder.join(REPORT).join(name);
        fs::copy(from, hostile.join(name)).expect("copied");
    }
    let report = hostile.join("report.bin");
    let page = scratch.path().join("page.html");
    let verify = |more: &[&str]| {
        let arguments = ["verify", text(&report), "--at", "2026-06-01T00:00:00Z"];
        boop([&arguments[..], more].concat())
    };

    let summary = verify(&["--html", text(&page)]);
    let explained = verify(&["--explain"]);
    let json = verify(&["--json"]);

    for run in [&summary, &explained, &json] {
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_harmless(&run.out);
        assert!(run.out.contains("2J"), "the name is shown: {}", run.out);
        assert!(!run.out.contains("\nboop: accepted"), "{}", run.out);
    }
    assert_harmless(&fs::read_to_string(&page).expect("written"));
    let origin = json.json()["origin"].as_str().expect("text").to_owned();
    assert_eq!(origin, text(&report), "a script gets the name as it is");
    for escape in [
        "\\u001b", "\\u009b", "\\u202e", "\\u2066", "\\u200b", "\\u2028",
    ] {
        assert!(json.out.contains(escape), "{escape}: {}", json.out);
    }
}

#[test]
fn a_hostile_name_stays_text_in_the_error_of_every_command() {
    let missing = format!("/nowhere/{HOSTILE}");
    let missing = missing.as_str();
    let runs: [&[&str]; 9] = [
        &["manifest", "show", missing],
        &["manifest", "new", missing],
        &["manifest", "key", missing],
        &["verify", missing],
        &["verify", "x", "--policy", missing],
        &["measure", "nitro", missing],
        &["measure", "diff", missing, missing],
        &["palm", "extract", missing],
        &["ledger", "verify", missing, "--network", missing],
    ];

    for arguments in runs {
        let run = boop(arguments);

        assert_eq!(run.code, Some(2), "{run:?}");
        assert_error_is_harmless(&run);
    }
}

#[test]
fn a_hostile_line_of_a_policy_stays_text_when_it_is_shown_and_when_it_is_refused() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("mine.toml");
    let shown = boop(["verify", "--show-policy", "--policy", "strict"]).out;
    let hostile = HOSTILE.replace('\n', " ");
    let commented = format!("# {hostile}\n{shown}");
    fs::write(&path, &commented).expect("written");
    // TOML takes no control characters in comments, so the shown text has the others alone.
    let visible: String = commented
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();

    let refused = boop(["verify", "--show-policy", "--policy", text(&path)]);
    fs::write(&path, visible).expect("written");
    let accepted = boop(["verify", "--show-policy", "--policy", text(&path)]);

    assert_eq!(
        (refused.code, accepted.code),
        (Some(2), Some(0)),
        "{refused:?}"
    );
    assert_error_is_harmless(&refused);
    assert_harmless(&accepted.out);
    assert!(
        accepted.out.starts_with("# a[2J2J\u{fffd}"),
        "{}",
        accepted.out
    );
}

fn assert_error_is_harmless(run: &Run) {
    assert_harmless(&run.err);
    let mut lines = run.err.lines();
    let first = lines.next().expect("a line");
    assert!(first.starts_with("boop: "), "{run:?}");
    for line in lines {
        assert!(line.starts_with("    "), "{run:?}");
    }
}

/// Checks that no character acts on other text.
fn assert_harmless(text: &str) {
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}')
    };
    let found: Vec<String> = text
        .chars()
        .filter(|c| acts(*c))
        .map(|c| c.escape_unicode().to_string())
        .collect();
    assert!(found.is_empty(), "{found:?} in {text:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

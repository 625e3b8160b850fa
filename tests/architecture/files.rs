//! What holds for files: how long they are, how they begin, and what they never say.

use crate::sources::{Source, assert_none, files_ending, rust};

const FILE_LINES_MAX: usize = 500;
const LIB_LINES_MAX: usize = 120;
const MAIN_LINES_MAX: usize = 80;
const LINE_CHARS_MAX: usize = 100;

/// Ignored tests that may stay so, each with its reason: `(path, reason)`.
const IGNORED_TESTS: [(&str, &str); 1] = [(
    "sim/tee/tests/tee/chip_process.rs",
    "a test of it starts the other one as a process of its own, which a chip then measures",
)];

#[test]
fn a_file_tells_one_story_in_five_hundred_lines() {
    let offenders = longer_than(FILE_LINES_MAX, |_| true);

    assert_none("files over 500 lines, tests apart", &offenders);
}

#[test]
fn a_library_opens_with_a_map_and_a_program_with_a_table_of_contents() {
    let mut offenders = longer_than(LIB_LINES_MAX, |file| file.name() == "lib.rs");
    offenders.extend(longer_than(MAIN_LINES_MAX, |file| file.name() == "main.rs"));

    assert_none("lib.rs over 120 lines or main.rs over 80", &offenders);
}

#[test]
fn lines_end_at_a_hundred_columns() {
    let mut offenders = vec![];
    for file in rust() {
        for (index, line) in file.text.lines().enumerate() {
            if line.chars().count() > LINE_CHARS_MAX {
                offenders.push(format!("{}:{}", file.path, index + 1));
            }
        }
    }

    assert_none("lines over 100 columns", &offenders);
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent = rust()
        .into_iter()
        .filter(|file| !opens_with_purpose(&file.text));
    let offenders: Vec<_> = silent.map(|file| file.path).collect();

    assert_none("files that do not open with `//!`", &offenders);
}

#[test]
fn no_file_is_a_mod_rs() {
    let named = rust().into_iter().filter(|file| file.name() == "mod.rs");
    let offenders: Vec<_> = named.map(|file| file.path).collect();

    assert_none("`mod.rs` files: name them after the module", &offenders);
}

#[test]
fn no_test_is_ignored_without_a_listed_reason() {
    let marker = concat!("#[", "ignore");
    let listed = |file: &Source| IGNORED_TESTS.iter().any(|(path, _)| *path == file.path);
    let ignoring = rust().into_iter().filter(|file| file.text.contains(marker));
    let offenders: Vec<_> = ignoring
        .filter(|file| !listed(file))
        .map(|file| file.path)
        .collect();

    assert_none("ignored tests", &offenders);
}

#[test]
fn nothing_names_one_machine_or_a_registry() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
        concat!("registry.npmjs", ".org"),
    ];
    let mut offenders = vec![];
    for file in files_ending(&[".rs", ".toml", ".md", ".sql", ".json", ".yml", ".sh", "run"]) {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                offenders.push(format!("{}:{}: {word}", file.path, index + 1));
            }
        }
    }

    assert_none("paths of one machine, addresses of registries", &offenders);
}

fn longer_than(lines_max: usize, judged: impl Fn(&Source) -> bool) -> Vec<String> {
    let files = rust().into_iter().filter(judged);
    let counted = files.map(|file| (file.lines_without_tests(), file.path));
    let long = counted.filter(|(lines, _)| *lines > lines_max);
    long.map(|(lines, path)| format!("{path}: {lines}"))
        .collect()
}

fn opens_with_purpose(text: &str) -> bool {
    // A program that is a script may say before that how it runs.
    text.trim_start().starts_with("//!")
}

//! The files of the workspace, read once for the tests that judge them.

use std::fs;
use std::path::Path;

use boop_xtask::workspace;

/// How the tests at a file's foot begin.
const TESTS_AT_FOOT: &str = "\n#[cfg(test)]\nmod tests {";

/// A text file of the workspace.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its path from the root, with `/` between folders.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl Source {
    /// The file's name without its folder.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The text before the tests at the file's foot; a module `tests` has none.
    pub(crate) fn text_without_tests(&self) -> &str {
        if self.name() == "tests.rs" {
            return "";
        }
        let tests = self.text.find(TESTS_AT_FOOT);
        tests.map_or(self.text.as_str(), |at| &self.text[..at])
    }

    /// How many lines the file has without its tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        self.text_without_tests().trim_end().lines().count()
    }

    /// Whether the whole file is a test: a target of its own, or a module named `tests`.
    pub(crate) fn is_test(&self) -> bool {
        let folders = format!("/{}", self.path);
        folders.contains("/tests/") || self.name() == "tests.rs"
    }
}

/// Every Rust file.
pub(crate) fn rust() -> Vec<Source> {
    files_ending(&[".rs"])
}

/// Every file whose name ends in one of `ends`, in the order of the paths.
pub(crate) fn files_ending(ends: &[&str]) -> Vec<Source> {
    let root = workspace::root();
    let mut sources = vec![];
    collect(&root, &root, ends, &mut sources);
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(!sources.is_empty(), "no file ends in {ends:?}");
    sources
}

/// Fails with the list of offenders, if there are any.
#[track_caller]
pub(crate) fn assert_none(rule: &str, offenders: &[String]) {
    let list = offenders.join("\n  ");
    assert!(offenders.is_empty(), "{rule}:\n  {list}");
}

fn collect(root: &Path, folder: &Path, ends: &[&str], sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !is_output(&name) {
                collect(root, &path, ends, sources);
            }
        } else if ends.iter().any(|end| name.ends_with(end)) {
            let relative = path.strip_prefix(root).expect("it lies in the workspace");
            let text = fs::read(&path).expect("a file of the workspace can be read");
            sources.push(Source {
                path: relative.display().to_string(),
                text: String::from_utf8_lossy(&text).into_owned(),
            });
        }
    }
}

/// Folders that are made, not written.
fn is_output(name: &str) -> bool {
    [".git", "node_modules", "boop-data"].contains(&name) || name.starts_with("target")
}

#[test]
fn tests_at_the_foot_do_not_count_as_lines() {
    let text = "//! A.\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
    let (path, text) = ("a/src/b.rs".to_owned(), text.to_owned());
    let source = Source { path, text };

    assert_eq!(source.lines_without_tests(), 2);
    assert_eq!(source.name(), "b.rs");
    assert!(!source.is_test());
}

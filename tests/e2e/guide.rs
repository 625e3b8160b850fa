//! The command blocks of a page of `docs`, and what stands between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use boop_tests::program;
use serde_json::Value;

/// A page, as it stands.
pub(crate) struct Guide {
    blocks: Vec<String>,
    path: String,
}

impl Guide {
    /// Reads a page that has so many blocks.
    pub(crate) fn read(page: &str, expected: usize) -> Self {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let path = docs.join(page);
        let text = fs::read_to_string(path).expect("the guide is there");
        let blocks = text.split("\n```\n").skip(1).step_by(2);
        let blocks: Vec<String> = blocks.map(str::to_owned).collect();
        assert_eq!(blocks.len(), expected);
        Self {
            blocks,
            path: path_with_programs(),
        }
    }

    /// Runs a block in a folder.
    pub(crate) fn run(&self, number: usize, folder: &Path) -> String {
        let block = &self.blocks[number];
        let output = self.bash(block, folder);
        assert!(output.status.success(), "{block}\n{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the last command of a block, which must fail, and returns what it says.
    pub(crate) fn fails(&self, number: usize, folder: &Path) -> String {
        let block = &self.blocks[number];
        let (_, last) = block.split_once("done\n").expect("a loop, then a command");
        let output = self.bash(last, folder);
        assert_eq!(output.status.code(), Some(1), "{last}\n{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn bash(&self, commands: &str, folder: &Path) -> Output {
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", commands])
            .env("PATH", &self.path)
            .current_dir(folder)
            .stdin(Stdio::null());
        bash.output().expect("bash runs")
    }
}

/// Edits a twin, as a person does.
pub(crate) fn edit(folder: &Path, edit: impl FnOnce(&mut Value)) {
    let file = folder.join("next.json");
    let mut twin: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    edit(&mut twin);
    fs::write(&file, serde_json::to_vec_pretty(&twin).unwrap()).unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the path of whoever runs the test"
)]
fn path_with_programs() -> String {
    let programs: PathBuf = program::path("boop");
    let folder = programs.parent().expect("it is in a folder");
    let rest = std::env::var("PATH").unwrap_or_default();
    format!("{}:{rest}", folder.display())
}

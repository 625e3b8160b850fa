//! The command blocks of `docs/manifest.md`, run as they stand.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn every_block_of_the_guide_runs_as_it_stands() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.md");
    let guide = fs::read_to_string(guide).expect("the guide is there");
    let blocks: Vec<&str> = guide.split("\n```\n").skip(1).step_by(2).collect();
    assert_eq!(blocks.len(), 7);
    let scratch = tempfile::tempdir().expect("a folder");

    for block in blocks {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", block])
            .env("PATH", path_with_boop())
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");

        assert!(output.status.success(), "{block}\n{output:?}");
    }
    let out = Command::new(env!("CARGO_BIN_EXE_boop"))
        .args(["manifest", "show", "manifest-2.cbor"])
        .current_dir(scratch.path())
        .output()
        .expect("boop runs");
    let shown = String::from_utf8(out.stdout).expect("text");
    assert_eq!(shown.matches("approved by").count(), 2, "{shown}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the path of whoever runs the test"
)]
fn path_with_boop() -> OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_boop"));
    let folder = binary.parent().expect("it is in a folder");
    let rest = env::var("PATH").unwrap_or_default();
    format!("{}:{rest}", folder.display()).into()
}

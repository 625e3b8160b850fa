//! The command blocks of `docs/ceremony.md` and `docs/recovery.md`, run as they stand on SoftHSM2:
//! the ceremony, then a drill and a recovery from what it made.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_boop-custodian");

#[test]
fn the_ceremony_and_the_recovery_run_as_they_stand() {
    let needed = ["softhsm2-util", "age", "age-keygen", "openssl"];
    let missing: Vec<_> = needed.into_iter().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        assert!(env::var_os("CI").is_none(), "not installed: {missing:?}");
        println!("not installed (.ci/tokens does it): {missing:?}; nothing was run");
        return;
    }
    let folder = tempfile::tempdir().unwrap();

    run_blocks("ceremony.md", 10, 10, folder.path());
    // The rest is of a network, whose tests run it.
    run_blocks("recovery.md", 10, 7, folder.path());

    let names = ["drill.json", "restored.json", "transcript.json"];
    let [drill, restored, transcript] = names.map(|name| {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    });
    println!("drill: {drill}\nrestore: {restored}");
    assert_eq!(drill["records_lost"], "0");
    assert_eq!(drill["epochs_lost"], "0");
    let told = restored["key"].as_str().unwrap();
    assert_eq!(drill["key"], format!("{told}, the same"));
    assert!(!folder.path().join("drill").exists());
    let steps = serde_json::json!(["1, create-key", "2, backup-key"]);
    assert_eq!(transcript["step"], steps);
    assert!(told.ends_with(transcript["check_value"].as_str().unwrap()));
}

/// Runs the first blocks of a page that has so many.
fn run_blocks(guide: &str, expected: usize, first: usize, folder: &Path) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(guide);
    let guide = fs::read_to_string(path).expect("the guide is there");
    let blocks: Vec<&str> = guide.split("\n```\n").skip(1).step_by(2).collect();
    assert_eq!(blocks.len(), expected);
    for block in &blocks[..first] {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", block])
            .env("PATH", path_with_program())
            .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");

        assert!(output.status.success(), "{block}\n{output:?}");
    }
}

fn is_there(name: &str) -> bool {
    let mut sh = Command::new("sh");
    let status = sh.args(["-c", &format!("command -v {name}")]).output();
    status.is_ok_and(|output| output.status.success())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the path of whoever runs the test"
)]
fn path_with_program() -> String {
    let folder = Path::new(PROGRAM).parent().expect("it is in a folder");
    let rest = env::var("PATH").unwrap_or_default();
    format!("{}:{rest}", folder.display())
}

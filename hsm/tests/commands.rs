//! Commands about keys refuse a token in a file, which makes none and has no backup.

use std::fs;
use std::path::Path;
use std::process::Command;

const CONFIG: &str = r#"
party = 1
audit = "audit.jsonl"
register = "register"
ledger = "127.0.0.1:8462"
[token]
kind = "file"
path = "token"
[trust]
manifest = "manifest.cbor"
approvers = []
approvals_needed = 1
"#;
const HOLDER: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

#[test]
fn a_token_in_a_file_has_no_keys_of_its_own_and_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("custodian.toml"), CONFIG).unwrap();
    let init = run(folder.path(), &["init"]);
    assert!(init.is_ok(), "{init:?}");
    let network = "01".repeat(32);
    let source = ["--custodian", &network, "--backup", "b", "--share", "s"];
    let key = ["--holder", HOLDER, "--out", "ceremony"];
    let backup = ["--backup-key", "k", "--out", "b"];
    let commands = [
        ("create-key", &[][..]),
        ("backup-key", &key),
        ("backup", &backup),
        ("restore", &source),
        ("drill", &source),
    ];
    for (command, rest) in commands {
        let arguments = [&[command, "--network", &network], rest].concat();

        let refused = run(folder.path(), &arguments).unwrap_err();

        let why = "the token is a file: it makes no keys and has no backup";
        assert!(refused.contains(why), "{command}: {refused}");
    }
    let refused = run(folder.path(), &["rotate"]).unwrap_err();
    assert!(refused.contains("has no key-encryption keys"), "{refused}");
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["custodian.toml", "token", "token.lock"]);
}

/// Returns what the command says: where it refuses, why.
fn run(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_boop-custodian"))
        .args(arguments)
        .args(["--config", "custodian.toml"])
        .current_dir(folder)
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("it writes text");
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

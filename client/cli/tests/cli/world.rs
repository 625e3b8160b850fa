//! Commands that another program carries out, and the help of all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::run::boop;

#[test]
fn without_the_world_beside_it_boop_says_what_is_missing() {
    let (_scratch, boop) = alone();

    for arguments in [
        &["up"][..],
        &["palm", "generate", "--seed", "7", "--out", "x"],
    ] {
        let output = Command::new(&boop)
            .args(arguments)
            .output()
            .expect("boop ends");

        assert_eq!(output.status.code(), Some(2));
        let err = String::from_utf8(output.stderr).expect("text");
        assert!(err.contains("boop-world is not beside boop"), "{err}");
    }
}

#[test]
fn the_world_beside_it_takes_over_with_all_arguments() {
    let (scratch, boop) = alone();
    let world = scratch.path().join("boop-world");
    fs::write(&world, "#!/bin/sh\necho \"$@\"\nexit 7\n").expect("written");
    fs::set_permissions(&world, fs::Permissions::from_mode(0o755)).expect("permitted");
    let cases: [(&[&str], &str); 2] = [
        (&["up", "--people", "3", "--stay"], "up --people 3 --stay\n"),
        (
            &[
                "palm", "generate", "--seed", "7", "--out", "x", "--people", "2",
            ],
            "palm generate --seed 7 --out x --people 2 --captures 1\n",
        ),
    ];

    for (arguments, out) in cases {
        let output = Command::new(&boop)
            .args(arguments)
            .output()
            .expect("boop ends");

        assert_eq!(output.status.code(), Some(7));
        assert_eq!(String::from_utf8(output.stdout).expect("text"), out);
    }
}

#[test]
fn the_custodian_beside_it_carries_out_what_is_asked_of_keys() {
    let (scratch, boop) = alone();
    let custodian = scratch.path().join("boop-custodian");
    let run = |arguments: &[&str]| {
        let output = Command::new(&boop).args(arguments).output();
        let output = output.expect("boop ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, _, err) = run(&["hsm", "backup"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("boop-custodian is not beside boop"), "{err}");
    assert!(err.contains("cargo build -p boop-hsm"), "{err}");

    fs::write(&custodian, "#!/bin/sh\necho \"$@\"\nexit 7\n").expect("written");
    fs::set_permissions(&custodian, fs::Permissions::from_mode(0o755)).expect("permitted");

    for arguments in [["backup", "--help"], ["drill", "--json"]] {
        let (code, out, _) = run(&["hsm", arguments[0], arguments[1]]);
        assert_eq!(code, Some(7));
        assert_eq!(out, format!("{}\n", arguments.join(" ")));
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in [
        &["verify"][..],
        &["ledger", "verify"],
        &["ledger", "prove"],
        &["palm", "extract"],
        &["palm", "compare"],
        &["palm", "generate"],
        &["up"],
        &["hsm"],
    ] {
        let run = boop([command, &["--help"]].concat());

        assert_eq!(run.code, Some(0), "{run:?}");
        let example = format!("  boop {}", command.join(" "));
        assert!(run.out.contains("Examples:"), "{run:?}");
        assert!(run.out.contains(&example), "{example}: {run:?}");
    }
    assert_eq!(boop(["--version"]).code, Some(0));
    assert_eq!(boop(["dance"]).code, Some(2));
}

/// Copies the program into a folder of its own.
fn alone() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("a folder");
    let program = scratch.path().join("boop");
    fs::copy(env!("CARGO_BIN_EXE_boop"), &program).expect("copied");
    (scratch, program)
}

//! `boop-party` as a process: what it does with arguments.

use std::path::Path;
use std::process::{Command, Output};

use boop_entry::Probe;

const PLACES: [&str; 3] = [
    "/dev/nsm",
    "/sys/kernel/config/tsm/report",
    "/dev/sev-guest",
];

#[test]
fn probe_says_what_this_machine_has() {
    let output = party(&["--probe"]);

    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5);
    if PLACES.iter().any(|place| Path::new(place).exists()) {
        // A machine with hardware: the same as by the library, and the code that goes with it.
        let probe = Probe::of(Path::new("/"));
        assert_eq!(text, probe.to_text());
        assert_eq!(
            output.status.code(),
            Some(i32::from(probe.choice().is_none()))
        );
        return;
    }
    let expected = [
        "/dev/nsm: AWS Nitro security module: not there",
        "/sys/kernel/config/tsm/report: AMD SEV-SNP by configfs-tsm: not there",
        "/dev/sev-guest: AMD SEV-SNP by its guest device: not there",
    ];
    assert_eq!(lines[..3], expected);
    // A host's processor may have the flag that only a guest's device can use.
    assert!(lines[3] == "processor flags: no sev_snp" || lines[3] == "processor flags: sev_snp");
    assert_eq!(lines[4], "would use: nothing");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"");
}

#[test]
fn probe_speaks_json_to_programs() {
    let output = party(&["--probe", "--json"]);

    let probe = Probe::of(Path::new("/"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), probe.to_json());
    assert_eq!(
        output.status.code(),
        Some(i32::from(probe.choice().is_none()))
    );
    assert_eq!(output.stderr, b"");
}

#[test]
fn party_takes_no_other_argument() {
    for arguments in [
        &["--json"] as &[&str],
        &["--probe", "--verbose"],
        &["--probe", "--json", "--json"],
        &["--json", "--probe"],
        &[""],
    ] {
        let output = party(arguments);

        let text = String::from_utf8(output.stderr).unwrap();
        let expected = "boop-party takes no arguments, `--probe` or `--probe --json`\n";
        assert_eq!(text, expected, "{arguments:?}");
        assert_eq!(output.stdout, b"");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn party_without_a_configuration_stops_before_it_looks_for_hardware() {
    let output = party(&[]);

    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        text,
        "the party stopped: the host sent what is not a frame\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

/// Runs the measured binary with an empty environment and nothing on its standard input.
fn party(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boop-party"));
    command.args(arguments).env_clear();
    let output = command.stdin(std::process::Stdio::null()).output();
    output.expect("the measured binary starts")
}

//! The simulated chip as a process, asked by other processes.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use boop_platform::chip_socket::message::{read_frame, write_frame};
use boop_platform::chip_socket::{ChipRefusal, ChipReply, ChipSocket};
use boop_platform::{EvidenceSource, PlatformError};
use boop_tee::{Chip, ChipModel, config_hash, measure, nitro_pcrs};
use tempfile::TempDir;

use crate::chip;

const PROBE: &str = env!("CARGO_BIN_EXE_boop-chip-probe");
const REPORT_DATA: usize = 0x050;
const MEASUREMENT: usize = 0x090;
const HOST_DATA: usize = 0x0c0;
const CHIP_ID: usize = 0x1a0;

#[test]
fn caller_with_an_environment_is_refused() {
    let machine = Machine::start(ChipModel::GenoaV3);

    let answer = ChipSocket::connect(machine.socket())
        .unwrap()
        .attest(&[1; 64], &[2; 32]);

    assert_eq!(
        answer,
        Err(PlatformError::Refused(ChipRefusal::EnvironmentNotEmpty))
    );
}

#[test]
fn report_measures_the_callers_binary_arguments_and_configuration() {
    let machine = Machine::start(ChipModel::GenoaV3);
    let config = machine.file("party.toml", b"index = 1\n");
    let arguments = [
        machine.socket().to_str().unwrap().to_owned(),
        "--index=1".to_owned(),
    ];

    let report = machine.probe(Path::new(PROBE), &["--index=1"], &config);

    let binary = fs::read(PROBE).unwrap();
    assert_eq!(report.len(), 1184);
    assert_eq!(report[REPORT_DATA..][..64], [0x5a; 64]);
    assert_eq!(report[MEASUREMENT..][..48], measure(&binary, &arguments));
    assert_eq!(report[HOST_DATA..][..32], config_hash(b"index = 1\n"));
    assert_eq!(report[CHIP_ID..][..64], machine.chip_id.unwrap());
}

#[test]
fn one_more_byte_in_the_binary_changes_the_measurement() {
    let machine = Machine::start(ChipModel::TurinV5);
    let config = machine.file("party.toml", b"index = 1\n");
    let copy = machine.file("copy", &fs::read(PROBE).unwrap());
    let longer = machine.file("longer", &[fs::read(PROBE).unwrap(), vec![0]].concat());

    let [original, copied, changed] = [Path::new(PROBE), &copy, &longer]
        .map(|binary| machine.probe(binary, &[], &config)[MEASUREMENT..][..48].to_vec());

    assert_eq!(copied, original);
    assert_ne!(changed, original);
}

#[test]
fn other_configuration_changes_host_data_alone() {
    let machine = Machine::start(ChipModel::GenoaV3);
    let one = machine.file("one.toml", b"index = 1\n");
    let two = machine.file("two.toml", b"index = 2\n");

    let first = machine.probe(Path::new(PROBE), &[], &one);
    let second = machine.probe(Path::new(PROBE), &[], &two);
    let none = machine.probe(Path::new(PROBE), &[], Path::new("/dev/null"));

    assert_eq!(first[MEASUREMENT..][..48], second[MEASUREMENT..][..48]);
    assert_eq!(first[HOST_DATA..][..32], config_hash(b"index = 1\n"));
    assert_eq!(second[HOST_DATA..][..32], config_hash(b"index = 2\n"));
    assert_eq!(none[HOST_DATA..][..32], config_hash(b""));
}

#[test]
fn other_argument_changes_the_measurement() {
    let machine = Machine::start(ChipModel::GenoaV3);
    let null = Path::new("/dev/null");

    let first = machine.probe(Path::new(PROBE), &["--index=1"], null);
    let second = machine.probe(Path::new(PROBE), &["--index=2"], null);

    assert_ne!(first[MEASUREMENT..][..48], second[MEASUREMENT..][..48]);
}

#[test]
fn caller_whose_input_is_no_file_is_refused() {
    let machine = Machine::start(ChipModel::GenoaV3);
    let directory = machine.directory.path();

    for input in [Stdio::piped(), File::open(directory).unwrap().into()] {
        let output = machine.run(Path::new(PROBE), &[], input);

        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.contains("the caller's configuration is not a file"),
            "{text}"
        );
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn nitro_document_carries_the_same_measurement_in_its_registers() {
    let machine = Machine::start(ChipModel::Nitro);
    let config = machine.file("party.toml", b"index = 1\n");
    let arguments = [machine.socket().to_str().unwrap().to_owned()];

    let document = machine.probe(Path::new(PROBE), &[], &config);

    let measurement = measure(&fs::read(PROBE).unwrap(), &arguments);
    let pcrs = nitro_pcrs(
        &measurement,
        &config_hash(b"index = 1\n"),
        &machine.instance(),
    );
    for (index, value) in pcrs {
        assert!(contains(&document, &value), "PCR{index}");
    }
    assert!(contains(&document, b"\x69user_data\x58\x40"));
    assert!(contains(&document, &[0x5a; 64]));
    assert!(contains(&document, &[0xa5; 32]));
}

#[test]
fn malformed_requests_are_refused_and_the_chip_lives_on() {
    let machine = Machine::start(ChipModel::GenoaV3);
    let mut stream = UnixStream::connect(machine.socket()).unwrap();
    let refusal = ChipReply::Refused(ChipRefusal::Malformed);

    for frame in [
        &b""[..],
        b"\xff\xff",
        &[0x83, 0, 0x40, 0x40],
        &vec![0; 65_536],
    ] {
        write_frame(&mut stream, frame).unwrap();
        let answer = read_frame(&mut stream).unwrap().unwrap();
        assert_eq!(ChipReply::from_bytes(&answer), Ok(refusal.clone()));
    }
    stream.write_all(&[0xff; 4]).unwrap();
    assert_eq!(read_frame(&mut stream), Ok(None));

    assert_eq!(
        machine
            .probe(Path::new(PROBE), &[], Path::new("/dev/null"))
            .len(),
        1184
    );
}

#[test]
fn chip_serves_only_so_many_callers_at_once() {
    let machine = Machine::start(ChipModel::GenoaV3);
    let mut callers: Vec<_> = (0..64)
        .map(|_| UnixStream::connect(machine.socket()).unwrap())
        .collect();

    let mut one_too_many = UnixStream::connect(machine.socket()).unwrap();
    let refusal = read_frame(&mut one_too_many).unwrap().unwrap();
    write_frame(&mut callers[0], b"").unwrap();
    let answer = read_frame(&mut callers[0]).unwrap().unwrap();

    let refused = |refusal| Ok(ChipReply::Refused(refusal));
    assert_eq!(ChipReply::from_bytes(&refusal), refused(ChipRefusal::Busy));
    assert_eq!(
        ChipReply::from_bytes(&answer),
        refused(ChipRefusal::Malformed)
    );
}

#[test]
fn caller_whose_configuration_changes_is_refused() {
    let machine = Machine::start(ChipModel::GenoaV3);
    let config = machine.file("party.toml", b"index = 1\n");

    // This very program plays the caller, with an empty environment.
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "chip_process::caller_that_changes_its_configuration",
            "--ignored",
            "--nocapture",
        ])
        .env_clear()
        .current_dir(machine.directory.path())
        .stdin(File::open(config).unwrap())
        .output()
        .unwrap();

    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
#[ignore = "run by the test above, in a machine's directory"]
fn caller_that_changes_its_configuration() {
    let chip = ChipSocket::connect("chip.sock").unwrap();
    let before = chip.attest(&[1; 64], &[2; 32]);

    fs::write("party.toml", b"index = 2\n").unwrap();
    let after = chip.attest(&[1; 64], &[2; 32]);

    assert!(before.is_ok(), "{before:?}");
    assert_eq!(after, Err(PlatformError::Refused(ChipRefusal::PeerChanged)));
}

#[test]
fn chip_answers_again_after_a_restart_on_the_same_socket() {
    let machine = Machine::start(ChipModel::GenoaV3);
    let before = machine.probe(Path::new(PROBE), &[], Path::new("/dev/null"));

    let machine = machine.restart();
    let after = machine.probe(Path::new(PROBE), &[], Path::new("/dev/null"));

    assert_eq!(after[MEASUREMENT..][..48], before[MEASUREMENT..][..48]);
    assert_eq!(after[CHIP_ID..][..64], before[CHIP_ID..][..64]);
}

/// A machine with its chip as a process.
struct Machine {
    directory: TempDir,
    process: Child,
    chip_id: Option<[u8; 64]>,
}

impl Machine {
    fn start(model: ChipModel) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let chip = chip(model);
        chip.save(directory.path()).unwrap();
        let process = start_chip(directory.path());
        Self {
            directory,
            process,
            chip_id: chip.chip_id(),
        }
    }

    fn restart(mut self) -> Self {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = start_chip(self.directory.path());
        self
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("chip.sock")
    }

    fn instance(&self) -> String {
        let module = Chip::load(self.directory.path()).unwrap();
        module
            .module_id()
            .unwrap()
            .split('-')
            .take(2)
            .collect::<Vec<_>>()
            .join("-")
    }

    /// Writes an executable file beside the chip.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// Runs a probe with an empty environment and returns its evidence.
    fn probe(&self, binary: &Path, arguments: &[&str], config: &Path) -> Vec<u8> {
        let output = self.run(binary, arguments, File::open(config).unwrap().into());
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        hex::decode(output.stdout.trim_ascii()).unwrap()
    }

    fn run(&self, binary: &Path, arguments: &[&str], input: Stdio) -> Output {
        let child = Command::new(binary)
            .arg(self.socket())
            .args(arguments)
            .env_clear()
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.wait_with_output().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a chip inside its directory, as a launcher with deep paths does.
fn start_chip(directory: &Path) -> Child {
    let mut process = Command::new(env!("CARGO_BIN_EXE_boop-chip-sim"))
        .args(["--data", "."])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    process
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

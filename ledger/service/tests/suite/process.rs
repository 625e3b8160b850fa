//! The program itself, on a simulated chip: it starts from its standard input, proves itself to
//! a gateway, serves both sides, and drains when told to stop.

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use boop_channel::{Expectation, Trust};
use boop_daemon::{AttestedStream, MemberSettings, RootsSettings, TrustSettings};
use boop_proof::Checkpoint;
use boop_tee::measure;
use boop_tee::service::ChipService;
use boop_wire::binding::Role;
use boop_wire::codec::plain_digest;
use boop_wire::ledger::{LedgerCall, LedgerReply, LedgerRequest, LedgerResponse};
use boop_wire::session::Side;
use boop_wire::{from_canonical, to_canonical};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::network::{LedgerClaims, approver, network};
use crate::support::{LOG_SEED, folder, log_key};

const PROGRAM: &str = env!("CARGO_BIN_EXE_boop-ledger");
const FLAG: &str = "--danger-simulated-tee";

/// A folder with all that the program needs, and its chip at work.
struct Machine {
    folder: TempDir,
    trust: Arc<Trust>,
}

/// The program at work.
struct Running {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
}

#[tokio::test]
async fn a_gateway_is_served_and_a_party_in_its_place_is_not() {
    let machine = Machine::new();
    let mut running = machine.spawn(&[FLAG]);
    let serving = running.wait_for("serving");

    let mut session = open(&machine, &serving, Role::Gateway).await.unwrap();
    let parties = network().parties(&machine.trust);
    let introduced = ask(&mut session, 1, LedgerRequest::Introduce { parties }).await;
    let newest = ask(&mut session, 2, LedgerRequest::Checkpoint).await;
    let intruder = open(&machine, &serving, Role::Party).await;

    assert_eq!(introduced, LedgerResponse::Introduced);
    let LedgerResponse::Checkpoint(newest) = newest else {
        panic!("{newest:?}")
    };
    // The manifest's genesis is there.
    assert_eq!(Checkpoint::open(&newest, &log_key()).unwrap().size, 1);
    assert!(intruder.is_err());
    assert_eq!(running.wait_for("session refused")["code"], "wrong-role");
    let stopped = running.stop();
    assert!(stopped.contains("drained"), "{stopped}");
    assert_eq!(session.receive().await, None);
}

#[test]
fn the_process_serves_drains_and_starts_again_with_the_same_log() {
    let machine = Machine::new();

    for _ in 0..2 {
        let mut running = machine.spawn(&[FLAG]);
        let serving = running.wait_for("serving");
        let public = serving["public"].as_str().unwrap();
        let checkpoint = get(public, "/checkpoint");
        assert!(checkpoint.contains("example.com/log\n1\n"));
        let key = get(public, "/key");
        assert!(key.ends_with(&format!("\r\n{}\n", log_key())), "{key}");
        let stopped = running.stop();
        assert!(stopped.contains("drained"), "{stopped}");
    }
}

#[test]
fn the_process_says_what_keeps_it_from_starting() {
    type Damage = fn(&Path);
    let key = |folder: &Path| folder.join("ledger.key");
    let cases: [(&[&str], Damage, &str); 5] = [
        (&[], |_| (), "--danger-simulated-tee is not given"),
        (
            &[FLAG],
            |folder| fs::write(config(folder), "origin = 'x'\n").unwrap(),
            "unknown field `origin`",
        ),
        (
            &[FLAG],
            |folder| fs::remove_file(folder.join("ledger.key")).unwrap(),
            "there is no key file",
        ),
        (
            &[FLAG],
            |folder| fs::write(folder.join("ledger.key"), "01".repeat(32)).unwrap(),
            "another key than the manifest names",
        ),
        (
            &[FLAG],
            |folder| fs::write(folder.join("manifest.cbor"), "x").unwrap(),
            "the manifest file does not decode",
        ),
    ];

    for (arguments, damage, message) in cases {
        let machine = Machine::new();
        damage(machine.folder.path());
        let mut running = machine.spawn(arguments);
        let mut text = String::new();
        running.log.read_to_string(&mut text).unwrap();
        assert_eq!(running.child.wait().unwrap().code(), Some(1));
        assert!(text.contains(message), "{text}");
        let digits = fs::read_to_string(key(machine.folder.path())).unwrap_or_default();
        assert!(digits.is_empty() || !text.contains(&digits));
    }
}

impl Machine {
    fn new() -> Self {
        let folder = folder();
        let path = folder.path();
        let socket = UnixListener::bind(path.join("chip.sock")).unwrap();
        let service = ChipService::new(network().ledger_chip(), boop_daemon::now_ms);
        std::thread::spawn(move || service.serve(&socket));
        fs::write(path.join("ledger.key"), hex::encode(LOG_SEED)).unwrap();
        fs::set_permissions(path.join("ledger.key"), Permissions::from_mode(0o600)).unwrap();
        let text = toml::to_string(&settings()).unwrap();
        fs::write(config(path), &text).unwrap();
        let claims = LedgerClaims {
            config: plain_digest(text.as_bytes()),
            measurement: measure(&fs::read(PROGRAM).unwrap(), &[FLAG]),
            ..LedgerClaims::default()
        };
        let signed = to_canonical(&network().signed(&claims));
        fs::write(path.join("manifest.cbor"), signed).unwrap();
        let trust = network().trust(&claims);
        Self { folder, trust }
    }

    fn spawn(&self, arguments: &[&str]) -> Running {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .env_clear()
            .current_dir(self.folder.path())
            .stdin(File::open(config(self.folder.path())).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Running { child, log }
    }
}

impl Running {
    /// Reads the log until it tells of an event, and returns the event's fields.
    fn wait_for(&mut self, message: &str) -> Value {
        let mut seen = String::new();
        loop {
            let start = seen.len();
            let count = self.log.read_line(&mut seen).unwrap();
            assert!(count > 0, "the process ended: {seen}");
            let event: Value = serde_json::from_str(&seen[start..]).unwrap();
            if event["fields"]["message"] == message {
                return event["fields"].clone();
            }
        }
    }

    /// Asks the process to stop, and returns the rest of its log.
    fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; a process that ended is past being killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(folder: &Path) -> PathBuf {
    folder.join("ledger.toml")
}

fn settings() -> Value {
    let roots = network().authority.roots();
    let trust = TrustSettings {
        manifest: PathBuf::from("manifest.cbor"),
        approvers: vec![hex::encode(approver().verifying_key())],
        approvals_needed: 1,
        danger_simulated: Some(RootsSettings {
            genoa: hex::encode(&roots.snp[0].1),
            turin: hex::encode(&roots.snp[1].1),
            nitro: hex::encode(&roots.nitro[0]),
        }),
    };
    let platform: MemberSettings = serde_json::from_value(json!({
        "kind": "danger-simulated",
        "socket": "chip.sock",
        "imitates": "snp",
    }))
    .unwrap();
    json!({
        "data": ".",
        "listen": "127.0.0.1:0",
        "public": "127.0.0.1:0",
        "custodians": "127.0.0.1:0",
        "trust": trust,
        "platform": platform,
    })
}

async fn open(
    machine: &Machine,
    serving: &Value,
    role: Role,
) -> Result<AttestedStream, boop_daemon::AttestedError> {
    let address = serving["listen"].as_str().unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let local = network().local(&machine.trust, role);
    let expect = Expectation::boot(Role::Ledger, None);
    AttestedStream::open(stream, Side::Client, local, expect).await
}

async fn ask(session: &mut AttestedStream, number: u64, request: LedgerRequest) -> LedgerResponse {
    assert!(
        session
            .send(to_canonical(&LedgerCall { number, request }))
            .await
    );
    let reply: LedgerReply = from_canonical(&session.receive().await.unwrap()).unwrap();
    assert_eq!(reply.number, number);
    reply.response
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: log\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    response
}

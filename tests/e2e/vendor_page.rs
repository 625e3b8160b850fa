//! docs/vendor.md, followed from its first block to its last in an empty folder and one shell, as
//! a vendor would; and the code that the page shows is the code that runs. The scripts need a
//! package of Python's, which `.ci/tokens` installs.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use boop_tests::program;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::doors::target;
use crate::tokens::is_there;

const BLOCKS: usize = 15;
/// How long the page may take; the SDK's example is built under way if it is not there.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a process that was told to end may take.
const END_TIME_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

#[test]
fn a_vendor_who_follows_the_page_is_paid_with_curl_the_sdk_and_each_dialect() {
    let python = target().join("doors/bin");
    if !is_there(&python.join("websockets")) {
        return;
    }
    let blocks = blocks(&page(), "sh");
    assert_eq!(blocks.len(), BLOCKS);

    let mut shell = Shell::start(&script(&blocks, &python));
    let status = shell.wait();
    let said = shell.said();

    assert!(status.success(), "{status}\n{said}");
    for line in [
        "accepted, simulated: authentic, allowed and bound",
        "gateway.pem holds the attested key",
        "completed",
        r#"{"success":true}"#,
        "the receipt holds",
        "the receipt of order-2 holds",
        "paid         420 EUR to Corner shop",
        r#"    "code": "unauthenticated","#,
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
    for dialect in ["D1", "D2", "D3"] {
        let paid = format!("{dialect} paid ");
        let transaction = said.lines().find_map(|line| line.strip_prefix(&paid));
        assert_eq!(transaction.map(str::len), Some(64), "{dialect}\n{said}");
    }
    let contexts = ["order-1", "order-2", "socket-D1", "socket-D2", "socket-D3"];
    let shown = contexts.map(|context| format!("{context}, Corner shop, 420 EUR: accepted"));
    let log = fs::read_to_string(shell.folder.join("scanner.log")).unwrap();
    let served = log.lines().skip_while(|line| *line != "ready").skip(1);
    assert_eq!(served.collect::<Vec<_>>(), shown);
    shell.wait_until_all_ended();
}

#[test]
fn the_code_on_the_page_is_the_code_that_runs() {
    let page = page();
    let script = read("docs/examples/vendor_socket.py");
    let till = read("client/sdk/examples/vendor.rs");
    let till: String = till.lines().map(|line| line.trim_start()).collect();

    assert_eq!(blocks(&page, "python"), [script]);
    let shown = blocks(&page, "rust");
    assert_eq!(shown.len(), 1);
    for part in shown.iter().flat_map(|block| block.split("\n\n")) {
        let part: String = part.lines().map(|line| line.trim_start()).collect();
        assert!(till.contains(&part), "{part}");
    }
}

fn page() -> String {
    read("docs/vendor.md")
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).expect("it is in the repository")
}

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests are in a folder of it").into()
}

/// Returns the blocks of one language, in order.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    let parts = page.split(&fence).skip(1);
    let ended = parts.map(|part| part.split_once("```\n").expect("the block ends").0);
    ended.map(str::to_owned).collect()
}

/// Puts the blocks into one script; what the page says in words about the path comes before.
fn script(blocks: &[String], python: &Path) -> String {
    let programs = program::path("boop-world");
    let programs = programs.parent().expect("it is in a folder");
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port.local_addr().unwrap().port();
    let mut script = format!(
        "set -euo pipefail\nexport PORT={port} BOOP='{}' CARGO_TARGET_DIR='{}'\n\
         export PATH='{}:{}':\"$PATH\"\n",
        repository().display(),
        target().display(),
        python.display(),
        programs.display()
    );
    for (number, block) in blocks.iter().enumerate() {
        script += &format!("echo '=== block {number}'\n{block}");
    }
    script
}

/// A shell with all that it started, in a folder of its own. That of a test that failed stays.
struct Shell {
    bash: Child,
    group: Pid,
    folder: PathBuf,
}

impl Shell {
    fn start(script: &str) -> Self {
        // A short path, as sockets need.
        let folder = format!("boop-e2e-{}-vendor", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let said = File::create(folder.join("said")).unwrap();
        let bash = Command::new("bash")
            .args(["-c", script])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .process_group(0)
            .spawn()
            .expect("bash runs");
        let group = i32::try_from(bash.id()).ok().and_then(Pid::from_raw);
        Self {
            bash,
            group: group.unwrap(),
            folder,
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("said")).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the test waits in real time")]
    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.bash.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it hangs:\n{}", self.said());
            sleep(POLL);
        }
    }

    /// The page's last block has stopped all that the page started.
    #[expect(clippy::disallowed_methods, reason = "the test waits in real time")]
    fn wait_until_all_ended(&self) {
        let until = Instant::now() + END_TIME_MAX;
        while test_kill_process_group(self.group).is_ok() {
            assert!(Instant::now() < until, "something still runs");
            sleep(POLL);
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Nobody is left where the page came to its end.
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.bash.wait();
        if std::thread::panicking() {
            println!("files of the failed test: {}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

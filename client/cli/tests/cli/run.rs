//! Running the program, and finding the vectors.

use std::env;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Run {
    /// Reads the output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect(&self.err)
    }
}

/// Runs `boop` to its end.
pub(crate) fn boop<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Run {
    boop_with_input(arguments, b"")
}

/// Runs `boop` to its end with bytes on its standard input.
pub(crate) fn boop_with_input<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
    arguments: I,
    input: &[u8],
) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_boop"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("boop starts");
    let mut stdin = child.stdin.take().expect("a pipe was asked for");
    // A run that does not read its input closes the pipe, which is no failure of the test.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("boop ends");
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Runs `boop` to its end, which must be an accepting one, and returns what it printed as bytes.
pub(crate) fn boop_bytes<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_boop"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("boop runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output.stdout
}

/// Finds a folder of the vectors: in `BOOP_VECTORS`, or beside the workspace. Without them the
/// caller has nothing to do, unless `CI` is set.
#[expect(
    clippy::disallowed_methods,
    reason = "where the vectors are is a matter of the machine"
)]
pub(crate) fn vectors(part: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var("BOOP_VECTORS")
        .map_or(beside, PathBuf::from)
        .join(part);
    let found = folder.is_dir();
    assert!(found || env::var("CI").is_err(), "CI runs with the vectors");
    if !found {
        println!("the vectors are not here: nothing was compared");
    }
    found.then_some(folder)
}

//! A PostgreSQL cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{free_port, is_there, password, wait_until};

/// Where Debian 12 has the programs.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// Whom the cluster knows.
const USER: &str = "boop";

/// A PostgreSQL server with one cluster; it stops when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    port: u16,
    password: String,
    folder: TempDir,
}

impl Postgres {
    /// Makes a cluster and starts its server; none if PostgreSQL is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        if !is_there(&program("postgres")) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (port, password) = (free_port(), password());
        let secret = folder.path().join("password");
        fs::write(&secret, &password).expect("the password can be kept");
        let data = folder.path().join("data");
        give_away(folder.path());
        let made = as_nobody(&program("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .args(["--username", USER, "--auth", "scram-sha-256", "--pwfile"])
            .arg(&secret)
            .args(["--encoding", "UTF8", "--locale", "C"])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {made:?}");
        let log = fs::File::create(folder.path().join("log")).expect("the log can be made");
        let server = as_nobody(&program("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", &format!("port={port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let started = Self {
            server,
            port,
            password,
            folder,
        };
        wait_until("PostgreSQL", || {
            started.psql("postgres", "SELECT 1").is_ok()
        });
        Some(started)
    }

    /// Makes a database and returns its URL.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn database(&self, name: &str) -> String {
        let made = self.psql("postgres", &format!("CREATE DATABASE {name}"));
        assert!(made.is_ok(), "{name}: {made:?}");
        let Self { port, password, .. } = self;
        format!("postgres://{USER}:{password}@127.0.0.1:{port}/{name}")
    }

    /// Runs SQL and returns what it selected, a line a row.
    ///
    /// # Errors
    /// What the server said.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let ran = Command::new("/usr/bin/psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"])
            .args(["--host", "127.0.0.1", "--username", USER])
            .args(["--port", &self.port.to_string(), "--dbname", database])
            .args(["--command", sql])
            .env("PGPASSWORD", &self.password)
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if ran.status.success() {
            Ok(text(&ran.stdout))
        } else {
            Err(text(&ran.stderr))
        }
    }

    /// Returns the server's log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGTERM would wait for clients. The folder goes too, so nothing needs to be at rest.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn program(name: &str) -> PathBuf {
    Path::new(PROGRAMS).join(name)
}

/// PostgreSQL does not run as root; Debian's package makes a user for it.
fn as_nobody(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        "postgres",
        "--regid",
        "postgres",
        "--clear-groups",
    ]);
    command.arg(program);
    command
}

fn give_away(folder: &Path) {
    if is_root() {
        let given = Command::new("chown")
            .args(["--recursive", "postgres:postgres"])
            .arg(folder)
            .status();
        assert!(given.is_ok_and(|status| status.success()), "chown");
    }
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").output().expect("id runs");
    asked.stdout == b"0\n"
}

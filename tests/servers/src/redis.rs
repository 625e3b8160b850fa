//! A Redis server.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{free_port, is_there, password, wait_for_port};

/// Where Debian 12 has the program.
const PROGRAM: &str = "/usr/bin/redis-server";

/// A Redis server that keeps nothing on disk; it stops when this is dropped.
#[derive(Debug)]
pub struct Redis {
    server: Option<Child>,
    port: u16,
    password: String,
    folder: TempDir,
}

impl Redis {
    /// Starts a server; none if Redis is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        if !is_there(Path::new(PROGRAM)) {
            return None;
        }
        let mut redis = Self {
            server: None,
            port: free_port(),
            password: password(),
            folder: tempfile::tempdir().expect("a folder can be made"),
        };
        redis.start_again();
        Some(redis)
    }

    /// Returns the server's URL.
    #[must_use]
    pub fn url(&self) -> String {
        let Self { port, password, .. } = self;
        format!("redis://:{password}@127.0.0.1:{port}")
    }

    /// Starts the server on the same port, empty.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        let server = Command::new(PROGRAM)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.port.to_string()])
            .args(["--requirepass", &self.password])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the server starts");
        self.server = Some(server);
        wait_for_port(self.port, "Redis");
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended by itself; it is gone either way.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

//! Child processes of a network: started with a log file, stopped in order, never left behind.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to stop after it was asked.
const STOP_TIME_MAX: Duration = Duration::from_secs(12);

/// How a process is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// Its name in messages and log files.
    pub name: String,
    /// The binary.
    pub binary: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment, which holds nothing else.
    pub environment: BTreeMap<String, String>,
    /// The folder it is started in.
    pub directory: PathBuf,
    /// The file it has as standard input; a measured process reads its configuration there.
    pub input: Option<PathBuf>,
    /// Where its standard error goes.
    pub log: PathBuf,
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts a process.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(start: &Start) -> anyhow::Result<Self> {
        let input = match &start.input {
            Some(path) => Stdio::from(open(path)?),
            None => Stdio::null(),
        };
        let log = File::options().create(true).append(true).open(&start.log)?;
        let child = Command::new(&start.binary)
            .args(&start.arguments)
            .current_dir(&start.directory)
            .env_clear()
            .envs(&start.environment)
            .stdin(input)
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn()
            .with_context(|| format!("cannot start {}", start.binary.display()))?;
        Ok(Self {
            name: start.name.clone(),
            child,
        })
    }

    /// Returns the process's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells whether it still runs.
    pub fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop and waits; ends it if it takes too long.
    #[expect(clippy::disallowed_methods, reason = "the launcher waits in real time")]
    pub fn stop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        let until = Instant::now() + STOP_TIME_MAX;
        while self.running() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

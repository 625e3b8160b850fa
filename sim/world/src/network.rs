//! A running network: its processes, started in the order in which they need each other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use boop_wire::PartyIndex;

use crate::ports::Ports;
use crate::process::{Process, Start};
use crate::provision::{MEMBER_ARGUMENTS, Provisioned};
use crate::tokens::Choice;

/// How long a process may take to be ready, or to come further.
const READY_TIME_MAX: Duration = Duration::from_secs(60);
/// How often readiness is looked at.
const POLL: Duration = Duration::from_millis(20);

/// The processes of one network.
#[derive(Debug)]
pub struct Network {
    provisioned: Provisioned,
    processes: Vec<Process>,
}

impl Network {
    /// Starts every process and waits until the gateway has sessions with all three parties.
    ///
    /// # Errors
    /// If a process cannot be started, ends, or is not ready within a minute.
    pub fn start(provisioned: Provisioned) -> anyhow::Result<Self> {
        let mut network = Self {
            provisioned,
            processes: Vec::new(),
        };
        for party in PartyIndex::ALL {
            network.start_chip(party)?;
        }
        network.start_member("ledger")?;
        network.wait_for_port("ledger", network.provisioned.ports.ledger)?;
        for party in PartyIndex::ALL {
            network.start_custodian(party)?;
        }
        for party in PartyIndex::ALL {
            network.start_host(party)?;
        }
        network.start_member("gateway")?;
        network.wait_for_port("gateway", network.provisioned.ports.gateway)?;
        for (name, port) in network.provisioned.gateways.clone() {
            network.start_member(&name)?;
            network.wait_for_port(&name, port)?;
        }
        for party in PartyIndex::ALL {
            network.wait_for_serving(party)?;
        }
        Ok(network)
    }

    /// Returns the network's files.
    pub const fn provisioned(&self) -> &Provisioned {
        &self.provisioned
    }

    /// Returns the gateway's address.
    pub fn gateway(&self) -> SocketAddr {
        Ports::address(self.provisioned.ports.gateway)
    }

    /// Returns a process by name, such as "host-1".
    pub fn process(&mut self, name: &str) -> Option<&mut Process> {
        self.processes
            .iter_mut()
            .find(|process| process.name() == name)
    }

    /// Returns the process id of a process by name, such as "gateway".
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.processes
            .iter()
            .find(|process| process.name() == name)
            .map(Process::id)
    }

    /// Returns the process id of the party behind a host.
    ///
    /// # Errors
    /// If the host has none now.
    pub fn party_pid(&self, party: PartyIndex) -> anyhow::Result<u32> {
        let host = self
            .pid(&format!("host-{party}"))
            .context("there is no such host")?;
        // Any thread of the host may have started the party.
        for task in std::fs::read_dir(format!("/proc/{host}/task"))? {
            let children = std::fs::read_to_string(task?.path().join("children"));
            if let Some(pid) = children.unwrap_or_default().split_whitespace().next() {
                return Ok(pid.parse()?);
            }
        }
        bail!("host {party} has no party now")
    }

    /// Stops every process, last started first.
    pub fn stop(mut self) {
        while let Some(mut process) = self.processes.pop() {
            process.stop();
        }
    }

    /// Waits until a party serves.
    ///
    /// # Errors
    /// If it does not, and says nothing new for a minute.
    pub fn wait_for_serving(&mut self, party: PartyIndex) -> anyhow::Result<()> {
        let status = self.provisioned.layout.machine(party, "run/status.json");
        let said = || std::fs::read_to_string(&status).unwrap_or_default();
        let until_said = || said().contains("\"serving\"");
        let (party, host) = (format!("party {party}"), format!("host-{party}"));
        self.wait_while(&party, &host, until_said, said)
    }

    fn start_chip(&mut self, party: PartyIndex) -> anyhow::Result<()> {
        let name = format!("chip-{party}");
        let directory = self.provisioned.layout.machine(party, "chip");
        let socket = directory.join("chip.sock");
        let _ = std::fs::remove_file(&socket);
        let arguments = vec![OsString::from("--data"), OsString::from(".")];
        self.start_process(&self.start_of(&name, "boop-chip-sim", arguments, &directory))?;
        self.wait(&name, &name, || socket.exists())
    }

    /// Starts a custodian, again if it ran before.
    ///
    /// # Errors
    /// If it cannot be started, or does not listen within a minute.
    pub fn start_custodian(&mut self, party: PartyIndex) -> anyhow::Result<()> {
        let name = format!("custodian-{party}");
        let directory = self.provisioned.layout.machine(party, "");
        let start = Start {
            environment: Choice::of(&self.provisioned.layout, party)?.environment,
            ..self.start_of(
                &name,
                "boop-custodian",
                with_config("custodian.toml"),
                &directory,
            )
        };
        self.start_process(&start)?;
        self.wait_for_port(&name, self.provisioned.ports.custodians[party.as_usize()])
    }

    /// Starts a host, which starts its party.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_host(&mut self, party: PartyIndex) -> anyhow::Result<()> {
        let name = format!("host-{party}");
        let directory = self.provisioned.layout.machine(party, "");
        let _ = std::fs::remove_file(directory.join("run/status.json"));
        let arguments = with_config("host.toml");
        self.start_process(&self.start_of(&name, "boop-host", arguments, &directory))?;
        self.wait_for_port(&name, self.provisioned.ports.hosts[party.as_usize()])
    }

    /// Starts the ledger or the gateway, again if it ran before, and waits until it listens.
    ///
    /// # Errors
    /// If it is neither, cannot be started, or does not listen within a minute.
    pub fn restart_member(&mut self, name: &str) -> anyhow::Result<()> {
        let port = match name {
            "ledger" => self.provisioned.ports.ledger,
            "gateway" => self.provisioned.ports.gateway,
            other => bail!("{other} is neither the ledger nor the gateway"),
        };
        if let Some(running) = self.process(name) {
            running.stop();
        }
        self.start_member(name)?;
        self.wait_for_port(name, port)
    }

    /// Returns the names of the processes that were started, parties left out.
    pub fn names(&self) -> Vec<String> {
        let names = self.processes.iter().map(|process| process.name());
        names.map(str::to_owned).collect()
    }

    /// Starts a measured process that is not a party: its configuration is its standard input.
    fn start_member(&mut self, name: &str) -> anyhow::Result<()> {
        let directory = self.provisioned.layout.path(name);
        let config = self.provisioned.layout.config(name);
        let arguments = MEMBER_ARGUMENTS.map(OsString::from).to_vec();
        // The second of a kind is named "gateway-2".
        let (kind, _) = name.split_once('-').unwrap_or((name, ""));
        let start = Start {
            input: Some(config),
            ..self.start_of(name, &format!("boop-{kind}"), arguments, &directory)
        };
        self.start_process(&start)
    }

    /// Returns how a process is started that reads nothing and has no environment.
    fn start_of(
        &self,
        name: &str,
        binary: &str,
        arguments: Vec<OsString>,
        directory: &Path,
    ) -> Start {
        Start {
            name: name.to_owned(),
            binary: self.provisioned.binaries.path(binary),
            arguments,
            environment: BTreeMap::new(),
            directory: directory.to_owned(),
            input: None,
            log: self.provisioned.layout.log(name),
        }
    }

    fn start_process(&mut self, start: &Start) -> anyhow::Result<()> {
        self.processes
            .retain(|process| process.name() != start.name);
        self.processes.push(Process::start(start)?);
        Ok(())
    }

    fn wait_for_port(&mut self, name: &str, port: u16) -> anyhow::Result<()> {
        let address = Ports::address(port);
        self.wait(name, name, || TcpStream::connect(address).is_ok())
    }

    fn wait(&mut self, what: &str, process: &str, ready: impl Fn() -> bool) -> anyhow::Result<()> {
        self.wait_while(what, process, ready, String::new)
    }

    /// Waits until something is ready; what it says of its progress gives it more time.
    #[expect(clippy::disallowed_methods, reason = "the launcher waits in real time")]
    fn wait_while(
        &mut self,
        what: &str,
        process: &str,
        ready: impl Fn() -> bool,
        progress: impl Fn() -> String,
    ) -> anyhow::Result<()> {
        let (mut until, mut said) = (Instant::now() + READY_TIME_MAX, progress());
        while !ready() {
            let says = progress();
            if says != said {
                (until, said) = (Instant::now() + READY_TIME_MAX, says);
            }
            let log = self.provisioned.layout.log(process);
            let running = self.process(process).is_some_and(Process::running);
            if !running {
                bail!("{what} ended; its last words:\n{}", last_lines(&log));
            }
            if Instant::now() > until {
                bail!(
                    "{what} is not ready; the last words of {process}:\n{}",
                    last_lines(&log)
                );
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

fn with_config(file: &str) -> Vec<OsString> {
    ["--config", file, "--danger-simulated-tee"]
        .map(OsString::from)
        .to_vec()
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

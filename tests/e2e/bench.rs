//! A network of its own for one test: programs, files, ports and processes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use boop_sdk::{AdminClient, ClientTrust, ConnectError, Connection, NetworkView};
use boop_tests::program;
use boop_wire::PartyIndex;
use boop_world::{
    Binaries, GatewayOptions, Layout, Network, Ports, Process, client_trust, now_ms, provision,
    wait_until_ready,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// What palms and people follow from.
pub(crate) const SEED: u64 = 2026;
/// How long a network may take to be whole again.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const POLL: Duration = Duration::from_millis(20);
/// The programs of a network.
const PROGRAMS: [&str; 6] = [
    "boop-chip-sim",
    "boop-custodian",
    "boop-gateway",
    "boop-host",
    "boop-ledger",
    "boop-party-sim",
];
/// Where ports are looked for: below those that the system gives to outgoing connections, so
/// that a process that starts again finds its port free.
const PORTS_FROM: u16 = 12_000;
const PORTS_OF_A_TEST: u16 = 10;

/// Tells whether fewer of everything are asked for: `cargo xtask prove doors --quick`.
pub(crate) fn is_quick() -> bool {
    std::env::var_os("BOOP_QUICK").is_some()
}

/// A running network with a folder of its own.
pub(crate) struct Bench {
    pub(crate) network: Network,
    pub(crate) client: ClientTrust,
    pub(crate) gateway: String,
    folder: Folder,
}

impl Bench {
    /// Makes a network and waits until it is whole.
    pub(crate) async fn start() -> Self {
        Self::start_after(|_| {}).await
    }

    /// Makes a network with a gateway of such a kind, and others beside it if that says so.
    pub(crate) async fn start_with(gateway: &GatewayOptions) -> Self {
        let folder = Folder::make();
        let network = Network::start(folder.provision_with(gateway)).expect("the network starts");
        Self::around(network, folder).await
    }

    /// Makes a network in a folder that `prepare` has put something into.
    pub(crate) async fn start_in(prepare: impl FnOnce(&Layout)) -> Self {
        Self::start_in_and_after(prepare, |_| {}).await
    }

    /// Makes a network, has `change` change its files, and waits until it is whole.
    pub(crate) async fn start_after(change: impl FnOnce(&Layout)) -> Self {
        Self::start_in_and_after(|_| {}, change).await
    }

    /// Makes a network in a folder that `prepare` has put something into, and has `change` change
    /// its files before anything starts.
    pub(crate) async fn start_in_and_after(
        prepare: impl FnOnce(&Layout),
        change: impl FnOnce(&Layout),
    ) -> Self {
        let folder = Folder::make();
        prepare(&Layout::new(folder.path.join("net")));
        let provisioned = folder.provision();
        change(&provisioned.layout);
        let network = Network::start(provisioned).expect("the network starts");
        Self::around(network, folder).await
    }

    /// Stops every process and starts the network of the same folder again.
    pub(crate) async fn stop_and_start(self) -> Self {
        let Self {
            network, folder, ..
        } = self;
        network.stop();
        let network = Network::start(folder.provision()).expect("the network starts again");
        Self::around(network, folder).await
    }

    /// Stops every process and starts the same files again, as they are now.
    pub(crate) async fn start_again(self) -> Self {
        let Self {
            network, folder, ..
        } = self;
        let provisioned = network.provisioned().clone();
        network.stop();
        let network = Network::start(provisioned).expect("the network starts again");
        Self::around(network, folder).await
    }

    async fn around(network: Network, folder: Folder) -> Self {
        let (client, gateway) = client_trust(&network).expect("the client's file reads");
        wait_until_ready(&network)
            .await
            .expect("the network becomes whole");
        Self {
            network,
            client,
            gateway,
            folder,
        }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.network.provisioned().layout
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.network.provisioned().ports
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder.path
    }

    pub(crate) fn admin_token(&self) -> String {
        let token = std::fs::read_to_string(self.layout().path("admin-token"));
        token.expect("the token reads").trim().to_owned()
    }

    pub(crate) async fn admin(&self) -> AdminClient {
        AdminClient::connect(&self.client, &self.gateway, &self.admin_token())
            .await
            .expect("the administrator connects")
    }

    /// Asks for the parties and judges them.
    pub(crate) async fn view(&self) -> NetworkView {
        self.try_view().await.unwrap()
    }

    /// Does the same where parties may be away.
    pub(crate) async fn try_view(&self) -> Result<NetworkView, ConnectError> {
        let mut connection = Connection::open(&self.client, &self.gateway).await.unwrap();
        connection.network().await
    }

    /// Ends a party's process as a crash would, and returns how often it had been started.
    pub(crate) fn kill_party(&self, party: PartyIndex) -> u64 {
        let starts = self.starts(party);
        let pid = self.network.party_pid(party).expect("the party runs");
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::KILL).expect("the party can be killed");
        starts
    }

    /// Waits until a party that was killed has been started again and all three serve.
    pub(crate) async fn wait_recovered(&mut self, party: PartyIndex, starts: u64) {
        let until = Instant::now() + PATIENCE;
        while self.starts(party) <= starts || !self.all_serve() {
            assert!(Instant::now() < until, "party {party} is not back");
            sleep(POLL).await;
        }
        self.wait_ready().await;
    }

    /// Waits until the gateway has a session with everybody.
    pub(crate) async fn wait_ready(&self) {
        wait_until_ready(&self.network)
            .await
            .expect("the network becomes whole again");
    }

    pub(crate) fn all_serve(&self) -> bool {
        let serves = |party| self.status(party)["phase"] == "serving";
        PartyIndex::ALL.into_iter().all(serves)
    }

    /// Reads what a host says of itself.
    pub(crate) fn status(&self, party: PartyIndex) -> Value {
        let file = self.layout().machine(party, "run/status.json");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn starts(&self, party: PartyIndex) -> u64 {
        self.status(party)["starts"].as_u64().unwrap_or_default()
    }

    /// Waits until a log file holds `text`.
    pub(crate) async fn wait_for_log(&self, process: &str, text: &str) {
        let file = self.layout().log(process);
        let until = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(&file).is_ok_and(|log| log.contains(text)) {
            assert!(
                Instant::now() < until,
                "{process} never logs {text:?}:\n{}",
                std::fs::read_to_string(&file).unwrap_or_default()
            );
            sleep(POLL).await;
        }
    }

    /// Counts the records that a party's host keeps.
    pub(crate) fn records(&self, party: PartyIndex) -> usize {
        let blobs = std::fs::read_dir(self.layout().machine(party, "blobs")).unwrap();
        let names = blobs.map(|blob| blob.unwrap().file_name().into_string().unwrap());
        // The first blob of an epoch is its head; the last ones are what is kept for the peers.
        let low = u64::from(u32::MAX);
        let record = |slot: u64| slot & low > 0 && slot >> 32 < low;
        let is_record = |name: &String| u64::from_str_radix(name, 16).is_ok_and(record);
        names.filter(is_record).count()
    }

    /// Returns the ids of all processes, parties included.
    pub(crate) fn pids(&mut self) -> Vec<u32> {
        let mut pids = Vec::new();
        for name in self.network.names() {
            let process = self.network.process(&name).expect("the process is known");
            assert!(Process::running(process), "{name} has ended");
            pids.push(process.id());
        }
        let parties = PartyIndex::ALL.map(|party| self.network.party_pid(party));
        pids.extend(parties.map(|pid| pid.expect("the party runs")));
        pids
    }
}

/// The folder of one test. That of a test that failed stays, without the programs.
struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a folder with a short path, as sockets need, and copies of the programs in it, so
    /// that no build changes them under way.
    fn make() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("boop-e2e-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("bin")).unwrap();
        for name in PROGRAMS {
            std::fs::copy(program::path(name), path.join("bin").join(name)).unwrap();
        }
        let net = path.join("net");
        std::fs::create_dir_all(&net).unwrap();
        write_ports(&net.join("ports.toml"), number);
        Self { path }
    }

    fn provision(&self) -> boop_world::Provisioned {
        self.provision_with(&GatewayOptions::default())
    }

    fn provision_with(&self, gateway: &GatewayOptions) -> boop_world::Provisioned {
        let layout = Layout::new(self.path.join("net"));
        let binaries = Binaries::in_directory(self.path.join("bin"));
        provision(layout, binaries, gateway, now_ms()).expect("the network is made")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.path.join("bin"));
        if std::thread::panicking() {
            println!("files and logs of the failed test: {}", self.path.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Chooses ports that are free now and differ between tests that run at the same time.
fn write_ports(file: &Path, number: u16) {
    let process = u16::try_from(std::process::id() % 1_800).unwrap();
    let mut first = PORTS_FROM + (process + 97 * number) % 1_800 * 10;
    let all_free = |first: u16| {
        let mut ports = first..first + PORTS_OF_A_TEST;
        ports.all(|port| std::net::TcpListener::bind(Ports::address(port)).is_ok())
    };
    while !all_free(first) {
        first = PORTS_FROM + (first + 10 - PORTS_FROM) % 18_000;
    }
    let ports = Ports {
        gateway: first,
        ledger: first + 1,
        ledger_public: first + 2,
        hosts: [first + 3, first + 4, first + 5],
        custodians: [first + 6, first + 7, first + 8],
        ledger_custodians: first + 9,
    };
    std::fs::write(file, toml::to_string(&ports).unwrap()).unwrap();
}

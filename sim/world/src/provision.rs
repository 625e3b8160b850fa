//! Making a network: hardware vendors, chips, operators, tokens, configurations, the manifest.
//!
//! Everything that exists is kept; what depends on the binaries is made anew at each start. If
//! the measurements changed, the manifest gets a new version, approved by this folder's
//! operators, as a real network's operators would have to.

mod configs;
mod manifest;

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use boop_tee::{Authority, Chip, ChipModel};
use boop_wire::PartyIndex;
use ed25519_dalek::SigningKey;

use crate::layout::Layout;
use crate::ports::Ports;
use crate::tokens::Choice;
pub(crate) use manifest::MEMBER_ARGUMENTS;
use manifest::ManifestParts;

/// Hardware of the three machines: the two kinds of SEV-SNP report, and Nitro.
const MODELS: [ChipModel; 3] = [ChipModel::GenoaV3, ChipModel::TurinV5, ChipModel::Nitro];
/// Operators, each with an approver's key.
const OPERATORS: [&str; 3] = ["alpha", "beta", "gamma"];
/// The two approvers beside them.
const OTHER_APPROVERS: [&str; 2] = ["release-signer", "reviewer"];
/// Approvals that a manifest needs: no two operators fewer.
const APPROVALS_NEEDED: u8 = 4;

/// Which binaries a network is made of.
#[derive(Debug, Clone)]
pub struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// Names the folder that holds them.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Names the folder of the running program.
    ///
    /// # Errors
    /// If the system does not tell it.
    pub fn beside_this_program() -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let directory = program.parent().context("the program has no folder")?;
        Ok(Self::in_directory(directory))
    }

    /// Returns the path of a binary.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.path(name);
        fs::read(&path).with_context(|| format!("cannot read {}: is it built?", path.display()))
    }
}

/// What is asked of the gateway.
#[derive(Clone, Default)]
pub struct GatewayOptions {
    /// Its port; a free one otherwise.
    pub port: Option<u16>,
    /// How long it waits for the parties; as long as any gateway otherwise.
    pub deadline_ms: Option<u64>,
    /// Connections at a time; some thousands otherwise.
    pub connections: Option<u32>,
    /// Connections from one address at a time; as many as fit otherwise.
    pub connections_per_address: Option<u32>,
    /// The port of the door that asks clients for certificates; none otherwise.
    pub mutual_port: Option<u16>,
    /// Whether it slows down and blocks whom its intrusion detection finds; it only says so
    /// otherwise.
    pub responds: bool,
    /// What it shares with further gateways; alone over a file otherwise.
    pub shared: Option<SharedStore>,
}

/// What several gateways share.
#[derive(Clone)]
pub struct SharedStore {
    /// The URL of a PostgreSQL database.
    pub database: String,
    /// The URL of a Redis server.
    pub redis: String,
    /// Ports of the gateways beside the first.
    pub ports: Vec<u16>,
}

impl GatewayOptions {
    /// Returns the gateways beside the first: names, which are folders too, and ports.
    fn others(&self) -> Vec<(String, u16)> {
        let ports = self.shared.iter().flat_map(|shared| &shared.ports);
        let numbered = ports.zip(2..);
        numbered
            .map(|(port, number)| (format!("gateway-{number}"), *port))
            .collect()
    }
}

/// A network's files, complete.
#[derive(Debug, Clone)]
pub struct Provisioned {
    /// Where they are.
    pub layout: Layout,
    /// Where the processes listen.
    pub ports: Ports,
    /// What they are made of.
    pub binaries: Binaries,
    /// The manifest's version.
    pub manifest_version: u64,
    /// Gateways beside the first: names and ports.
    pub gateways: Vec<(String, u16)>,
}

/// Makes whatever is missing of the network in `layout`.
///
/// # Errors
/// If a file cannot be written or a binary is missing.
pub fn provision(
    layout: Layout,
    binaries: Binaries,
    gateway: &GatewayOptions,
    now_ms: u64,
) -> anyhow::Result<Provisioned> {
    let gateways = gateway.others();
    for (name, _) in &gateways {
        fs::create_dir_all(layout.path(name))?;
    }
    for folder in ["operators", "logs", "gateway", "ledger", "vendor"] {
        fs::create_dir_all(layout.path(folder))?;
    }
    let ports = Ports::read_or_choose(&layout.path("ports.toml"), gateway.port)?;
    let authority = authority(&layout, now_ms)?;
    let approvers = OPERATORS
        .iter()
        .chain(&OTHER_APPROVERS)
        .map(|name| seed(&layout.path(&format!("operators/{name}.key"))))
        .map(|seed| seed.map(|seed| SigningKey::from_bytes(&seed)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut parts = ManifestParts {
        approvers,
        now_ms,
        ..ManifestParts::default()
    };
    parts.ledger_key = ledger_key(&layout)?;
    admin_token(&layout)?;
    let trust = configs::Trust::new(&authority, &parts);
    for (party, model) in PartyIndex::ALL.into_iter().zip(MODELS) {
        let chip = machine(&layout, &authority, party, model, now_ms)?;
        parts.machine_ids.push(chip.machine_id());
        configs::write_custodian(&layout, &ports, &trust, party)?;
        parts.custodians.push(token(&layout, &binaries, party)?);
    }
    configs::write_all(&layout, &ports, &binaries, &trust, gateway)?;
    parts.gateways = gateways.iter().map(|(name, _)| name.clone()).collect();
    let manifest_version = manifest::write(&layout, &binaries, &parts)?;
    configs::write_client(&layout, &ports, &trust)?;
    Ok(Provisioned {
        layout,
        ports,
        binaries,
        manifest_version,
        gateways,
    })
}

fn authority(layout: &Layout, now_ms: u64) -> anyhow::Result<Authority> {
    let folder = layout.path("vendor");
    if folder.join("nitro-root.der").exists() {
        return Ok(Authority::load(&folder)?);
    }
    let authority = Authority::generate(now_ms)?;
    authority.save(&folder)?;
    Ok(authority)
}

fn machine(
    layout: &Layout,
    authority: &Authority,
    party: PartyIndex,
    model: ChipModel,
    now_ms: u64,
) -> anyhow::Result<Chip> {
    for folder in ["run", "blobs"] {
        fs::create_dir_all(layout.machine(party, folder))?;
    }
    let link = layout.machine(party, "run/chip.sock");
    if fs::symlink_metadata(&link).is_err() {
        symlink("../chip/chip.sock", &link)?;
    }
    let folder = layout.machine(party, "chip");
    if folder.join("chip.toml").exists() {
        return Ok(Chip::load(&folder)?);
    }
    let name = hex::encode(random::<16>()?);
    let chip = Chip::provision(authority, model, &name, now_ms)?;
    chip.save(&folder)?;
    Ok(chip)
}

/// Makes a party's token with the custodian's own command, and returns its public key.
fn token(layout: &Layout, binaries: &Binaries, party: PartyIndex) -> anyhow::Result<[u8; 32]> {
    let public = layout.machine(party, "custodian.pub");
    if !public.exists() {
        let output = Command::new(binaries.path("boop-custodian"))
            .args(["init", "--config", "custodian.toml"])
            .current_dir(layout.machine(party, ""))
            .envs(Choice::of(layout, party)?.environment)
            .output()
            .context("cannot start boop-custodian")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "boop-custodian init: {error}");
        fs::write(&public, &output.stdout)?;
    }
    read_hex(&public)
}

fn ledger_key(layout: &Layout) -> anyhow::Result<[u8; 32]> {
    let seed = seed(&layout.path("ledger/ledger.key"))?;
    Ok(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}

/// Makes the token with which the operator calls the admin endpoints.
fn admin_token(layout: &Layout) -> anyhow::Result<()> {
    let file = layout.path("admin-token");
    if !file.exists() {
        write_private(&file, hex::encode(random::<32>()?).as_bytes())?;
    }
    Ok(())
}

/// Reads a private 32-byte seed, or makes it: 64 hexadecimal digits, mode 0600.
fn seed(file: &Path) -> anyhow::Result<[u8; 32]> {
    if !file.exists() {
        write_private(file, hex::encode(random::<32>()?).as_bytes())?;
    }
    read_hex(file)
}

fn read_hex(file: &Path) -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    match hex::decode_to_slice(fs::read_to_string(file)?.trim(), &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => bail!("{} does not hold 64 hexadecimal digits", file.display()),
    }
}

fn write_private(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(bytes)?;
    Ok(())
}

/// Draws randomness of the operating system.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| anyhow::anyhow!("no randomness"))?;
    Ok(bytes)
}

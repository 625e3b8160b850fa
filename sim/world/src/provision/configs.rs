//! The configuration files of a network, with paths relative to where each process is started.

use std::fs;
use std::path::Path;

use boop_abi::config::{PartyConfig, SimulatedRootSet};
use boop_tee::Authority;
use boop_wire::PartyIndex;
use boop_wire::binding::PlatformKind;
use boop_wire::codec::{plain_digest, to_canonical};
use boop_wire::manifest::{ApproverKey, Approvers};
use serde_json::{Value, json};

use super::manifest::ManifestParts;
use super::{APPROVALS_NEEDED, Binaries, GatewayOptions};
use crate::layout::Layout;
use crate::ports::Ports;
use crate::tokens::Choice;

/// The log's name.
pub(super) const ORIGIN: &str = "boop.localhost/ledger";

/// Whom the processes of the network believe.
pub(super) struct Trust {
    approvers: Approvers,
    roots: SimulatedRootSet,
}

impl Trust {
    pub(super) fn new(authority: &Authority, parts: &ManifestParts) -> Self {
        let roots = authority.roots();
        let snp = |wanted: boop_verifier::Product| {
            let found = roots.snp.iter().find(|(product, _)| *product == wanted);
            found.map(|(_, der)| der.clone()).unwrap_or_default()
        };
        let keys = parts
            .approvers
            .iter()
            .map(|key| ApproverKey(key.verifying_key().to_bytes()));
        Self {
            approvers: Approvers {
                keys: keys.collect(),
                needed: APPROVALS_NEEDED,
            },
            roots: SimulatedRootSet {
                genoa: snp(boop_verifier::Product::Genoa),
                turin: snp(boop_verifier::Product::Turin),
                nitro: roots.nitro.first().cloned().unwrap_or_default(),
            },
        }
    }

    fn approvers(&self) -> Vec<String> {
        self.approvers
            .keys
            .iter()
            .map(|key| hex::encode(key.0))
            .collect()
    }

    fn simulated(&self) -> Value {
        json!({
            "genoa": hex::encode(&self.roots.genoa),
            "turin": hex::encode(&self.roots.turin),
            "nitro": hex::encode(&self.roots.nitro),
        })
    }

    fn settings(&self, manifest: &str) -> Value {
        json!({
            "manifest": manifest,
            "approvers": self.approvers(),
            "approvals_needed": self.approvers.needed,
            "danger_simulated": self.simulated(),
        })
    }
}

/// Returns what a party's machine imitates.
pub(super) const fn platform(party: PartyIndex) -> PlatformKind {
    match party.get() {
        2 => PlatformKind::Nitro,
        _ => PlatformKind::Snp,
    }
}

/// Writes the configurations of all processes but the clients'.
pub(super) fn write_all(
    layout: &Layout,
    ports: &Ports,
    binaries: &Binaries,
    trust: &Trust,
    options: &GatewayOptions,
) -> anyhow::Result<()> {
    for party in PartyIndex::ALL {
        let config = PartyConfig {
            index: party,
            platform: platform(party),
            approvers: trust.approvers.clone(),
            simulated_roots: Some(trust.roots.clone()),
        };
        fs::write(layout.machine(party, "party.cbor"), to_canonical(&config))?;
        let host = host(ports, binaries, trust, party);
        write_toml(&layout.machine(party, "host.toml"), &host)?;
    }
    write_toml(&layout.path("ledger/ledger.toml"), &ledger(ports, trust))?;
    let token = fs::read_to_string(layout.path("admin-token"))?;
    let admin = plain_digest(token.trim().as_bytes()).to_string();
    let mut gateway = gateway(ports, trust, &admin);
    if let Some(deadline_ms) = options.deadline_ms {
        gateway["deadline_ms"] = deadline_ms.into();
    }
    if let Some(max) = options.connections {
        gateway["limits"]["connections"] = max.into();
    }
    if let Some(max) = options.connections_per_address {
        gateway["limits"]["connections_per_address"] = max.into();
    }
    if options.responds {
        gateway["limits"]["respond"] = "to-all".into();
    }
    if let Some(port) = options.mutual_port {
        gateway["listen_mutual"] = Ports::address(port).to_string().into();
    }
    if let Some(shared) = &options.shared {
        gateway["database"] = shared.database.clone().into();
        gateway["redis"] = shared.redis.clone().into();
    }
    write_toml(&layout.config("gateway"), &gateway)?;
    for (name, port) in options.others() {
        gateway["listen"] = Ports::address(port).to_string().into();
        write_toml(&layout.config(&name), &gateway)?;
    }
    Ok(())
}

/// Writes the configuration of a custodian; its token is made from it.
pub(super) fn write_custodian(
    layout: &Layout,
    ports: &Ports,
    trust: &Trust,
    party: PartyIndex,
) -> anyhow::Result<()> {
    let custodian = json!({
        "party": party.get(),
        "listen": Ports::address(ports.custodians[party.as_usize()]),
        "audit": "audit.jsonl",
        "register": "register",
        "ledger": Ports::address(ports.ledger_custodians).to_string(),
        "token": Choice::of(layout, party)?.token,
        "trust": trust.settings("../manifest.cbor"),
    });
    write_toml(&layout.machine(party, "custodian.toml"), &custodian)
}

/// Writes what a client needs to know of the network.
pub(super) fn write_client(layout: &Layout, ports: &Ports, trust: &Trust) -> anyhow::Result<()> {
    let network = fs::read_to_string(layout.path("network-id"))?;
    let settings = json!({
        "network_id": network.trim(),
        "gateway": Ports::address(ports.gateway).to_string(),
        "ledger": Ports::address(ports.ledger_custodians).to_string(),
        "approvers": trust.approvers(),
        "approvals_needed": trust.approvers.needed,
        "danger_simulated": trust.simulated(),
    });
    write_toml(&layout.path("network.toml"), &settings)
}

fn host(ports: &Ports, binaries: &Binaries, trust: &Trust, party: PartyIndex) -> Value {
    let peer = |other: PartyIndex| {
        let address = Ports::address(ports.hosts[other.as_usize()]).to_string();
        json!({ "party": other.get(), "address": address })
    };
    json!({
        "party": party.get(),
        "listen": Ports::address(ports.hosts[party.as_usize()]),
        "custodian": Ports::address(ports.custodians[party.as_usize()]).to_string(),
        "blobs": "blobs",
        "peers": party.others().map(peer),
        "trust": trust.settings("../manifest.cbor"),
        "enclave": {
            "kind": "process",
            "command": binaries.path("boop-party-sim"),
            "config": "party.cbor",
            "directory": "run",
        },
    })
}

fn gateway(ports: &Ports, trust: &Trust, admin_token_sha256: &str) -> Value {
    json!({
        "listen": Ports::address(ports.gateway).to_string(),
        "database": "gateway.sqlite",
        "admin_token_sha256": admin_token_sha256,
        "parties": ports.hosts.map(|port| Ports::address(port).to_string()),
        "ledger": Ports::address(ports.ledger).to_string(),
        // A network on one machine is for development, where limits are relaxed, and where all
        // that anybody tries comes from one address.
        "limits": {
            "connections": 4096,
            "connections_per_address": 4096,
            "scale": 1000,
            "respond": "to-nobody",
        },
        "trust": trust.settings("../manifest.cbor"),
        "platform": {
            "kind": "danger-simulated",
            "socket": "../machine-0/chip/chip.sock",
            "imitates": "snp",
        },
    })
}

fn ledger(ports: &Ports, trust: &Trust) -> Value {
    json!({
        "data": ".",
        "listen": Ports::address(ports.ledger).to_string(),
        "public": Ports::address(ports.ledger_public).to_string(),
        "custodians": Ports::address(ports.ledger_custodians).to_string(),
        "trust": trust.settings("../manifest.cbor"),
        "platform": {
            "kind": "danger-simulated",
            "socket": "../machine-1/chip/chip.sock",
            "imitates": "snp",
        },
    })
}

fn write_toml(file: &Path, value: &Value) -> anyhow::Result<()> {
    fs::write(file, toml::to_string(value)?)?;
    Ok(())
}

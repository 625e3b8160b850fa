//! The loopback ports of a network, chosen once and kept.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Where each process listens, all on 127.0.0.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// Public HTTPS.
    pub gateway: u16,
    /// Attested sessions of gateways.
    pub ledger: u16,
    /// Checkpoints and proofs for everyone.
    pub ledger_public: u16,
    /// Reports of custodians.
    pub ledger_custodians: u16,
    /// Relays.
    pub hosts: [u16; 3],
    /// Key releases.
    pub custodians: [u16; 3],
}

impl Ports {
    /// Reads the ports of an earlier start, or finds free ones and writes them down.
    ///
    /// # Errors
    /// If the file cannot be read or written, or no port is free.
    pub fn read_or_choose(file: &Path, gateway: Option<u16>) -> anyhow::Result<Self> {
        if file.exists() {
            let text = std::fs::read_to_string(file)?;
            return toml::from_str(&text).with_context(|| format!("in {}", file.display()));
        }
        let ports = Self::choose(gateway)?;
        std::fs::write(file, toml::to_string(&ports)?)?;
        Ok(ports)
    }

    /// Returns a loopback address.
    pub fn address(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    fn choose(gateway: Option<u16>) -> anyhow::Result<Self> {
        // All are held until all are found, so that none is found twice.
        let mut held = Vec::new();
        let mut free = |wanted: u16| -> anyhow::Result<u16> {
            let listener = TcpListener::bind(Self::address(wanted))
                .with_context(|| format!("port {wanted} of 127.0.0.1 is not free"))?;
            let port = listener.local_addr()?.port();
            held.push(listener);
            Ok(port)
        };
        Ok(Self {
            gateway: free(gateway.unwrap_or(0))?,
            ledger: free(0)?,
            ledger_public: free(0)?,
            ledger_custodians: free(0)?,
            hosts: [free(0)?, free(0)?, free(0)?],
            custodians: [free(0)?, free(0)?, free(0)?],
        })
    }
}

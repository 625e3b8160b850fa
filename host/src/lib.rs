//! The untrusted relay: starts a party's enclave, verifies the far ends, moves bytes, keeps
//! sealed blobs.
//!
//! ```text
//!  supervise --starts--> party process              listener <--RelayHello-- hosts, gateways
//!      |                      |                         |
//!      +------------------- edge (one Unix connection) -+
//!                             |-- streams --> relay to the other hosts, pipe to the custodian
//!                             |-- blobs ----> files
//! ```
//!
//! A host is trusted for nothing. It judges evidence before it opens a pipe, as a fuse against
//! misuse; enclaves repeat every check. What it logs are event codes and numbers, never bytes of
//! a stream.
#![forbid(unsafe_code)]

mod blobs;
mod config;
mod door;
mod edge;
mod enclave;
mod event;
mod host;
mod listener;
mod relay;
mod statements;
mod status;
mod supervise;

pub use blobs::{BlobError, BlobStore, epochs};
pub use config::{EnclaveSettings, HostSettings, PeerSettings, Plan, PlanError};
pub use door::{AskError, Door, Errand, ask};
pub use host::Host;
pub use listener::serve;
pub use relay::{Fuse, RelayError};
pub use status::{LastRefusal, Phase, Status, StatusError, read as read_status};
pub use supervise::supervise;

#[cfg(test)]
mod testing;

//! A seeded world around a network: synthetic palms, and the launcher that starts every process
//! of a network on one machine, with the demonstration and the claims that run on it.

mod clients;
mod clock;
pub mod crowd;
pub mod demo;
mod layout;
pub mod mock;
mod network;
pub mod palm;
pub mod palms;
mod people;
mod ports;
mod process;
pub mod prove;
mod provision;
mod puppet;
pub mod refusals;
pub mod search;
mod till;
mod tokens;
pub mod up;

pub use clients::{client_trust, wait_until_ready};
pub use clock::now_ms;
pub use layout::Layout;
pub use network::Network;
pub use people::{Visitor, another_capture, returning_visitor, visitor, visitors};
pub use ports::Ports;
pub use process::{Process, Start};
pub use provision::{Binaries, GatewayOptions, Provisioned, SharedStore, provision};
pub use puppet::Puppet;
pub use till::{Till, Visit, refusal_code};

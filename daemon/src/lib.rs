//! Start-up kit of the processes outside the parties: configuration, logs, shutdown, the trust
//! they are given, and attested sessions over tokio streams.

mod attested;
mod clock;
mod config;
mod live;
mod log;
mod member;
mod shutdown;
mod trust;

pub use attested::{AttestedError, AttestedStream, read_frame, write_frame};
pub use clock::now_ms;
pub use config::{ConfigError, from_stdin, from_toml};
pub use live::LiveTrust;
pub use log::init_logs;
pub use member::{Member, MemberError, MemberSettings};
pub use shutdown::shutdown_signal;
pub use trust::{RootsSettings, TrustError, TrustSettings};

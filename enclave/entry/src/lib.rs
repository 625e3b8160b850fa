//! The driver around a party: one socket to the host, one clock, one thread.
//!
//! It reads the configuration from standard input, connects to the host, and then moves frames
//! between the socket and the party, which holds every rule. No argument, no environment
//! variable and no file name reaches it. [`Probe`] is what the program says of its machine when
//! it is asked to be no party.
#![forbid(unsafe_code)]

mod machine;
pub mod nitro;
mod probe;

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use boop_abi::config::{CONFIG_BYTES_MAX, PartyConfig};
use boop_abi::{FRAME_BYTES_MAX, FromHost, ToHost};
use boop_party::{BootError, Party, Platform, TrustedRoots};
use boop_wire::codec::{CodecError, from_canonical, from_canonical_max, to_canonical};
use boop_wire::frame::{FrameBuffer, FrameTooLarge, put_frame};

pub use machine::Machine;
pub use probe::Probe;

/// Where the host listens, in the directory that the party is started in.
pub const HOST_SOCKET: &str = "host.sock";

/// How long the party waits for the host before it looks at its clock.
const TICK_MS: u64 = 50;

/// Why a party's process ended.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Standard input or the host's socket failed.
    #[error("no connection to the host, or no configuration")]
    Io(#[from] std::io::Error),
    /// The configuration or a frame is malformed.
    #[error("the host sent what is not a frame")]
    Codec(#[from] CodecError),
    /// A frame is too large.
    #[error("the host sent too large a frame")]
    Frame(#[from] FrameTooLarge),
    /// The party did not boot.
    #[error("the party did not boot")]
    Boot(#[from] BootError),
}

/// Reads the configuration from standard input.
///
/// # Errors
/// If there is none, or it is not a party's.
pub fn read_config() -> Result<(Vec<u8>, PartyConfig), EntryError> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(CONFIG_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    let config = from_canonical_max(&bytes, CONFIG_BYTES_MAX)?;
    Ok((bytes, config))
}

/// Runs a party until the host is gone, the party has drained, or it stops.
///
/// # Errors
/// If it does not boot, or the host breaks the framing.
pub fn run<P: Platform>(platform: P, config: &[u8], roots: TrustedRoots) -> Result<(), EntryError> {
    std::panic::set_hook(Box::new(|_| eprintln!("the party stopped: internal")));
    let mut host = UnixStream::connect(HOST_SOCKET)?;
    host.set_read_timeout(Some(Duration::from_millis(TICK_MS)))?;
    let mut party = Party::boot(platform, config, roots, now_ms())?;
    let mut frames = FrameBuffer::new(FRAME_BYTES_MAX);
    let mut buffer = vec![0; FRAME_BYTES_MAX];
    let mut last_tick_ms = 0;
    while !party.finished() {
        match host.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => frames.push(&buffer[..count]),
            Err(error) if waiting(error.kind()) => {}
            Err(error) => return Err(error.into()),
        }
        let mut out = Vec::new();
        while let Some(frame) = frames.take()? {
            let frame: FromHost = from_canonical(&frame)?;
            put_all(&mut out, party.handle(now_ms(), frame))?;
        }
        let now_ms = now_ms();
        if now_ms.saturating_sub(last_tick_ms) >= TICK_MS {
            last_tick_ms = now_ms;
            put_all(&mut out, party.tick(now_ms))?;
        }
        host.write_all(&out)?;
    }
    Ok(())
}

fn put_all(out: &mut Vec<u8>, frames: Vec<ToHost>) -> Result<(), FrameTooLarge> {
    frames
        .iter()
        .try_for_each(|frame| put_frame(out, &to_canonical(frame), FRAME_BYTES_MAX))
}

const fn waiting(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// The guest's clock. The host sets it, so it decides freshness and never order.
#[expect(
    clippy::disallowed_methods,
    reason = "the one clock of the measured binary"
)]
fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

//! The driver around a party: one socket to the host, one clock, one thread that
//! holds the party, and threads that do sums for it.
//!
//! It reads the configuration from standard input, connects to the host, and then moves frames
//! between the socket and the party, which holds every rule. No argument, no environment
//! variable and no file name reaches it. [`Probe`] is what the program says of its machine when
//! it is asked to be no party.
#![forbid(unsafe_code)]

mod clock;
mod error;
mod happening;
mod machine;
pub mod nitro;
mod probe;

use std::io::{Read, Write};
use std::iter;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use boop_abi::config::{CONFIG_BYTES_MAX, PartyConfig};
use boop_abi::{FRAME_BYTES_MAX, Phase, ToHost};
use boop_party::{Party, Platform, TrustedRoots};
use boop_wire::codec::{from_canonical, from_canonical_max, to_canonical};
use boop_wire::frame::{FrameTooLarge, put_frame};

use crate::clock::now_ms;
pub use crate::error::EntryError;
use crate::happening::{HAPPENINGS_MAX, Happening, Workers, end_on_panic, read_frames};
pub use machine::Machine;
pub use probe::Probe;

/// Where the host listens, in the directory that the party is started in.
pub const HOST_SOCKET: &str = "host.sock";

/// How long the party waits for the host before it looks at its clock.
const TICK_MS: u64 = 50;

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

/// Runs a party until the host is gone, or the party's life is over.
///
/// # Errors
/// If it does not boot, stops, or the host breaks the framing.
pub fn run<P: Platform>(platform: P, config: &[u8], roots: TrustedRoots) -> Result<(), EntryError> {
    end_on_panic();
    let mut host = UnixStream::connect(HOST_SOCKET)?;
    let mut party = Party::boot(platform, config, roots, now_ms())?;
    let (happened, events) = sync_channel(HAPPENINGS_MAX);
    let reader = host.try_clone()?;
    let from_host = happened.clone();
    thread::spawn(move || read_frames(reader, &from_host));
    let workers = Workers::start(happened);
    let mut last_tick_ms = 0;
    while !party.phase().is_over() {
        let mut out = Vec::new();
        match events.recv_timeout(Duration::from_millis(TICK_MS)) {
            Ok(first) => {
                for happening in iter::once(first).chain(events.try_iter()) {
                    let frames = match happening {
                        Happening::Frame(frame) => party.handle(now_ms(), from_canonical(&frame)?),
                        Happening::Computed(computed) => party.computed(now_ms(), computed),
                        Happening::HostGone(result) => return result,
                    };
                    workers.give(party.take_computations());
                    put_all(&mut out, frames)?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        let now_ms = now_ms();
        if now_ms.saturating_sub(last_tick_ms) >= TICK_MS {
            last_tick_ms = now_ms;
            let frames = party.tick(now_ms);
            workers.give(party.take_computations());
            put_all(&mut out, frames)?;
        }
        host.write_all(&out)?;
    }
    match party.phase() {
        Phase::Stopped(refusal) => Err(EntryError::Stopped(refusal)),
        Phase::Booted
        | Phase::Attested
        | Phase::Leased
        | Phase::Joined
        | Phase::Serving
        | Phase::Draining
        | Phase::Retired => Ok(()),
    }
}

fn put_all(out: &mut Vec<u8>, frames: Vec<ToHost>) -> Result<(), FrameTooLarge> {
    frames
        .iter()
        .try_for_each(|frame| put_frame(out, &to_canonical(frame), FRAME_BYTES_MAX))
}

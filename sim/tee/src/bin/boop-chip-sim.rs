//! `boop-chip-sim`: plays the chip of one simulated machine for the programs that run on it.
//!
//! Start it with a directory that `Chip::save` wrote. It listens on `chip.sock` in there and
//! prints `ready`. Socket paths are limited to about 100 bytes: for a deep directory, start it
//! inside with `--data .`.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use boop_tee::Chip;
use boop_tee::service::ChipService;
use clap::Parser;

/// Plays the chip of one simulated machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// Directory of the chip's description, keys and socket.
    #[arg(long)]
    data: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let chip = Chip::load(&arguments.data).context("cannot load the chip")?;
    let service = ChipService::new(chip, now_ms);
    let listener = listen(&arguments.data.join("chip.sock")).context("cannot listen")?;
    writeln!(io::stdout(), "ready")?;
    service.serve(&listener).context("cannot accept")
}

/// Listens at `path`, in place of an earlier chip's socket, for the same user alone.
fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this process is the machine's clock"
)]
fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

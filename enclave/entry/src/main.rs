//! `boop-party`: the measured binary of a party. It believes the vendors' roots and no others.

use std::process::ExitCode;

use boop_entry::{EntryError, Machine, read_config, run};
use boop_party::TrustedRoots;
use boop_platform::PlatformError;
use boop_platform::nitro::{NSM_DEVICE, NitroModule};
use boop_platform::snp::{TSM_REPORT_DIRECTORY, TsmReport};
use boop_verifier::{Roots, SimulatedEvidence};
use boop_wire::binding::PlatformKind;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the party stopped: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), StartError> {
    let (bytes, config) = read_config()?;
    let roots = TrustedRoots {
        roots: Roots::vendor(),
        simulated: SimulatedEvidence::Refuse,
    };
    match config.platform {
        PlatformKind::Snp => {
            run(
                Machine(TsmReport::open(TSM_REPORT_DIRECTORY, "boop")?),
                &bytes,
                roots,
            )?;
        }
        PlatformKind::Nitro => run(Machine(NitroModule::open(NSM_DEVICE)?), &bytes, roots)?,
    }
    Ok(())
}

/// Why the process did not start, or ended.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

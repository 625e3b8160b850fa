//! `boop-party`: the measured binary of a party. It believes the vendors' roots and no others.
//!
//! Without arguments it is a party, on the hardware that its configuration names. With `--probe`
//! it says what hardware there is, and does nothing else.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use boop_entry::nitro::vouch_for_config;
use boop_entry::{EntryError, Machine, Probe, read_config, run};
use boop_party::TrustedRoots;
use boop_platform::PlatformError;
use boop_platform::detect::{NoSourceError, open_nitro, open_snp};
use boop_verifier::{Roots, SimulatedEvidence};
use boop_wire::binding::PlatformKind;

const ROOT: &str = "/";

/// The exit code for arguments that mean nothing; that of a probe without hardware is 1.
const WRONG_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_str()).collect();
    match arguments.as_slice() {
        [] => match start() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the party stopped: {error}");
                ExitCode::FAILURE
            }
        },
        [Some("--probe")] => probe(Probe::to_text),
        [Some("--probe"), Some("--json")] => probe(Probe::to_json),
        _ => {
            eprintln!("boop-party takes no arguments, `--probe` or `--probe --json`");
            ExitCode::from(WRONG_ARGUMENTS)
        }
    }
}

fn probe(write: impl FnOnce(&Probe) -> String) -> ExitCode {
    let probe = Probe::of(Path::new(ROOT));
    print!("{}", write(&probe));
    ExitCode::from(u8::from(probe.choice().is_none()))
}

fn start() -> Result<(), StartError> {
    let (bytes, config) = read_config()?;
    let roots = TrustedRoots {
        roots: Roots::vendor(),
        simulated: SimulatedEvidence::Refuse,
    };
    let root = Path::new(ROOT);
    match config.platform {
        PlatformKind::Snp => run(Machine(open_snp(root)?), &bytes, roots)?,
        PlatformKind::Nitro => {
            let module = open_nitro(root)?;
            vouch_for_config(&module, &bytes)?;
            run(Machine(module), &bytes, roots)?;
        }
    }
    Ok(())
}

/// Why the process did not start, or ended.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    NoSource(#[from] NoSourceError),
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

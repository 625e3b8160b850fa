//! `boop-party-sim`: the same party on a simulated chip. Besides the vendors' roots it believes
//! the simulated ones of its configuration, which `boop-party` refuses.

use std::process::ExitCode;

use boop_abi::config::SimulatedRootSet;
use boop_entry::{Machine, read_config, run};
use boop_platform::chip_socket::ChipSocket;
use boop_tee::trusted_roots;

/// Where the chip listens, in the directory that the party is started in.
const CHIP_SOCKET: &str = "chip.sock";

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the party stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<()> {
    let (bytes, config) = read_config()?;
    let simulated: Option<&SimulatedRootSet> = config.simulated_roots.as_ref();
    let roots = trusted_roots(simulated);
    run(Machine(ChipSocket::connect(CHIP_SOCKET)?), &bytes, roots)?;
    Ok(())
}

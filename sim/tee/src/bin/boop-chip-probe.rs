//! `boop-chip-probe SOCKET [ANYTHING...]`: asks a simulated chip for evidence about itself.
//!
//! It prints the evidence in hexadecimal, or the refusal and exit code 1. Start it with an
//! empty environment; its further arguments and its standard input are only measured.

use std::io::{self, Write};

use anyhow::Context as _;
use boop_platform::EvidenceSource;
use boop_platform::chip_socket::ChipSocket;

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .context("usage: boop-chip-probe SOCKET")?;
    let chip = ChipSocket::connect(path)?;
    let evidence = chip.attest(&[0x5a; 64], &[0xa5; 32])?;
    writeln!(io::stdout(), "{}", hex::encode(evidence.evidence))?;
    Ok(())
}

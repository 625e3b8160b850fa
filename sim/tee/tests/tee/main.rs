//! Simulated hardware from outside: as a process, under the verifier, beside recorded evidence.
#![expect(
    clippy::unwrap_used,
    reason = "a failure of the test's own setup ends the test"
)]

mod chip_process;
mod forge;
mod formats;

use std::sync::OnceLock;

use boop_tee::{Authority, Chip, ChipModel};

/// 2026-06-01T12:00:00Z.
const NOW_MS: u64 = 1_780_315_200_000;

/// Returns the vendor that all tests share: its keys take seconds.
fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::generate(NOW_MS).unwrap())
}

fn chip(model: ChipModel) -> Chip {
    Chip::provision(authority(), model, "machine", NOW_MS).unwrap()
}

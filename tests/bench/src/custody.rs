//! Custody: releases of a key by a custodian, and how fast a party opens its sealed store.
//!
//! - A release stands beside the judging of the same evidence alone. Both are times of the wall:
//!   a release waits for its register and its audit to be on disk.
//! - Opening stands beside reading the same files and as many bytes of AES-256-GCM: once with the
//!   files on disk, as after a start of the machine, and once with the files in memory, where
//!   the party's own work shows.
//! - A store that does not fit into memory is opened where the system has swap for the rest, and
//!   not beside its own files in memory; without, it is not opened, and a line says what it needs.

mod opening;
mod releasing;

use anyhow::Result;

use crate::rounds::Effort;
use crate::table::Table;

pub use releasing::print_with_softhsm;

/// Records of the stores that are opened.
const RECORDS: [u64; 3] = [10_000, 100_000, 1_000_000];
const RECORDS_QUICK: [u64; 1] = [2_000];

/// Runs the benchmark.
///
/// # Errors
/// If a file cannot be written or read, or a store does not open.
pub fn run(effort: Effort) -> Result<Table> {
    let quick = effort == Effort::QUICK;
    let mut rows = releasing::rows(quick)?;
    let records: &[u64] = if quick { &RECORDS_QUICK } else { &RECORDS };
    let opened = opening::rows(records)?;
    rows.extend(opened.rows);
    Ok(Table {
        name: "custody",
        subject: opened.subject,
        effort,
        rows,
    })
}

//! A run: every part of a folder held against our code, or the vectors of simulated hardware made.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use boop_tee::{Harness, vectors};

use crate::suite::{self, Suite};
use crate::{evidence, ledger, measure, sd_jwt};

/// Folders that suites read.
const READ: [&str; 5] = ["attestation", "ledger", "nitro", "sd-jwt", "snp"];

/// Compares, reports, and says whether all cases agree.
pub(crate) fn compare(folder: &Path, shared: Option<&Path>, table: Option<&Path>) -> Result<bool> {
    ensure!(folder.is_dir(), "no folder {}", folder.display());
    let suites = suites(folder, shared)?;
    let cases: usize = suites.iter().map(Suite::cases).sum();
    ensure!(cases > 0, "no cases in {}", folder.display());

    let mut text = suite::table(&suites);
    let unread = unread(folder)?;
    if !unread.is_empty() {
        let unread = unread.join(", ");
        text += &format!("without a suite here: {unread}\n");
    }
    std::io::stdout().write_all(text.as_bytes())?;
    if let Some(file) = table {
        let json = serde_json::to_string_pretty(&suite::json(&suites))?;
        fs::write(file, json + "\n").with_context(|| file.display().to_string())?;
    }
    Ok(suites.iter().all(|suite| suite.disagreements.is_empty()))
}

/// Holds all parts of a folder against our code. A folder of evidence alone will do as well.
fn suites(folder: &Path, shared: Option<&Path>) -> Result<Vec<Suite>> {
    let evidence = |folder: &Path| {
        let inner = folder.join("attestation");
        if inner.is_dir() {
            inner
        } else {
            folder.to_owned()
        }
    };
    let shared = shared.map(evidence);
    let mut suites = evidence::suites(&evidence(folder), shared.as_deref())?;
    suites.extend(measure::suites(&evidence(folder))?);
    suites.extend(ledger::suites(&folder.join("ledger"))?);
    suites.extend(sd_jwt::suites(&folder.join("sd-jwt"))?);
    Ok(suites)
}

/// Writes vectors of simulated hardware.
pub(crate) fn write(folder: &Path) -> Result<bool> {
    let harness = Harness::new(vectors::SEED, vectors::NOW_MS)?;
    let count = vectors::write(&harness, folder)?;
    writeln!(std::io::stdout(), "{count} cases in {}", folder.display())?;
    Ok(true)
}

/// Folders for which there is no suite.
fn unread(folder: &Path) -> Result<Vec<String>> {
    let mut names = vec![];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !READ.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

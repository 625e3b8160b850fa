//! Attestation evidence, and the certificates beside it.

mod case;
mod certificates;
mod decoded;
mod judge;
mod lists;
mod roots;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::suite::Suite;

/// Holds everything in a folder against our code; `shared` has the roots that the folder lacks.
pub(crate) fn suites(folder: &Path, shared: Option<&Path>) -> Result<Vec<Suite>> {
    let mut suites = vec![];
    let (snp, nitro) = (folder.join("snp"), folder.join("nitro"));
    if snp.is_dir() {
        let roots = roots_of(&snp, shared.map(|shared| shared.join("snp")));
        suites.extend(judge::suites("snp", &snp, &roots)?);
        suites.push(tables::suite(&snp)?);
        suites.push(certificates::suite(&snp, &roots)?);
        suites.push(lists::suite(&snp, &roots)?);
        suites.push(roots::snp(&snp)?);
    }
    if nitro.is_dir() {
        let roots = roots_of(&nitro, shared.map(|shared| shared.join("nitro")));
        suites.extend(judge::suites("nitro", &nitro, &roots)?);
        suites.push(roots::nitro(&nitro)?);
    }
    suites.retain(|suite| suite.cases() > 0);
    Ok(suites)
}

/// The roots of a folder: its own, else those of the shared vectors.
fn roots_of(folder: &Path, shared: Option<PathBuf>) -> PathBuf {
    let own = folder.join("roots");
    match shared {
        Some(shared) if !own.is_dir() => shared.join("roots"),
        Some(_) | None => own,
    }
}

/// Reads a file of JSON.
pub(crate) fn json(file: &Path) -> Result<Value> {
    serde_json::from_slice(&read(file)?).with_context(|| file.display().to_string())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| file.display().to_string())
}

/// The files of a folder whose names end so, in order; none when there is no folder.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(vec![]);
    }
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files: Vec<PathBuf> = entries.collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|found| found == ending));
    files.sort();
    Ok(files)
}

fn name(file: &Path) -> Result<String> {
    let name = file.file_name().context("a file has a name")?;
    Ok(name.to_string_lossy().into_owned())
}

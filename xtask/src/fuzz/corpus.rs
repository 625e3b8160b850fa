//! The folders of inputs that a target begins with and adds to.
//!
//! The committed corpus grows on request alone, and only from itself: nothing of the vectors gets
//! into it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::output_folder;
use super::run::{self, Board};
use super::target::Target;
use crate::{vectors, workspace};

/// Inputs, and bytes, that one run adds to a committed corpus at most.
const KEPT_MAX: usize = 32;
const KEPT_BYTES_MAX: usize = 20 * 1024;

/// The folders of an ordinary run: what was found before, the committed corpus, the vectors.
pub(super) fn of(target: &Target) -> Result<Vec<PathBuf>> {
    let found = made("fuzz-corpus", target)?;
    let mut folders = vec![found, committed(target)];
    folders.extend(seeds(target)?);
    Ok(folders)
}

/// Fuzzes from the committed corpus alone, and adds to it some of what covers more edges.
pub(super) fn keep(program: &Path, target: &Target, seconds: u64) -> Result<()> {
    let (own, merged) = (made("fuzz-own", target)?, made("fuzz-merged", target)?);
    let folders = [own.clone(), committed(target)];
    let board = Board::new(1, seconds);
    let outcome = run::fuzz(program, target, &folders, seconds, &board)?;
    board.clear();
    if let Some(failure) = outcome.failure {
        anyhow::bail!("{}: {failure}", target.name);
    }
    fs::remove_dir_all(&merged)?;
    fs::create_dir_all(&merged)?;
    let mut command = run::fuzzer(program, target)?;
    command.args(["-set_cover_merge=1", "-use_counters=0"]);
    command.arg(&merged);
    command.arg(committed(target)).arg(own);
    workspace::output(&mut command)?;
    add(&merged, &committed(target))
}

fn add(merged: &Path, committed: &Path) -> Result<()> {
    let read = |folder: &Path| -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let files = files(folder)?.into_iter();
        files
            .map(|file| Ok((file.clone(), fs::read(file)?)))
            .collect()
    };
    let before = read(committed)?;
    let mut new = read(merged)?;
    new.retain(|(_, bytes)| before.iter().all(|(_, known)| known != bytes));
    new.sort_by_key(|(_, bytes)| bytes.len());
    let (mut count, mut total) = (0, 0);
    // Small and large ones alike: the small ones fail early, the large ones get far.
    for (file, bytes) in new.iter().step_by(new.len().div_ceil(KEPT_MAX).max(1)) {
        total += bytes.len();
        if total > KEPT_BYTES_MAX {
            break;
        }
        fs::write(committed.join(file.file_name().unwrap_or_default()), bytes)?;
        count += 1;
    }
    println!("added {count} of {} inputs that cover more", new.len());
    Ok(())
}

/// The corpus that is part of the repository.
fn committed(target: &Target) -> PathBuf {
    let corpora = workspace::root().join("tests/fuzz/corpus");
    corpora.join(target.name)
}

fn made(name: &str, target: &Target) -> Result<PathBuf> {
    let folder = output_folder().join(name).join(target.name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Copies the files that are good seeds into a folder of the target's own; their names come from
/// their paths. Without vectors there may be none.
fn seeds(target: &Target) -> Result<Option<PathBuf>> {
    let folder = made("fuzz-seeds", target)?;
    let sources = [
        vectors::folder().join("attestation"),
        workspace::root().join("tests/vectors/attestation"),
        workspace::root().join("attestation/appraisal/policies"),
    ];
    let mut count = 0;
    for source in sources {
        for file in files(&source)? {
            let name = file.to_string_lossy().replace(['/', '\\'], "-");
            let fits = target.seeds.iter().any(|end| name.ends_with(end));
            let short = fs::metadata(&file)?.len() <= target.bytes_max as u64;
            if fits && short {
                fs::copy(&file, folder.join(name))?;
                count += 1;
            }
        }
    }
    Ok((count > 0).then_some(folder))
}

/// Every file of a folder and of those inside it, in order; none without a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

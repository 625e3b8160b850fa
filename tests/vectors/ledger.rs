//! Proofs of RFC 6962 trees, and signed notes of C2SP.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_proof::verify::{verify_consistency_bytes, verify_inclusion_bytes};
use boop_proof::{Checkpoint, Note, VerifierKey};
use serde_json::Value;

use crate::suite::Suite;

/// The note whose key is known, and the key.
const SIGNED_NOTE: &str = "signed-note-examples-1.txt";
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
/// Notes whose text is a checkpoint.
const CHECKPOINTS: &str = "cosignature-";

/// Judges every proof and every note.
pub(crate) fn suites(folder: &Path) -> Result<Vec<Suite>> {
    if !folder.is_dir() {
        return Ok(vec![]);
    }
    let inclusion = proofs(folder, "rfc6962-inclusion", |case| {
        let (leaf, root) = (bytes(&case["leafHash"])?, bytes(&case["root"])?);
        let (index, size) = (number(&case["leafIdx"])?, number(&case["treeSize"])?);
        Ok(verify_inclusion_bytes(&leaf, index, size, &proof(case)?, &root).is_ok())
    })?;
    let consistency = proofs(folder, "rfc6962-consistency", |case| {
        let (old, new) = (bytes(&case["root1"])?, bytes(&case["root2"])?);
        let (from, to) = (number(&case["size1"])?, number(&case["size2"])?);
        Ok(verify_consistency_bytes(from, to, &old, &new, &proof(case)?).is_ok())
    })?;
    Ok(vec![inclusion, consistency, notes(folder)?])
}

/// Judges the cases of one file of proofs.
fn proofs(folder: &Path, name: &str, accepts: impl Fn(&Value) -> Result<bool>) -> Result<Suite> {
    let mut suite = Suite::new(name);
    let text = read(&folder.join(format!("{name}.json")))?;
    for case in serde_json::from_str::<Vec<Value>>(&text)? {
        let id = case["name"].as_str().context("a case has a name")?;
        let refused = case["wantErr"].as_bool().context("wantErr")?;
        let got = accepts(&case).map_or_else(|error| format!("{error:#}"), verdict);
        suite.add(id, &verdict(!refused), &got);
    }
    Ok(suite)
}

/// Judges the notes: each reads and prints the same; the one with a key verifies, and does not
/// once its text is changed.
fn notes(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new("signed-notes");
    for file in texts(folder)? {
        let name = file.file_name().context("a file has a name")?;
        let name = name.to_string_lossy();
        let text = read(&file)?;
        let note = Note::parse(&text);
        let same = note.as_ref().is_ok_and(|note| note.to_string() == text);
        suite.add(&name, &verdict(true), &verdict(same));
        if name.starts_with(CHECKPOINTS) {
            let read = note.is_ok_and(|note| Checkpoint::parse(note.text()).is_ok());
            suite.add(
                &format!("{name} as checkpoint"),
                &verdict(true),
                &verdict(read),
            );
        }
        if name == SIGNED_NOTE {
            let changed = text.replacen("message", "Message", 1);
            suite.add(
                &format!("{name} under its key"),
                &verdict(true),
                &verdict(signed(&text)?),
            );
            suite.add(
                &format!("{name} changed"),
                &verdict(false),
                &verdict(signed(&changed)?),
            );
        }
    }
    Ok(suite)
}

fn signed(text: &str) -> Result<bool> {
    let key: VerifierKey = KEY.parse()?;
    Ok(Note::parse(text).is_ok_and(|note| note.verify(&[key]).is_ok()))
}

fn verdict(accepted: bool) -> String {
    if accepted { "accept" } else { "reject" }.to_owned()
}

fn texts(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files: Vec<PathBuf> = entries.collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "txt"));
    files.sort();
    Ok(files)
}

fn number(value: &Value) -> Result<u64> {
    value.as_u64().context("not a number")
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
    let text = value.as_str().context("not a text")?;
    STANDARD.decode(text).map_err(|error| anyhow!("{error}"))
}

fn proof(case: &Value) -> Result<Vec<Vec<u8>>> {
    let hashes = case["proof"].as_array().map_or(&[][..], Vec::as_slice);
    hashes.iter().map(bytes).collect()
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}

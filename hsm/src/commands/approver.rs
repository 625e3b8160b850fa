//! An approver's key in a token.

use std::io::{Read as _, stdin};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use boop_daemon::from_toml;
use boop_hsm::{ApproverToken, OperatorsWord, Pkcs11Settings};
use boop_wire::manifest::MANIFEST_BYTES_MAX;
use serde::Deserialize;

use super::arguments::{ApproveManifestArguments, ApproverKeyArguments};

/// Which token: the file that `--token` names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenFile {
    /// The module: a shared library that speaks PKCS#11.
    module: PathBuf,
    /// The token's label.
    label: String,
    /// A file with the user's PIN, of mode 600.
    pin_file: PathBuf,
}

/// Makes the key if asked to, and prints its public half.
pub(super) fn key(arguments: &ApproverKeyArguments, word: OperatorsWord) -> anyhow::Result<()> {
    let token = open(&arguments.token, word)?;
    let key = match arguments.new {
        true => token.make_key(),
        false => token.key(),
    };
    println!("{}", hex::encode(key.context("the approver's key")?));
    Ok(())
}

/// Prints the signature over the manifest on standard input.
pub(super) fn approve(
    arguments: &ApproveManifestArguments,
    word: OperatorsWord,
) -> anyhow::Result<()> {
    let mut manifest = Vec::new();
    let limit = u64::try_from(MANIFEST_BYTES_MAX)?.saturating_add(1);
    stdin().take(limit).read_to_end(&mut manifest)?;
    let signature = open(&arguments.token, word)?.approve(&manifest)?;
    println!("{}", hex::encode(signature));
    Ok(())
}

fn open(file: &Path, word: OperatorsWord) -> anyhow::Result<ApproverToken> {
    let TokenFile {
        module,
        label,
        pin_file,
    } = from_toml(file)?;
    let settings = Pkcs11Settings {
        module,
        label,
        pin_file,
        retry_after_wrong_pin: word.retry_after_wrong_pin,
        danger_oaep_sha1: false,
    };
    ApproverToken::open(&settings).with_context(|| format!("the token of {}", file.display()))
}

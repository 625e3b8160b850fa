//! Files that a verification leaves, and the signed result.

use std::fs;
use std::io::{IsTerminal as _, stdout};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use boop_appraisal::envelope::{self, cmw};
use boop_appraisal::results::{EarContext, EarKey, NONCE_BYTES, ear_cwt, ear_jwt};
use boop_verifier::UnixTime;
use sha2::{Digest as _, Sha256};

use super::case::Case;
use super::input::read_file;
use super::page;
use super::sheet::Sheet;
use crate::Now;
use crate::arguments::{EarForm, VerifyArguments};
use crate::console::Console;

/// Largest file with a private key, in bytes.
const KEY_BYTES_MAX: u64 = 64 * 1024;
/// How a key is made that signs attestation results.
const MAKE_A_KEY: &str =
    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ear-key.pem";

/// Reads the key that signs the result, if one is asked for.
pub(super) fn ear_key(arguments: &VerifyArguments) -> anyhow::Result<Option<EarKey>> {
    if arguments.ear.is_none() {
        return Ok(None);
    }
    let Some(path) = &arguments.ear_key else {
        bail!("--ear needs --ear-key FILE; make one: {MAKE_A_KEY}");
    };
    if arguments.ear == Some(EarForm::Cwt) && stdout().is_terminal() {
        bail!("a CWT is binary; send it to a file: boop verify --ear=cwt .. > result.cwt");
    }
    let text = String::from_utf8(read_file(path, KEY_BYTES_MAX)?)
        .map_err(|_| anyhow!("{} is not PEM", path.display()))?;
    let key = EarKey::from_pkcs8_pem(&text)
        .with_context(|| format!("{} cannot sign; make a key: {MAKE_A_KEY}", path.display()))?;
    Ok(Some(key))
}

/// Prints the signed result.
pub(super) fn ear(
    case: &Case,
    form: EarForm,
    key: &EarKey,
    now: Now,
    console: &Console,
) -> anyhow::Result<()> {
    if let Some(extra) = case.extras.iter().find(|extra| !extra.holds) {
        bail!(
            "not shown that {}. {}; an attestation result has no word for that",
            extra.title,
            extra.detail
        );
    }
    let conditions = &case.conditions;
    let context = EarContext {
        policy_id: conditions.policy_name.clone(),
        policy_digest: Some(conditions.policy_sha256),
        // A longer or shorter nonce has no place in an EAT; the findings say that it was answered.
        nonce: conditions
            .nonce
            .clone()
            .filter(|nonce| NONCE_BYTES.contains(&nonce.len())),
        evidence_digest: Sha256::digest(&case.input.bytes).into(),
        issued_at: UnixTime(now.unix_ms / 1000),
        build: concat!("boop ", env!("CARGO_PKG_VERSION")).into(),
    };
    match form {
        EarForm::Jwt => console.line(ear_jwt(&case.verdict, &context, key)?),
        EarForm::Cwt => console.bytes(&ear_cwt(&case.verdict, &context, key)?),
    }
    Ok(())
}

/// Writes the files that the arguments ask for.
pub(super) fn files(case: &Case, arguments: &VerifyArguments) -> anyhow::Result<()> {
    if let Some(path) = &arguments.cmw {
        let wrapped = envelope::wrap(&case.input.bytes, &case.input.endorsements);
        let bytes = if path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("cbor"))
        {
            cmw::to_cbor(&wrapped)
        } else {
            let mut json = cmw::to_json(&wrapped).context("cannot write a CMW")?;
            json.push('\n');
            json.into_bytes()
        };
        write(path, &bytes)?;
    }
    if let Some(path) = &arguments.html {
        let page = page::render(&Sheet::of(case, arguments));
        write(path, page.as_bytes())?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

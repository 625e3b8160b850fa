//! Puts a version into the ledger, and checks the ledger's receipt [EVI-7].

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use boop_proof::key::KeyType;
use boop_proof::{KeyName, VerifierKey};
use boop_sdk::NetworkFile;
use boop_sdk::receipt::{Trail, check_entry};
use boop_wire::Refusal;
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::frame::put_frame;
use boop_wire::ledger::{Detail, LedgerResponse, MESSAGE_BYTES_MAX, Receipt};
use boop_wire::publication::{LOG_REQUEST_BYTES_MAX, LogRequest, Publication};
use serde_json::json;

use super::Loaded;
use crate::Answer;
use crate::arguments::PublishArguments;
use crate::console::Console;

/// Longest time for the connection, and for the answer.
const WAIT: Duration = Duration::from_secs(10);

/// Publishes a manifest.
pub(super) fn run(arguments: &PublishArguments, console: &Console) -> anyhow::Result<Answer> {
    let loaded = Loaded::read(&arguments.manifest)?;
    let network = NetworkFile::load(&arguments.network)?;
    ensure!(
        loaded.head.network == network.network_id,
        "the manifest is of network {}, and {} of another",
        loaded.head.network,
        arguments.network.display()
    );
    let Some(address) = arguments.ledger.as_ref().or(network.ledger.as_ref()) else {
        bail!("where the ledger is, is not known: give --ledger");
    };
    let request = LogRequest::Publish(loaded.signed.clone());
    let asked = ask(address, &request).with_context(|| format!("the ledger at {address}"))?;
    let receipt = match asked {
        Ok(receipt) => receipt,
        Err(refusal) => return refused(refusal, arguments, console),
    };
    let of = check(&receipt, &loaded).context("the receipt of the ledger")?;
    let file = file_of(arguments);
    let bytes = to_canonical(&receipt);
    fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    if arguments.json {
        console.json(&json!({
            "published": true,
            "version": of.version,
            "digest": of.manifest.to_string(),
            "index": receipt.index,
            "logged_ms": receipt.entry.time_ms,
            "from_ms": of.from_ms,
            "receipt": file.display().to_string(),
        }))?;
    } else {
        console.line(console.headline(true, "published, and the receipt proves it"));
        console.line(format!("  version  {}", of.version));
        console.line(format!("  entry    {}", receipt.index));
        console.line(format!("  counts   from {} ms on", of.from_ms));
        console.line(format!("  receipt  {}", file.display()));
    }
    Ok(Answer::Yes)
}

fn refused(
    refusal: Refusal,
    arguments: &PublishArguments,
    console: &Console,
) -> anyhow::Result<Answer> {
    let why = match refusal {
        Refusal::BadSignature => "too few of those have approved it whom the version before asks",
        Refusal::Conflict => "the log has another manifest of this version",
        Refusal::Invalid => "it does not follow the version that the ledger runs under",
        Refusal::WrongNetwork => "the ledger is of another network",
        _ => "the ledger refuses it",
    };
    if arguments.json {
        let code = refusal.code();
        console.json(&json!({ "published": false, "refusal": code, "why": why }))?;
    } else {
        console.line(console.headline(false, "not published"));
        console.line(format!("  {}: {why}", refusal.code()));
    }
    Ok(Answer::No)
}

/// Asks once: the answer is a receipt or a refusal.
fn ask(address: &str, request: &LogRequest) -> anyhow::Result<Result<Receipt, Refusal>> {
    let found = address.to_socket_addrs()?.next();
    let found = found.context("the address leads nowhere")?;
    let mut stream = TcpStream::connect_timeout(&found, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let mut frame = Vec::new();
    put_frame(&mut frame, &to_canonical(request), LOG_REQUEST_BYTES_MAX)?;
    stream.write_all(&frame)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    ensure!(length <= MESSAGE_BYTES_MAX, "the answer is too long");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    match from_canonical_max(&answer, MESSAGE_BYTES_MAX)? {
        LedgerResponse::Recorded(receipt) => Ok(Ok(receipt)),
        LedgerResponse::Refused(refusal) => Ok(Err(refusal)),
        _ => bail!("the answer is to something else"),
    }
}

/// Checks that the log has this manifest, under the key that the manifest names.
fn check(receipt: &Receipt, loaded: &Loaded) -> anyhow::Result<Publication> {
    let ledger = &loaded.manifest.ledger;
    let name = KeyName::new(&ledger.origin)?;
    let key = VerifierKey::new(name, KeyType::Ed25519, &ledger.key)?;
    check_entry(receipt, &key, &mut Trail::default())?;
    let head = &loaded.head;
    match receipt.opening.detail {
        Detail::Manifest(of)
            if (of.network, of.version, of.manifest)
                == (head.network, head.version, head.digest) =>
        {
            Ok(of)
        }
        _ => bail!("it is of something else"),
    }
}

fn file_of(arguments: &PublishArguments) -> PathBuf {
    let beside = |manifest: &Path| manifest.with_added_extension("receipt");
    let given = arguments.receipt.clone();
    given.unwrap_or_else(|| beside(&arguments.manifest))
}

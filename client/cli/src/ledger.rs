//! `boop ledger`: receipts and entries of the public log, checked line by line.

mod fetch;

use std::path::Path;

use anyhow::{Context as _, bail};
use boop_channel::Trust;
use boop_proof::{Checkpoint, ProofText, VerifierKey, leaf_hash};
use boop_sdk::receipt::{
    AnyReceipt, RECEIPT_BYTES_MAX, ReceiptBasis, Trail, trace_auth_receipt, trace_enrol_receipt,
};
use boop_sdk::{NetworkFile, ReceiptError, VerifiedEnrolment, VerifiedReceipt, fetch_trust};
use boop_wire::codec::from_canonical;
use boop_wire::ledger::Entry;
use serde_json::{Value, json};

use crate::Answer;
use crate::arguments::{NetworkArguments, ProveArguments, ReceiptArguments};
use crate::console::{Console, Mark};
use crate::plain::plain;
use crate::verify::{read_file, rfc3339};
use fetch::Public;

/// Checks a receipt against a network's manifest and prints each check.
///
/// # Errors
/// If the receipt cannot be read or the network is not known.
pub fn verify(arguments: &ReceiptArguments, console: &Console) -> anyhow::Result<Answer> {
    let receipt = read_receipt(&arguments.receipt)?;
    let NetworkArguments {
        network,
        manifest,
        danger_simulated_tee,
    } = &arguments.network;
    let trust = trust(network, manifest.as_deref(), *danger_simulated_tee)?;
    let mut trail = Trail::default();
    let result = examine(&receipt, &trust, &mut trail);
    if arguments.json {
        console.json(&described(&trail, &result))?;
    } else {
        print(&trail, &result, console);
    }
    Ok(result.is_ok().into())
}

/// Fetches the proof of an entry from a ledger, and checks it against its checkpoint.
///
/// # Errors
/// If the ledger does not answer or the network is not known.
pub fn prove(arguments: &ProveArguments, console: &Console) -> anyhow::Result<Answer> {
    let basis = match &arguments.network {
        Some(network) => {
            let manifest = arguments.manifest.as_deref();
            let trust = trust(network, manifest, arguments.danger_simulated_tee)?;
            Some(ReceiptBasis::of(&trust)?)
        }
        None => None,
    };
    let fetched = fetch(arguments, basis)?;
    let proven = fetched.check(arguments.index);
    if arguments.json {
        console.json(&fetched.described(&proven))?;
    } else {
        fetched.print(&proven, console);
    }
    Ok(proven.is_ok().into())
}

fn read_receipt(name: &str) -> anyhow::Result<AnyReceipt> {
    let max = u64::try_from(RECEIPT_BYTES_MAX * 2)?;
    let path = match name {
        "-" => Path::new("/dev/stdin"),
        name => Path::new(name),
    };
    let bytes = read_file(path, max)?;
    if bytes.is_empty() {
        bail!("{name} is empty");
    }
    AnyReceipt::read(&bytes).with_context(|| format!("{name} is not a receipt"))
}

/// Returns what follows from a network file and the manifest: a given one, the file's own, or the
/// one that the file's gateway hands out.
pub(crate) fn trust(
    network: &Path,
    manifest: Option<&Path>,
    danger_simulated_tee: bool,
) -> anyhow::Result<Trust> {
    let file = NetworkFile::load(network)?;
    let client = file.trust(danger_simulated_tee)?;
    match manifest.or(file.manifest.as_deref()) {
        Some(path) => Ok(client.admit_file(path)?),
        None => fetch::block_on(fetch_trust(&client, &file.gateway))?.with_context(|| {
            "the manifest is not at hand; start the gateway or give it with --manifest".to_owned()
        }),
    }
}

/// What either kind of receipt proves.
enum Proven {
    Authentication(Box<VerifiedReceipt>),
    Enrolment(VerifiedEnrolment),
}

fn examine(receipt: &AnyReceipt, trust: &Trust, trail: &mut Trail) -> Result<Proven, ReceiptError> {
    match receipt {
        AnyReceipt::Authentication(receipt) => trace_auth_receipt(receipt, trust, None, trail)
            .map(|verified| Proven::Authentication(Box::new(verified))),
        AnyReceipt::Enrolment(receipt) => {
            trace_enrol_receipt(receipt, trust, None, trail).map(Proven::Enrolment)
        }
    }
}

fn print(trail: &Trail, result: &Result<Proven, ReceiptError>, console: &Console) {
    match result {
        Ok(_) => console.line(console.headline(true, "the receipt holds")),
        Err(error) => {
            let text = format!("the receipt does not hold: {error}");
            console.line(console.headline(false, &plain(&text)));
        }
    }
    for step in trail.steps() {
        let (mark, detail) = match &step.result {
            Ok(detail) => (Mark::Pass, detail.clone()),
            Err(error) => (Mark::Fail, error.to_string()),
        };
        console.line(format_args!(
            "  {}  {}",
            console.word(mark),
            step.check.title()
        ));
        console.line(format_args!("        compared: {}", plain(&detail)));
        console.line(format_args!("        why:      {}", step.check.why()));
    }
    match result {
        Ok(Proven::Authentication(verified)) => print_authentication(verified, console),
        Ok(Proven::Enrolment(verified)) => {
            console.field("user", verified.user);
            console.field("at", rfc3339(verified.time_ms / 1000));
            print_simulated(verified.simulated, console);
        }
        Err(_) => {}
    }
}

fn print_authentication(verified: &VerifiedReceipt, console: &Console) {
    let context = &verified.context;
    console.field("vendor", &context.vendor);
    console.field("context", &context.context);
    console.field("terminal", &context.terminal);
    console.field("payee", plain(&context.payee));
    console.field("recognised", if verified.matched { "yes" } else { "no" });
    console.field("searched", format_args!("{} palms", verified.searched));
    console.field("at", rfc3339(verified.time_ms / 1000));
    match &verified.payment {
        Some(payment) => {
            let currency = payment.currency.as_str();
            console.field(
                "paid",
                format_args!("{} {currency} (smallest unit)", payment.amount),
            );
            console.field("transaction", payment.transaction);
        }
        None => console.field("paid", "nothing"),
    }
    print_simulated(verified.simulated, console);
}

fn print_simulated(simulated: bool, console: &Console) {
    if simulated {
        console.field("hardware", console.warning("simulated: protects nothing"));
    }
}

fn described(trail: &Trail, result: &Result<Proven, ReceiptError>) -> Value {
    let steps: Vec<Value> = trail
        .steps()
        .iter()
        .map(|step| {
            json!({
                "check": format!("{:?}", step.check).to_lowercase(),
                "title": step.check.title(),
                "holds": step.result.is_ok(),
                "detail": match &step.result {
                    Ok(detail) => detail.clone(),
                    Err(error) => error.to_string(),
                },
            })
        })
        .collect();
    json!({
        "holds": result.is_ok(),
        "error": result.as_ref().err().map(ToString::to_string),
        "receipt": result.as_ref().ok().map(|proven| match proven {
            Proven::Authentication(verified) => json!({
                "kind": "authentication",
                "vendor": verified.context.vendor.to_string(),
                "context": verified.context.context.to_string(),
                "terminal": verified.context.terminal.to_string(),
                "payee": verified.context.payee,
                "matched": verified.matched,
                "searched": verified.searched,
                "time_ms": verified.time_ms,
                "index": verified.index,
                "simulated": verified.simulated,
                "payment": verified.payment.as_ref().map(|payment| json!({
                    "transaction": payment.transaction.to_string(),
                    "amount": payment.amount,
                    "currency": payment.currency.as_str(),
                    "index": payment.index,
                })),
            }),
            Proven::Enrolment(verified) => json!({
                "kind": "enrolment",
                "user": verified.user.to_string(),
                "time_ms": verified.time_ms,
                "index": verified.index,
                "simulated": verified.simulated,
            }),
        }),
        "steps": steps,
    })
}

/// An entry and its proof as a ledger gave them.
struct Fetched {
    proof: ProofText,
    leaf: Vec<u8>,
    key: VerifierKey,
    /// Whether the key is the manifest's; otherwise it is the ledger's own word.
    key_known: bool,
}

fn fetch(arguments: &ProveArguments, basis: Option<ReceiptBasis>) -> anyhow::Result<Fetched> {
    let public = Public::at(&arguments.ledger)?;
    let index = arguments.index;
    let proof = public.text(&format!("/proof/{index}"))?;
    let proof = ProofText::parse(&proof).context("the ledger's proof is not a tlog-proof")?;
    let leaf = public.bytes(&format!("/entries/{index}"))?;
    let key_known = basis.is_some();
    let key = match basis {
        Some(basis) => basis.log,
        None => public
            .text("/key")?
            .trim()
            .parse()
            .context("the ledger's key is not a verifier key")?,
    };
    Ok(Fetched {
        proof,
        leaf,
        key,
        key_known,
    })
}

impl Fetched {
    fn check(&self, index: u64) -> anyhow::Result<(Checkpoint, Entry)> {
        if self.proof.index != index {
            bail!("the proof is of entry {}", self.proof.index);
        }
        let checkpoint = self.proof.verify(&leaf_hash(&self.leaf), &self.key)?;
        let entry = from_canonical(&self.leaf).context("the leaf is not an entry")?;
        Ok((checkpoint, entry))
    }

    fn print(&self, proven: &anyhow::Result<(Checkpoint, Entry)>, console: &Console) {
        match proven {
            Ok((checkpoint, entry)) => {
                console.line(console.headline(true, "the log contains the entry"));
                console.field("log", plain(checkpoint.origin.as_str()));
                console.field("size", checkpoint.size);
                console.field("root", checkpoint.root);
                console.field("entry", self.proof.index);
                console.field("kind", format_args!("{:?}", entry.kind));
                console.field("at", rfc3339(entry.time_ms / 1000));
                console.field("commitment", entry.commitment);
                print_simulated(entry.simulated, console);
            }
            Err(error) => {
                let text = format!("the log is not shown to contain the entry: {error:#}");
                console.line(console.headline(false, &text));
            }
        }
        let key = if self.key_known {
            "the one in the network's manifest"
        } else {
            "as the ledger says itself; --network checks whose it is"
        };
        console.field("log key", key);
    }

    fn described(&self, proven: &anyhow::Result<(Checkpoint, Entry)>) -> Value {
        let entry = proven.as_ref().ok().map(|(checkpoint, entry)| {
            json!({
                "log": checkpoint.origin.as_str(),
                "size": checkpoint.size,
                "root": checkpoint.root.to_string(),
                "kind": format!("{:?}", entry.kind).to_lowercase(),
                "time_ms": entry.time_ms,
                "simulated": entry.simulated,
                "commitment": entry.commitment.to_string(),
            })
        });
        json!({
            "contained": proven.is_ok(),
            "index": self.proof.index,
            "key_from_manifest": self.key_known,
            "error": proven.as_ref().err().map(|error| format!("{error:#}")),
            "entry": entry,
        })
    }
}

#[cfg(test)]
mod tests;

//! `boop ledger verify`, offline: a manifest and a log of our own, and no hardware.

use std::fs;
use std::path::Path;

use boop_channel::LocalKeys;
use boop_proof::key::KeyType;
use boop_proof::{Checkpoint, KeyName, SignerKey, Tree, leaf_hash};
use boop_wire::binding::PlatformKind;
use boop_wire::codec::to_canonical;
use boop_wire::job::{AgreedOutcome, Decision, Outcome};
use boop_wire::ledger::{Detail, Entry, EntryKind, Opening, Receipt};
use boop_wire::manifest::{
    Approval, ApproverEntry, LedgerEntry, Machine, Manifest, PartyEntry, SignedManifest,
};
use boop_wire::{Digest, NetworkId, RequestId, UserId, api::EnrolReceipt};

use crate::run::{Run, boop};

const USER: UserId = UserId::new([2; 16]);

#[test]
fn a_receipt_shows_each_check_up_to_the_one_that_fails() {
    let desk = Desk::new();

    let run = desk.verify(&desk.receipt(7), &[]);

    assert_eq!(run.code, Some(1), "{run:?}");
    for words in [
        "the receipt does not hold: the receipt has evidence of 0 parties, not 3",
        "pass  the log signed the checkpoint",
        "compared: log example.com/log with 1 entries",
        "pass  the log contains the entry",
        "pass  the entry commits to the detail",
        "FAIL  the three parties are the attested ones",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    assert!(!run.out.contains("each party signed"), "{}", run.out);
}

#[test]
fn a_receipt_of_another_log_is_refused_at_the_checkpoint() {
    let desk = Desk::new();

    let run = desk.verify(&desk.receipt(8), &["--json"]);

    assert_eq!(run.code, Some(1), "{run:?}");
    let answer = run.json();
    assert_eq!(answer["holds"], false);
    assert_eq!(answer["receipt"], serde_json::Value::Null);
    let steps = answer["steps"].as_array().expect("a list");
    assert_eq!(steps.len(), 1, "{answer}");
    assert_eq!(steps[0]["check"], "checkpoint");
    assert_eq!(steps[0]["holds"], false);
}

#[test]
fn a_manifest_that_is_not_approved_is_not_used() {
    let desk = Desk::new();
    let path = desk.path("manifest.cbor");
    let mut bytes = fs::read(&path).expect("here");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).expect("written");

    let run = desk.verify(&desk.receipt(7), &[]);

    assert_eq!(run.code, Some(2), "{run:?}");
    let line = "the manifest is not accepted: 0 of 1 needed approvals verify";
    assert!(run.err.contains(line), "{run:?}");
}

#[test]
fn without_manifest_or_gateway_boop_says_where_one_comes_from() {
    let desk = Desk::new();
    let network = fs::read_to_string(desk.path("network.toml")).expect("here");
    let without: Vec<&str> = network
        .lines()
        .filter(|line| !line.starts_with("manifest"))
        .collect();
    fs::write(desk.path("network.toml"), without.join("\n")).expect("written");

    let run = desk.verify(&desk.receipt(7), &[]);

    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("give it with --manifest"), "{run:?}");
    assert!(run.err.contains("cannot connect to 127.0.0.1:1"), "{run:?}");
}

/// A folder with a network file, a manifest and receipts.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let approver = LocalKeys::generate(&mut |bytes| bytes.fill(6)).expect("keys");
        let manifest = to_canonical(&manifest());
        let signed = SignedManifest {
            approvals: vec![Approval {
                key: approver.bound().identity,
                signature: approver.sign("manifest-approval", &manifest).0,
            }],
            manifest,
        };
        let desk = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        fs::write(desk.path("manifest.cbor"), to_canonical(&signed)).expect("written");
        let text = format!(
            "network_id = \"{}\"\napprovers = [\"{}\"]\napprovals_needed = 1\n\
             gateway = \"127.0.0.1:1\"\nmanifest = \"manifest.cbor\"\n",
            signed.digest(),
            hex::encode(approver.bound().identity),
        );
        fs::write(desk.path("network.toml"), text).expect("written");
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a receipt whose log signs with the key of this seed.
    fn receipt(&self, seed: u8) -> std::path::PathBuf {
        let path = self.path("receipt.txt");
        let text = boop_sdk::receipt::encode_receipt(&receipt(seed));
        fs::write(&path, text).expect("written");
        path
    }

    fn verify(&self, receipt: &Path, more: &[&str]) -> Run {
        let (receipt, network) = (receipt.to_str(), self.path("network.toml"));
        let (receipt, network) = (receipt.expect("text"), network.to_str().expect("text"));
        let arguments = ["ledger", "verify", receipt, "--network", network];
        boop([&arguments[..], more].concat())
    }
}

fn signer(seed: u8) -> SignerKey {
    let name = KeyName::new("example.com/log").expect("a name");
    SignerKey::from_seed(name, KeyType::Ed25519, &[seed; 32])
}

fn receipt(seed: u8) -> EnrolReceipt {
    let outcome = Outcome {
        network: NetworkId::new([1; 32]),
        request: RequestId::new([4; 16]),
        subject: Digest::new([5; 32]),
        decision: Decision::Enrolled { user: USER },
        searched: 10,
    };
    let opening = Opening {
        salt: [5; 32],
        detail: Detail::Registration {
            user: USER,
            outcome: outcome.digest(),
        },
    };
    let entry = Entry {
        version: 1,
        kind: EntryKind::Registration,
        time_ms: 1_780_000_000_000,
        simulated: false,
        commitment: opening.commitment(),
    };
    let mut tree = Tree::new();
    tree.append(leaf_hash(&entry.leaf()));
    let log = signer(seed);
    let checkpoint = Checkpoint {
        origin: log.verifier().name().clone(),
        size: 1,
        root: tree.root(),
    };
    EnrolReceipt {
        user: USER,
        outcome: AgreedOutcome {
            outcome,
            signatures: Vec::new(),
        },
        parties: Vec::new(),
        registration: Receipt {
            entry,
            opening,
            index: 0,
            proof: Vec::new(),
            checkpoint: checkpoint.sign(&log).to_string(),
        },
    }
}

fn manifest() -> Manifest {
    let machine = Machine {
        platform: PlatformKind::Snp,
        chip: vec![1; 64],
        config: Digest::new([2; 32]),
    };
    let parties = [1, 2, 3].map(|mark| {
        let machine = match mark {
            1 => machine.clone(),
            2 => Machine {
                chip: vec![2; 64],
                ..machine.clone()
            },
            _ => Machine {
                platform: PlatformKind::Nitro,
                chip: vec![3; 48],
                ..machine.clone()
            },
        };
        PartyEntry::self_run(format!("operator {mark}"), machine, [mark; 32])
    });
    let ledger = LedgerEntry {
        machine: machine.clone(),
        origin: "example.com/log".into(),
        key: *signer(7).verifier().public_key(),
    };
    let approvers = ApproverEntry::least([0x91, 0x92, 0x93, 0x94, 0x95].map(|byte| [byte; 32]));
    Manifest {
        name: "test".into(),
        gateways: vec![machine],
        evidence_age_max_s: 600,
        ..Manifest::genesis(parties.into(), ledger, approvers)
    }
}

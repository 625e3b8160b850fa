//! The part of a twin that says who approves, and what is believed no more.

use boop_wire::PartyIndex;
use boop_wire::manifest::{
    ApproverEntry, ApproverKind, ChipId, Delays, Measurement, Revoked, Thresholds,
};
use serde_json::{Value, json};

use super::node::{Node, TwinError};
use super::{distinct, word};

/// Length of the longest id of a machine.
const CHIP_BYTES_MAX: usize = 64;

const KINDS: [(&str, ApproverKind); 5] = {
    let [zero, one, two] = PartyIndex::ALL;
    [
        ("operator-0", ApproverKind::Operator(zero)),
        ("operator-1", ApproverKind::Operator(one)),
        ("operator-2", ApproverKind::Operator(two)),
        ("release-signer", ApproverKind::ReleaseSigner),
        ("reviewer", ApproverKind::Reviewer),
    ]
};

pub(super) fn write_approver(approver: &ApproverEntry) -> Value {
    let ApproverEntry { name, key, kind } = approver;
    json!({ "name": name, "key": hex::encode(key), "kind": word(&KINDS, *kind) })
}

pub(super) fn write_thresholds(thresholds: &Thresholds) -> Value {
    let Thresholds {
        operators,
        release_signers,
        reviewers,
        restriction,
        governance,
    } = thresholds;
    json!({
        "operators": operators,
        "release_signers": release_signers,
        "reviewers": reviewers,
        "restriction": restriction,
        "governance": governance,
    })
}

pub(super) fn write_delays(delays: &Delays) -> Value {
    let Delays {
        ordinary_s,
        restriction_s,
        governance_s,
    } = delays;
    json!({
        "ordinary_s": ordinary_s,
        "restriction_s": restriction_s,
        "governance_s": governance_s,
    })
}

pub(super) fn write_revoked(revoked: &Revoked) -> Value {
    let Revoked {
        measurements,
        chips,
    } = revoked;
    json!({
        "measurements": measurements.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "chips": chips.iter().map(|chip| hex::encode(&chip.0)).collect::<Vec<_>>(),
    })
}

/// Two entries of one key would leave open as what it approves.
pub(super) fn approvers(node: &Node<'_>) -> Result<Vec<ApproverEntry>, TwinError> {
    let approvers = distinct(node, "", approver)?;
    distinct(node, ".key", |node| Ok(approver(node)?.key))?;
    Ok(approvers)
}

fn approver(node: &Node<'_>) -> Result<ApproverEntry, TwinError> {
    let members = node.members(&["name", "key", "kind"])?;
    Ok(ApproverEntry {
        name: members.get("name")?.text()?,
        key: members.get("key")?.hex()?,
        kind: members.get("kind")?.word(&KINDS)?,
    })
}

pub(super) fn thresholds(node: &Node<'_>) -> Result<Thresholds, TwinError> {
    let members = node.members(&[
        "operators",
        "release_signers",
        "reviewers",
        "restriction",
        "governance",
    ])?;
    let count = |name| members.get(name)?.number(u8::MAX);
    Ok(Thresholds {
        operators: count("operators")?,
        release_signers: count("release_signers")?,
        reviewers: count("reviewers")?,
        restriction: count("restriction")?,
        governance: count("governance")?,
    })
}

pub(super) fn delays(node: &Node<'_>) -> Result<Delays, TwinError> {
    let members = node.members(&["ordinary_s", "restriction_s", "governance_s"])?;
    let seconds = |name| members.get(name)?.number(u32::MAX);
    Ok(Delays {
        ordinary_s: seconds("ordinary_s")?,
        restriction_s: seconds("restriction_s")?,
        governance_s: seconds("governance_s")?,
    })
}

pub(super) fn revoked(node: &Node<'_>) -> Result<Revoked, TwinError> {
    let members = node.members(&["measurements", "chips"])?;
    let chip = |node: &Node<'_>| Ok(ChipId(node.hex_up_to(CHIP_BYTES_MAX)?));
    Ok(Revoked {
        measurements: distinct(&members.get("measurements")?, "", |node| {
            Ok(Measurement(node.hex()?))
        })?,
        chips: distinct(&members.get("chips")?, "", chip)?,
    })
}

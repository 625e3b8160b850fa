//! What a verifier has to say of a case.

use boop_platform::EvidenceKind;
use serde_json::{Map, Value, json};

use super::cases::{Bound, Case, Policy};
use super::{Files, decoded};
use crate::forge::{Change, Oddity, Specimen};
use crate::harness::Harness;

/// Seconds between the making of evidence and its check.
const CHECKED_AFTER_S: u64 = 30;

/// Returns the content of `expected.json`.
pub(super) fn of(harness: &Harness, case: &Case, specimen: &Specimen, files: &Files<'_>) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("id", json!(case.id));
    put("group", json!("synthetic"));
    let checked_at = harness.request().now_ms / 1000 + CHECKED_AFTER_S;
    put("verify_time", json!(decoded::time_text(checked_at)));
    match case.model.platform() {
        EvidenceKind::Snp => put_snp(case, files, &mut put),
        EvidenceKind::Nitro => put_nitro(case, files, &mut put),
    }
    put("policy", json!(policy_name(case)));
    let request = harness.request();
    let expect = match case.bound {
        Bound::Nothing => Value::Null,
        Bound::Data => json!({ "report_data": hex::encode(request.user_data) }),
        Bound::Both => json!({
            "report_data": hex::encode(request.user_data),
            "nonce": hex::encode(request.nonce),
        }),
    };
    if !expect.is_null() {
        put("expect", expect);
    }
    put("authentic", json!(case.authentic));
    let verdict = if case.reasons.is_empty() {
        "accept"
    } else {
        "reject"
    };
    put("verdict", json!(verdict));
    put("reject_reasons", json!(case.reasons));
    put("flags", json!(case.flags));
    put("note", json!(note(case)));
    let origin = json!({ "generated": "for this project; no private key kept" });
    put("provenance", origin);
    let decoded = match case.model.platform() {
        EvidenceKind::Snp => decoded::report(&specimen.evidence),
        EvidenceKind::Nitro => decoded::document(&specimen.evidence),
    };
    if let Some(decoded) = decoded {
        put("decoded", decoded);
    }
    Value::Object(fields)
}

fn put_snp(case: &Case, files: &Files<'_>, put: &mut impl FnMut(&str, Value) -> Option<Value>) {
    let (product, version) = case.model.snp().expect("the model is one of sev-snp");
    let line = product.name();
    let name = |file: &Option<(String, &[u8])>| file.as_ref().map(|(name, _)| name.clone());
    put("report", json!(files.evidence.0));
    put("endorsement_key", json!(name(&files.leaf)));
    put("intermediate", json!(name(&files.intermediate)));
    let root = format!("../roots/synthetic/{}-ark.der", line.to_lowercase());
    put("root", json!(root));
    let trusted = if case.trusts_simulated {
        "synthetic ARKs in roots/synthetic (configure as trusted for this case)"
    } else {
        "the three AMD ARKs"
    };
    put("trusted_roots", json!(trusted));
    put("crl", json!(name(&files.crl)));
    put("report_version", json!(version));
    put("product", json!(line));
    let fleet = [
        Oddity::FleetKey,
        Oddity::FleetKeyMasked,
        Oddity::FleetKeyWithChipId,
    ];
    let fleet = fleet.map(Change::Oddity);
    let by_fleet = case.changes.iter().any(|change| fleet.contains(change));
    put("signed_by", json!(if by_fleet { "VLEK" } else { "VCEK" }));
}

fn put_nitro(case: &Case, files: &Files<'_>, put: &mut impl FnMut(&str, Value) -> Option<Value>) {
    put("document", json!(files.evidence.0));
    let trusted = if case.trusts_simulated {
        "roots/synthetic-root.der (configure as trusted for this case)"
    } else {
        "the AWS root"
    };
    put("trusted_root", json!(trusted));
}

fn policy_name(case: &Case) -> String {
    match (case.policy, case.model.platform()) {
        (Policy::Plain, EvidenceKind::Snp) => "P0".to_owned(),
        (Policy::Plain, EvidenceKind::Nitro) => "N0".to_owned(),
        (Policy::File(name), _) => format!("../policies/{name}"),
    }
}

/// Says what is special about a case, change by change.
fn note(case: &Case) -> String {
    let meanings = case.changes.iter().map(|change| match change {
        Change::Fault(fault) => fault.meaning(),
        Change::Oddity(oddity) => oddity.meaning(),
    });
    meanings.collect::<Vec<_>>().join(" ")
}

//! The verdict for scripts.

use boop_verifier::{Facts, Level, Outcome, SignedBy, Step};
use serde_json::{Value, json};

use super::case::{Case, Extra};
use super::input::kind_name;
use super::rfc3339;

/// Returns the verdict as JSON.
pub(super) fn described(case: &Case) -> Value {
    let verdict = &case.verdict;
    let failed = case.extras.iter().filter(|extra| !extra.holds);
    let reasons = verdict.reasons.iter().map(ToString::to_string);
    let reasons: Vec<String> = reasons
        .chain(failed.map(|extra| extra.name.to_owned()))
        .collect();
    let flags: Vec<String> = verdict.flags.iter().map(ToString::to_string).collect();
    let steps = verdict.steps.iter().map(step);
    let steps: Vec<Value> = steps.chain(case.extras.iter().map(extra)).collect();
    json!({
        "accepted": case.accepted(),
        "authentic": verdict.authentic,
        "acceptable": verdict.acceptable,
        "bound": verdict.bound,
        "simulated": verdict.simulated,
        "summary": case.summary(),
        "origin": case.input.origin,
        "policy": case.conditions.policy_name,
        "judged_at": rfc3339(case.conditions.at.0),
        "holds_at": case.better_time().map(rfc3339),
        "reasons": reasons,
        "flags": flags,
        "notes": case.input.notes,
        "facts": verdict.facts.as_ref().map(facts),
        "binding": case.binding.as_ref().map(|binding| json!({
            "purpose": format!("{:?}", binding.purpose).to_lowercase(),
            "role": format!("{:?}", binding.role).to_lowercase(),
            "party": binding.party.map(|party| party.get()),
            "network": binding.network.to_string(),
            "manifest": binding.manifest.to_string(),
            "config": binding.config.to_string(),
            "instance": binding.instance.to_string(),
            "lease": binding.lease,
            "identity_key": hex::encode(binding.keys.identity),
            "tls_spki": binding.keys.tls_spki.to_string(),
            "hpke_key": hex::encode(binding.keys.hpke),
            "made_at_ms": binding.made_at_ms,
        })),
        "steps": steps,
    })
}

fn facts(facts: &Facts) -> Value {
    let pcrs: serde_json::Map<String, Value> = facts
        .pcrs
        .iter()
        .map(|(index, pcr)| (index.to_string(), hex::encode(pcr).into()))
        .collect();
    json!({
        "platform": kind_name(facts.kind),
        "product": facts.product.map(boop_verifier::Product::as_str),
        "signed_by": match &facts.signed_by {
            SignedBy::Unknown => "unknown",
            SignedBy::Vcek => "vcek",
            SignedBy::Vlek { .. } => "vlek",
            SignedBy::NitroEnclave => "nitro-enclave",
        },
        "report_version": facts.snp.as_ref().map(|snp| snp.version),
        "tcb": facts.tcb.map(|tcb| json!({
            "fmc": tcb.fmc,
            "bootloader": tcb.bootloader,
            "tee": tcb.tee,
            "snp": tcb.snp,
            "microcode": tcb.microcode,
        })),
        "measurement": facts.measurement.map(hex::encode),
        "pcrs": pcrs,
        "host_data": facts.host_data.map(hex::encode),
        "chip_id": facts.chip_id.map(hex::encode),
        "vmpl": facts.vmpl,
        "debug": facts.debug,
        "report_data": facts.report_data.map(hex::encode),
        "user_data": facts.user_data.as_ref().map(hex::encode),
        "nonce": facts.nonce.as_ref().map(hex::encode),
        "public_key": facts.public_key.as_ref().map(hex::encode),
        "timestamp_ms": facts.timestamp_ms,
        "module_id": facts.module_id,
    })
}

fn step(step: &Step) -> Value {
    let reasons: Vec<String> = step.reasons.iter().map(ToString::to_string).collect();
    json!({
        "name": step.name.as_str(),
        "level": match step.name.level() {
            Level::Authentic => "authentic",
            Level::Acceptable => "acceptable",
            Level::Bound => "bound",
        },
        "outcome": match step.outcome {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::NotChecked => "not-checked",
        },
        "title": step.name.title(),
        "detail": step.detail,
        "why": step.why,
        "reasons": reasons,
    })
}

fn extra(extra: &Extra) -> Value {
    json!({
        "name": extra.name,
        "level": "bound",
        "outcome": if extra.holds { "pass" } else { "fail" },
        "title": extra.title,
        "detail": extra.detail,
        "why": extra.why,
        "reasons": [],
    })
}

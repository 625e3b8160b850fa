//! The verdict for scripts: the verifier's own, and what only this command knows.

use boop_appraisal::results;
use boop_wire::binding::Binding;
use serde_json::{Value, json};

use super::case::{Case, Extra};
use super::rfc3339;

/// Returns the verdict as JSON.
pub(super) fn described(case: &Case) -> Value {
    let mut verdict = results::to_json(&case.verdict);
    let conditions = &case.conditions;
    let sources = case.sources();
    let sources = sources.iter().map(|source| {
        json!({
            "what": source.what,
            "from": source.from,
            "bytes": source.bytes,
            "sha256": source.sha256,
        })
    });
    verdict["accepted"] = case.accepted().into();
    verdict["bound"] = case.bound().into();
    if case.tier().is_none() {
        verdict["tier"] = Value::Null;
    }
    verdict["summary"] = case.summary().into();
    verdict["origin"] = case.input.origin.clone().into();
    verdict["form"] = case.input.form.clone().into();
    verdict["policy"] = conditions.policy_name.clone().into();
    verdict["policy_sha256"] = hex::encode(conditions.policy_sha256).into();
    verdict["judged_at"] = rfc3339(conditions.at.0).into();
    verdict["holds_at"] = case.better_time().map(rfc3339).into();
    verdict["notes"] = case.input.notes.clone().into();
    verdict["inputs"] = sources.collect();
    verdict["binding"] = case.binding.as_ref().map(binding).into();
    for extra in &case.extras {
        add(&mut verdict, extra);
    }
    verdict
}

/// Adds a check that only this command makes.
fn add(verdict: &mut Value, extra: &Extra) {
    if let Some(steps) = verdict["steps"].as_array_mut() {
        steps.push(json!({
            "name": extra.name,
            "level": "bound",
            "outcome": if extra.holds { "pass" } else { "fail" },
            "title": extra.title,
            "detail": extra.detail,
            "why": extra.why,
            "reasons": if extra.holds { vec![] } else { vec![extra.name] },
        }));
    }
    if let Some(reasons) = verdict["reasons"].as_array_mut().filter(|_| !extra.holds) {
        reasons.push(extra.name.into());
    }
    if let Some(meanings) = verdict["meanings"].as_object_mut().filter(|_| !extra.holds) {
        meanings.insert(extra.name.into(), extra.meaning().into());
    }
}

fn binding(binding: &Binding) -> Value {
    json!({
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
    })
}

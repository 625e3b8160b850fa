//! The decoded fields of a case against the facts of our verdict.

use boop_verifier::snp::{SigningKey, SnpFacts};
use boop_verifier::{EvidenceKind, Facts, Outcome, StepName, Tcb, Verdict};
use serde_json::{Map, Value, json};

/// Names each stated field that we read otherwise, as far as facts hold it.
///
/// A document that is refused for its form can be read in two ways, and then nothing is compared.
pub(super) fn differences(stated: &Value, verdict: &Verdict) -> Vec<String> {
    let (Some(stated), Some(facts)) = (stated.as_object(), &verdict.facts) else {
        return vec![];
    };
    let mut steps = verdict.steps.iter();
    let form = steps.find(|step| step.name == StepName::Format);
    let sound = form.is_some_and(|step| step.outcome == Outcome::Pass);
    if facts.kind == EvidenceKind::Nitro && !sound {
        return vec![];
    }
    let ours = match facts.kind {
        EvidenceKind::Snp => snp(facts),
        EvidenceKind::Nitro => nitro(facts),
    };
    let mut differences = vec![];
    for (field, ours) in &ours {
        let Some(stated) = stated.get(field) else {
            continue;
        };
        let turin = facts.tcb.is_some_and(|tcb| tcb.fmc.is_some());
        let stated = &components(field, stated, turin);
        if let (Some(stated), Some(ours)) = (stated.as_object(), ours.as_object()) {
            let inner = ours
                .iter()
                .filter(|(name, value)| stated.get(*name).is_some_and(|stated| stated != *value));
            differences.extend(inner.map(|(name, value)| format!("{field}.{name} {value}")));
            if field == "pcrs" && stated.len() != ours.len() {
                differences.push(format!("{} pcrs instead of {}", ours.len(), stated.len()));
            }
        } else if stated != ours {
            differences.push(format!("{field} {ours} instead of {stated}"));
        }
    }
    differences
}

/// Clears the reserved bytes of a stated firmware level, which facts leave aside.
fn components(field: &str, stated: &Value, turin: bool) -> Value {
    let text = stated.as_str().filter(|_| field.ends_with("_tcb"));
    let bytes = text.and_then(|text| hex::decode(text).ok());
    let Some(mut bytes) = bytes.filter(|bytes| bytes.len() == 8) else {
        return stated.clone();
    };
    let reserved = if turin { 4..7 } else { 2..6 };
    bytes[reserved].fill(0);
    json!(hex::encode(bytes))
}

fn snp(facts: &Facts) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("vmpl", json!(facts.vmpl));
    put("report_data", json!(facts.report_data.map(hex::encode)));
    put("measurement", json!(facts.measurement.map(hex::encode)));
    put("host_data", json!(facts.host_data.map(hex::encode)));
    put("chip_id", json!(facts.chip_id.map(hex::encode)));
    if let Some(tcb) = facts.tcb {
        put("reported_tcb", tcb_text(tcb));
    }
    if let Some(snp) = &facts.snp {
        put_report(snp, &mut put);
        let key = match snp.signing_key {
            SigningKey::Vcek => "VCEK",
            SigningKey::Vlek => "VLEK",
            SigningKey::None => "NONE",
            SigningKey::Reserved => "RESERVED",
        };
        put("signing_key", json!(key));
    }
    fields
}

fn put_report(snp: &SnpFacts, put: &mut impl FnMut(&str, Value)) {
    let (policy, info) = (snp.policy, snp.platform_info);
    put("version", json!(snp.version));
    put("guest_svn", json!(snp.guest_svn));
    put("policy", json!(format!("{:#x}", policy.0)));
    put(
        "policy_bits",
        json!({
            "smt_allowed": policy.smt_allowed(),
            "reserved_one": policy.reserved_one(),
            "migrate_ma": policy.migration_agent(),
            "debug": policy.debug(),
            "single_socket": policy.single_socket(),
            "cxl_allow": policy.cxl_allowed(),
            "mem_aes_256_xts": policy.mem_aes_256_xts(),
            "rapl_dis": policy.rapl_disabled(),
            "ciphertext_hiding_dram": policy.ciphertext_hiding(),
            "page_swap_disable": policy.page_swap_disabled(),
        }),
    );
    put("platform_info", json!(format!("{:#x}", info.0)));
    put(
        "platform_bits",
        json!({
            "smt_en": info.smt_enabled(),
            "tsme_en": info.tsme_enabled(),
            "ecc_en": info.ecc_enabled(),
            "rapl_dis": info.rapl_disabled(),
            "ciphertext_hiding_en": info.ciphertext_hiding_enabled(),
            "alias_check_complete": info.alias_check_complete(),
            "bit6": info.bit6(),
            "tio_en": info.tio_enabled(),
        }),
    );
    put("family_id", json!(hex::encode(snp.family_id)));
    put("image_id", json!(hex::encode(snp.image_id)));
    put("id_key_digest", json!(hex::encode(snp.id_key_digest)));
    put(
        "author_key_digest",
        json!(hex::encode(snp.author_key_digest)),
    );
    put("report_id", json!(hex::encode(snp.report_id)));
    put("current_tcb", tcb_text(snp.current_tcb));
    put("committed_tcb", tcb_text(snp.committed_tcb));
    put("launch_tcb", tcb_text(snp.launch_tcb));
    let mitigations = |bits: Option<u64>| json!(bits.map(|bits| format!("{bits:#x}")));
    put("launch_mit_vector", mitigations(snp.launch_mitigations));
    put("current_mit_vector", mitigations(snp.current_mitigations));
}

fn tcb_text(tcb: Tcb) -> Value {
    json!(hex::encode(tcb.to_bytes().0))
}

fn nitro(facts: &Facts) -> Map<String, Value> {
    let bytes = |value: &Option<Vec<u8>>| json!(value.as_ref().map(hex::encode));
    let refused = facts
        .nitro
        .as_ref()
        .map_or(0, |nitro| nitro.refused_pcrs.len());
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("module_id", json!(facts.module_id));
    put("timestamp", json!(facts.timestamp_ms));
    put("public_key", bytes(&facts.public_key));
    put("user_data", bytes(&facts.user_data));
    put("nonce", bytes(&facts.nonce));
    if refused == 0 {
        let pcrs = facts.pcrs.iter();
        let pcrs = pcrs.map(|(index, value)| (index.to_string(), json!(hex::encode(value))));
        put("pcrs", Value::Object(pcrs.collect()));
    }
    fields
}

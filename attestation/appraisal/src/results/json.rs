//! Our JSON verdict.
//!
//! | member | what it holds |
//! |---|---|
//! | `accepted` | authentic, acceptable, and nothing expected was found otherwise |
//! | `authentic`, `acceptable`, `bound` | the three results, each for itself |
//! | `tier` | `affirming` or `warning` for accepted evidence, else null |
//! | `simulated` | whether the chain ends at a simulated root |
//! | `summary` | one line of plain words |
//! | `reasons`, `flags` | stable codes, in the order they were found |
//! | `meanings` | one sentence for each of those codes |
//! | `facts` | what the evidence says, or null; bytes in hexadecimal |
//! | `steps` | each check, in the order they were made |
//!
//! A step has `name`, `level` (`authentic`, `acceptable`, `bound`), `outcome` (`pass`, `fail`,
//! `not-checked`), `title`, `detail`, `why` and `reasons`. Numbers of 64 bits are text.
//!
//! Members are added over time and never change their meaning; a reader ignores those that it
//! does not know.

use boop_verifier::nitro::NitroFacts;
use boop_verifier::snp::{GuestPolicy, PlatformInfo, SigningKey, SnpFacts};
use boop_verifier::{
    EvidenceKind, Facts, Flag, Level, Outcome, Product, Reason, SignedBy, Step, Tcb, Tier, Verdict,
};
use serde_json::{Map, Value, json};

/// Writes a verdict as JSON.
pub fn to_json(verdict: &Verdict) -> Value {
    json!({
        "accepted": verdict.accepted,
        "authentic": verdict.authentic,
        "acceptable": verdict.acceptable,
        "bound": verdict.bound,
        "tier": verdict.tier.map(tier),
        "simulated": verdict.simulated,
        "summary": verdict.summary(),
        "reasons": codes(&verdict.reasons),
        "flags": codes(&verdict.flags),
        "meanings": meanings(verdict),
        "facts": verdict.facts.as_ref().map(facts),
        "steps": verdict.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

pub(super) fn codes<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Affirming => "affirming",
        Tier::Warning => "warning",
    }
}

fn meanings(verdict: &Verdict) -> Value {
    let reasons = verdict.reasons.iter();
    let reasons = reasons.map(|reason| (reason.to_string(), Reason::meaning(reason)));
    let flags = verdict.flags.iter();
    let flags = flags.map(|flag| (flag.to_string(), Flag::meaning(*flag)));
    let meanings = reasons.chain(flags);
    Value::Object(meanings.map(|(code, text)| (code, text.into())).collect())
}

fn step(step: &Step) -> Value {
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
        "reasons": codes(&step.reasons),
    })
}

fn facts(facts: &Facts) -> Value {
    let pcrs = facts.pcrs.iter();
    let pcrs = pcrs.map(|(index, pcr)| (index.to_string(), hex::encode(pcr).into()));
    json!({
        "platform": match facts.kind {
            EvidenceKind::Snp => "sev-snp",
            EvidenceKind::Nitro => "nitro",
        },
        "product": facts.product.map(Product::as_str),
        "signed_by": match &facts.signed_by {
            SignedBy::Unknown => "unknown",
            SignedBy::Vcek => "vcek",
            SignedBy::Vlek { .. } => "vlek",
            SignedBy::NitroEnclave => "nitro-enclave",
        },
        "provider": match &facts.signed_by {
            SignedBy::Vlek { provider } => provider.as_deref(),
            SignedBy::Unknown | SignedBy::Vcek | SignedBy::NitroEnclave => None,
        },
        "checked_at": facts.checked_at.0,
        "report_version": facts.snp.as_ref().map(|snp| snp.version),
        "tcb": facts.tcb.map(tcb),
        "measurement": facts.measurement.map(hex::encode),
        "pcrs": pcrs.collect::<Map<String, Value>>(),
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
        "snp": facts.snp.as_ref().map(snp),
        "nitro": facts.nitro.as_ref().map(nitro),
    })
}

fn snp(snp: &SnpFacts) -> Value {
    json!({
        "version": snp.version,
        "firmware_layout": snp.layout.as_str(),
        "policy": guest_policy(snp.policy),
        "platform_info": platform_info(snp.platform_info),
        "signing_key": match snp.signing_key {
            SigningKey::Vcek => "vcek",
            SigningKey::Vlek => "vlek",
            SigningKey::None => "none",
            SigningKey::Reserved => "reserved",
        },
        "guest_svn": snp.guest_svn,
        "family_id": hex::encode(snp.family_id),
        "image_id": hex::encode(snp.image_id),
        "id_key_digest": hex::encode(snp.id_key_digest),
        "author_key_digest": hex::encode(snp.author_key_digest),
        "report_id": hex::encode(snp.report_id),
        "current_tcb": tcb(snp.current_tcb),
        "committed_tcb": tcb(snp.committed_tcb),
        "launch_tcb": tcb(snp.launch_tcb),
        "launch_mitigations": snp.launch_mitigations.map(bits),
        "current_mitigations": snp.current_mitigations.map(bits),
        "revocation_checked": snp.revocation_checked,
    })
}

/// Writes 64 bits as text: JSON numbers lose bits in many readers.
fn bits(bits: u64) -> String {
    format!("{bits:#x}")
}

fn guest_policy(policy: GuestPolicy) -> Value {
    json!({
        "bits": bits(policy.0),
        "smt_allowed": policy.smt_allowed(),
        "reserved_one": policy.reserved_one(),
        "migration_agent": policy.migration_agent(),
        "debug": policy.debug(),
        "single_socket": policy.single_socket(),
        "cxl_allowed": policy.cxl_allowed(),
        "mem_aes_256_xts": policy.mem_aes_256_xts(),
        "rapl_disabled": policy.rapl_disabled(),
        "ciphertext_hiding": policy.ciphertext_hiding(),
        "page_swap_disabled": policy.page_swap_disabled(),
    })
}

fn platform_info(info: PlatformInfo) -> Value {
    json!({
        "bits": bits(info.0),
        "smt_enabled": info.smt_enabled(),
        "tsme_enabled": info.tsme_enabled(),
        "ecc_enabled": info.ecc_enabled(),
        "rapl_disabled": info.rapl_disabled(),
        "ciphertext_hiding_enabled": info.ciphertext_hiding_enabled(),
        "alias_check_complete": info.alias_check_complete(),
        "bit6": info.bit6(),
        "tio_enabled": info.tio_enabled(),
    })
}

fn tcb(tcb: Tcb) -> Value {
    json!({
        "fmc": tcb.fmc,
        "bootloader": tcb.bootloader,
        "tee": tcb.tee,
        "snp": tcb.snp,
        "microcode": tcb.microcode,
    })
}

fn nitro(nitro: &NitroFacts) -> Value {
    let refused = nitro.refused_pcrs.iter();
    let refused = refused.map(|(index, reason)| (index.to_string(), reason.to_string().into()));
    json!({
        "leaf_not_after": nitro.leaf_not_after,
        "root_name": nitro.root_name,
        "refused_pcrs": refused.collect::<Map<String, Value>>(),
    })
}

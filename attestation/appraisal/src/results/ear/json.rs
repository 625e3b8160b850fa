//! The claims of a result in JSON, for a JWT.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_verifier::UnixTime;
use serde_json::{Map, Value, json};

use super::vector::{Claim, TrustVector, TrustworthinessTier};
use super::{EAT_PROFILE, Ear, EarError, Findings, Submodule};

impl Ear {
    /// Writes the claims as JSON.
    pub fn to_json(&self) -> Value {
        let mut claims = Map::new();
        claims.insert("eat_profile".into(), json!(EAT_PROFILE));
        claims.insert("iat".into(), json!(self.issued_at.0));
        if let Some(nonce) = &self.nonce {
            claims.insert("eat_nonce".into(), json!(URL_SAFE_NO_PAD.encode(nonce)));
        }
        claims.insert("ear_status".into(), json!(self.status.as_str()));
        claims.insert(
            "ear_verifier_id".into(),
            json!({"developer": self.developer, "build": self.build}),
        );
        let label = self.submodule.label.clone();
        let submodules = Map::from_iter([(label, submodule(&self.submodule))]);
        claims.insert("submods".into(), submodules.into());
        Value::Object(claims)
    }

    /// Reads claims in JSON; unknown claims are passed over.
    ///
    /// # Errors
    ///
    /// Returns an [`EarError`] that names the claim that is missing or wrong.
    pub fn from_json(claims: &Value) -> Result<Self, EarError> {
        if claims["eat_profile"].as_str() != Some(EAT_PROFILE) {
            return Err(EarError::Profile);
        }
        if claims.get("exp").is_some() {
            return Err(EarError::Expiry);
        }
        let nonce = claims.get("eat_nonce").map(|nonce| {
            let nonce = nonce
                .as_str()
                .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            nonce.ok_or(wrong("eat_nonce"))
        });
        let mut submodules = claims["submods"].as_object().into_iter().flatten();
        let (Some((label, submodule)), None) = (submodules.next(), submodules.next()) else {
            return Err(wrong("submods"));
        };
        let submodule = read_submodule(label, submodule)?;
        let status = claims.get("ear_status").map(read_status).transpose()?;
        let ear = Self {
            issued_at: UnixTime(claims["iat"].as_u64().ok_or(wrong("iat"))?),
            developer: text(&claims["ear_verifier_id"]["developer"], "ear_verifier_id")?,
            build: text(&claims["ear_verifier_id"]["build"], "ear_verifier_id")?,
            nonce: nonce.transpose()?,
            status: status.unwrap_or(submodule.status),
            submodule,
        };
        ear.checked()
    }
}

fn submodule(submodule: &Submodule) -> Value {
    let vector = submodule.vector.values().iter();
    let vector = vector.map(|(claim, value)| (claim.as_str().to_owned(), json!(value)));
    json!({
        "ear_status": submodule.status.as_str(),
        "ear_trustworthiness_vector": vector.collect::<Map<String, Value>>(),
        "ear_appraisal_policy_ids": submodule.policy_ids,
        "ear_verifier_claims": {
            "boop": findings(&submodule.findings),
        },
    })
}

fn findings(findings: &Findings) -> Value {
    let mut members = json!({
        "evidence": findings.evidence,
        "measurement": findings.measurement,
        "accepted": findings.accepted,
        "authentic": findings.authentic,
        "acceptable": findings.acceptable,
        "bound": findings.bound,
        "simulated": findings.simulated,
        "summary": findings.summary,
        "reasons": findings.reasons,
        "flags": findings.flags,
    });
    if let Some(judged_at) = findings.judged_at {
        members["judged_at"] = json!(judged_at.0);
    }
    members
}

fn read_submodule(label: &str, claims: &Value) -> Result<Submodule, EarError> {
    const VECTOR: EarError = wrong("ear_trustworthiness_vector");
    let mut vector = Vec::new();
    let values = claims["ear_trustworthiness_vector"].as_object();
    for (name, value) in values.ok_or(VECTOR)? {
        if let Some(claim) = Claim::ALL.into_iter().find(|claim| claim.as_str() == name) {
            let value = value.as_i64().and_then(|value| i8::try_from(value).ok());
            vector.push((claim, value.ok_or(VECTOR)?));
        }
    }
    let findings = &claims["ear_verifier_claims"]["boop"];
    let truth = |name: &str| findings[name].as_bool().ok_or(FINDINGS);
    let judged_at = findings.get("judged_at");
    let judged_at = judged_at.map(|time| time.as_u64().map(UnixTime).ok_or(FINDINGS));
    Ok(Submodule {
        label: label.to_owned(),
        status: read_status(&claims["ear_status"])?,
        vector: TrustVector::from_values(vector),
        policy_ids: texts(
            &claims["ear_appraisal_policy_ids"],
            "ear_appraisal_policy_ids",
        )?,
        findings: Findings {
            judged_at: judged_at.transpose()?,
            evidence: text(&findings["evidence"], "ear_verifier_claims")?,
            measurement: text(&findings["measurement"], "ear_verifier_claims")?,
            accepted: truth("accepted")?,
            authentic: truth("authentic")?,
            acceptable: truth("acceptable")?,
            bound: truth("bound")?,
            simulated: truth("simulated")?,
            summary: text(&findings["summary"], "ear_verifier_claims")?,
            reasons: texts(&findings["reasons"], "ear_verifier_claims")?,
            flags: texts(&findings["flags"], "ear_verifier_claims")?,
        },
    })
}

const FINDINGS: EarError = wrong("ear_verifier_claims");

const fn wrong(claim: &'static str) -> EarError {
    EarError::Claim { claim }
}

fn read_status(value: &Value) -> Result<TrustworthinessTier, EarError> {
    let tier = value.as_str().and_then(TrustworthinessTier::from_str);
    tier.ok_or(wrong("ear_status"))
}

fn text(value: &Value, claim: &'static str) -> Result<String, EarError> {
    let text = value.as_str().ok_or(wrong(claim))?;
    Ok(text.to_owned())
}

fn texts(value: &Value, claim: &'static str) -> Result<Vec<String>, EarError> {
    let list = value.as_array().ok_or(wrong(claim))?;
    list.iter().map(|item| text(item, claim)).collect()
}

//! The claims of a result in CBOR, for a CWT.

use boop_verifier::UnixTime;
use minicbor::Decoder;
use minicbor::data::Type;

use crate::cbor_writer::CborWriter;

use super::vector::{Claim, TrustVector, TrustworthinessTier};
use super::{EAT_PROFILE, Ear, EarError, Findings, Submodule};

const EXP: i64 = 4;
const IAT: i64 = 6;
const EAT_NONCE: i64 = 10;
const PROFILE: i64 = 265;
const SUBMODS: i64 = 266;
const STATUS: i64 = 1000;
const VECTOR: i64 = 1001;
const POLICY_IDS: i64 = 1003;
const VERIFIER_ID: i64 = 1004;
const VERIFIER_CLAIMS: i64 = 1006;

const DEVELOPER: i64 = 0;
const BUILD: i64 = 1;

/// Members that our findings always have.
const FINDINGS_MEMBERS: usize = 10;

impl Ear {
    /// Writes the claims as CBOR.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut writer = CborWriter::default();
        writer.map(5 + usize::from(self.nonce.is_some()));
        writer.int(PROFILE).text(EAT_PROFILE);
        writer.int(IAT).unsigned(self.issued_at.0);
        if let Some(nonce) = &self.nonce {
            writer.int(EAT_NONCE).bytes(nonce);
        }
        writer.int(STATUS).int(self.status.number());
        writer.int(VERIFIER_ID).map(2);
        writer.int(DEVELOPER).text(&self.developer);
        writer.int(BUILD).text(&self.build);
        writer.int(SUBMODS).map(1).text(&self.submodule.label);
        write_submodule(&self.submodule, &mut writer);
        writer.into_bytes()
    }

    /// Reads claims in CBOR; unknown claims are passed over.
    ///
    /// # Errors
    ///
    /// Returns an [`EarError`] that names the claim that is missing or wrong.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, EarError> {
        let mut decoder = Decoder::new(bytes);
        let mut claims = Claims::default();
        pairs(&mut decoder, wrong("claims"), |key, decoder| {
            claims.read(key, decoder)
        })?;
        if decoder.position() != bytes.len() {
            return Err(wrong("claims"));
        }
        if !claims.profile {
            return Err(EarError::Profile);
        }
        let submodule = claims.submodule.ok_or(wrong("submods"))?;
        let ear = Self {
            issued_at: UnixTime(claims.issued_at.ok_or(wrong("iat"))?),
            developer: claims.developer.ok_or(wrong("ear_verifier_id"))?,
            build: claims.build.ok_or(wrong("ear_verifier_id"))?,
            nonce: claims.nonce,
            status: claims.status.unwrap_or(submodule.status),
            submodule,
        };
        ear.checked()
    }
}

fn write_submodule(submodule: &Submodule, writer: &mut CborWriter) {
    writer.map(4);
    writer.int(STATUS).int(submodule.status.number());
    writer.int(VECTOR).map(submodule.vector.values().len());
    for (claim, value) in submodule.vector.values() {
        writer.int(i64::from(claim.number())).int(i64::from(*value));
    }
    writer.int(POLICY_IDS);
    write_texts(&submodule.policy_ids, writer);
    let findings = &submodule.findings;
    let members = FINDINGS_MEMBERS + usize::from(findings.judged_at.is_some());
    writer.int(VERIFIER_CLAIMS).map(1).text("boop").map(members);
    writer.text("evidence").text(&findings.evidence);
    writer.text("measurement").text(&findings.measurement);
    writer.text("accepted").bool(findings.accepted);
    writer.text("authentic").bool(findings.authentic);
    writer.text("acceptable").bool(findings.acceptable);
    writer.text("bound").bool(findings.bound);
    writer.text("simulated").bool(findings.simulated);
    writer.text("summary").text(&findings.summary);
    writer.text("reasons");
    write_texts(&findings.reasons, writer);
    writer.text("flags");
    write_texts(&findings.flags, writer);
    if let Some(judged_at) = findings.judged_at {
        writer.text("judged_at").unsigned(judged_at.0);
    }
}

fn write_texts(texts: &[String], writer: &mut CborWriter) {
    writer.array(texts.len());
    for text in texts {
        writer.text(text);
    }
}

/// A key of a map of claims.
enum Key<'a> {
    Number(i64),
    Text(&'a str),
}

#[derive(Default)]
struct Claims {
    profile: bool,
    issued_at: Option<u64>,
    nonce: Option<Vec<u8>>,
    status: Option<TrustworthinessTier>,
    developer: Option<String>,
    build: Option<String>,
    submodule: Option<Submodule>,
}

impl Claims {
    fn read(&mut self, key: Key<'_>, decoder: &mut Decoder<'_>) -> Result<(), EarError> {
        match key {
            Key::Number(PROFILE) => {
                self.profile = decoder.str().is_ok_and(|profile| profile == EAT_PROFILE);
                if !self.profile {
                    return Err(EarError::Profile);
                }
            }
            Key::Number(EXP) => return Err(EarError::Expiry),
            Key::Number(IAT) => {
                self.issued_at = Some(decoder.u64().map_err(|_| wrong("iat"))?);
            }
            Key::Number(EAT_NONCE) => {
                let nonce = decoder.bytes().map_err(|_| wrong("eat_nonce"))?;
                self.nonce = Some(nonce.to_vec());
            }
            Key::Number(STATUS) => self.status = Some(read_status(decoder)?),
            Key::Number(VERIFIER_ID) => {
                pairs(decoder, wrong("ear_verifier_id"), |key, decoder| {
                    match key {
                        Key::Number(DEVELOPER) => {
                            self.developer = Some(text(decoder, "ear_verifier_id")?);
                        }
                        Key::Number(BUILD) => self.build = Some(text(decoder, "ear_verifier_id")?),
                        Key::Number(_) | Key::Text(_) => skip(decoder, "ear_verifier_id")?,
                    }
                    Ok(())
                })?;
            }
            Key::Number(SUBMODS) => {
                pairs(decoder, wrong("submods"), |key, decoder| {
                    let (Key::Text(label), None) = (key, &self.submodule) else {
                        return Err(wrong("submods"));
                    };
                    self.submodule = Some(read_submodule(label, decoder)?);
                    Ok(())
                })?;
            }
            Key::Number(_) | Key::Text(_) => skip(decoder, "claims")?,
        }
        Ok(())
    }
}

fn read_submodule(label: &str, decoder: &mut Decoder<'_>) -> Result<Submodule, EarError> {
    let (mut status, mut vector, mut policy_ids, mut findings) = (None, None, None, None);
    pairs(decoder, wrong("submods"), |key, decoder| {
        match key {
            Key::Number(STATUS) => status = Some(read_status(decoder)?),
            Key::Number(VECTOR) => vector = Some(read_vector(decoder)?),
            Key::Number(POLICY_IDS) => {
                policy_ids = Some(texts(decoder, "ear_appraisal_policy_ids")?);
            }
            Key::Number(VERIFIER_CLAIMS) => {
                pairs(decoder, FINDINGS, |key, decoder| {
                    match key {
                        Key::Text("boop") => findings = Some(read_findings(decoder)?),
                        Key::Number(_) | Key::Text(_) => skip(decoder, "ear_verifier_claims")?,
                    }
                    Ok(())
                })?;
            }
            Key::Number(_) | Key::Text(_) => skip(decoder, "submods")?,
        }
        Ok(())
    })?;
    Ok(Submodule {
        label: label.to_owned(),
        status: status.ok_or(wrong("ear_status"))?,
        vector: vector.ok_or(wrong("ear_trustworthiness_vector"))?,
        policy_ids: policy_ids.ok_or(wrong("ear_appraisal_policy_ids"))?,
        findings: findings.ok_or(FINDINGS)?,
    })
}

fn read_vector(decoder: &mut Decoder<'_>) -> Result<TrustVector, EarError> {
    const ERROR: EarError = wrong("ear_trustworthiness_vector");
    let mut values = Vec::new();
    pairs(decoder, ERROR, |key, decoder| {
        let value = decoder.i8().map_err(|_| ERROR)?;
        let claim = Claim::ALL.into_iter().find(
            |claim| matches!(key, Key::Number(number) if number == i64::from(claim.number())),
        );
        values.extend(claim.map(|claim| (claim, value)));
        Ok(())
    })?;
    Ok(TrustVector::from_values(values))
}

fn read_findings(decoder: &mut Decoder<'_>) -> Result<Findings, EarError> {
    let mut findings = Findings::default();
    let mut members = 0;
    pairs(decoder, FINDINGS, |key, decoder| {
        let Key::Text(name) = key else {
            return skip(decoder, "ear_verifier_claims");
        };
        let truth = |decoder: &mut Decoder<'_>| decoder.bool().map_err(|_| FINDINGS);
        match name {
            "judged_at" => {
                let time = decoder.u64().map_err(|_| FINDINGS)?;
                findings.judged_at = Some(UnixTime(time));
                return Ok(());
            }
            "evidence" => findings.evidence = text(decoder, "ear_verifier_claims")?,
            "measurement" => findings.measurement = text(decoder, "ear_verifier_claims")?,
            "accepted" => findings.accepted = truth(decoder)?,
            "authentic" => findings.authentic = truth(decoder)?,
            "acceptable" => findings.acceptable = truth(decoder)?,
            "bound" => findings.bound = truth(decoder)?,
            "simulated" => findings.simulated = truth(decoder)?,
            "summary" => findings.summary = text(decoder, "ear_verifier_claims")?,
            "reasons" => findings.reasons = texts(decoder, "ear_verifier_claims")?,
            "flags" => findings.flags = texts(decoder, "ear_verifier_claims")?,
            _ => return skip(decoder, "ear_verifier_claims"),
        }
        members += 1;
        Ok(())
    })?;
    if members != FINDINGS_MEMBERS {
        return Err(FINDINGS);
    }
    Ok(findings)
}

const FINDINGS: EarError = wrong("ear_verifier_claims");

const fn wrong(claim: &'static str) -> EarError {
    EarError::Claim { claim }
}

/// Reads a map of stated length whose keys appear once.
fn pairs<'b>(
    decoder: &mut Decoder<'b>,
    error: EarError,
    mut take: impl FnMut(Key<'b>, &mut Decoder<'b>) -> Result<(), EarError>,
) -> Result<(), EarError> {
    let length = decoder.map().ok().flatten().ok_or(error.clone())?;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..length {
        let start = decoder.position();
        let key = match decoder.datatype() {
            Ok(Type::String) => decoder.str().map(Key::Text),
            Ok(_) => decoder.i64().map(Key::Number),
            Err(end) => Err(end),
        };
        let key = key.map_err(|_| error.clone())?;
        if !seen.insert(decoder.input().get(start..decoder.position())) {
            return Err(error);
        }
        take(key, decoder)?;
    }
    Ok(())
}

fn read_status(decoder: &mut Decoder<'_>) -> Result<TrustworthinessTier, EarError> {
    let number = decoder.i64().ok();
    let tier = number.and_then(TrustworthinessTier::from_number);
    tier.ok_or(wrong("ear_status"))
}

fn skip(decoder: &mut Decoder<'_>, claim: &'static str) -> Result<(), EarError> {
    decoder.skip().map_err(|_| wrong(claim))
}

fn text(decoder: &mut Decoder<'_>, claim: &'static str) -> Result<String, EarError> {
    let text = decoder.str().map_err(|_| wrong(claim))?;
    Ok(text.to_owned())
}

fn texts(decoder: &mut Decoder<'_>, claim: &'static str) -> Result<Vec<String>, EarError> {
    let length = decoder.array().ok().flatten().ok_or(wrong(claim))?;
    (0..length).map(|_| text(decoder, claim)).collect()
}

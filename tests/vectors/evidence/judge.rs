//! Every case judged, by both implementations of the signature checks.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use boop_verifier::{
    AwsLc, Crypto, EvidenceKind, Outcome, Reason, RustCrypto, SignedBy, StepName, Verdict,
};

use super::case::Case;
use super::{decoded, json};
use crate::suite::Suite;

/// The group of genuine reports whose certificate nobody has.
const PARSE_ONLY: &str = "parse-only";

/// What a facet speaks of: a step that was taken, and the reasons that make it false.
const FACETS: [(&str, StepName, &[Reason]); 10] = [
    (
        "report_signature",
        StepName::Signature,
        &[Reason::ReportSignatureInvalid],
    ),
    (
        "signature",
        StepName::Signature,
        &[Reason::SignatureInvalid],
    ),
    (
        "chain_signatures",
        StepName::Chain,
        &[Reason::ChainSignatureInvalid],
    ),
    ("root_pinned", StepName::Root, &[Reason::UntrustedRoot]),
    (
        "valid_at_time",
        StepName::Validity,
        &[Reason::CertificateOutsideValidity],
    ),
    (
        "valid_at_verify_time",
        StepName::Validity,
        &[Reason::CertificateOutsideValidity],
    ),
    (
        "tcb_matches_certificate",
        StepName::CertifiedFirmware,
        &[
            Reason::ReportedTcbDoesNotMatchCertificate,
            Reason::LeafTcbExtensionMissing,
        ],
    ),
    (
        "chip_id_matches_certificate",
        StepName::CertifiedChip,
        &[
            Reason::ChipIdDoesNotMatchCertificate,
            Reason::LeafHwidMissing,
        ],
    ),
    (
        "timestamp_inside_leaf_validity",
        StepName::SigningTime,
        &[Reason::TimestampOutsideLeafValidity],
    ),
    ("debug_mode", StepName::Debug, &[Reason::DebugMode]),
];

/// Judges the cases of one kind of evidence; those that can only be parsed are a suite of theirs.
pub(super) fn suites(kind: &str, folder: &Path, roots: &Path) -> Result<Vec<Suite>> {
    let mut judged = Suite::new(kind);
    let mut parse_only = Suite::new(&format!("{kind}-{PARSE_ONLY}"));
    let index = json(&folder.join("index.json"))?;
    for entry in index.as_array().context("index.json is a list")? {
        let id = entry["id"]
            .as_str()
            .context("a case of index.json has an id")?;
        match Case::read(kind, &folder.join(id), roots).and_then(|case| compare(&case)) {
            Ok((true, expected, got)) => parse_only.add(id, &expected, &got),
            Ok((false, expected, got)) => judged.add(id, &expected, &got),
            Err(error) => judged.add(id, "a case", &format!("{error:#}")),
        }
    }
    Ok(vec![judged, parse_only])
}

/// Says whether a case can only be parsed, what it states, and what we say.
fn compare(case: &Case) -> Result<(bool, String, String)> {
    let indeterminate = case.text("verdict") == "indeterminate";
    let stated = stated(case)?;
    let first = found(case, &AwsLc)?;
    let second = found(case, &RustCrypto)?;
    let got = if first == second {
        first
    } else {
        format!("aws-lc: {first}; rust-crypto: {second}")
    };
    Ok((indeterminate, stated, got))
}

/// What a case states, in a line.
fn stated(case: &Case) -> Result<String> {
    let (reasons, flags) = (case.codes("reject_reasons")?, case.codes("flags")?);
    Ok(match case.text("verdict") {
        // Nobody has the certificate: we refuse, for at least the reasons that are stated.
        "indeterminate" => line("reject", &reasons, &BTreeSet::new()),
        verdict => line(verdict, &reasons, &flags),
    })
}

/// What we say of a case, in a line of the same form, with everything that disagrees behind it.
fn found(case: &Case, crypto: &impl Crypto) -> Result<String> {
    let verdict = case.verdict(crypto);
    let mut reasons: BTreeSet<_> = verdict.reasons.iter().map(ToString::to_string).collect();
    let mut flags: BTreeSet<_> = verdict.flags.iter().map(ToString::to_string).collect();
    if case.text("verdict") == "indeterminate" {
        let stated = case.codes("reject_reasons")?;
        reasons.retain(|reason| stated.contains(reason));
        flags.clear();
    }
    let word = if verdict.accepted { "accept" } else { "reject" };
    let mut found = line(word, &reasons, &flags);
    let mut others = facets(case, &verdict);
    others.extend(authentic(case, &verdict));
    others.extend(origin(case, &verdict));
    others.extend(decoded::differences(&case.expected["decoded"], &verdict));
    for other in others {
        found += "; ";
        found += &other;
    }
    Ok(found)
}

/// Says how far the stated authenticity is another one than ours.
///
/// Ours asks for the exact form as well, so of evidence that is refused it may be stricter.
fn authentic(case: &Case, verdict: &Verdict) -> Option<String> {
    let stated = case.expected["authentic"].as_bool()?;
    let stricter = stated && !verdict.authentic && case.text("verdict") == "reject";
    let agrees = stated == verdict.authentic || stricter;
    (!agrees).then(|| format!("authentic {} instead of {stated}", verdict.authentic))
}

/// Says which product and kind of key authentic evidence comes from, if others are stated.
fn origin(case: &Case, verdict: &Verdict) -> Vec<String> {
    let facts = verdict.facts.as_ref().filter(|_| verdict.authentic);
    let Some(facts) = facts.filter(|facts| facts.kind == EvidenceKind::Snp) else {
        return vec![];
    };
    let key = match facts.signed_by {
        SignedBy::Vcek => "VCEK",
        SignedBy::Vlek { .. } => "VLEK",
        SignedBy::Unknown | SignedBy::NitroEnclave => "none",
    };
    // Siena and Bergamo are stated under the name of their chain.
    let product = facts
        .product
        .map_or("none", |product| product.chain().as_str());
    let fields = [("product", product), ("signed_by", key)];
    let differing = fields
        .into_iter()
        .filter(|(field, ours)| case.text(field) != *ours);
    let differing = differing.map(|(field, ours)| format!("{field} {ours}"));
    differing.collect()
}

fn facets(case: &Case, verdict: &Verdict) -> Vec<String> {
    let differing = FACETS.iter().filter_map(|(facet, step, reasons)| {
        let stated = case.expected["facets"][facet].as_bool()?;
        let mut steps = verdict.steps.iter().filter(|taken| taken.name == *step);
        if !steps.any(|taken| taken.outcome != Outcome::NotChecked) {
            return None;
        }
        let holds = !reasons
            .iter()
            .any(|reason| verdict.reasons.contains(reason));
        let ours = if *step == StepName::Debug {
            !holds
        } else {
            holds
        };
        (ours != stated).then(|| format!("{facet} {ours} instead of {stated}"))
    });
    let mut differing: Vec<_> = differing.collect();
    let parses = case.expected["facets"]["parse"].as_bool();
    if parses.is_some_and(|parses| parses != verdict.facts.is_some()) {
        differing.push(format!("parse {}", verdict.facts.is_some()));
    }
    differing
}

fn line(verdict: &str, reasons: &BTreeSet<String>, flags: &BTreeSet<String>) -> String {
    let list = |codes: &BTreeSet<String>| {
        let codes: Vec<_> = codes.iter().map(String::as_str).collect();
        codes.join(", ")
    };
    format!("{verdict} [{}] flags [{}]", list(reasons), list(flags))
}

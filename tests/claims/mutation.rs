//! Evidence with bits changed: all of what is signed, and every byte outside it.

mod change;
mod document;
mod malleable;
mod tally;

use anyhow::{Context, Result, ensure};
use boop_verifier::nitro::Document;
use boop_verifier::snp::REPORT_BYTES;
use serde_json::json;

use crate::claim::{Claim, Sheet};
use crate::evidence::{Case, Evidence, Kind};
use change::{Part, Plan};
use document::Layout;
use tally::Tally;

/// How many pieces of evidence of each platform are changed.
const REPORTS: usize = 10;
const DOCUMENTS: usize = 5;
/// Bytes of a report that the signature covers.
const SIGNED_BYTES: usize = 0x2a0;
/// A sample takes one bit in so many, an odd number so that all bits of a byte get their turn.
const SAMPLE: usize = 41;

/// Makes the changes.
pub(crate) fn claims(evidence: &Evidence, quick: bool, sheet: &mut Sheet) -> Result<()> {
    let step = if quick { SAMPLE } else { 1 };
    let reports = evidence.accepted(Kind::Snp, REPORTS);
    let documents = evidence.accepted(Kind::Nitro, DOCUMENTS);
    ensure!(!reports.is_empty(), "no report is accepted");
    ensure!(!documents.is_empty(), "no document is accepted");
    sheet.add(baseline(&reports, &documents));
    for claim in report_claims(step) {
        sheet.add(claim.run(&reports)?);
    }
    sheet.add(document_claim(&documents, step, true)?);
    sheet.add(document_claim(&documents, step, false)?);
    certificates(evidence, &reports, step, sheet)?;
    sheet.add(lengths(evidence, &reports, &documents, step)?);
    sheet.add(malleable::claim(&reports, &documents)?);
    Ok(())
}

/// What changes are tried on: all of it must be accepted, or refusals show nothing.
fn baseline(reports: &[&Case], documents: &[&Case]) -> Claim {
    let all = reports.iter().chain(documents);
    let refused: Vec<_> = all
        .clone()
        .filter(|case| !case.verdict().accepted)
        .map(|case| case.name())
        .collect();
    let second = |case: &&&Case| !case.verdict_by(&boop_verifier::RustCrypto).accepted;
    let by_second = all.clone().filter(second).count();
    let ids = |cases: &[&Case]| cases.iter().map(|case| case.name()).collect::<Vec<_>>();
    Claim {
        id: "unchanged-evidence-is-accepted".into(),
        claim: "evidence is accepted before it is changed, by both implementations".into(),
        held: refused.is_empty(),
        control: by_second == 0,
        summary: format!("{} reports, {} documents", reports.len(), documents.len()),
        figures: json!({
            "reports": ids(reports),
            "documents": ids(documents),
            "refused": refused,
            "refused_by_the_second_implementation": by_second,
        }),
    }
}

/// A claim on the bytes of reports.
struct ReportClaim {
    id: &'static str,
    words: &'static str,
    plan: Plan,
}

fn report_claims(step: usize) -> [ReportClaim; 2] {
    let plan = |range| Plan {
        part: Part::Evidence,
        ranges: vec![range],
        step,
    };
    [
        ReportClaim {
            id: "report-with-a-signed-bit-changed",
            words: "a report with any bit of its signed part changed is refused",
            plan: plan(0..SIGNED_BYTES),
        },
        ReportClaim {
            id: "report-with-an-unsigned-bit-changed",
            words: "a report with any bit outside the signed part changed is refused",
            plan: plan(SIGNED_BYTES..REPORT_BYTES),
        },
    ]
}

impl ReportClaim {
    fn run(&self, reports: &[&Case]) -> Result<Claim> {
        let mut tally = Tally::default();
        for report in reports {
            tally.add(self.plan.run(report)?);
        }
        Ok(tally.into_claim(self.id, self.words))
    }
}

fn document_claim(documents: &[&Case], step: usize, signed: bool) -> Result<Claim> {
    let mut tally = Tally::default();
    for document in documents {
        let layout = Layout::of(document)?;
        let ranges = if signed {
            layout.signed()
        } else {
            layout.unsigned()
        };
        let part = Part::Evidence;
        tally.add(Plan { part, ranges, step }.run(document)?);
    }
    Ok(if signed {
        let id = "document-with-a-signed-bit-changed";
        let words = "a document with any bit of header or payload changed is refused";
        tally.into_claim(id, words)
    } else {
        let id = "document-with-an-unsigned-bit-changed";
        let words = "a document with any bit outside header and payload changed is refused";
        tally.into_claim(id, words)
    })
}

fn certificates(
    evidence: &Evidence,
    reports: &[&Case],
    step: usize,
    sheet: &mut Sheet,
) -> Result<()> {
    let listed = evidence.cases().iter();
    let listed = listed.filter(|case| case.is_accepted && case.endorsements.crl.is_some());
    let listed: Vec<&Case> = listed.collect();
    let tries = [
        (
            Part::Leaf,
            reports,
            "key-certificate-with-a-bit-changed",
            "a VCEK or VLEK certificate with any bit changed refuses its report",
        ),
        (
            Part::Intermediate,
            reports,
            "intermediate-with-a-bit-changed",
            "an ASK or ASVK certificate with any bit changed refuses the report",
        ),
        (
            Part::RevocationList,
            listed.as_slice(),
            "revocation-list-with-a-bit-changed",
            "a revocation list with any bit changed refuses the report",
        ),
    ];
    for (part, cases, id, words) in tries {
        let mut tally = Tally::default();
        for case in cases {
            let whole = 0..part.of(case).map_or(0, Vec::len);
            let ranges = Vec::from([whole]);
            tally.add(Plan { part, ranges, step }.run(case)?);
        }
        sheet.add(tally.into_claim(id, words));
    }
    Ok(())
}

/// Everything cut at every length, and every byte behind its end.
fn lengths(
    evidence: &Evidence,
    reports: &[&Case],
    documents: &[&Case],
    step: usize,
) -> Result<Claim> {
    let listed = evidence.cases().iter();
    let listed = listed.filter(|case| case.is_accepted && case.endorsements.crl.is_some());
    let mut tally = Tally::default();
    for case in reports.iter().chain(documents).copied().chain(listed) {
        for part in Part::ALL {
            if part.of(case).is_some() {
                tally.add(change::lengths(case, part, step)?);
            }
        }
    }
    let id = "evidence-or-certificate-of-another-length";
    let words = "evidence, certificates and lists cut anywhere or one byte longer are refused";
    // Signatures play no part where a reader stops. Uncut, every part was accepted, or the changes
    // would not have been tried.
    let accepted_whole = tally.whole;
    let claim = tally.into_claim(id, words);
    Ok(Claim {
        control: accepted_whole > 0,
        summary: format!("{}; whole, {accepted_whole} pass", claim.summary),
        ..claim
    })
}

/// Reads a document that is known to be one.
fn document_of(case: &Case) -> Result<Document> {
    Document::parse(&case.bytes).with_context(|| format!("{} is no document", case.id))
}

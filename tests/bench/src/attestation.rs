//! Verification of evidence beside the signature checks that it cannot avoid.

use std::hint::black_box;

use anyhow::{Context, Result, bail, ensure};
use boop_verifier::{
    AwsLc, Crypto, Evidence, Expected, P384Signature, RustCrypto, Verdict, appraise, parse,
    snp::VerifiedChain, verify_with,
};
use sev::certs::snp::{Certificate as SevCertificate, Chain as SevChain, Verifiable};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

use crate::checks::{Check, nitro_checks, snp_checks};
use crate::evidence::{Subject, Subjects, load};
use crate::rounds::{Comparison, Effort, compare};
use crate::table::{Goal, Row, Table};

/// Whole verification over its bare signature checks, with the native implementation.
const FULL_GOAL: Goal = Goal::AtMost(1.15);
/// A verdict under a chain that is known over one P-384 check, with the native implementation.
const CACHED_GOAL: Goal = Goal::AtMost(1.3);

/// Runs the benchmark.
///
/// # Errors
/// If evidence is missing or refused by what is measured.
pub fn run(effort: Effort) -> Result<Table> {
    let subjects = load()?;
    let mut rows = rows_of(
        "aws-lc",
        &AwsLc,
        [FULL_GOAL, CACHED_GOAL],
        &subjects,
        effort,
    )?;
    let no_goals = [Goal::None, Goal::None];
    rows.extend(rows_of(
        "rust-crypto",
        &RustCrypto,
        no_goals,
        &subjects,
        effort,
    )?);
    for subject in &subjects.snp {
        rows.push(neighbour("aws-lc", &AwsLc, subject, effort)?);
        rows.push(neighbour("rust-crypto", &RustCrypto, subject, effort)?);
    }
    Ok(Table {
        name: "attestation",
        subject: subjects.origin.to_owned(),
        effort,
        rows,
    })
}

/// Rows of one implementation of the signature checks.
fn rows_of(
    label: &str,
    crypto: &impl Crypto,
    [full_goal, cached_goal]: [Goal; 2],
    subjects: &Subjects,
    effort: Effort,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for subject in &subjects.snp {
        let checks = snp_checks(subject)?;
        rows.push(Row {
            id: format!("{label}/{}-full", subject.name),
            unit: "us",
            against: "rsa-4096 pss x 2, p-384 x 1".to_owned(),
            comparison: full(crypto, subject, &checks, effort)?,
            goal: full_goal,
        });
        let last = checks.last().context("a report has a signature")?;
        rows.push(Row {
            id: format!("{label}/{}-cached-chain", subject.name),
            unit: "us",
            against: "p-384 x 1".to_owned(),
            comparison: cached(crypto, subject, last, effort)?,
            goal: cached_goal,
        });
    }
    let checks = nitro_checks(&subjects.nitro)?;
    rows.push(Row {
        id: format!("{label}/nitro-full"),
        unit: "us",
        against: format!("p-384 x {}", checks.len()),
        comparison: full(crypto, &subjects.nitro, &checks, effort)?,
        goal: full_goal,
    });
    Ok(rows)
}

fn full(
    crypto: &impl Crypto,
    subject: &Subject,
    checks: &[Check],
    effort: Effort,
) -> Result<Comparison> {
    let expected = Expected::nothing();
    let verdict = || {
        verify_with(
            crypto,
            black_box(&subject.bytes),
            &subject.endorsements,
            &subject.roots,
            subject.now,
            &subject.policy,
            &expected,
        )
    };
    ensure_accepted(subject, &verdict())?;
    ensure!(
        holds(crypto, checks),
        "{}: a bare check fails",
        subject.name
    );
    let measured = || {
        black_box(verdict());
    };
    let reference = || {
        black_box(holds(crypto, black_box(checks)));
    };
    Ok(compare(effort, measured, reference))
}

fn cached(
    crypto: &impl Crypto,
    subject: &Subject,
    check: &Check,
    effort: Effort,
) -> Result<Comparison> {
    let chain = VerifiedChain::follow_with(crypto, &subject.endorsements, &subject.roots)?;
    let expected = Expected::nothing();
    let verdict = || match parse(black_box(&subject.bytes)) {
        Ok(Evidence::Snp(report)) => {
            let authenticated = chain.authenticate_with(crypto, &report, subject.now);
            Some(appraise(&authenticated, &subject.policy, &expected))
        }
        Ok(Evidence::Nitro(_)) | Err(_) => None,
    };
    ensure_accepted(subject, &verdict().context("a report is parsed")?)?;
    let checks = core::slice::from_ref(check);
    ensure!(
        holds(crypto, checks),
        "{}: a bare check fails",
        subject.name
    );
    let measured = || {
        black_box(verdict());
    };
    let reference = || {
        black_box(holds(crypto, black_box(checks)));
    };
    Ok(compare(effort, measured, reference))
}

/// The crate `sev` over ours. It checks signatures alone, and parses its pinned root once.
fn neighbour(label: &str, crypto: &impl Crypto, subject: &Subject, effort: Effort) -> Result<Row> {
    let root = SevCertificate::from_der(&subject.root)?;
    let (Some(leaf), Some(intermediate)) = (
        &subject.endorsements.leaf,
        &subject.endorsements.intermediate,
    ) else {
        bail!("{}: certificates are missing", subject.name);
    };
    let theirs = || -> std::io::Result<()> {
        let report = AttestationReport::from_bytes(black_box(&subject.bytes))?;
        let intermediate = SevCertificate::from_der(intermediate)?;
        let leaf = SevCertificate::from_der(leaf)?;
        let chain = SevChain::from((intermediate, root.clone(), leaf));
        (&chain, &report).verify()
    };
    theirs()?;
    let expected = Expected::nothing();
    let ours = || {
        black_box(verify_with(
            crypto,
            black_box(&subject.bytes),
            &subject.endorsements,
            &subject.roots,
            subject.now,
            &subject.policy,
            &expected,
        ));
    };
    let measured = || {
        black_box(theirs()).ok();
    };
    Ok(Row {
        id: format!("sev-8/{}-over-{label}", subject.name),
        unit: "us",
        against: format!("our verdict with {label}"),
        comparison: compare(effort, measured, ours),
        goal: Goal::None,
    })
}

fn holds(crypto: &impl Crypto, checks: &[Check]) -> bool {
    checks.iter().all(|check| match check {
        Check::Pss(signed) => {
            crypto.verify_pss_sha384(&signed.key, &signed.message, &signed.signature)
        }
        Check::P384Der(signed) => {
            let signature = P384Signature::Asn1(&signed.signature);
            crypto.verify_p384(&signed.key, &signed.message, signature)
        }
        Check::P384Fixed(signed) => {
            let signature = P384Signature::Fixed(&signed.signature);
            crypto.verify_p384(&signed.key, &signed.message, signature)
        }
    })
}

fn ensure_accepted(subject: &Subject, verdict: &Verdict) -> Result<()> {
    let reasons = &verdict.reasons;
    ensure!(verdict.accepted, "{} is refused: {reasons:?}", subject.name);
    Ok(())
}

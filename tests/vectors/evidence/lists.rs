//! Revocation lists, which say in their names whose they are and what is on them.

use std::path::Path;

use anyhow::{Context, Result, bail};
use boop_verifier::{
    AwsLc, Endorsements, Evidence, Outcome, Roots, StepName, UnixTime, authenticate_with, parse,
};
use time::{Date, OffsetDateTime};
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode as _;

use super::{files, json, name, read};
use crate::suite::Suite;

/// Judges each list: at the edges of its life, of its own product and of another one.
pub(super) fn suite(folder: &Path, roots: &Path) -> Result<Suite> {
    let mut suite = Suite::new("snp-crls");
    for file in files(&roots.join("crl"), "crl")? {
        let id = name(&file)?;
        if let Err(error) = judge(&mut suite, &id, folder, roots, &read(&file)?) {
            suite.add(&id, "a list", &format!("{error:#}"));
        }
    }
    Ok(suite)
}

fn judge(suite: &mut Suite, id: &str, folder: &Path, roots: &Path, list: &[u8]) -> Result<()> {
    let product = id
        .split('-')
        .next()
        .context("a name starts with a product")?;
    let parsed = <CertificateList>::from_der(list)?.tbs_cert_list;
    let from = parsed.this_update.to_unix_duration().as_secs();
    let until = parsed
        .next_update
        .context("a list says how long it holds")?;
    let until = until.to_unix_duration().as_secs();
    let serials = parsed.revoked_certificates.iter().flatten();
    let serials = serials.map(|entry| hex::encode(entry.serial_number.as_bytes()));
    let serials: Vec<_> = serials.collect();
    suite.add(
        &format!("{id}: name"),
        id,
        &own_name(product, from, &serials)?,
    );

    let subject = subject(folder, roots, product)?;
    let ask = read(&roots.join(format!("{product}-ask.der")))?;
    let judge = |now| revocation(&subject, &ask, list, now);
    suite.add(
        &format!("{id}: from its first second"),
        "good",
        &judge(from),
    );
    suite.add(&format!("{id}: to its last second"), "good", &judge(until));
    suite.add(
        &format!("{id}: before"),
        "crl-not-yet-valid",
        &judge(from - 1),
    );
    suite.add(&format!("{id}: after"), "crl-stale", &judge(until + 1));
    let other = if product == "milan" { "genoa" } else { "milan" };
    let others = self::subject(folder, roots, other)?;
    let other_ask = read(&roots.join(format!("{other}-ask.der")))?;
    let of_other = revocation(&others, &other_ask, list, from);
    suite.add(
        &format!("{id}: for {other}"),
        "crl-not-signed-by-ark",
        &of_other,
    );
    for serial in &serials {
        let short = serial.trim_start_matches('0');
        let revoked = read(&roots.join(format!("{product}-ask-revoked-0x{short}.der")))?;
        let found = revocation(&subject, &revoked, list, from);
        suite.add(&format!("{id}: 0x{short}"), "intermediate-revoked", &found);
    }
    Ok(())
}

/// The name that a list should have.
fn own_name(product: &str, from: u64, serials: &[String]) -> Result<String> {
    let date: Date = OffsetDateTime::from_unix_timestamp(i64::try_from(from)?)?.date();
    let mut name = format!("{product}-{date}");
    for serial in serials {
        name += "-revokes-0x";
        name += serial.trim_start_matches('0');
    }
    Ok(name + ".crl")
}

/// A report of the product with the certificate of its key.
struct Subject {
    report: Evidence,
    leaf: Vec<u8>,
}

fn subject(folder: &Path, roots: &Path, product: &str) -> Result<Subject> {
    let index = json(&folder.join("index.json"))?;
    let cases = index.as_array().context("index.json is a list")?.iter();
    let mut genuine = cases.filter(|case| {
        let is = |field: &str, value: &str| case[field].as_str() == Some(value);
        let product_fits = case["product"].as_str().map(str::to_lowercase);
        is("group", "genuine")
            && is("signed_by", "VCEK")
            && product_fits.as_deref() == Some(product)
    });
    let Some(case) = genuine.next() else {
        bail!("no genuine report of {product} beside {}", roots.display());
    };
    let case = folder.join(
        case["id"]
            .as_str()
            .context("a case of index.json has an id")?,
    );
    Ok(Subject {
        report: parse(&read(&case.join("report.bin"))?)?,
        leaf: read(&case.join("vek.der"))?,
    })
}

/// What the verifier says of a list for an intermediate.
fn revocation(subject: &Subject, intermediate: &[u8], list: &[u8], now: u64) -> String {
    let endorsements = Endorsements {
        leaf: Some(subject.leaf.clone()),
        intermediate: Some(intermediate.to_vec()),
        crl: Some(list.to_vec()),
    };
    let (roots, now) = (Roots::vendor(), UnixTime(now));
    let authenticated = authenticate_with(&AwsLc, &subject.report, &endorsements, &roots, now);
    let mut steps = authenticated.steps().iter();
    match steps.find(|step| step.name == StepName::Revocation) {
        Some(step) if step.outcome == Outcome::Pass => "good".to_owned(),
        Some(step) => {
            let reasons = step.reasons.iter().map(ToString::to_string);
            reasons.collect::<Vec<_>>().join(", ")
        }
        None => "not judged".to_owned(),
    }
}

//! Endorsement key certificates without a report.

use std::path::Path;

use anyhow::{Context, Result};
use boop_verifier::snp::{REPORT_BYTES, Report};
use boop_verifier::{
    AwsLc, Endorsements, Evidence, Roots, RustCrypto, StepName, UnixTime, authenticate_with,
};

use super::{files, name, read};
use crate::suite::Suite;

/// Marks files whose signature does not verify.
const INVALID: &str = "invalid";

/// Follows each certificate to the root of the product in its name.
pub(super) fn suite(folder: &Path, roots: &Path) -> Result<Suite> {
    let mut suite = Suite::new("snp-certs-only");
    for file in files(&folder.join("certs-only"), "der")? {
        let id = name(&file)?;
        let expected = if id.contains(INVALID) {
            "chain-signature-invalid"
        } else {
            ""
        };
        let product = id
            .split('-')
            .next()
            .context("a name starts with a product")?;
        let intermediate = read(&roots.join(format!("{product}-ask.der")))?;
        let endorsements = Endorsements {
            leaf: Some(read(&file)?),
            intermediate: Some(intermediate),
            crl: None,
        };
        suite.add(&id, expected, &chain_reasons(&endorsements)?);
    }
    Ok(suite)
}

/// The reasons of the steps between certificate and root, by both implementations.
fn chain_reasons(endorsements: &Endorsements) -> Result<String> {
    let mut empty = [0; REPORT_BYTES];
    empty[0] = 3;
    let report = Evidence::Snp(Report::parse(&empty)?);
    let (roots, now) = (Roots::vendor(), UnixTime(0));
    let both = [
        authenticate_with(&AwsLc, &report, endorsements, &roots, now),
        authenticate_with(&RustCrypto, &report, endorsements, &roots, now),
    ];
    let [first, second] = both.map(|authenticated| {
        let wanted = [StepName::Certificate, StepName::Root, StepName::Chain];
        let steps = authenticated
            .steps()
            .iter()
            .filter(|step| wanted.contains(&step.name));
        let reasons = steps
            .flat_map(|step| &step.reasons)
            .map(ToString::to_string);
        reasons.collect::<Vec<_>>().join(", ")
    });
    Ok(if first == second {
        first
    } else {
        format!("aws-lc: {first}; rust-crypto: {second}")
    })
}

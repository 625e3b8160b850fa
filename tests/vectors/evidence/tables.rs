//! Certificate tables that hosts hand to their guests.

use std::path::Path;

use anyhow::{Context, Result};
use boop_verifier::snp::{CertificateTable, Report};

use super::{json, read};
use crate::suite::Suite;

const TABLE: &str = "cert-table.bin";

/// Reads each table that lies beside a report: it has to hold the certificate of the report's key.
pub(super) fn suite(folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new("snp-certificate-tables");
    let index = json(&folder.join("index.json"))?;
    for entry in index.as_array().context("index.json is a list")? {
        let id = entry["id"]
            .as_str()
            .context("a case of index.json has an id")?;
        let case = folder.join(id);
        if case.join(TABLE).is_file() {
            let got = leaf(&case).unwrap_or_else(|error| format!("{error:#}"));
            suite.add(id, "the certificate of the report's key", &got);
        }
    }
    Ok(suite)
}

fn leaf(case: &Path) -> Result<String> {
    let table = CertificateTable::parse(&read(&case.join(TABLE))?)?;
    let report = Report::parse(&read(&case.join("report.bin"))?)?;
    let leaf = table.endorsements_for(&report).leaf;
    let wanted = read(&case.join("vek.der"))?;
    Ok(match leaf {
        Some(leaf) if leaf == wanted => "the certificate of the report's key",
        Some(_) => "another certificate",
        None => "no certificate",
    }
    .to_owned())
}

//! Evidence of SEV-SNP and Nitro, judged under the policies of the vectors at the stated time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use boop_verifier::{
    Endorsements, Expected, Policy, Product, Roots, SimulatedEvidence, SimulatedRoots, UnixTime,
    Verdict, verify,
};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::suite::Suite;

/// The time of a case that states none, because nothing of it can be checked against a time.
const ANY_TIME: &str = "2026-06-01T00:00:00Z";

/// Judges every case of both kinds of evidence.
pub(crate) fn suites(folder: &Path) -> Result<Vec<Suite>> {
    let kinds = ["snp", "nitro"].map(|kind| (kind, folder.join(kind)));
    let present = kinds.iter().filter(|(_, folder)| folder.is_dir());
    present.map(|(kind, folder)| suite(kind, folder)).collect()
}

fn suite(kind: &str, folder: &Path) -> Result<Suite> {
    let mut suite = Suite::new(kind);
    let index = json(&folder.join("index.json"))?;
    for entry in index.as_array().context("index.json is a list")? {
        let id = entry["id"]
            .as_str()
            .context("a case of index.json has an id")?;
        let case = folder.join(id);
        match judge(kind, &case) {
            Ok((expected, got)) => suite.add(id, &expected, &got),
            Err(error) => suite.add(id, "a case", &format!("{error:#}")),
        }
    }
    Ok(suite)
}

/// The stated verdict with its reasons, and ours.
fn judge(kind: &str, folder: &Path) -> Result<(String, String)> {
    let case = Case {
        expected: json(&folder.join("expected.json"))?,
        folder: folder.to_owned(),
    };
    let verdict = case.verdict(kind)?;
    let stated = case.stated_reasons();
    let found: BTreeSet<_> = verdict.reasons.iter().map(ToString::to_string).collect();
    let stated_verdict = case.text("verdict");
    if stated_verdict == "indeterminate" {
        // Nobody has the certificate: we refuse, and name at least the reasons stated.
        let missing: BTreeSet<_> = stated.difference(&found).cloned().collect();
        let got = if verdict.accepted { "accept" } else { "reject" };
        return Ok((line("reject", &BTreeSet::new()), line(got, &missing)));
    }
    let got = if verdict.accepted { "accept" } else { "reject" };
    Ok((line(stated_verdict, &stated), line(got, &found)))
}

fn line(verdict: &str, reasons: &BTreeSet<String>) -> String {
    let reasons: Vec<_> = reasons.iter().map(String::as_str).collect();
    format!("{verdict} [{}]", reasons.join(", "))
}

/// One folder of the vectors.
struct Case {
    folder: PathBuf,
    expected: Value,
}

impl Case {
    fn verdict(&self, kind: &str) -> Result<Verdict> {
        let synthetic = self.is_under_synthetic_roots();
        let mut policy = Policy::p0();
        let mut roots = Roots::vendor();
        if synthetic {
            policy.simulated = SimulatedEvidence::Allow;
            roots = Roots::empty().with_simulated(self.synthetic_roots(kind)?);
        }
        let evidence = if kind == "snp" { "report" } else { "document" };
        let evidence = self.file(evidence)?.context("a case has evidence")?;
        let endorsements = Endorsements {
            leaf: self.file("endorsement_key")?,
            intermediate: self.file("intermediate")?,
            crl: self.file("crl")?,
        };
        let (now, expected) = (self.verify_time()?, Expected::nothing());
        Ok(verify(
            &evidence,
            &endorsements,
            &roots,
            now,
            &policy,
            &expected,
        ))
    }

    fn synthetic_roots(&self, kind: &str) -> Result<SimulatedRoots> {
        if kind == "nitro" {
            let root = read(&self.folder.join("../roots/synthetic-root.der"))?;
            let nitro = vec![root];
            return Ok(SimulatedRoots { snp: vec![], nitro });
        }
        let products = [Product::Milan, Product::Genoa, Product::Turin];
        let root = |product: Product| {
            let name = product.as_str().to_lowercase();
            let file = format!("../roots/synthetic/{name}-ark.der");
            Ok((product, read(&self.folder.join(file))?))
        };
        let snp = products.into_iter().map(root).collect::<Result<_>>()?;
        Ok(SimulatedRoots { snp, nitro: vec![] })
    }

    fn is_under_synthetic_roots(&self) -> bool {
        let fields = ["trusted_roots", "trusted_root"].map(|field| self.text(field));
        let mut fields = fields.iter();
        fields.any(|text| text.contains("configure as trusted"))
    }

    fn verify_time(&self) -> Result<UnixTime> {
        let text = self.expected["verify_time"].as_str().unwrap_or(ANY_TIME);
        let time = OffsetDateTime::parse(text, &Rfc3339).context("verify_time")?;
        Ok(UnixTime(u64::try_from(time.unix_timestamp())?))
    }

    fn stated_reasons(&self) -> BTreeSet<String> {
        let codes = self.expected["reject_reasons"].as_array();
        let codes = codes.into_iter().flatten().filter_map(Value::as_str);
        codes.map(str::to_owned).collect()
    }

    fn text(&self, field: &str) -> &str {
        self.expected[field].as_str().unwrap_or_default()
    }

    /// The file that a field names, if it names one.
    fn file(&self, field: &str) -> Result<Option<Vec<u8>>> {
        let name = self.expected[field].as_str();
        name.map(|name| read(&self.folder.join(name))).transpose()
    }
}

fn json(file: &Path) -> Result<Value> {
    serde_json::from_slice(&read(file)?).with_context(|| file.display().to_string())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| file.display().to_string())
}

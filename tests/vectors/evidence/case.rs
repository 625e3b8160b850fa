//! One folder of evidence with its `expected.json`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use boop_appraisal::policy::PolicyFile;
use boop_tests::bound::expected_of;
use boop_verifier::{
    Crypto, Endorsements, Expected, Policy, Product, Roots, SimulatedEvidence, SimulatedRoots,
    UnixTime, Verdict, verify_with,
};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{json, read};

/// The time of a case that states none, because nothing of it can be checked against a time.
const ANY_TIME: &str = "2026-06-01T00:00:00Z";

/// A case, read.
pub(super) struct Case {
    pub(super) expected: Value,
    evidence: Vec<u8>,
    endorsements: Endorsements,
    roots: Roots,
    now: UnixTime,
    policy: Policy,
    expect: Expected,
}

impl Case {
    /// Reads the case of a folder; `roots` is where certificates and simulated roots are.
    pub(super) fn read(kind: &str, folder: &Path, roots: &Path) -> Result<Self> {
        let expected = json(&folder.join("expected.json"))?;
        let files = Files {
            expected: &expected,
            folder,
            roots,
        };
        let evidence = if kind == "snp" { "report" } else { "document" };
        let mut policy = files.policy()?;
        let roots = if files.trusts_simulated() {
            if !files.names_policy_file() {
                policy.simulated = SimulatedEvidence::Allow;
            }
            Roots::empty().with_simulated(files.simulated_roots(kind)?)
        } else {
            Roots::vendor()
        };
        Ok(Self {
            evidence: files.named(evidence)?.context("a case has evidence")?,
            endorsements: Endorsements {
                leaf: files.named("endorsement_key")?,
                intermediate: files.named("intermediate")?,
                crl: files.named("crl")?,
            },
            roots,
            now: verify_time(&expected)?,
            policy,
            expect: expected_of(&expected["expect"])?,
            expected,
        })
    }

    /// Judges the case with one implementation of the signature checks.
    pub(super) fn verdict(&self, crypto: &impl Crypto) -> Verdict {
        verify_with(
            crypto,
            &self.evidence,
            &self.endorsements,
            &self.roots,
            self.now,
            &self.policy,
            &self.expect,
        )
    }

    pub(super) fn text(&self, field: &str) -> &str {
        self.expected[field].as_str().unwrap_or_default()
    }

    /// The codes of a list, in order of the alphabet.
    pub(super) fn codes(&self, field: &str) -> Result<BTreeSet<String>> {
        let codes = self.expected[field].as_array();
        let codes = codes.with_context(|| format!("{field} is no list"))?.iter();
        let codes = codes.map(|code| code.as_str().map(str::to_owned).context("a code is text"));
        codes.collect()
    }
}

/// Where the files of a case are.
struct Files<'a> {
    expected: &'a Value,
    folder: &'a Path,
    roots: &'a Path,
}

impl Files<'_> {
    /// The file that a field names, if it names one. What lies among the roots is looked for
    /// where the roots are.
    fn named(&self, field: &str) -> Result<Option<Vec<u8>>> {
        let Some(name) = self.expected[field].as_str() else {
            return Ok(None);
        };
        let path: PathBuf = match name.strip_prefix("../roots/") {
            Some(rest) => self.roots.join(rest),
            None => self.folder.join(name),
        };
        let bytes = read(&path).with_context(|| format!("{field} of the case"))?;
        Ok(Some(bytes))
    }

    fn names_policy_file(&self) -> bool {
        let name = self.expected["policy"].as_str();
        name.is_some_and(|name| name != "P0" && name != "N0")
    }

    fn policy(&self) -> Result<Policy> {
        let name = self.expected["policy"]
            .as_str()
            .context("no policy stated")?;
        if !self.names_policy_file() {
            return Ok(Policy::p0());
        }
        let path = self.folder.join(name);
        let text = String::from_utf8(read(&path)?).with_context(|| path.display().to_string())?;
        let file = PolicyFile::parse(&text).map_err(|error| anyhow!("{name}: {error}"))?;
        Ok(file.policy)
    }

    fn trusts_simulated(&self) -> bool {
        let fields = ["trusted_roots", "trusted_root"];
        let mut texts = fields
            .iter()
            .filter_map(|field| self.expected[field].as_str());
        texts.any(|text| text.contains("configure as trusted"))
    }

    fn simulated_roots(&self, kind: &str) -> Result<SimulatedRoots> {
        if kind == "nitro" {
            let nitro = vec![read(&self.roots.join("synthetic-root.der"))?];
            return Ok(SimulatedRoots { snp: vec![], nitro });
        }
        let root = |product: Product| {
            let name = product.as_str().to_lowercase();
            let file = self.roots.join("synthetic").join(format!("{name}-ark.der"));
            Ok((product, read(&file)?))
        };
        let products = [Product::Milan, Product::Genoa, Product::Turin];
        let snp = products.into_iter().map(root).collect::<Result<_>>()?;
        Ok(SimulatedRoots { snp, nitro: vec![] })
    }
}

fn verify_time(expected: &Value) -> Result<UnixTime> {
    unix_time(expected["verify_time"].as_str().unwrap_or(ANY_TIME)).context("verify_time")
}

/// Reads a time such as `2026-06-01T12:00:30Z`.
pub(super) fn unix_time(text: &str) -> Result<UnixTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339)?;
    Ok(UnixTime(u64::try_from(time.unix_timestamp())?))
}

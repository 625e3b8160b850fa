//! The cases of a vectors folder.

use std::collections::BTreeSet;
use std::fs;
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

/// The time of a case that states none, because nothing of it can be checked against a time.
const ANY_TIME: &str = "2026-06-01T00:00:00Z";

/// A platform that makes evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SEV-SNP reports.
    Snp,
    /// Nitro documents.
    Nitro,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Snp => "snp",
            Self::Nitro => "nitro",
        }
    }

    fn evidence(self) -> &'static str {
        match self {
            Self::Snp => "report",
            Self::Nitro => "document",
        }
    }
}

/// Every case of a folder.
#[derive(Debug)]
pub(crate) struct Evidence {
    cases: Vec<Case>,
}

impl Evidence {
    /// Reads the cases of both platforms.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut cases = vec![];
        for kind in [Kind::Snp, Kind::Nitro] {
            let folder = folder.join(kind.folder());
            let index = json(&folder.join("index.json"))?;
            for entry in index.as_array().context("index.json is a list")? {
                let id = entry["id"].as_str().context("a case has an id")?;
                let case = Case::read(kind, &folder.join(id));
                cases.push(case.with_context(|| id.to_owned())?);
            }
        }
        Ok(Self { cases })
    }

    /// Whose evidence it is.
    pub(crate) fn origin(&self) -> &'static str {
        if self.cases.iter().any(Case::is_genuine) {
            "genuine hardware's"
        } else {
            "of simulated hardware alone"
        }
    }

    /// Every case.
    pub(crate) fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// A case by its id.
    pub(crate) fn case(&self, id: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.id == id)
    }

    /// Cases that are accepted, genuine ones where there are any: first one of each make, then
    /// others.
    pub(crate) fn accepted(&self, kind: Kind, count: usize) -> Vec<&Case> {
        let of_kind = |case: &&Case| case.kind == kind && case.is_accepted;
        let genuine = self.cases.iter().filter(of_kind).any(Case::is_genuine);
        let fitting = self.cases.iter().filter(of_kind);
        let fitting = fitting.filter(|case| !genuine || case.is_genuine());
        let mut makes = BTreeSet::new();
        let (mut first, rest): (Vec<_>, Vec<_>) =
            fitting.partition(|case| makes.insert(case.make.clone()));
        first.extend(rest);
        first.truncate(count);
        first
    }
}

/// A piece of evidence with what belongs to it, and what is stated of it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) is_accepted: bool,
    pub(crate) reasons: BTreeSet<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) endorsements: Endorsements,
    pub(crate) now: UnixTime,
    pub(crate) policy: Policy,
    pub(crate) is_simulated: bool,
    /// Product, version and key, as far as they are stated.
    pub(crate) make: Vec<String>,
    group: String,
    roots: Roots,
    pub(crate) expected: Expected,
}

impl Case {
    /// Judges the case by real signature checks.
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict_by(&boop_verifier::AwsLc)
    }

    /// Judges the case by some implementation of the signature checks.
    pub(crate) fn verdict_by(&self, crypto: &impl Crypto) -> Verdict {
        self.verdict_under(crypto, &self.roots)
    }

    /// Judges the case under other roots than its own.
    pub(crate) fn verdict_under(&self, crypto: &impl Crypto, roots: &Roots) -> Verdict {
        verify_with(
            crypto,
            &self.bytes,
            &self.endorsements,
            roots,
            self.now,
            &self.policy,
            &self.expected,
        )
    }

    /// The case's place in its folder, such as `snp/syn-debug`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.kind.folder(), self.id)
    }

    /// Whether hardware made the evidence and nobody changed it.
    pub(crate) fn is_genuine(&self) -> bool {
        self.group == "genuine"
    }

    fn read(kind: Kind, folder: &Path) -> Result<Self> {
        let stated = json(&folder.join("expected.json"))?;
        let files = Files {
            stated: &stated,
            folder,
        };
        let is_simulated = files.is_simulated();
        let mut policy = files.policy()?;
        let mut roots = Roots::vendor();
        if is_simulated {
            policy.simulated = SimulatedEvidence::Allow;
            roots = Roots::empty().with_simulated(files.simulated_roots(kind)?);
        }
        let bytes = files.named(kind.evidence())?;
        let make = ["product", "report_version", "signed_by"];
        Ok(Self {
            id: files.text("id").to_owned(),
            kind,
            is_accepted: files.text("verdict") == "accept",
            reasons: files.reasons(),
            bytes: bytes.context("a case has evidence")?,
            endorsements: Endorsements {
                leaf: files.named("endorsement_key")?,
                intermediate: files.named("intermediate")?,
                crl: files.named("crl")?,
            },
            now: verify_time(&stated)?,
            policy,
            is_simulated,
            make: make.map(|field| stated[field].to_string()).to_vec(),
            group: files.text("group").to_owned(),
            roots,
            expected: expected_of(&stated["expect"])?,
        })
    }
}

/// Where the files of a case are.
struct Files<'a> {
    stated: &'a Value,
    folder: &'a Path,
}

impl Files<'_> {
    fn text(&self, field: &str) -> &str {
        self.stated[field].as_str().unwrap_or_default()
    }

    fn reasons(&self) -> BTreeSet<String> {
        let codes = self.stated["reject_reasons"].as_array();
        let codes = codes.into_iter().flatten().filter_map(Value::as_str);
        codes.map(str::to_owned).collect()
    }

    /// The file that a field names, if it names one.
    fn named(&self, field: &str) -> Result<Option<Vec<u8>>> {
        let name = self.stated[field].as_str();
        name.map(|name| read(&self.folder.join(name))).transpose()
    }

    /// The policy: a file of the case's own, or the one that all vectors are judged by.
    fn policy(&self) -> Result<Policy> {
        match self.text("policy") {
            "P0" | "N0" | "" => Ok(Policy::p0()),
            name => {
                let text = String::from_utf8(read(&self.folder.join(name))?)?;
                let file = PolicyFile::parse(&text).map_err(|error| anyhow!("{name}: {error}"))?;
                Ok(file.policy)
            }
        }
    }

    fn is_simulated(&self) -> bool {
        let fields = ["trusted_roots", "trusted_root"].map(|field| self.text(field));
        let mut fields = fields.iter();
        fields.any(|text| text.contains("configure as trusted"))
    }

    fn simulated_roots(&self, kind: Kind) -> Result<SimulatedRoots> {
        let roots = self.folder.join("../roots");
        if kind == Kind::Nitro {
            let nitro = vec![read(&roots.join("synthetic-root.der"))?];
            return Ok(SimulatedRoots { snp: vec![], nitro });
        }
        let products = [Product::Milan, Product::Genoa, Product::Turin];
        let root = |product: Product| {
            let name = product.as_str().to_lowercase();
            let file: PathBuf = roots.join("synthetic").join(format!("{name}-ark.der"));
            Ok((product, read(&file)?))
        };
        let snp = products.into_iter().map(root).collect::<Result<_>>()?;
        Ok(SimulatedRoots { snp, nitro: vec![] })
    }
}

fn verify_time(stated: &Value) -> Result<UnixTime> {
    let text = stated["verify_time"].as_str().unwrap_or(ANY_TIME);
    let time = OffsetDateTime::parse(text, &Rfc3339).context("verify_time")?;
    Ok(UnixTime(u64::try_from(time.unix_timestamp())?))
}

fn json(file: &Path) -> Result<Value> {
    serde_json::from_slice(&read(file)?).with_context(|| file.display().to_string())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| file.display().to_string())
}

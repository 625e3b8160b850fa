//! Test vectors: evidence in files, with what a verifier has to say of each.
//!
//! ```text
//! snp/index.json               every case in a line
//! snp/<case>/expected.json     verdict, reasons, flags, policy, time, decoded fields
//! snp/<case>/report.bin        the report; vek.der, intermediate.der and list.crl beside it
//! snp/roots/synthetic/         certificates of the simulated authorities
//! nitro/<case>/document.cbor   the document
//! nitro/roots/                 the simulated root
//! snp/policies/, nitro/policies/   the policies of those cases that are not judged by P0 or N0
//! ```
//!
//! The layout is that of collections of genuine evidence, so that one program judges both. No
//! private key is written.

mod cases;
mod decoded;
mod expected;
mod policies;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::chip::ChipModel;
use crate::forge::{ForgeError, Specimen};
use crate::harness::Harness;
use boop_platform::EvidenceKind;
use cases::{Case, Policy};

/// Seed and time of the vectors that this repository keeps: 2026-06-01T12:00:00Z.
pub const SEED: &str = "boop test vectors";
/// The time at which their evidence was made.
pub const NOW_MS: u64 = 1_780_315_200_000;

/// Why vectors could not be written.
#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    /// Evidence of a case could not be made.
    #[error("case {case} could not be made")]
    Forge {
        /// Which case.
        case: &'static str,
        /// What failed.
        source: ForgeError,
    },
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
}

/// Writes vectors of both platforms into `folder` and returns how many cases there are.
///
/// # Errors
/// [`VectorsError`] names the case or the file that failed.
pub fn write(harness: &Harness, folder: &Path) -> Result<usize, VectorsError> {
    let mut count = 0;
    for kind in [EvidenceKind::Snp, EvidenceKind::Nitro] {
        let folder = folder.join(match kind {
            EvidenceKind::Snp => "snp",
            EvidenceKind::Nitro => "nitro",
        });
        write_roots(harness, kind, &folder)?;
        write_policies(harness, kind, &folder)?;
        let mut index = Vec::new();
        for case in cases::all(kind) {
            index.push(write_case(harness, &case, &folder)?);
            count += 1;
        }
        write_json(&folder.join("index.json"), &Value::Array(index))?;
    }
    Ok(count)
}

/// Writes one case and returns its line of the index.
fn write_case(harness: &Harness, case: &Case, folder: &Path) -> Result<Value, VectorsError> {
    let made = harness.specimen(case.model, &case.changes);
    let forge = |source| VectorsError::Forge {
        case: case.id,
        source,
    };
    let specimen = made.map_err(forge)?;
    let files = files(harness, case.model, &specimen);
    let own = folder.join(case.id);
    for (name, bytes) in files.own() {
        write_file(&own.join(name), bytes)?;
    }
    let expected = expected::of(harness, case, &specimen, &files);
    write_json(&own.join("expected.json"), &expected)?;
    let fields = [
        "id",
        "group",
        "product",
        "report_version",
        "signed_by",
        "verify_time",
        "authentic",
        "verdict",
        "reject_reasons",
        "flags",
    ];
    let line = fields.map(|field| (field.to_owned(), expected[field].clone()));
    Ok(Value::Object(line.into_iter().collect()))
}

/// What lies beside a case, and under which name its `expected.json` refers to it.
struct Files<'a> {
    evidence: (&'static str, &'a [u8]),
    leaf: Option<(String, &'a [u8])>,
    intermediate: Option<(String, &'a [u8])>,
    crl: Option<(String, &'a [u8])>,
}

impl Files<'_> {
    /// Returns the files of the case's own folder.
    fn own(&self) -> Vec<(&str, &[u8])> {
        let others = [&self.leaf, &self.intermediate, &self.crl]
            .into_iter()
            .flatten();
        let others = others.map(|(name, bytes)| (name.as_str(), *bytes));
        let own = others.filter(|(name, _)| !name.contains('/'));
        [self.evidence].into_iter().chain(own).collect()
    }
}

/// Refers to a certificate that all cases share by its place among the roots.
fn files<'a>(harness: &Harness, model: ChipModel, specimen: &'a Specimen) -> Files<'a> {
    let shared = harness.authority().certificates();
    let named = |der: &'a Vec<u8>, own: &str| {
        let shared = shared.iter().find(|certificate| certificate.der == *der);
        let name = shared.map_or_else(
            || own.to_owned(),
            |certificate| format!("../roots/synthetic/{}.der", certificate.name),
        );
        (name, der.as_slice())
    };
    let evidence = match model.platform() {
        EvidenceKind::Snp => "report.bin",
        EvidenceKind::Nitro => "document.cbor",
    };
    Files {
        evidence: (evidence, &specimen.evidence),
        leaf: specimen.leaf.as_ref().map(|der| named(der, "vek.der")),
        intermediate: specimen
            .intermediate
            .as_ref()
            .map(|der| named(der, "intermediate.der")),
        crl: specimen.crl.as_ref().map(|der| named(der, "list.crl")),
    }
}

fn write_roots(harness: &Harness, kind: EvidenceKind, folder: &Path) -> Result<(), VectorsError> {
    for certificate in harness.authority().certificates() {
        let file = match (kind, certificate.name) {
            (EvidenceKind::Nitro, "nitro-root") => folder.join("roots/synthetic-root.der"),
            (EvidenceKind::Snp, "nitro-root") | (EvidenceKind::Nitro, _) => continue,
            (EvidenceKind::Snp, name) => folder.join(format!("roots/synthetic/{name}.der")),
        };
        write_file(&file, &certificate.der)?;
    }
    Ok(())
}

fn write_policies(
    harness: &Harness,
    kind: EvidenceKind,
    folder: &Path,
) -> Result<(), VectorsError> {
    for case in cases::all(kind) {
        if let Policy::File(name) = case.policy {
            let text = policies::text(harness, name);
            write_file(&folder.join("policies").join(name), text.as_bytes())?;
        }
    }
    Ok(())
}

fn write_json(path: &Path, value: &Value) -> Result<(), VectorsError> {
    let text = serde_json::to_string_pretty(value).expect("a value has text keys alone");
    write_file(path, format!("{text}\n").as_bytes())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), VectorsError> {
    let failed = |source| VectorsError::Io {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, bytes).map_err(failed)
}

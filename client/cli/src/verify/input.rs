//! Where evidence comes from, which kind it is, and what came with it.

mod address;
mod collect;
mod endorse;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use boop_appraisal::envelope::{self, EnvelopeError, Opened};
use boop_sdk::GatewayEvidence;
use boop_verifier::{Endorsements, Evidence, ParseError, UnixTime};
use boop_wire::codec::from_canonical_max;
use boop_wire::evidence::{BUNDLE_BYTES_MAX, EvidenceBundle};
use sha2::{Digest as _, Sha256};

use super::from_base64;
use crate::arguments::VerifyArguments;

/// Largest input with evidence, in bytes.
const EVIDENCE_BYTES_MAX: u64 = 1024 * 1024;
/// Largest name of a provider of configfs-tsm, in bytes.
const PROVIDER_BYTES_MAX: u64 = 64;

/// Names of what stands beside a report, as sources carry them.
pub(super) const KEY_CERTIFICATE: &str = "certificate of the key";
/// As above, for the certificate that issued it.
pub(super) const ISSUER_CERTIFICATE: &str = "certificate of the issuer";
/// As above, for the list of what the root took back.
pub(super) const REVOCATION_LIST: &str = "revocation list";

/// Evidence and what came with it.
#[derive(Debug)]
pub(super) struct Input {
    /// Where it came from.
    pub(super) origin: String,
    /// The form that it had there.
    pub(super) form: String,
    /// The chip's bytes, or why they are none of its platform's.
    pub(super) evidence: Result<Evidence, ParseError>,
    /// The same bytes, whatever they are.
    pub(super) bytes: Vec<u8>,
    /// Certificates beside it.
    pub(super) endorsements: Endorsements,
    /// The bundle around it, if it came in one.
    pub(super) bundle: Option<EvidenceBundle>,
    /// The connection on which it came, if a gateway sent it.
    pub(super) gateway: Option<GatewayEvidence>,
    /// What was taken without being asked for.
    pub(super) notes: Vec<String>,
    /// The byte strings that were read.
    pub(super) sources: Vec<Source>,
}

/// A byte string that a verdict rests on, by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// What it is.
    pub(super) what: &'static str,
    /// Where it came from.
    pub(super) from: String,
    /// Its length.
    pub(super) bytes: usize,
    /// Its SHA-256 in hexadecimal.
    pub(super) sha256: String,
}

impl Source {
    /// Names a byte string.
    pub(super) fn of(what: &'static str, from: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            what,
            from: from.into(),
            bytes: bytes.len(),
            sha256: hex::encode(Sha256::digest(bytes)),
        }
    }
}

/// Reads what the arguments name.
pub(super) fn read(name: &str, arguments: &VerifyArguments, at: UnixTime) -> anyhow::Result<Input> {
    let (mut input, folder) = match name {
        address if address.contains("://") => (address::read(address)?, None),
        "-" => {
            let bytes = read_limited(std::io::stdin(), EVIDENCE_BYTES_MAX)
                .context("cannot read standard input")?;
            (
                classify("standard input", "evidence as given", &bytes)?,
                None,
            )
        }
        path => {
            let path = PathBuf::from(path);
            let input = if path.is_dir() {
                from_folder(&path)?
            } else {
                let bytes = read_file(&path, EVIDENCE_BYTES_MAX)?;
                classify(name, "evidence as given", &bytes)?
            };
            (input, path.parent().map(Path::to_owned))
        }
    };
    endorse::complete(&mut input, folder.as_deref(), arguments, at)?;
    Ok(input)
}

/// Finds out what bytes are.
fn classify(origin: &str, what: &'static str, bytes: &[u8]) -> anyhow::Result<Input> {
    if bytes.is_empty() {
        bail!("{origin} is empty");
    }
    let source = Source::of(what, origin, bytes);
    let decoded = std::str::from_utf8(bytes).ok().and_then(from_base64);
    let bundle = decoded.as_deref().unwrap_or(bytes);
    let mut input = match from_canonical_max::<EvidenceBundle>(bundle, BUNDLE_BYTES_MAX) {
        Ok(bundle) => of_bundle(bundle),
        Err(_) => of_opened(match envelope::open(bytes) {
            Ok(opened) => opened,
            Err(EnvelopeError::Unknown) => bail!(
                "{origin} is neither an SEV-SNP report, nor a Nitro document, nor a TSM report, \
                 a CMW or an evidence bundle"
            ),
            Err(error) => return Err(error).with_context(|| format!("cannot open {origin}")),
        }),
    };
    input.origin = origin.into();
    input.sources.insert(0, source);
    Ok(input)
}

fn of_opened(opened: Opened) -> Input {
    Input {
        origin: String::new(),
        form: opened.form.to_string(),
        evidence: boop_verifier::parse(&opened.evidence),
        bytes: opened.evidence,
        endorsements: opened.endorsements,
        bundle: None,
        gateway: None,
        notes: opened.notes,
        sources: Vec::new(),
    }
}

fn of_bundle(bundle: EvidenceBundle) -> Input {
    let mut certificates = bundle.endorsements.iter().map(|der| der.0.clone());
    let endorsements = Endorsements {
        leaf: certificates.next(),
        intermediate: certificates.next(),
        crl: None,
    };
    Input {
        origin: String::new(),
        form: "evidence bundle".into(),
        evidence: boop_verifier::parse(&bundle.evidence),
        bytes: bundle.evidence.clone(),
        endorsements,
        bundle: Some(bundle),
        gateway: None,
        notes: Vec::new(),
        sources: Vec::new(),
    }
}

/// Reads an entry of configfs-tsm, or a copy of one.
fn from_folder(path: &Path) -> anyhow::Result<Input> {
    let outblob = path.join("outblob");
    if !outblob.is_file() {
        bail!(
            "{} is a folder without a file outblob; a folder must be an entry of configfs-tsm",
            path.display()
        );
    }
    let out = read_file(&outblob, EVIDENCE_BYTES_MAX)?;
    let auxblob = path.join("auxblob");
    let aux = if auxblob.is_file() {
        read_file(&auxblob, EVIDENCE_BYTES_MAX)?
    } else {
        Vec::new()
    };
    let provider = String::from_utf8(read_file(&path.join("provider"), PROVIDER_BYTES_MAX)?)
        .with_context(|| format!("{} is not text", path.join("provider").display()))?;
    let opened = envelope::open_tsm(&out, &aux, provider.trim())
        .with_context(|| format!("cannot open {}", path.display()))?;
    let mut input = of_opened(opened);
    input.origin = path.display().to_string();
    input.form = "entry of configfs-tsm".into();
    input.sources.push(Source::of(
        "evidence as given",
        outblob.display().to_string(),
        &out,
    ));
    if !aux.is_empty() {
        let from = auxblob.display().to_string();
        input
            .sources
            .push(Source::of("certificate table", from, &aux));
    }
    Ok(input)
}

/// Reads a file of at most `max` bytes.
///
/// # Errors
/// If it cannot be read, is a folder, or is longer.
pub(crate) fn read_file(path: &Path, max: u64) -> anyhow::Result<Vec<u8>> {
    if path.is_dir() {
        bail!("{} is a folder, not a file", path.display());
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_limited(file, max).with_context(|| format!("cannot read {}", path.display()))
}

fn read_limited(source: impl Read, max: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(max + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len())? > max {
        bail!("it is longer than {max} bytes");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_above_the_limit_is_refused() {
        assert_eq!(read_limited(&[1, 2][..], 2).unwrap(), [1, 2]);
        let refused = read_limited(&[1, 2, 3][..], 2).unwrap_err();
        assert_eq!(refused.to_string(), "it is longer than 2 bytes");
    }

    #[test]
    fn bytes_of_no_kind_are_refused_by_name() {
        let refused = |bytes: &[u8]| classify("x", "evidence", bytes).unwrap_err().to_string();

        assert_eq!(refused(b""), "x is empty");
        assert_eq!(
            refused(b"this is no evidence"),
            "x is neither an SEV-SNP report, nor a Nitro document, nor a TSM report, a CMW or an \
             evidence bundle"
        );
    }
}

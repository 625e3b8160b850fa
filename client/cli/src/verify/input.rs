//! Where evidence comes from, and which kind it is.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use boop_sdk::{ATTESTATION_PATH, GatewayEvidence, fetch_evidence};
use boop_verifier::{Endorsements, Evidence, EvidenceKind, ParseError};
use boop_wire::codec::from_canonical_max;
use boop_wire::evidence::{BUNDLE_BYTES_MAX, EvidenceBundle};

use super::from_base64;
use crate::arguments::VerifyArguments;

/// Largest file with evidence, in bytes.
const EVIDENCE_BYTES_MAX: u64 = 1024 * 1024;
/// Largest certificate or revocation list, in bytes.
const CERTIFICATE_BYTES_MAX: u64 = 1024 * 1024;
/// File beside a report that holds the certificate of its signing key.
const SIBLING: &str = "vek.der";

/// Evidence and what came with it.
#[derive(Debug)]
pub(super) struct Input {
    /// Where it came from.
    pub(super) origin: String,
    /// The chip's bytes, or why they are none of its platform's.
    pub(super) evidence: Result<Evidence, ParseError>,
    /// Certificates beside it.
    pub(super) endorsements: Endorsements,
    /// The bundle around it, if it came in one.
    pub(super) bundle: Option<EvidenceBundle>,
    /// The connection on which it came, if a gateway sent it.
    pub(super) gateway: Option<GatewayEvidence>,
    /// What was taken without being asked for.
    pub(super) notes: Vec<String>,
}

/// Reads what the arguments name.
pub(super) fn read(arguments: &VerifyArguments) -> anyhow::Result<Input> {
    let name = arguments.evidence.as_str();
    if let Some(rest) = name.strip_prefix("https://") {
        refuse_certificates(arguments, "a gateway")?;
        return from_gateway(rest);
    }
    if name.contains("://") {
        bail!("{name} is not an https:// address");
    }
    let (bytes, path) = match name {
        "-" => {
            let bytes = read_limited(std::io::stdin(), EVIDENCE_BYTES_MAX);
            (bytes.context("cannot read standard input")?, None)
        }
        path => {
            let path = PathBuf::from(path);
            (read_file(&path, EVIDENCE_BYTES_MAX)?, Some(path))
        }
    };
    if bytes.is_empty() {
        bail!("{name} is empty");
    }
    classify(bytes, path.as_deref(), arguments)
}

fn classify(
    bytes: Vec<u8>,
    path: Option<&Path>,
    arguments: &VerifyArguments,
) -> anyhow::Result<Input> {
    let origin = arguments.evidence.clone();
    let bytes = match std::str::from_utf8(&bytes).ok().and_then(from_base64) {
        Some(decoded) => decoded,
        None => bytes,
    };
    if let Ok(bundle) = from_canonical_max::<EvidenceBundle>(&bytes, BUNDLE_BYTES_MAX) {
        refuse_certificates(arguments, "an evidence bundle")?;
        return Ok(Input {
            origin,
            ..of_bundle(bundle)
        });
    }
    let evidence = boop_verifier::parse(&bytes);
    let mut notes = Vec::new();
    let endorsements = match &evidence {
        Err(ParseError::UnknownKind) => bail!(
            "{origin} is neither an SEV-SNP report, nor a Nitro document, nor an evidence bundle"
        ),
        Ok(Evidence::Nitro(_)) => {
            refuse_certificates(arguments, "a Nitro document")?;
            Endorsements::default()
        }
        Ok(Evidence::Snp(_)) | Err(_) => endorsements(arguments, path, &mut notes)?,
    };
    Ok(Input {
        origin,
        evidence,
        endorsements,
        bundle: None,
        gateway: None,
        notes,
    })
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
        evidence: boop_verifier::parse(&bundle.evidence),
        endorsements,
        bundle: Some(bundle),
        gateway: None,
        notes: Vec::new(),
    }
}

fn from_gateway(rest: &str) -> anyhow::Result<Input> {
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() && path != &ATTESTATION_PATH[1..] {
        bail!("evidence of a gateway is at https://{address}{ATTESTATION_PATH}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let evidence = runtime.block_on(fetch_evidence(address))?;
    Ok(Input {
        origin: format!("https://{address}{ATTESTATION_PATH}"),
        gateway: Some(evidence.clone()),
        ..of_bundle(evidence.bundle)
    })
}

fn endorsements(
    arguments: &VerifyArguments,
    path: Option<&Path>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Endorsements> {
    let sibling = path
        .map(|path| path.with_file_name(SIBLING))
        .filter(|sibling| arguments.vek.is_none() && sibling.is_file());
    if let Some(sibling) = &sibling {
        notes.push(format!("took the certificate {}", sibling.display()));
    }
    let leaf = arguments.vek.as_ref().or(sibling.as_ref());
    if leaf.is_none() {
        notes.push("no certificate of the signing key is at hand; give one with --vek".into());
    }
    Ok(Endorsements {
        leaf: leaf.map(|path| certificate(path)).transpose()?,
        intermediate: arguments
            .intermediate
            .as_ref()
            .map(|path| certificate(path))
            .transpose()?,
        crl: arguments
            .crl
            .as_ref()
            .map(|path| read_file(path, CERTIFICATE_BYTES_MAX))
            .transpose()?,
    })
}

/// Certificates are for reports alone; elsewhere they would be passed over in silence.
fn refuse_certificates(arguments: &VerifyArguments, what: &str) -> anyhow::Result<()> {
    let given = [
        ("--vek", arguments.vek.is_some()),
        ("--intermediate", arguments.intermediate.is_some()),
        ("--crl", arguments.crl.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((name, _)) => bail!("{name} goes with a bare report; {what} brings its certificates"),
        None => Ok(()),
    }
}

/// Reads a certificate in DER, or the first one of a PEM file.
fn certificate(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read_file(path, CERTIFICATE_BYTES_MAX)?;
    let Some(text) = std::str::from_utf8(&bytes)
        .ok()
        .filter(|text| text.contains(PEM_BEGIN))
    else {
        return Ok(bytes);
    };
    first_of_pem(text).with_context(|| format!("{} is not a PEM certificate", path.display()))
}

const PEM_BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const PEM_END: &str = "-----END CERTIFICATE-----";

fn first_of_pem(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(PEM_BEGIN)?;
    let (body, _) = rest.split_once(PEM_END)?;
    from_base64(body)
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

/// Names a platform.
pub(super) const fn kind_name(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Snp => "sev-snp",
        EvidenceKind::Nitro => "nitro",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_of_a_pem_file_is_taken() {
        let text = format!("leaf\n{PEM_BEGIN}\nAAEC\n{PEM_END}\n{PEM_BEGIN}\nBBBB\n{PEM_END}\n");

        assert_eq!(first_of_pem(&text), Some(vec![0, 1, 2]));
        assert_eq!(first_of_pem(PEM_BEGIN), None);
        assert_eq!(first_of_pem("nothing"), None);
    }

    #[test]
    fn a_file_above_the_limit_is_refused() {
        assert_eq!(read_limited(&[1, 2][..], 2).unwrap(), [1, 2]);
        let refused = read_limited(&[1, 2, 3][..], 2).unwrap_err();
        assert_eq!(refused.to_string(), "it is longer than 2 bytes");
    }
}

//! Certificates for a report: given, lying beside it, or fetched.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use boop_verifier::snp::certificate_to_der;
use boop_verifier::{Evidence, UnixTime};

use super::{
    ISSUER_CERTIFICATE, Input, KEY_CERTIFICATE, REVOCATION_LIST, Source, collect, read_file,
};
use crate::arguments::VerifyArguments;

/// Largest certificate or revocation list, in bytes.
const CERTIFICATE_BYTES_MAX: u64 = 1024 * 1024;
/// Line that ends a certificate in PEM.
const PEM_END: &[u8] = b"-----END CERTIFICATE-----";
/// File beside a report that holds the certificate of its signing key.
const SIBLING: &str = "vek.der";

/// Adds the certificates that the arguments name, and fetches what is missing if asked to.
pub(super) fn complete(
    input: &mut Input,
    folder: Option<&Path>,
    arguments: &VerifyArguments,
    at: UnixTime,
) -> anyhow::Result<()> {
    match (&input.evidence, &input.bundle) {
        (_, Some(_)) => return refuse(arguments, "an evidence bundle"),
        (Ok(Evidence::Nitro(_)), None) => return refuse(arguments, "a Nitro document"),
        (Ok(Evidence::Snp(_)) | Err(_), None) => {}
    }
    given(input, arguments)?;
    beside(input, folder)?;
    collect::missing(input, arguments, at)?;
    if input.endorsements.leaf.is_none() && input.evidence.is_ok() {
        input.notes.push(
            "no certificate of the signing key is at hand; give one with --vek, or fetch it with \
             --kds"
                .into(),
        );
    }
    Ok(())
}

fn given(input: &mut Input, arguments: &VerifyArguments) -> anyhow::Result<()> {
    if let Some(path) = &arguments.vek {
        input.endorsements.leaf = Some(certificate(input, path, KEY_CERTIFICATE)?);
    }
    if let Some(path) = &arguments.intermediate {
        let issuer = certificate(input, path, ISSUER_CERTIFICATE)?;
        input.endorsements.intermediate = Some(issuer);
    }
    if let Some(path) = &arguments.crl {
        let list = read_file(path, CERTIFICATE_BYTES_MAX)?;
        let from = path.display().to_string();
        input.sources.push(Source::of(REVOCATION_LIST, from, &list));
        input.endorsements.crl = Some(list);
    }
    Ok(())
}

fn beside(input: &mut Input, folder: Option<&Path>) -> anyhow::Result<()> {
    let sibling = folder.map(|folder| folder.join(SIBLING));
    match sibling.filter(|sibling| input.endorsements.leaf.is_none() && sibling.is_file()) {
        Some(sibling) => {
            input
                .notes
                .push(format!("took the certificate {}", sibling.display()));
            input.endorsements.leaf = Some(certificate(input, &sibling, KEY_CERTIFICATE)?);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Certificates are for reports alone; elsewhere they would be passed over in silence.
fn refuse(arguments: &VerifyArguments, what: &str) -> anyhow::Result<()> {
    let given = [
        ("--vek", arguments.vek.is_some()),
        ("--intermediate", arguments.intermediate.is_some()),
        ("--crl", arguments.crl.is_some()),
        ("--kds", arguments.kds),
        ("--kds-url", arguments.kds_url.is_some()),
        ("--cache", arguments.cache.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((name, _)) => bail!("{name} goes with a report; {what} brings its certificates"),
        None => Ok(()),
    }
}

/// Reads a certificate in DER, or the first one of a PEM file: AMD's `cert_chain` has two.
fn certificate(input: &mut Input, path: &Path, what: &'static str) -> anyhow::Result<Vec<u8>> {
    let bytes = read_file(path, CERTIFICATE_BYTES_MAX)?;
    let from = path.display().to_string();
    input.sources.push(Source::of(what, from, &bytes));
    certificate_to_der(first(&bytes))
        .ok_or_else(|| anyhow!("it is neither DER nor PEM"))
        .with_context(|| format!("{} is not a certificate", path.display()))
}

/// Cuts a PEM text after its first block.
fn first(bytes: &[u8]) -> &[u8] {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let mut length = 0;
    let end = lines.any(|line| {
        length += line.len();
        line.starts_with(PEM_END)
    });
    if end { &bytes[..length] } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_of_a_pem_file_is_taken() {
        let block = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let two = block.repeat(2);

        assert_eq!(first(&two), block);
        assert_eq!(first(block), block);
        assert_eq!(first(&[0x30, 0, b'\n']), [0x30, 0, b'\n']);
    }
}

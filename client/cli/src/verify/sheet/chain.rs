//! The certificates that are at hand, described for people. Nothing is decided here: the verifier
//! has read the same bytes by its own, stricter rules.

use boop_verifier::Evidence;
use der::Decode as _;
use minicbor::Decoder;
use minicbor::data::Type;
use sha2::{Digest as _, Sha256};

use crate::verify::input::Input;
use crate::verify::rfc3339;
use crate::verify::text::plain;

/// Certificates of a Nitro document that are shown.
const BUNDLE_MAX: u64 = 16;

/// A certificate in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::verify) struct Certificate {
    /// What it is in the chain.
    pub(in crate::verify) part: &'static str,
    pub(in crate::verify) subject: String,
    pub(in crate::verify) issuer: String,
    pub(in crate::verify) serial: String,
    pub(in crate::verify) from: String,
    pub(in crate::verify) until: String,
    /// SHA-256 of the DER.
    pub(in crate::verify) sha256: String,
}

/// Describes the certificates that came with the evidence, from the signing key upwards.
pub(super) fn of(input: &Input) -> Vec<Certificate> {
    match &input.evidence {
        Ok(Evidence::Nitro(document)) => of_document(document.payload_bytes()),
        Ok(Evidence::Snp(_)) | Err(_) => {
            let leaf = input.endorsements.leaf.as_deref();
            let intermediate = input.endorsements.intermediate.as_deref();
            let leaf = leaf.map(|der| described("signing key", der));
            let intermediate = intermediate.map(|der| described("issuer", der));
            leaf.into_iter().chain(intermediate).collect()
        }
    }
}

fn of_document(payload: &[u8]) -> Vec<Certificate> {
    let Some((leaf, bundle)) = certificates(payload) else {
        return vec![];
    };
    let issuers = bundle.iter().rev().map(|der| described("issuer", der));
    let mut chain: Vec<Certificate> = leaf
        .map(|der| described("signing key", &der))
        .into_iter()
        .chain(issuers)
        .collect();
    if let Some(last) = chain.last_mut().filter(|last| last.subject == last.issuer) {
        last.part = "root";
    }
    chain
}

/// Leaf and bundle of a Nitro payload, the bundle from the root down.
type Found = (Option<Vec<u8>>, Vec<Vec<u8>>);

fn certificates(payload: &[u8]) -> Option<Found> {
    let mut decoder = Decoder::new(payload);
    let entries = decoder.map().ok()?;
    let (mut leaf, mut bundle) = (None, Vec::new());
    let mut left = entries.unwrap_or(u64::MAX);
    while left > 0 && decoder.datatype().ok()? != Type::Break {
        left -= 1;
        match decoder.str().ok()? {
            "certificate" => leaf = Some(decoder.bytes().ok()?.to_vec()),
            "cabundle" => {
                let items = decoder.array().ok()??.min(BUNDLE_MAX);
                for _ in 0..items {
                    bundle.push(decoder.bytes().ok()?.to_vec());
                }
            }
            _ => decoder.skip().ok()?,
        }
    }
    Some((leaf, bundle))
}

fn described(part: &'static str, bytes: &[u8]) -> Certificate {
    let sha256 = hex::encode(Sha256::digest(bytes));
    let Ok(certificate) = x509_cert::Certificate::from_der(bytes) else {
        return Certificate {
            part,
            subject: "not readable as a certificate".into(),
            issuer: String::new(),
            serial: String::new(),
            from: String::new(),
            until: String::new(),
            sha256,
        };
    };
    let tbs = certificate.tbs_certificate();
    let time = |time: x509_cert::time::Time| rfc3339(time.to_unix_duration().as_secs());
    Certificate {
        part,
        subject: name(tbs.subject()),
        issuer: name(tbs.issuer()),
        serial: hex::encode(tbs.serial_number().as_bytes()),
        from: time(tbs.validity().not_before),
        until: time(tbs.validity().not_after),
        sha256,
    }
}

/// Writes a distinguished name so that lines can break in it.
fn name(name: &x509_cert::name::Name) -> String {
    plain(&name.to_string()).replace(',', ", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_certificate_are_shown_by_their_digest() {
        let shown = described("issuer", b"no certificate");

        assert_eq!(shown.subject, "not readable as a certificate");
        assert_eq!(shown.sha256.len(), 64);
    }

    #[test]
    fn certificates_are_found_in_maps_of_both_kinds() {
        let body = b"\x6bcertificate\x41\x07\x63foo\xf6\x68cabundle\x82\x41\x01\x41\x02";
        let definite = [b"\xa3", &body[..]].concat();
        let indefinite = [b"\xbf", &body[..], b"\xff"].concat();

        for payload in [definite, indefinite] {
            let found = certificates(&payload);

            assert_eq!(found, Some((Some(vec![7]), vec![vec![1], vec![2]])));
        }
        assert_eq!(certificates(b"\xa1\x01\x02"), None);
        assert_eq!(certificates(b""), None);
    }
}

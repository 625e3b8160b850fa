//! The certificates of a chain, described for people. Nothing is decided here: the verifier has
//! read the same bytes by its own, stricter rules.

use boop_verifier::{AwsLc, ChainPart, ChainPlace, Roots, certificate_chain};
use der::Decode as _;
use sha2::{Digest as _, Sha256};

use crate::verify::input::Input;
use crate::verify::rfc3339;
use crate::verify::text::plain;

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

/// Describes the certificates from the signing key up to the root, if one stands above them.
pub(super) fn of(input: &Input, roots: &Roots) -> Vec<Certificate> {
    let Ok(evidence) = &input.evidence else {
        return vec![];
    };
    let chain = certificate_chain(&AwsLc, evidence, &input.endorsements, roots);
    let mut described: Vec<_> = chain
        .iter()
        .map(|ChainPart { place, der }| described(part(*place), der))
        .collect();
    let ends = chain.last().map(|last| last.place);
    let rooted = matches!(
        ends,
        Some(ChainPlace::VendorRoot | ChainPlace::SimulatedRoot)
    );
    if ends.is_some() && !rooted {
        described.push(no_root());
    }
    described
}

const fn part(place: ChainPlace) -> &'static str {
    match place {
        ChainPlace::SigningKey => "signing key",
        ChainPlace::Issuer => "issuer",
        ChainPlace::BuiltInIssuer => "issuer, built in",
        ChainPlace::VendorRoot => "root of the vendor, built in",
        ChainPlace::SimulatedRoot => "root of SIMULATED hardware",
    }
}

fn no_root() -> Certificate {
    Certificate {
        part: "root",
        subject: "none: no pinned root signed the certificate above".into(),
        issuer: String::new(),
        serial: String::new(),
        from: String::new(),
        until: String::new(),
        sha256: String::new(),
    }
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
}

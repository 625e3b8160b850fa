//! Revocation lists of the AMD roots.
//!
//! A list counts when the root of the chain signed it, for that root, and it is current. A list
//! with an extension that changes its meaning (delta, scope) is not understood and refused.

use alloc::vec::Vec;

use der::{Decode, Encode, asn1::ObjectIdentifier};
use x509_cert::crl::CertificateList;

use crate::{
    certificate::{Certificate, SignatureAlgorithm, signed_part},
    crypto::Crypto,
    evidence::UnixTime,
    reason::Reason,
};

const DELTA_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");

/// Holds an intermediate against the list of its root; gives why either is refused.
pub(crate) fn check(
    list: &[u8],
    intermediate: &Certificate,
    root: &Certificate,
    now: UnixTime,
    crypto: &impl Crypto,
) -> Vec<Reason> {
    match parse(list) {
        Ok(parsed) => check_parsed(&parsed, list, intermediate, root, now, crypto),
        Err(_) => alloc::vec![Reason::CrlMalformed],
    }
}

fn parse(bytes: &[u8]) -> der::Result<CertificateList> {
    let list = CertificateList::from_der(bytes)?;
    let extensions = list.tbs_cert_list.crl_extensions.as_deref().unwrap_or(&[]);
    let understood = extensions
        .iter()
        .all(|extension| !extension.critical && extension.extn_id != DELTA_INDICATOR);
    if !understood || list.tbs_cert_list.signature != list.signature_algorithm {
        return Err(der::ErrorKind::Failed.into());
    }
    Ok(list)
}

fn check_parsed(
    list: &CertificateList,
    bytes: &[u8],
    intermediate: &Certificate,
    root: &Certificate,
    now: UnixTime,
    crypto: &impl Crypto,
) -> Vec<Reason> {
    if !is_signed_by(list, bytes, root, crypto) {
        // An unsigned list says nothing, neither about dates nor about serials.
        return alloc::vec![Reason::CrlNotSignedByArk];
    }
    let tbs = &list.tbs_cert_list;
    let mut reasons = Vec::new();
    if tbs.this_update.to_unix_duration().as_secs() > now.0 {
        reasons.push(Reason::CrlNotYetValid);
    }
    match tbs.next_update {
        Some(next) if now.0 <= next.to_unix_duration().as_secs() => {}
        Some(_) | None => reasons.push(Reason::CrlStale),
    }
    let mut revoked = tbs.revoked_certificates.iter().flatten();
    if revoked.any(|entry| entry.serial_number.as_bytes() == intermediate.serial()) {
        reasons.push(Reason::IntermediateRevoked);
    }
    reasons
}

fn is_signed_by(
    list: &CertificateList,
    bytes: &[u8],
    root: &Certificate,
    crypto: &impl Crypto,
) -> bool {
    let Ok(algorithm) = list.signature_algorithm.to_der() else {
        return false;
    };
    let Ok(signed) = signed_part(bytes) else {
        return false;
    };
    let Some(signature) = list.signature.as_bytes() else {
        return false;
    };
    list.tbs_cert_list.issuer == *root.subject()
        && root.verifies(
            SignatureAlgorithm::of(&algorithm),
            signed,
            signature,
            crypto,
        )
}

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

/// What a list that its root signed says about one intermediate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignedList {
    issued: UnixTime,
    renewed_by: Option<UnixTime>,
    lists_intermediate: bool,
}

impl SignedList {
    /// Reads a list and checks that the root signed it.
    pub(crate) fn follow(
        bytes: &[u8],
        intermediate: &Certificate,
        root: &Certificate,
        crypto: &impl Crypto,
    ) -> Result<Self, Reason> {
        let list = parse(bytes).map_err(|_| Reason::CrlMalformed)?;
        // An unsigned list says nothing, neither about dates nor about serials.
        if !is_signed_by(&list, bytes, root, crypto) {
            return Err(Reason::CrlNotSignedByArk);
        }
        let tbs = &list.tbs_cert_list;
        let time = |time: x509_cert::time::Time| UnixTime(time.to_unix_duration().as_secs());
        let mut revoked = tbs.revoked_certificates.iter().flatten();
        Ok(Self {
            issued: time(tbs.this_update),
            renewed_by: tbs.next_update.map(time),
            lists_intermediate: revoked
                .any(|entry| entry.serial_number.as_bytes() == intermediate.serial()),
        })
    }

    /// Says whether the list names the intermediate, at whatever time.
    pub(crate) fn lists_intermediate(self) -> bool {
        self.lists_intermediate
    }

    /// Gives why the list or the intermediate is refused at this time.
    pub(crate) fn reasons_at(self, now: UnixTime) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.issued > now {
            reasons.push(Reason::CrlNotYetValid);
        }
        if self.renewed_by.is_none_or(|renewed_by| now > renewed_by) {
            reasons.push(Reason::CrlStale);
        }
        if self.lists_intermediate {
            reasons.push(Reason::IntermediateRevoked);
        }
        reasons
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

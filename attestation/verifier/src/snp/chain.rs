//! The chain of a report: leaf, intermediate, pinned root.
//!
//! The root is never taken from the collateral. An intermediate is one that was handed over or
//! one of those compiled in; either way a pinned root must have signed it.

use alloc::{format, vec, vec::Vec};

use super::leaf::{KeyKind, LeafExtensions};
use crate::{
    certificate::{Certificate, CertificateError, SignatureAlgorithm},
    crypto::Crypto,
    evidence::{Endorsements, UnixTime},
    reason::Reason,
    record::Record,
    revocation,
    roots::{Roots, SnpRoot},
    step::StepName,
};

/// What became of the chain.
#[derive(Debug, Clone)]
pub(crate) struct Chain<'a> {
    pub(crate) leaf: Certificate,
    pub(crate) kind: Option<KeyKind>,
    pub(crate) extensions: LeafExtensions,
    pub(crate) root: Option<&'a SnpRoot>,
    pub(crate) revocation_checked: bool,
}

/// An intermediate and, when one signed it, the pinned root above it.
struct Issuer<'a> {
    certificate: Certificate,
    root: Option<(&'a SnpRoot, Certificate)>,
}

/// Builds the chain and notes a step for each thing that was checked.
///
/// Without a readable leaf there is no chain.
pub(crate) fn build<'a>(
    record: &mut Record,
    endorsements: &Endorsements,
    roots: &'a Roots,
    now: UnixTime,
    crypto: &impl Crypto,
) -> Option<Chain<'a>> {
    let leaf = read_leaf(record, endorsements)?;
    let kind = KeyKind::of_leaf(&leaf);
    let extensions = LeafExtensions::read(&leaf);

    let issuer = match find_issuer(endorsements, roots, &leaf, crypto) {
        Ok(issuer) => issuer,
        Err(reason) => {
            record.conclude(StepName::Root, "no intermediate to follow", vec![reason]);
            record.skip(StepName::Chain, "no intermediate to compare with");
            return Some(Chain {
                leaf,
                kind,
                extensions,
                root: None,
                revocation_checked: false,
            });
        }
    };
    check_root(record, &issuer);
    check_links(record, &leaf, kind, &issuer, crypto);
    check_validity(record, &leaf, &issuer, now);
    let revocation_checked = check_revocation(record, endorsements, &issuer, now, crypto);
    let root = issuer.root.map(|(root, _)| root);
    Some(Chain {
        leaf,
        kind,
        extensions,
        root,
        revocation_checked,
    })
}

fn read_leaf(record: &mut Record, endorsements: &Endorsements) -> Option<Certificate> {
    let Some(bytes) = &endorsements.leaf else {
        let reasons = vec![Reason::EndorsementKeyMissing];
        record.conclude(
            StepName::Certificate,
            "no vcek or vlek certificate given",
            reasons,
        );
        return None;
    };
    match Certificate::parse(bytes) {
        Ok(leaf) => {
            let mut reasons = Vec::new();
            if leaf.p384_key().is_none() {
                reasons.push(Reason::LeafKeyNotP384);
            }
            if leaf.algorithm() != SignatureAlgorithm::PssSha384 {
                reasons.push(Reason::LeafNotSignedWithRsassaPss);
            }
            if leaf.claims_ca() {
                reasons.push(Reason::LeafIsACa);
            }
            let detail = format!("leaf certificate is for {}", leaf.common_name());
            record.conclude(StepName::Certificate, detail, reasons);
            Some(leaf)
        }
        Err(error) => {
            record.conclude(
                StepName::Certificate,
                error,
                vec![certificate_reason(error)],
            );
            None
        }
    }
}

/// Gives the reason code for a certificate that cannot be used.
pub(crate) fn certificate_reason(error: CertificateError) -> Reason {
    match error {
        CertificateError::Malformed => Reason::CertificateMalformed,
        CertificateError::UnknownCriticalExtension => Reason::CertificateUnknownCriticalExtension,
    }
}

fn find_issuer<'a>(
    endorsements: &Endorsements,
    roots: &'a Roots,
    leaf: &Certificate,
    crypto: &impl Crypto,
) -> Result<Issuer<'a>, Reason> {
    let certificate = match &endorsements.intermediate {
        Some(bytes) => Certificate::parse(bytes).map_err(certificate_reason)?,
        None => roots
            .snp_intermediates
            .iter()
            .filter_map(|der| Certificate::parse(der).ok())
            .find(|candidate| leaf.is_issued_by(candidate, crypto))
            .ok_or(Reason::IntermediateMissing)?,
    };
    let root = roots.snp.iter().find_map(|root| {
        let parsed = Certificate::parse(&root.der).ok()?;
        certificate
            .is_issued_by(&parsed, crypto)
            .then_some((root, parsed))
    });
    Ok(Issuer { certificate, root })
}

fn check_root(record: &mut Record, issuer: &Issuer<'_>) {
    let name = issuer.certificate.common_name();
    match &issuer.root {
        Some((root, certificate)) => {
            let mark = if root.simulated {
                "simulated"
            } else {
                "vendor"
            };
            let above = certificate.common_name();
            let detail = format!("{name} is signed by the pinned {mark} root {above}");
            record.conclude(StepName::Root, detail, vec![]);
        }
        None => {
            let detail = format!("no pinned root signed {name}");
            record.conclude(StepName::Root, detail, vec![Reason::UntrustedRoot]);
        }
    }
}

fn check_links(
    record: &mut Record,
    leaf: &Certificate,
    kind: Option<KeyKind>,
    issuer: &Issuer<'_>,
    crypto: &impl Crypto,
) {
    let intermediate = &issuer.certificate;
    let mut reasons = Vec::new();
    if !leaf.is_issued_by(intermediate, crypto) {
        reasons.push(Reason::ChainSignatureInvalid);
    }
    if !intermediate.is_ca() {
        reasons.push(Reason::IntermediateNotACa);
    }
    let named = KeyKind::of_intermediate(intermediate);
    let kinds_agree = named.is_some_and(|(named, _)| kind.is_none_or(|kind| kind == named));
    let root_agrees = issuer
        .root
        .as_ref()
        .is_none_or(|(root, _)| named.is_none_or(|(_, product)| product == root.product.chain()));
    if !kinds_agree || !root_agrees {
        reasons.push(Reason::IntermediateKindMismatch);
    }
    let detail = format!(
        "{} issued by {}",
        leaf.common_name(),
        intermediate.common_name()
    );
    record.conclude(StepName::Chain, detail, reasons);
}

fn check_validity(record: &mut Record, leaf: &Certificate, issuer: &Issuer<'_>, now: UnixTime) {
    let root = issuer.root.as_ref().map(|(_, certificate)| certificate);
    let mut chain = [Some(leaf), Some(&issuer.certificate), root]
        .into_iter()
        .flatten();
    let detail = format!(
        "leaf is valid from {} to {}, checked at {}",
        leaf.not_before().0,
        leaf.not_after().0,
        now.0
    );
    let holds = chain.all(|certificate| certificate.is_valid_at(now));
    record.require(
        StepName::Validity,
        detail,
        holds,
        Reason::CertificateOutsideValidity,
    );
}

fn check_revocation(
    record: &mut Record,
    endorsements: &Endorsements,
    issuer: &Issuer<'_>,
    now: UnixTime,
    crypto: &impl Crypto,
) -> bool {
    let (list, root) = match (&endorsements.crl, &issuer.root) {
        (Some(list), Some((_, root))) => (list, root),
        (None, _) => {
            record.skip(StepName::Revocation, "no revocation list given");
            return false;
        }
        (Some(_), None) => {
            record.skip(
                StepName::Revocation,
                "no pinned root to check the list with",
            );
            return false;
        }
    };
    let reasons = revocation::check(list, &issuer.certificate, root, now, crypto);
    let good = reasons.is_empty();
    let detail = format!("list of {} against {}", root.common_name(), {
        issuer.certificate.common_name()
    });
    record.conclude(StepName::Revocation, detail, reasons);
    good
}

//! The chain of a Nitro document: pinned root, bundle in order, leaf.

use alloc::{borrow::Cow, format, string::String, vec, vec::Vec};

use super::payload::Payload;
use crate::{
    certificate::Certificate,
    crypto::Crypto,
    evidence::UnixTime,
    reason::Reason,
    record::Record,
    roots::{NitroRoot, Roots},
    snp::chain::certificate_reason,
    step::StepName,
    text::moment,
};

/// What became of the chain.
#[derive(Debug, Clone)]
pub(crate) struct Chain<'a> {
    pub(crate) leaf: Certificate,
    pub(crate) root: Option<&'a NitroRoot>,
    pub(crate) root_name: Option<String>,
}

/// Follows the bundle and notes a step for each thing that was checked.
pub(crate) fn build<'a>(
    record: &mut Record,
    payload: &Payload,
    roots: &'a Roots,
    now: UnixTime,
    crypto: &impl Crypto,
) -> Option<Chain<'a>> {
    let (leaf, bundle) = match read(payload, roots) {
        Ok(read) => read,
        Err(reason) => {
            let detail = "leaf certificate or bundle cannot be read";
            record.conclude(StepName::Certificate, detail, vec![reason]);
            return None;
        }
    };
    check_leaf(record, &leaf);
    let root = check_root(record, payload, &bundle, roots);
    if !bundle.is_empty() {
        check_links(record, &leaf, &bundle, crypto);
    }
    check_validity(record, &leaf, &bundle, now);
    let root_name = bundle.first().map(|first| first.common_name());
    Some(Chain {
        leaf,
        root,
        root_name,
    })
}

/// Reads the certificates; a pinned root that stands in the bundle was read before.
fn read<'a>(
    payload: &Payload,
    roots: &'a Roots,
) -> Result<(Certificate, Vec<Cow<'a, Certificate>>), Reason> {
    let leaf = payload
        .certificate
        .as_deref()
        .ok_or(Reason::CertificateMalformed)?;
    let leaf = Certificate::parse(leaf).map_err(certificate_reason)?;
    let bundle = payload.cabundle.iter().map(|der| match pinned(roots, der) {
        Some(root) => Ok(Cow::Borrowed(&root.certificate)),
        None => Certificate::parse(der).map(Cow::Owned),
    });
    let bundle = bundle
        .collect::<Result<_, _>>()
        .map_err(certificate_reason)?;
    Ok((leaf, bundle))
}

/// Finds a pinned root by its exact bytes.
fn pinned<'a>(roots: &'a Roots, der: &[u8]) -> Option<&'a NitroRoot> {
    roots.nitro.iter().find(|root| root.der == der)
}

fn check_leaf(record: &mut Record, leaf: &Certificate) {
    let mut reasons = Vec::new();
    if leaf.p384_key().is_none() {
        reasons.push(Reason::LeafKeyNotP384);
    }
    if leaf.claims_ca() {
        reasons.push(Reason::LeafIsACa);
    }
    if !leaf.may_sign_data() {
        reasons.push(Reason::LeafKeyUsage);
    }
    let detail = format!("leaf certificate is for {}", leaf.common_name());
    record.conclude(StepName::Certificate, detail, reasons);
}

/// Compares the first element of the bundle with the pinned roots, byte by byte.
fn check_root<'a>(
    record: &mut Record,
    payload: &Payload,
    bundle: &[Cow<'_, Certificate>],
    roots: &'a Roots,
) -> Option<&'a NitroRoot> {
    let Some(first) = payload.cabundle.first() else {
        record.skip(StepName::Root, "bundle is empty");
        return None;
    };
    let root = pinned(roots, first);
    let name = bundle
        .first()
        .map(|first| first.common_name())
        .unwrap_or_default();
    let mark = match root {
        Some(root) if root.simulated => "equals a pinned simulated root",
        Some(_) => "equals a pinned vendor root",
        None => "equals no pinned root",
    };
    let detail = format!("bundle begins with {name}, which {mark}");
    record.require(
        StepName::Root,
        detail,
        root.is_some(),
        Reason::UntrustedRoot,
    );
    root
}

fn check_links(
    record: &mut Record,
    leaf: &Certificate,
    bundle: &[Cow<'_, Certificate>],
    crypto: &impl Crypto,
) {
    let issuers = bundle.iter().map(Cow::as_ref);
    let below = issuers.clone().skip(1).chain([leaf]);
    let signed = issuers
        .zip(below)
        .all(|(issuer, child)| child.is_issued_by(issuer, crypto));
    let mut reasons = Vec::new();
    if !signed {
        reasons.push(Reason::ChainSignatureInvalid);
    }
    if !bundle.iter().all(|issuer| issuer.is_ca()) {
        reasons.push(Reason::IssuerNotACa);
    }
    // Issuers below the one at hand are those after it in the bundle; the leaf does not count.
    let issuers_below = (0..bundle.len()).rev();
    let fits = bundle.iter().zip(issuers_below).all(|(issuer, count)| {
        issuer
            .path_length()
            .is_none_or(|limit| count <= usize::from(limit))
    });
    if !fits {
        reasons.push(Reason::PathLengthExceeded);
    }
    let detail = format!("{} issuers in order, then the leaf", bundle.len());
    record.conclude(StepName::Chain, detail, reasons);
}

fn check_validity(
    record: &mut Record,
    leaf: &Certificate,
    bundle: &[Cow<'_, Certificate>],
    now: UnixTime,
) {
    let validity = leaf.validity();
    let detail = format!(
        "leaf is valid from {} to {}, checked at {}",
        moment(validity.not_before),
        moment(validity.not_after),
        moment(now)
    );
    let issuers = bundle.iter().map(Cow::as_ref);
    let holds = issuers
        .chain([leaf])
        .all(|certificate| certificate.validity().holds_at(now));
    record.require(
        StepName::Validity,
        detail,
        holds,
        Reason::CertificateOutsideValidity,
    );
}

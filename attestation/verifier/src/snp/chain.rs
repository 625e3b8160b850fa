//! The chain of a report: leaf, intermediate, pinned root.
//!
//! The root is never taken from the collateral. An intermediate is one that was handed over or
//! one of those compiled in; either way a pinned root must have signed it.
//!
//! [`Chain::follow`] does what costs: it reads the certificates and checks their signatures, and
//! looks at no clock. [`note`] turns what was found into steps at a moment. So a chain that was
//! followed once serves many reports, and every report gets the steps that it would have got.

use alloc::{format, string::String, vec, vec::Vec};

use super::{
    leaf::{KeyKind, LeafExtensions},
    product::Product,
};
use crate::{
    certificate::{Certificate, CertificateError, SignatureAlgorithm, Validity},
    crypto::{Crypto, P384_POINT_BYTES},
    evidence::{Endorsements, UnixTime},
    reason::Reason,
    record::Record,
    revocation::SignedList,
    roots::Roots,
    step::StepName,
    text::moment,
};

/// A chain, followed as far as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) leaf: Leaf,
    /// Why there is none, or the issuer.
    issuer: Result<Issuer, Reason>,
    list: List,
}

/// What a leaf certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) name: String,
    pub(crate) key: Option<[u8; P384_POINT_BYTES]>,
    pub(crate) kind: Option<KeyKind>,
    pub(crate) extensions: LeafExtensions,
    is_signed_with_pss: bool,
    claims_ca: bool,
    validity: Validity,
}

/// Says why there is no chain at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoLeaf {
    /// No leaf was given.
    Missing,
    /// It cannot be used.
    Unusable(CertificateError),
}

/// The intermediate and, when one signed it, the pinned root above it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Issuer {
    name: String,
    is_ca: bool,
    issued_leaf: bool,
    validity: Validity,
    /// The kind of key and the product that the common name states.
    named: Option<(KeyKind, Product)>,
    root: Option<Root>,
}

/// A pinned root, as far as a chain needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) product: Product,
    pub(crate) simulated: bool,
    name: String,
    validity: Validity,
}

/// What became of the revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum List {
    NotGiven,
    WithoutRoot,
    Read(Result<SignedList, Reason>),
}

impl Chain {
    /// Reads the certificates and checks their signatures.
    pub(crate) fn follow(
        endorsements: &Endorsements,
        roots: &Roots,
        crypto: &impl Crypto,
    ) -> Result<Self, NoLeaf> {
        let leaf = endorsements.leaf.as_deref().ok_or(NoLeaf::Missing)?;
        let leaf = Certificate::parse(leaf).map_err(NoLeaf::Unusable)?;
        let (issuer, list) = match &endorsements.intermediate {
            Some(der) => match Certificate::parse(der) {
                Ok(certificate) => {
                    let issued_leaf = leaf.is_issued_by(&certificate, crypto);
                    follow_issuer(&certificate, issued_leaf, endorsements, roots, crypto)
                }
                Err(error) => (Err(certificate_reason(error)), List::WithoutRoot),
            },
            None => {
                let mut candidates = roots.snp_intermediates.iter();
                match candidates.find(|candidate| leaf.is_issued_by(candidate, crypto)) {
                    Some(found) => follow_issuer(found, true, endorsements, roots, crypto),
                    None => (Err(Reason::IntermediateMissing), List::WithoutRoot),
                }
            }
        };
        let leaf = Leaf::of(&leaf);
        Ok(Self { leaf, issuer, list })
    }

    /// Gives the pinned root at which the chain ends.
    pub(crate) fn root(&self) -> Option<&Root> {
        self.issuer.as_ref().ok()?.root.as_ref()
    }

    /// Says whether a good list that is current at this time leaves the intermediate alone.
    pub(crate) fn is_revocation_checked(&self, now: UnixTime) -> bool {
        matches!(&self.list, List::Read(Ok(list)) if list.reasons_at(now).is_empty())
    }

    /// Gives why the revocation list refuses the chain at any time.
    pub(crate) fn lasting_revocation(&self) -> Option<Reason> {
        match &self.list {
            List::NotGiven | List::WithoutRoot => None,
            List::Read(Err(reason)) => Some(reason.clone()),
            List::Read(Ok(list)) => list
                .lists_intermediate()
                .then_some(Reason::IntermediateRevoked),
        }
    }

    /// Notes the steps that do not depend on the time.
    pub(crate) fn note_lasting(&self, record: &mut Record) {
        self.leaf.note(record);
        match &self.issuer {
            Ok(issuer) => {
                issuer.note_root(record);
                issuer.note_links(record, &self.leaf);
            }
            Err(reason) => {
                record.conclude(
                    StepName::Root,
                    "no intermediate to follow",
                    vec![reason.clone()],
                );
                record.skip(StepName::Chain, "no intermediate to compare with");
            }
        }
    }

    fn note_at(&self, record: &mut Record, now: UnixTime) {
        let Ok(issuer) = &self.issuer else { return };
        note_validity(record, &self.leaf, issuer, now);
        note_revocation(record, &self.list, issuer, now);
    }
}

/// Notes a step for each thing that was checked of a chain, and gives the chain if there is one.
pub(crate) fn note<'a>(
    record: &mut Record,
    chain: Result<&'a Chain, NoLeaf>,
    now: UnixTime,
) -> Option<&'a Chain> {
    let (detail, reason) = match chain {
        Ok(chain) => {
            chain.note_lasting(record);
            chain.note_at(record, now);
            return Some(chain);
        }
        Err(NoLeaf::Missing) => (
            String::from("no vcek or vlek certificate given"),
            Reason::EndorsementKeyMissing,
        ),
        Err(NoLeaf::Unusable(error)) => (format!("{error}"), certificate_reason(error)),
    };
    record.conclude(StepName::Certificate, detail, vec![reason]);
    None
}

/// Gives the reason code for a certificate that cannot be used.
pub(crate) fn certificate_reason(error: CertificateError) -> Reason {
    match error {
        CertificateError::Malformed => Reason::CertificateMalformed,
        CertificateError::UnknownCriticalExtension => Reason::CertificateUnknownCriticalExtension,
    }
}

/// Looks for the pinned root above an intermediate, and at the root's revocation list.
fn follow_issuer(
    certificate: &Certificate,
    issued_leaf: bool,
    endorsements: &Endorsements,
    roots: &Roots,
    crypto: &impl Crypto,
) -> (Result<Issuer, Reason>, List) {
    let mut roots = roots.snp.iter();
    let root = roots.find(|root| certificate.is_issued_by(&root.certificate, crypto));
    let list = match (&endorsements.crl, root) {
        (None, _) => List::NotGiven,
        (Some(_), None) => List::WithoutRoot,
        (Some(list), Some(root)) => List::Read(SignedList::follow(
            list,
            certificate,
            &root.certificate,
            crypto,
        )),
    };
    let issuer = Issuer {
        name: certificate.common_name(),
        is_ca: certificate.is_ca(),
        issued_leaf,
        validity: certificate.validity(),
        named: KeyKind::of_intermediate(certificate),
        root: root.map(|root| Root {
            product: root.product,
            simulated: root.simulated,
            name: root.certificate.common_name(),
            validity: root.certificate.validity(),
        }),
    };
    (Ok(issuer), list)
}

impl Leaf {
    fn of(certificate: &Certificate) -> Self {
        Self {
            name: certificate.common_name(),
            key: certificate.p384_key().copied(),
            kind: KeyKind::of_leaf(certificate),
            extensions: LeafExtensions::read(certificate),
            is_signed_with_pss: certificate.algorithm() == SignatureAlgorithm::PssSha384,
            claims_ca: certificate.claims_ca(),
            validity: certificate.validity(),
        }
    }

    fn note(&self, record: &mut Record) {
        let mut reasons = Vec::new();
        if self.key.is_none() {
            reasons.push(Reason::LeafKeyNotP384);
        }
        if !self.is_signed_with_pss {
            reasons.push(Reason::LeafNotSignedWithRsassaPss);
        }
        if self.claims_ca {
            reasons.push(Reason::LeafIsACa);
        }
        let detail = format!("leaf certificate is for {}", self.name);
        record.conclude(StepName::Certificate, detail, reasons);
    }
}

impl Issuer {
    fn note_root(&self, record: &mut Record) {
        let name = &self.name;
        match &self.root {
            Some(root) => {
                let mark = if root.simulated {
                    "simulated"
                } else {
                    "vendor"
                };
                let above = &root.name;
                let detail = format!("{name} is signed by the pinned {mark} root {above}");
                record.conclude(StepName::Root, detail, vec![]);
            }
            None => {
                let detail = format!("no pinned root signed {name}");
                record.conclude(StepName::Root, detail, vec![Reason::UntrustedRoot]);
            }
        }
    }

    fn note_links(&self, record: &mut Record, leaf: &Leaf) {
        let mut reasons = Vec::new();
        if !self.issued_leaf {
            reasons.push(Reason::ChainSignatureInvalid);
        }
        if !self.is_ca {
            reasons.push(Reason::IntermediateNotACa);
        }
        let kinds_agree = self
            .named
            .is_some_and(|(named, _)| leaf.kind.is_none_or(|kind| kind == named));
        let root_agrees = self.root.as_ref().is_none_or(|root| {
            self.named
                .is_none_or(|(_, product)| product == root.product.chain())
        });
        if !kinds_agree || !root_agrees {
            reasons.push(Reason::IntermediateKindMismatch);
        }
        let detail = format!("{} issued by {}", leaf.name, self.name);
        record.conclude(StepName::Chain, detail, reasons);
    }
}

fn note_validity(record: &mut Record, leaf: &Leaf, issuer: &Issuer, now: UnixTime) {
    let root = issuer.root.as_ref().map(|root| root.validity);
    let mut chain = [Some(leaf.validity), Some(issuer.validity), root]
        .into_iter()
        .flatten();
    let detail = format!(
        "leaf is valid from {} to {}, checked at {}",
        moment(leaf.validity.not_before),
        moment(leaf.validity.not_after),
        moment(now)
    );
    let holds = chain.all(|validity| validity.holds_at(now));
    record.require(
        StepName::Validity,
        detail,
        holds,
        Reason::CertificateOutsideValidity,
    );
}

fn note_revocation(record: &mut Record, list: &List, issuer: &Issuer, now: UnixTime) {
    let reasons = match list {
        List::NotGiven => {
            record.skip(StepName::Revocation, "no revocation list given");
            return;
        }
        List::WithoutRoot => {
            record.skip(
                StepName::Revocation,
                "no pinned root to check the list with",
            );
            return;
        }
        List::Read(Ok(list)) => list.reasons_at(now),
        List::Read(Err(reason)) => vec![reason.clone()],
    };
    let root = issuer.root.as_ref().map_or("", |root| root.name.as_str());
    let detail = format!("list of {root} against {}", issuer.name);
    record.conclude(StepName::Revocation, detail, reasons);
}

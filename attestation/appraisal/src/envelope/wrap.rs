//! Writing an envelope: evidence and what endorses it, as a collection.

use boop_verifier::{Endorsements, EvidenceKind};

use super::cmw::{Cmw, Collection, ContentType, Indicator, Label, Record};
use super::{found, media_type, shape, tsm};

/// Type of the collections written here; it says what the labels mean.
pub const COLLECTION_TYPE: &str = "tag:boop.network,2026:evidence";

/// Label of the evidence.
pub(super) const EVIDENCE: &str = "evidence";
/// Label of the certificate of the signing key.
pub(super) const LEAF: &str = "vek";
/// Label of the certificate that issued it.
pub(super) const INTERMEDIATE: &str = "intermediate";
/// Label of the revocation list.
pub(super) const REVOCATION_LIST: &str = "crl";

/// Wraps evidence and what endorses it; a root is never among it.
pub fn wrap(evidence: &[u8], endorsements: &Endorsements) -> Cmw {
    let (content_type, value) = match shape(evidence) {
        Some(EvidenceKind::Nitro) => (media_type::NITRO_DOCUMENT, evidence.to_vec()),
        Some(EvidenceKind::Snp) => (media_type::TSM_REPORT_CBOR, tsm::to_cbor(evidence)),
        None => (media_type::OCTETS, evidence.to_vec()),
    };
    let mut items = vec![item(EVIDENCE, content_type, value, Indicator::EVIDENCE)];
    let certificates = [
        (LEAF, &endorsements.leaf),
        (INTERMEDIATE, &endorsements.intermediate),
    ];
    for (label, certificate) in certificates {
        if let Some(der) = certificate.as_ref().filter(|der| !found::is_root(der)) {
            let (name, value) = (media_type::CERTIFICATE, der.clone());
            items.push(item(label, name, value, Indicator::ENDORSEMENTS));
        }
    }
    if let Some(list) = &endorsements.crl {
        let (name, value) = (media_type::REVOCATION_LIST, list.clone());
        items.push(item(REVOCATION_LIST, name, value, Indicator::ENDORSEMENTS));
    }
    Cmw::Collection(Collection {
        collection_type: Some(COLLECTION_TYPE.into()),
        items,
    })
}

fn item(label: &str, media_type: &str, value: Vec<u8>, indicator: Indicator) -> (Label, Cmw) {
    let record = Record {
        content_type: ContentType::Media(media_type.into()),
        value,
        indicator: Some(indicator),
    };
    (Label::Text(label.into()), Cmw::Record(record))
}

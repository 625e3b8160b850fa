//! What a CMW holds: one piece of evidence, and certificates in their places.

use boop_verifier::snp::certificate_to_der;
use boop_verifier::{Endorsements, EvidenceKind};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;

use super::cmw::{Cmw, ContentType, Indicator, Label, Record};
use super::media_type::Kind;
use super::{EnvelopeError, Form, Opened, Place, ROOT_NOTE, shape, tsm, wrap};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    evidence: Vec<Vec<u8>>,
    endorsements: Endorsements,
    notes: Vec<String>,
}

/// One item, as its errors and notes name it.
struct Item<'a> {
    label: Option<&'a Label>,
    content_type: &'a ContentType,
    value: &'a [u8],
    indicator: Option<Indicator>,
}

impl Found {
    /// Looks through a wrapper.
    pub(super) fn of(cmw: &Cmw) -> Result<Self, EnvelopeError> {
        let mut found = Self::default();
        found.take(None, cmw)?;
        Ok(found)
    }

    /// Gives the one piece of evidence and what stands beside it.
    pub(super) fn into_opened(self, form: Form) -> Result<Opened, EnvelopeError> {
        let found = self.evidence.len();
        let [evidence]: [Vec<u8>; 1] = self
            .evidence
            .try_into()
            .map_err(|_| EnvelopeError::EvidenceCount { found })?;
        Ok(Opened {
            form,
            evidence,
            endorsements: self.endorsements,
            notes: self.notes,
        })
    }

    /// Looks through a wrapper in a collection. The reader has bounded how deep they lie.
    fn take(&mut self, label: Option<&Label>, cmw: &Cmw) -> Result<(), EnvelopeError> {
        match cmw {
            Cmw::Collection(collection) => collection
                .items
                .iter()
                .try_for_each(|(label, item)| self.take(Some(label), item)),
            Cmw::Record(Record {
                content_type,
                value,
                indicator,
            }) => self.take_item(&Item {
                label,
                content_type,
                value,
                indicator: *indicator,
            }),
            Cmw::Tag(tag) => self.take_item(&Item {
                label,
                content_type: &ContentType::Format(tag.format),
                value: &tag.value,
                indicator: None,
            }),
        }
    }

    fn take_item(&mut self, item: &Item<'_>) -> Result<(), EnvelopeError> {
        let kind = Kind::of(item.content_type);
        item.check_indicator(kind)?;
        match kind {
            Kind::SnpReport => self.take_evidence(item, EvidenceKind::Snp)?,
            Kind::CoseSign1 => self.take_evidence(item, EvidenceKind::Nitro)?,
            Kind::TsmCbor => self.take_tsm(tsm::TsmReport::from_cbor(item.value)?)?,
            Kind::TsmJson => self.take_tsm(tsm::TsmReport::from_json(item.value)?)?,
            Kind::Octets if item.is_for_evidence() && shape(item.value).is_some() => {
                self.evidence.push(item.value.to_vec());
            }
            Kind::Certificate => {
                let der = certificate_to_der(item.value).ok_or_else(|| item.content_error())?;
                self.take_certificate(item, der)?;
            }
            Kind::CertificateChain => {
                for der in pem_chain(item.value).ok_or_else(|| item.content_error())? {
                    self.take_certificate(item, der)?;
                }
            }
            Kind::RevocationList => {
                let der = certificate_to_der(item.value).ok_or_else(|| item.content_error())?;
                self.place(Place::RevocationList, der)?;
            }
            Kind::Octets | Kind::Unknown => {
                let (label, content_type) = (item.label_text(), item.content_type);
                let note = format!("item {label} of type {content_type}: ignored");
                self.notes.push(note);
            }
        }
        Ok(())
    }

    fn take_evidence(&mut self, item: &Item<'_>, kind: EvidenceKind) -> Result<(), EnvelopeError> {
        if shape(item.value) != Some(kind) {
            return Err(item.content_error());
        }
        self.evidence.push(item.value.to_vec());
        Ok(())
    }

    fn take_tsm(&mut self, report: tsm::TsmReport) -> Result<(), EnvelopeError> {
        let opened = report.open()?;
        self.evidence.push(opened.evidence);
        self.notes.extend(opened.notes);
        let places = [
            (Place::Leaf, opened.endorsements.leaf),
            (Place::Intermediate, opened.endorsements.intermediate),
            (Place::RevocationList, opened.endorsements.crl),
        ];
        for (place, der) in places {
            der.map_or(Ok(()), |der| self.place(place, der))?;
        }
        Ok(())
    }

    /// Finds the place of a certificate: our own labels say it, else the certificate does.
    fn take_certificate(&mut self, item: &Item<'_>, der: Vec<u8>) -> Result<(), EnvelopeError> {
        if is_root(&der) {
            self.notes.push(ROOT_NOTE.into());
            return Ok(());
        }
        let label = match item.label {
            Some(Label::Text(text)) => text.as_str(),
            Some(Label::Number(_)) | None => "",
        };
        let place = match label {
            wrap::LEAF => Place::Leaf,
            wrap::INTERMEDIATE => Place::Intermediate,
            _ => match is_authority(&der) {
                Some(true) => Place::Intermediate,
                Some(false) => Place::Leaf,
                None => return Err(item.content_error()),
            },
        };
        self.place(place, der)
    }

    fn place(&mut self, place: Place, der: Vec<u8>) -> Result<(), EnvelopeError> {
        let slot = match place {
            Place::Leaf => &mut self.endorsements.leaf,
            Place::Intermediate => &mut self.endorsements.intermediate,
            Place::RevocationList => &mut self.endorsements.crl,
        };
        if slot.as_ref().is_some_and(|before| *before != der) {
            return Err(EnvelopeError::Contradiction { place });
        }
        *slot = Some(der);
        Ok(())
    }
}

impl Item<'_> {
    /// Refuses an item whose indicator denies what its media type says.
    fn check_indicator(&self, kind: Kind) -> Result<(), EnvelopeError> {
        let wanted = match kind {
            Kind::Octets | Kind::Unknown => return Ok(()),
            _ if kind.is_evidence() => Indicator::EVIDENCE,
            _ => Indicator::ENDORSEMENTS,
        };
        match self.indicator {
            Some(indicator) if !indicator.has(wanted) => Err(EnvelopeError::Indicator {
                label: self.label_text(),
                media_type: self.content_type.to_string(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn is_for_evidence(&self) -> bool {
        self.indicator
            .is_some_and(|indicator| indicator.has(Indicator::EVIDENCE))
    }

    fn label_text(&self) -> String {
        self.label
            .map_or_else(|| "without a label".into(), ToString::to_string)
    }

    fn content_error(&self) -> EnvelopeError {
        EnvelopeError::Content {
            label: self.label_text(),
            media_type: self.content_type.to_string(),
        }
    }
}

/// Says whether a certificate names itself as its issuer.
pub(super) fn is_root(der: &[u8]) -> bool {
    Certificate::from_der(der).is_ok_and(|certificate| {
        let fields = certificate.tbs_certificate();
        fields.issuer() == fields.subject()
    })
}

/// Says whether a certificate may issue others; `None` when it cannot be read.
fn is_authority(der: &[u8]) -> Option<bool> {
    let certificate = Certificate::from_der(der).ok()?;
    let constraints = certificate
        .tbs_certificate()
        .get_extension::<BasicConstraints>()
        .ok()?;
    Some(constraints.is_some_and(|(_, constraints)| constraints.ca))
}

/// Takes a PEM text of certificates apart.
fn pem_chain(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let text = core::str::from_utf8(bytes).ok()?;
    let (before, rest) = text.split_once(BEGIN)?;
    if !before.trim().is_empty() {
        return None;
    }
    rest.split(BEGIN)
        .map(|body| certificate_to_der(format!("{BEGIN}{body}").as_bytes()))
        .collect()
}

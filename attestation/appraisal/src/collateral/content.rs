//! Whether bytes are what they were asked for. Signatures are the verifier's matter.

use boop_verifier::{Product, UnixTime};
use der::{Decode, asn1::ObjectIdentifier};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_cert::{Certificate, crl::CertificateList};

/// AMD's extension with the product's name.
const PRODUCT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");

/// The times that a revocation list states about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrlDates {
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one is due.
    pub next_update: Option<UnixTime>,
}

impl CrlDates {
    /// Reads the times of a list without verifying it.
    pub fn read(der: &[u8]) -> Option<Self> {
        let list: CertificateList = CertificateList::from_der(der).ok()?;
        let list = list.tbs_cert_list;
        Some(Self {
            this_update: UnixTime(list.this_update.to_unix_duration().as_secs()),
            next_update: list
                .next_update
                .map(|time| UnixTime(time.to_unix_duration().as_secs())),
        })
    }

    /// Says whether the list is current.
    pub fn is_current(self, now: UnixTime) -> bool {
        self.this_update <= now && self.next_update.is_some_and(|next| now <= next)
    }
}

pub(crate) fn is_certificate(der: &[u8]) -> bool {
    Certificate::from_der(der).is_ok()
}

pub(crate) fn is_crl(der: &[u8]) -> bool {
    <CertificateList>::from_der(der).is_ok()
}

/// Takes the intermediate out of a PEM chain of two: it comes first, then the root that issued
/// both. The root is left behind: roots come from the verifier alone.
pub(crate) fn intermediate_of_chain(pem: &[u8]) -> Option<Vec<u8>> {
    let parts: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let parts = parts.ok()?;
    let [intermediate, root] = parts.as_slice() else {
        return None;
    };
    let first = Certificate::from_der(intermediate).ok()?;
    let second = Certificate::from_der(root).ok()?;
    let (first, second) = (first.tbs_certificate(), second.tbs_certificate());
    let in_order = second.issuer() == second.subject()
        && first.issuer() == second.subject()
        && first.subject() != first.issuer();
    in_order.then(|| intermediate.to_vec())
}

/// Reads which chain a leaf certificate belongs to, unverified: it only says whom to ask.
pub(crate) fn product_of_leaf(der: &[u8]) -> Option<Product> {
    let certificate = Certificate::from_der(der).ok()?;
    let extensions = certificate.tbs_certificate().extensions()?;
    let extension = extensions
        .iter()
        .find(|extension| extension.extn_id == PRODUCT_NAME)?;
    let name = der::asn1::Ia5StringRef::from_der(extension.extn_value.as_bytes()).ok()?;
    let name = name.as_str().split('-').next()?;
    Product::ALL
        .into_iter()
        .find(|product| product.as_str() == name)
}

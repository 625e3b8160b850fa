//! Whether bytes are what they were asked for. Signatures are the verifier's matter.

use boop_verifier::{Product, Tcb, UnixTime};
use der::{Decode, asn1::ObjectIdentifier};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_cert::{Certificate, crl::CertificateList, name::Name};

use super::{Wanted, WantedKey};

/// AMD's extension with the product's name.
const PRODUCT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
/// AMD's extensions with the parts of the firmware level.
const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const FMC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.9");
/// AMD's extension with the chip's id.
const HARDWARE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");
/// Tag of a DER OCTET STRING, in which newer certificates wrap the chip's id.
const OCTET_STRING: u8 = 0x04;

/// The longest that a list may be current from now on; AMD's are for about a year.
const LIST_SECONDS_MAX: u64 = 400 * 86_400;

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
    stated_product(&Certificate::from_der(der).ok()?)
}

/// Says whether a certificate states the chip, firmware level and product that are wanted.
pub(crate) fn is_leaf_of(der: &[u8], wanted: &Wanted) -> bool {
    let (WantedKey::Vcek { chip_id, tcb }, Ok(certificate)) =
        (&wanted.key, Certificate::from_der(der))
    else {
        return false;
    };
    stated_product(&certificate) == Some(wanted.product.chain())
        && stated_chip(&certificate).is_some_and(|id| id == wanted.hardware_id(chip_id))
        && states_level(&certificate, tcb)
}

/// Says whether a certificate has the name of the intermediate that is wanted.
pub(crate) fn is_intermediate_of(der: &[u8], wanted: &Wanted) -> bool {
    let kind = match wanted.key {
        WantedKey::Vcek { .. } => "SEV-",
        WantedKey::Vlek => "SEV-VLEK-",
    };
    let expected = format!("{kind}{}", wanted.chain_name());
    Certificate::from_der(der).is_ok_and(|certificate| {
        common_name(certificate.tbs_certificate().subject()).as_deref() == Some(&expected)
    })
}

/// Says whether a list names the root that is wanted as its issuer, was made by now and does not
/// claim to be current for longer than lists are. It may have run out.
pub(crate) fn is_list_of(der: &[u8], wanted: &Wanted, now: UnixTime) -> bool {
    let Ok(list) = <CertificateList>::from_der(der) else {
        return false;
    };
    let issuer = common_name(&list.tbs_cert_list.issuer);
    let expected = format!("ARK-{}", wanted.chain_name());
    let is_plausible = CrlDates::read(der).is_some_and(|dates| {
        let until = now.0.saturating_add(LIST_SECONDS_MAX);
        dates.this_update <= now && dates.next_update.is_some_and(|next| next.0 <= until)
    });
    issuer.as_deref() == Some(&expected) && is_plausible
}

fn stated_product(certificate: &Certificate) -> Option<Product> {
    let value = extension(certificate, PRODUCT_NAME)?;
    let name = der::asn1::Ia5StringRef::from_der(value).ok()?;
    let name = name.as_str().split('-').next()?;
    Product::ALL
        .into_iter()
        .find(|product| product.as_str() == name)
}

/// Gives the chip's id as the key server takes it.
fn stated_chip(certificate: &Certificate) -> Option<String> {
    let value = extension(certificate, HARDWARE_ID)?;
    let id = match value {
        [OCTET_STRING, length, id @ ..]
            if usize::from(*length) == id.len() && matches!(id.len(), 8 | 64) =>
        {
            id
        }
        raw => raw,
    };
    Some(hex::encode(id))
}

fn states_level(certificate: &Certificate, tcb: &Tcb) -> bool {
    let states = |id, level: u8| {
        let value = extension(certificate, id);
        value.and_then(|der| u8::from_der(der).ok()) == Some(level)
    };
    tcb.fmc.is_none_or(|fmc| states(FMC, fmc))
        && states(BOOTLOADER, tcb.bootloader)
        && states(TEE, tcb.tee)
        && states(SNP, tcb.snp)
        && states(MICROCODE, tcb.microcode)
}

fn extension(certificate: &Certificate, id: ObjectIdentifier) -> Option<&[u8]> {
    let mut extensions = certificate.tbs_certificate().extensions()?.iter();
    let found = extensions.find(|extension| extension.extn_id == id)?;
    Some(found.extn_value.as_bytes())
}

fn common_name(name: &Name) -> Option<String> {
    let found = name.common_name().ok().flatten()?;
    Some(found.value().into_owned())
}

//! What a VCEK or VLEK certificate says in AMD's own extensions.

use alloc::{string::String, vec::Vec};

use der::{
    Decode,
    asn1::{Ia5StringRef, ObjectIdentifier},
};

use super::{product::Product, tcb::TcbBytes};
use crate::certificate::Certificate;

const PRODUCT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const FMC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.9");
const HWID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");
const CSP_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.5");

/// Bytes of a chip id up to Genoa.
const HWID_BYTES: usize = 64;
/// Bytes of a chip id of Turin.
const TURIN_HWID_BYTES: usize = 8;
/// Tag of a DER OCTET STRING, in which newer certificates wrap the chip id.
const OCTET_STRING: u8 = 0x04;

/// Kind of a leaf or of its issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// Key of a chip, issued by an ASK.
    Vcek,
    /// Key of a provider's fleet, issued by an ASVK.
    Vlek,
}

impl KeyKind {
    /// Recognises a leaf by its common name.
    pub(crate) fn of_leaf(certificate: &Certificate) -> Option<Self> {
        match certificate.common_name().as_str() {
            "SEV-VCEK" => Some(Self::Vcek),
            "SEV-VLEK" => Some(Self::Vlek),
            _ => None,
        }
    }

    /// Recognises an intermediate by its common name, such as `SEV-Genoa` or `SEV-VLEK-Genoa`.
    pub(crate) fn of_intermediate(certificate: &Certificate) -> Option<(Self, Product)> {
        let name = certificate.common_name();
        let rest = name.strip_prefix("SEV-")?;
        let (kind, product) = match rest.strip_prefix("VLEK-") {
            Some(product) => (Self::Vlek, product),
            None => (Self::Vcek, rest),
        };
        Some((kind, Product::from_certificate_name(product)?))
    }
}

/// Extensions of a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeafExtensions {
    pub(crate) product_name: Option<String>,
    pub(crate) fmc: Option<u8>,
    pub(crate) bootloader: Option<u8>,
    pub(crate) tee: Option<u8>,
    pub(crate) snp: Option<u8>,
    pub(crate) microcode: Option<u8>,
    pub(crate) hwid: Option<Vec<u8>>,
    pub(crate) provider: Option<String>,
}

impl LeafExtensions {
    /// Reads the extensions; one that is absent or malformed is `None`.
    pub(crate) fn read(certificate: &Certificate) -> Self {
        let text = |id| certificate.extension(id).and_then(ia5_text);
        let number = |id| {
            certificate
                .extension(id)
                .and_then(|der| u8::from_der(der).ok())
        };
        Self {
            product_name: text(PRODUCT_NAME),
            fmc: number(FMC),
            bootloader: number(BOOTLOADER),
            tee: number(TEE),
            snp: number(SNP),
            microcode: number(MICROCODE),
            hwid: certificate
                .extension(HWID)
                .map(|value| unwrap_hwid(value).to_vec()),
            provider: text(CSP_ID),
        }
    }

    /// Gives the product that the certificate names.
    pub(crate) fn product(&self) -> Option<Product> {
        self.product_name
            .as_deref()
            .and_then(Product::from_certificate_name)
    }

    /// Says whether the components that every product has are all stated.
    pub(crate) fn states_common_levels(&self) -> bool {
        let stated = [self.bootloader, self.tee, self.snp, self.microcode];
        stated.iter().all(Option::is_some)
    }

    /// Gives the eight bytes that a report of this firmware level carries.
    ///
    /// A component that is not stated leaves nothing to compare with.
    pub(crate) fn tcb(&self, product: Product) -> Option<TcbBytes> {
        let (bootloader, tee) = (self.bootloader?, self.tee?);
        let (snp, microcode) = (self.snp?, self.microcode?);
        match product.chain() {
            Product::Turin => Some(TcbBytes([
                self.fmc?, bootloader, tee, snp, 0, 0, 0, microcode,
            ])),
            Product::Milan | Product::Genoa | Product::SienaBergamo => {
                Some(TcbBytes([bootloader, tee, 0, 0, 0, 0, snp, microcode]))
            }
        }
    }

    /// Gives the chip id as a report of this product carries it.
    pub(crate) fn chip_id(&self, product: Product) -> Option<[u8; 64]> {
        let bytes = match product.chain() {
            Product::Turin => TURIN_HWID_BYTES,
            Product::Milan | Product::Genoa | Product::SienaBergamo => HWID_BYTES,
        };
        let hwid = self.hwid.as_deref().filter(|hwid| hwid.len() == bytes)?;
        let mut chip_id = [0; 64];
        chip_id
            .iter_mut()
            .zip(hwid)
            .for_each(|(to, from)| *to = *from);
        Some(chip_id)
    }
}

fn ia5_text(der: &[u8]) -> Option<String> {
    let text = Ia5StringRef::from_der(der).ok()?;
    Some(String::from(text.as_str()))
}

/// Takes off the OCTET STRING head. Wrapped and raw chip ids differ in length.
fn unwrap_hwid(value: &[u8]) -> &[u8] {
    match value {
        [OCTET_STRING, length, inner @ ..]
            if usize::from(*length) == inner.len()
                && matches!(inner.len(), HWID_BYTES | TURIN_HWID_BYTES) =>
        {
            inner
        }
        raw => raw,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_wrapped_chip_id_equals_a_raw_one() {
        let raw = [4; HWID_BYTES];
        let mut wrapped = vec![OCTET_STRING, 64];
        wrapped.extend_from_slice(&raw);

        assert_eq!(unwrap_hwid(&wrapped), raw);
        assert_eq!(unwrap_hwid(&raw), raw);
    }

    #[test]
    fn a_component_that_is_not_stated_leaves_no_level() {
        let full = LeafExtensions {
            product_name: None,
            fmc: None,
            bootloader: Some(1),
            tee: Some(2),
            snp: Some(3),
            microcode: Some(4),
            hwid: None,
            provider: None,
        };

        assert_eq!(
            full.tcb(Product::Genoa),
            Some(TcbBytes([1, 2, 0, 0, 0, 0, 3, 4]))
        );
        assert_eq!(full.tcb(Product::Turin), None);
        assert_eq!(
            LeafExtensions { tee: None, ..full }.tcb(Product::Genoa),
            None
        );
    }
}

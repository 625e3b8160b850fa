//! Certificates of the keys that sign reports: of one chip (VCEK) or of a provider's fleet (VLEK).

use der::asn1::ObjectIdentifier;

use super::snp::{Firmware, SnpChip};
use crate::authority::{AMD_UNIT, Product};
use crate::certificate::{Certificate, Extension, Validity, basic_constraints, unknown_critical};
use crate::der_writer::{IA5_STRING, OCTET_STRING, element, unsigned};
use crate::key::{RsaKey, SignatureForm, SigningError};

/// Whose key a certificate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeafKind {
    /// One chip's.
    Vcek,
    /// A cloud provider's fleet's.
    Vlek,
}

impl LeafKind {
    /// Returns the common name of the certificate.
    fn subject(self) -> &'static str {
        match self {
            Self::Vcek => "SEV-VCEK",
            Self::Vlek => "SEV-VLEK",
        }
    }

    /// Returns the common name of its issuer.
    fn issuer(self, product: Product) -> String {
        match self {
            Self::Vcek => format!("SEV-{}", product.name()),
            Self::Vlek => format!("SEV-VLEK-{}", product.name()),
        }
    }
}

/// How a certificate writes the chip id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HardwareId {
    /// As it is, as most certificates have it.
    Raw,
    /// Inside an OCTET STRING, as newer ones have it.
    OctetString,
    /// Not at all, as a fleet's has it.
    Absent,
}

/// What goes into the certificate of an endorsement key.
#[derive(Debug, Clone)]
pub(crate) struct EndorsementLeaf {
    pub(crate) product: Product,
    pub(crate) kind: LeafKind,
    /// The line of issuers in whose name it is issued.
    pub(crate) issued_as: LeafKind,
    pub(crate) product_name: &'static str,
    pub(crate) chip_id: [u8; 64],
    pub(crate) hardware_id: HardwareId,
    pub(crate) provider: Option<&'static str>,
    pub(crate) firmware: Firmware,
    pub(crate) validity: Validity,
    pub(crate) public_key_info: Vec<u8>,
    /// Numbers of the firmware components that it leaves out.
    pub(crate) left_out: &'static [u8],
    pub(crate) claims_ca: bool,
    pub(crate) unknown_critical: bool,
    pub(crate) signature_form: SignatureForm,
}

impl EndorsementLeaf {
    /// Describes the genuine certificate of a chip.
    pub(crate) fn of_chip(chip: &SnpChip, validity: Validity) -> Self {
        Self {
            product: chip.product,
            kind: LeafKind::Vcek,
            issued_as: LeafKind::Vcek,
            product_name: product_name(chip.product),
            chip_id: chip.chip_id,
            hardware_id: HardwareId::Raw,
            provider: None,
            firmware: chip.firmware,
            validity,
            public_key_info: chip.key.public_key_info(),
            left_out: &[],
            claims_ca: false,
            unknown_critical: false,
            signature_form: SignatureForm::Short,
        }
    }

    /// Has the key of an ASK or ASVK sign it. Serial number 0 is AMD's habit.
    pub(crate) fn certify(&self, issuer: &RsaKey) -> Result<Vec<u8>, SigningError> {
        Certificate {
            serial: &[0],
            unit: AMD_UNIT,
            issuer: &self.issued_as.issuer(self.product),
            subject: self.kind.subject(),
            validity: self.validity,
            public_key_info: self.public_key_info.clone(),
            extensions: self.extensions(),
            signature_form: self.signature_form,
        }
        .sign(issuer)
    }

    /// Returns AMD's extensions in AMD's order.
    fn extensions(&self) -> Vec<Extension> {
        let (struct_version, levels) = levels(self.product, self.firmware);
        let product_name = element(IA5_STRING, &[self.product_name.as_bytes()]);
        let mut extensions = vec![
            extension("1", unsigned(&[struct_version])),
            extension("2", product_name),
        ];
        for (number, level) in levels {
            if !self.left_out.contains(&number) {
                extensions.push(extension(&format!("3.{number}"), unsigned(&[level])));
            }
        }
        let chip_id = match self.product {
            Product::Milan | Product::Genoa | Product::SienaBergamo => &self.chip_id[..],
            Product::Turin => &self.chip_id[..8],
        };
        match self.hardware_id {
            HardwareId::Raw => extensions.push(extension("4", chip_id.to_vec())),
            HardwareId::OctetString => {
                extensions.push(extension("4", element(OCTET_STRING, &[chip_id])));
            }
            HardwareId::Absent => {}
        }
        if let Some(provider) = self.provider {
            let name = element(IA5_STRING, &[provider.as_bytes()]);
            extensions.push(extension("5", name));
        }
        if self.claims_ca {
            extensions.push(basic_constraints(true));
        }
        if self.unknown_critical {
            extensions.push(unknown_critical());
        }
        extensions
    }
}

/// Returns the name that certificates give a product.
fn product_name(product: Product) -> &'static str {
    match product {
        Product::Milan => "Milan-B0",
        Product::Genoa | Product::SienaBergamo => "Genoa",
        Product::Turin => "Turin",
    }
}

/// Returns the version of the structure, and number and level of each component in AMD's order.
fn levels(product: Product, firmware: Firmware) -> (u8, [(u8, u8); 8]) {
    let Firmware {
        fmc,
        boot_loader,
        tee,
        snp,
        microcode,
    } = firmware;
    match product {
        Product::Milan | Product::Genoa | Product::SienaBergamo => {
            let levels = [
                (1, boot_loader),
                (2, tee),
                (4, 0),
                (5, 0),
                (6, 0),
                (7, 0),
                (3, snp),
                (8, microcode),
            ];
            (0, levels)
        }
        Product::Turin => {
            let levels = [
                (9, fmc),
                (1, boot_loader),
                (2, tee),
                (3, snp),
                (5, 0),
                (6, 0),
                (7, 0),
                (8, microcode),
            ];
            (1, levels)
        }
    }
}

fn extension(arc: &str, value: Vec<u8>) -> Extension {
    let oid = ObjectIdentifier::new_unwrap(&format!("1.3.6.1.4.1.3704.1.{arc}"));
    Extension {
        oid,
        critical: false,
        value,
    }
}

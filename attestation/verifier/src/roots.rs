//! Pinned roots: the vendors' own, compiled in, and simulated ones that the caller adds.

use alloc::vec::Vec;

use crate::{certificate::Certificate, snp::product::Product};

/// The AMD root keys, one per product family.
const AMD_ROOTS: [(Product, &[u8]); 3] = [
    (Product::Milan, include_bytes!("../roots/amd-milan-ark.der")),
    (Product::Genoa, include_bytes!("../roots/amd-genoa-ark.der")),
    (Product::Turin, include_bytes!("../roots/amd-turin-ark.der")),
];

/// AMD's intermediates, tried when an endorsement brings none. They are verified like any other.
const AMD_INTERMEDIATES: [&[u8]; 6] = [
    include_bytes!("../roots/amd-milan-ask.der"),
    include_bytes!("../roots/amd-milan-asvk.der"),
    include_bytes!("../roots/amd-genoa-ask.der"),
    include_bytes!("../roots/amd-genoa-asvk.der"),
    include_bytes!("../roots/amd-turin-ask.der"),
    include_bytes!("../roots/amd-turin-asvk.der"),
];

/// The AWS roots, one per partition.
const AWS_ROOTS: [&[u8]; 2] = [
    include_bytes!("../roots/aws-nitro-root-g1.der"),
    include_bytes!("../roots/aws-us-gov-nitro-root.der"),
];

/// The roots that chains may end at. Reading them is done once, when this is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    pub(crate) snp: Vec<SnpRoot>,
    pub(crate) snp_intermediates: Vec<Certificate>,
    pub(crate) nitro: Vec<NitroRoot>,
}

/// A pinned AMD-style root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnpRoot {
    pub(crate) product: Product,
    pub(crate) certificate: Certificate,
    pub(crate) simulated: bool,
}

/// A pinned AWS-style root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NitroRoot {
    pub(crate) der: Vec<u8>,
    pub(crate) certificate: Certificate,
    pub(crate) simulated: bool,
}

/// Roots of simulated platforms, DER. Whatever ends at one of them is marked as simulated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimulatedRoots {
    /// Root of the SEV-SNP chains of a product.
    pub snp: Vec<(Product, Vec<u8>)>,
    /// Roots of Nitro chains.
    pub nitro: Vec<Vec<u8>>,
}

impl Roots {
    /// Gives the roots that AMD and AWS publish.
    pub fn vendor() -> Self {
        let mut roots = Self::empty();
        for (product, der) in AMD_ROOTS {
            roots.add_snp(product, der, false);
        }
        for der in AWS_ROOTS {
            roots.add_nitro(der, false);
        }
        let intermediates = AMD_INTERMEDIATES.iter();
        roots.snp_intermediates = intermediates
            .filter_map(|der| Certificate::parse(der).ok())
            .collect();
        roots
    }

    /// Gives no roots: every chain is untrusted.
    pub fn empty() -> Self {
        Self {
            snp: Vec::new(),
            snp_intermediates: Vec::new(),
            nitro: Vec::new(),
        }
    }

    /// Adds roots of simulated platforms.
    ///
    /// What is no certificate is left out: no chain could end at it.
    #[must_use]
    pub fn with_simulated(mut self, roots: SimulatedRoots) -> Self {
        for (product, der) in &roots.snp {
            self.add_snp(*product, der, true);
        }
        for der in &roots.nitro {
            self.add_nitro(der, true);
        }
        self
    }

    fn add_snp(&mut self, product: Product, der: &[u8], simulated: bool) {
        let root = Certificate::parse(der).ok().map(|certificate| SnpRoot {
            product,
            certificate,
            simulated,
        });
        self.snp.extend(root);
    }

    fn add_nitro(&mut self, der: &[u8], simulated: bool) {
        let root = Certificate::parse(der).ok().map(|certificate| NitroRoot {
            der: der.to_vec(),
            certificate,
            simulated,
        });
        self.nitro.extend(root);
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use aws_lc_rs::digest::{SHA256, digest};

    use super::*;

    const README: &str = include_str!("../roots/README.md");

    #[test]
    fn every_compiled_certificate_is_listed_with_its_digest_and_names() {
        let roots = AMD_ROOTS.iter().map(|(_, der)| *der);
        for der in roots.chain(AMD_INTERMEDIATES).chain(AWS_ROOTS) {
            let certificate = Certificate::parse(der).expect("certificate is well formed");
            let sha256: String = digest(&SHA256, der)
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();

            let (subject, issuer) = (certificate.common_name(), certificate.issuer());
            let issuer = crate::certificate::common_name(issuer);
            let row = format!("| {sha256} | {subject} | {issuer} |");

            assert!(README.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_compiled_intermediate_is_signed_by_a_compiled_root() {
        for der in AMD_INTERMEDIATES {
            let intermediate = Certificate::parse(der).expect("certificate is well formed");
            let mut roots = AMD_ROOTS
                .iter()
                .filter_map(|(_, der)| Certificate::parse(der).ok());

            assert!(roots.any(|root| intermediate.is_issued_by(&root, &crate::crypto::AwsLc)));
        }
    }
}

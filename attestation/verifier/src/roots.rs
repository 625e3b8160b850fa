//! Pinned roots: the vendors' own, compiled in, and simulated ones that the caller adds.

use alloc::vec::Vec;

use crate::snp::product::Product;

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

/// The roots that chains may end at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    pub(crate) snp: Vec<SnpRoot>,
    pub(crate) snp_intermediates: Vec<Vec<u8>>,
    pub(crate) nitro: Vec<NitroRoot>,
}

/// A pinned AMD-style root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnpRoot {
    pub(crate) product: Product,
    pub(crate) der: Vec<u8>,
    pub(crate) simulated: bool,
}

/// A pinned AWS-style root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NitroRoot {
    pub(crate) der: Vec<u8>,
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
        let snp = AMD_ROOTS.iter().map(|(product, der)| SnpRoot {
            product: *product,
            der: der.to_vec(),
            simulated: false,
        });
        let nitro = AWS_ROOTS.iter().map(|der| NitroRoot {
            der: der.to_vec(),
            simulated: false,
        });
        Self {
            snp: snp.collect(),
            snp_intermediates: AMD_INTERMEDIATES.iter().map(|der| der.to_vec()).collect(),
            nitro: nitro.collect(),
        }
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
    #[must_use]
    pub fn with_simulated(mut self, roots: SimulatedRoots) -> Self {
        let snp = roots.snp.into_iter();
        self.snp.extend(snp.map(|(product, der)| SnpRoot {
            product,
            der,
            simulated: true,
        }));
        let nitro = roots.nitro.into_iter();
        self.nitro.extend(nitro.map(|der| NitroRoot {
            der,
            simulated: true,
        }));
        self
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use aws_lc_rs::digest::{SHA256, digest};

    use super::*;
    use crate::certificate::Certificate;

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

//! The certificates of a piece of evidence for people to look at. Nothing is decided here.

use alloc::{vec, vec::Vec};

use crate::{
    certificate::Certificate,
    crypto::Crypto,
    evidence::{Endorsements, Evidence},
    nitro::Document,
    roots::Roots,
};

/// One certificate of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainPart {
    /// Where it stands.
    pub place: ChainPlace,
    /// Its DER.
    pub der: Vec<u8>,
}

/// Where a certificate stands in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainPlace {
    /// It is of the key that signed the evidence.
    SigningKey,
    /// It came with the evidence as an issuer.
    Issuer,
    /// It is compiled in, and signed the one below.
    BuiltInIssuer,
    /// It is a root of the vendor, and signed the one below.
    VendorRoot,
    /// It is a root of simulated hardware, and signed the one below.
    SimulatedRoot,
}

impl ChainPlace {
    fn of_root(simulated: bool) -> Self {
        if simulated {
            Self::SimulatedRoot
        } else {
            Self::VendorRoot
        }
    }
}

/// Lists the certificates from the signing key upwards.
///
/// What came with the evidence is listed as it came; what is compiled in, and the root, are listed
/// only when their key signed the one below. So a list without a root at its end is of a chain that
/// leads nowhere. Whether the chain holds, the steps of a verdict say.
pub fn certificate_chain(
    crypto: &impl Crypto,
    evidence: &Evidence,
    endorsements: &Endorsements,
    roots: &Roots,
) -> Vec<ChainPart> {
    match evidence {
        Evidence::Snp(_) => of_report(crypto, endorsements, roots),
        Evidence::Nitro(document) => of_document(document, roots),
    }
}

/// Lists the certificates of a document, whose bundle holds its root too.
fn of_document(document: &Document, roots: &Roots) -> Vec<ChainPart> {
    let (leaf, bundle) = document.certificates();
    let leaf = leaf.map(|der| part(ChainPlace::SigningKey, der));
    let issuers = bundle.iter().enumerate().rev().map(|(position, der)| {
        let root = roots.nitro.iter().find(|root| root.der == *der);
        let place = match root {
            Some(root) if position == 0 => ChainPlace::of_root(root.simulated),
            Some(_) | None => ChainPlace::Issuer,
        };
        part(place, der)
    });
    leaf.into_iter().chain(issuers).collect()
}

fn of_report(crypto: &impl Crypto, endorsements: &Endorsements, roots: &Roots) -> Vec<ChainPart> {
    let Some(leaf) = &endorsements.leaf else {
        return vec![];
    };
    let mut parts = vec![part(ChainPlace::SigningKey, leaf)];
    let above = match &endorsements.intermediate {
        Some(der) => {
            parts.push(part(ChainPlace::Issuer, der));
            Certificate::parse(der).ok()
        }
        None => {
            let leaf = Certificate::parse(leaf).ok();
            let built_in = leaf.and_then(|leaf| {
                let mut known = roots.snp_intermediates.iter();
                known.find(|known| leaf.is_issued_by(known, crypto))
            });
            parts.extend(built_in.and_then(|known| re_encoded(ChainPlace::BuiltInIssuer, known)));
            built_in.cloned()
        }
    };
    let root = above.and_then(|above| {
        let mut known = roots.snp.iter();
        known.find(|root| above.is_issued_by(&root.certificate, crypto))
    });
    parts.extend(
        root.and_then(|root| re_encoded(ChainPlace::of_root(root.simulated), &root.certificate)),
    );
    parts
}

fn part(place: ChainPlace, der: &[u8]) -> ChainPart {
    let der = der.to_vec();
    ChainPart { place, der }
}

/// Gives a compiled-in certificate, whose DER is not kept: it is the only one of its content.
fn re_encoded(place: ChainPlace, certificate: &Certificate) -> Option<ChainPart> {
    let der = certificate.to_der()?;
    Some(ChainPart { place, der })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::AwsLc, evidence::parse, snp::REPORT_BYTES};

    #[test]
    fn a_root_is_listed_only_when_it_signed_the_one_below() {
        let ask = include_bytes!("../roots/amd-genoa-ask.der");
        let ark = include_bytes!("../roots/amd-genoa-ark.der");
        let mut forged = ask.to_vec();
        *forged.last_mut().expect("a certificate has bytes") ^= 1;
        let report = parse(&[&[3, 0, 0, 0][..], &[0; REPORT_BYTES - 4]].concat()).unwrap();
        let chain = |intermediate: &[u8]| {
            let endorsements = Endorsements {
                leaf: Some(b"no certificate".to_vec()),
                intermediate: Some(intermediate.to_vec()),
                crl: None,
            };
            certificate_chain(&AwsLc, &report, &endorsements, &Roots::vendor())
        };

        let leaf = part(ChainPlace::SigningKey, b"no certificate");
        let (issuer, root) = (ChainPlace::Issuer, ChainPlace::VendorRoot);
        assert_eq!(
            chain(ask),
            [leaf.clone(), part(issuer, ask), part(root, ark)]
        );
        assert_eq!(chain(&forged), [leaf, part(issuer, &forged)]);
        let nothing = Endorsements::default();
        assert_eq!(
            certificate_chain(&AwsLc, &report, &nothing, &Roots::vendor()),
            []
        );
    }
}

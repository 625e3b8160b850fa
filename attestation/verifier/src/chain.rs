//! The certificates of a piece of evidence for people to look at. Nothing is decided here.

use alloc::{vec, vec::Vec};

use crate::{
    certificate::Certificate,
    evidence::{Endorsements, Evidence},
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
    /// It came with the evidence, and stands above another.
    Issuer,
    /// It is compiled in, and stands above another.
    BuiltInIssuer,
    /// It is one of the roots.
    PinnedRoot,
}

/// Lists the certificates from the signing key up to a pinned root, as their names say.
///
/// No signature is checked: what [`authenticate`](crate::authenticate_with) says of the chain is in
/// its steps. Certificates that cannot be read are listed as they came.
pub fn certificate_chain(
    evidence: &Evidence,
    endorsements: &Endorsements,
    roots: &Roots,
) -> Vec<ChainPart> {
    match evidence {
        Evidence::Snp(_) => of_report(endorsements, roots),
        Evidence::Nitro(document) => {
            let (leaf, bundle) = document.certificates();
            let leaf = leaf.map(|der| part(ChainPlace::SigningKey, der));
            let issuers = bundle.iter().rev().map(|der| {
                let pinned = roots.nitro.iter().any(|root| root.der == *der);
                let place = if pinned {
                    ChainPlace::PinnedRoot
                } else {
                    ChainPlace::Issuer
                };
                part(place, der)
            });
            leaf.into_iter().chain(issuers).collect()
        }
    }
}

fn of_report(endorsements: &Endorsements, roots: &Roots) -> Vec<ChainPart> {
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
            let built_in = Certificate::parse(leaf).ok().and_then(|leaf| {
                let mut known = roots.snp_intermediates.iter();
                known.find(|known| known.subject() == leaf.issuer())
            });
            parts.extend(built_in.and_then(|known| re_encoded(ChainPlace::BuiltInIssuer, known)));
            built_in.cloned()
        }
    };
    let root = above.and_then(|above| {
        let mut known = roots.snp.iter();
        known.find(|root| root.certificate.subject() == above.issuer())
    });
    parts.extend(root.and_then(|root| re_encoded(ChainPlace::PinnedRoot, &root.certificate)));
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
    use crate::{evidence::parse, snp::REPORT_BYTES};

    #[test]
    fn a_built_in_issuer_and_its_root_stand_above_a_leaf_that_names_them() {
        // Any certificate will do whose issuer has the name of a compiled-in one.
        let ask = include_bytes!("../roots/amd-genoa-ask.der");
        let ark = include_bytes!("../roots/amd-genoa-ark.der");
        let report = parse(&[&[3, 0, 0, 0][..], &[0; REPORT_BYTES - 4]].concat()).unwrap();
        let endorsements = Endorsements {
            leaf: Some(b"no certificate".to_vec()),
            intermediate: Some(ask.to_vec()),
            crl: None,
        };

        let chain = certificate_chain(&report, &endorsements, &Roots::vendor());

        let expected = [
            part(ChainPlace::SigningKey, b"no certificate"),
            part(ChainPlace::Issuer, ask),
            part(ChainPlace::PinnedRoot, ark),
        ];
        assert_eq!(chain, expected);
        assert_eq!(
            certificate_chain(&report, &Endorsements::default(), &Roots::vendor()),
            []
        );
    }
}

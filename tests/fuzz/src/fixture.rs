//! Evidence of simulated chips around an input: what the input replaces one part of.
//!
//! `examples/seeds.rs` made the files, together with the first corpora.

use boop_verifier::{Endorsements, Product, Roots, SimulatedRoots, UnixTime};

/// When the fixtures were made, and when everything is judged: 2026-06-01T00:00:00Z.
pub(crate) const NOW: UnixTime = UnixTime(1_780_272_000);

/// A report with the chain above it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    product: Product,
    pub(crate) report: &'static [u8],
    pub(crate) leaf: &'static [u8],
    pub(crate) intermediate: &'static [u8],
    pub(crate) root: &'static [u8],
}

/// A chip of the line Genoa, whose reports have version 3.
pub(crate) const GENOA: Machine = Machine {
    product: Product::Genoa,
    report: include_bytes!("../fixtures/genoa-report.bin"),
    leaf: include_bytes!("../fixtures/genoa-vcek.der"),
    intermediate: include_bytes!("../fixtures/genoa-ask.der"),
    root: include_bytes!("../fixtures/genoa-ark.der"),
};

/// A chip of the line Turin, whose reports have version 5.
pub(crate) const TURIN: Machine = Machine {
    product: Product::Turin,
    report: include_bytes!("../fixtures/turin-report.bin"),
    leaf: include_bytes!("../fixtures/turin-vcek.der"),
    intermediate: include_bytes!("../fixtures/turin-ask.der"),
    root: include_bytes!("../fixtures/turin-ark.der"),
};

/// A Nitro document, and the root of its chain.
pub(crate) const DOCUMENT: &[u8] = include_bytes!("../fixtures/nitro-document.cbor");
const NITRO_ROOT: &[u8] = include_bytes!("../fixtures/nitro-root.der");

impl Machine {
    /// What a host would hand over beside the report.
    pub(crate) fn endorsements(&self) -> Endorsements {
        Endorsements {
            leaf: Some(self.leaf.to_vec()),
            intermediate: Some(self.intermediate.to_vec()),
            crl: None,
        }
    }
}

/// The roots of the simulated vendor, and no others.
pub(crate) fn simulated_roots() -> Roots {
    let root = |machine: Machine| (machine.product, machine.root.to_vec());
    Roots::empty().with_simulated(SimulatedRoots {
        snp: vec![root(GENOA), root(TURIN)],
        nitro: vec![NITRO_ROOT.to_vec()],
    })
}

/// The roots of AMD and AWS together with the simulated ones.
pub(crate) fn all_roots() -> Roots {
    let root = |machine: Machine| (machine.product, machine.root.to_vec());
    Roots::vendor().with_simulated(SimulatedRoots {
        snp: vec![root(GENOA), root(TURIN)],
        nitro: vec![NITRO_ROOT.to_vec()],
    })
}

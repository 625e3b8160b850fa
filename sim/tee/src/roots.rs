//! The roots that a simulated party believes.

use boop_abi::config::SimulatedRootSet;
use boop_party::TrustedRoots;
use boop_verifier::{Product, Roots, SimulatedEvidence, SimulatedRoots};

/// Returns the vendors' roots and, if the configuration has any, the simulated ones beside them.
pub fn trusted_roots(simulated: Option<&SimulatedRootSet>) -> TrustedRoots {
    match simulated {
        None => TrustedRoots {
            roots: Roots::vendor(),
            simulated: SimulatedEvidence::Refuse,
        },
        Some(set) => {
            let simulated = SimulatedRoots {
                snp: vec![
                    (Product::Genoa, set.genoa.clone()),
                    (Product::Turin, set.turin.clone()),
                ],
                nitro: vec![set.nitro.clone()],
            };
            TrustedRoots {
                roots: Roots::vendor().with_simulated(simulated),
                simulated: SimulatedEvidence::Allow,
            }
        }
    }
}

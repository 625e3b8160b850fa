//! X.509 certificates in each place of a chain: leaf, intermediate, root.

use boop_verifier::{
    Endorsements, Expected, Policy, Product, Roots, SimulatedEvidence, SimulatedRoots, appraise,
    authenticate_with, parse,
};

use crate::crypto::Credulous;
use crate::fixture::{GENOA, Machine, NOW, TURIN};
use crate::invariants::{hold, judge};

pub(crate) fn run(data: &[u8]) {
    let machine = match data
        .windows(TURIN_NAME.len())
        .any(|part| part == TURIN_NAME)
    {
        true => TURIN,
        false => GENOA,
    };
    let report = parse(machine.report).expect("a fixture is a report");
    let leaf = Endorsements {
        leaf: Some(data.to_vec()),
        ..machine.endorsements()
    };
    judge(&report, &leaf, data == machine.leaf);
    let intermediate = Endorsements {
        intermediate: Some(data.to_vec()),
        ..machine.endorsements()
    };
    judge(&report, &intermediate, data == machine.intermediate);
    under_root(machine, data);
}

/// What certificates of the line Turin have in their names.
const TURIN_NAME: &[u8] = b"-Turin";

/// The certificate as a pinned root, which only a relying party's own mistake could make it.
fn under_root(machine: Machine, data: &[u8]) {
    let report = parse(machine.report).expect("a fixture is a report");
    let roots = Roots::empty().with_simulated(SimulatedRoots {
        snp: vec![(Product::Genoa, data.to_vec())],
        nitro: vec![data.to_vec()],
    });
    let policy = Policy {
        simulated: SimulatedEvidence::Allow,
        ..Policy::p0()
    };
    let endorsements = machine.endorsements();
    let found = authenticate_with(&Credulous, &report, &endorsements, &roots, NOW);
    hold(&appraise(&found, &policy, &Expected::nothing()));
}

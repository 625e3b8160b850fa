//! SEV-SNP reports, with a simulated chip's certificates beside them.

use std::sync::LazyLock;

use boop_verifier::{
    parse,
    snp::{Report, VerifiedChain},
};

use crate::fixture::{GENOA, Machine, TURIN};
use crate::invariants::{chain_of, judge_report};

/// Where the CPU's family stands in a report.
const FAMILY_AT: usize = 0x188;
/// The family of Turin.
const FAMILY_TURIN: u8 = 0x1a;
/// How much of a report is signed.
const SIGNED_BYTES: usize = 0x2a0;

static GENOA_CHAIN: LazyLock<VerifiedChain> = LazyLock::new(|| chain(GENOA));
static TURIN_CHAIN: LazyLock<VerifiedChain> = LazyLock::new(|| chain(TURIN));

pub(crate) fn run(data: &[u8]) {
    let report = match Report::parse(data) {
        Ok(report) => report,
        Err(error) => {
            let length_is_wrong = data.len() != boop_verifier::snp::REPORT_BYTES;
            assert!(length_is_wrong, "{error}");
            return;
        }
    };
    assert_eq!(report.as_bytes(), data);
    if let Ok(evidence) = parse(data) {
        assert_eq!(evidence.as_bytes(), data);
    }
    let (machine, chain) = match data.get(FAMILY_AT) {
        Some(&FAMILY_TURIN) => (TURIN, &TURIN_CHAIN),
        Some(_) | None => (GENOA, &GENOA_CHAIN),
    };
    let is_fixture = data[..SIGNED_BYTES] == machine.report[..SIGNED_BYTES];
    judge_report(&report, chain, is_fixture);
}

fn chain(machine: Machine) -> VerifiedChain {
    chain_of(&machine.endorsements()).expect("a fixture has a chain")
}

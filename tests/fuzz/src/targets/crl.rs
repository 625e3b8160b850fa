//! Revocation lists beside a genuine report.

use boop_verifier::{Endorsements, parse};

use crate::fixture::GENOA;
use crate::invariants::judge;

pub(crate) fn run(data: &[u8]) {
    let report = parse(GENOA.report).expect("a fixture is a report");
    let endorsements = Endorsements {
        crl: Some(data.to_vec()),
        ..GENOA.endorsements()
    };
    judge(&report, &endorsements, false);
}

//! A driver of `boop-platform` as the party's [`Platform`].

use boop_party::{Platform, PlatformFailure, RawEvidence};
use boop_platform::{EvidenceKind, EvidenceSource, PlatformError};
use boop_wire::binding::PlatformKind;

/// The machine that a party runs on.
#[derive(Debug)]
pub struct Machine<S>(
    /// What gives evidence.
    pub S,
);

impl<S: EvidenceSource> Platform for Machine<S> {
    fn attest(
        &mut self,
        report_data: &[u8; 64],
        challenge: &[u8; 32],
    ) -> Result<RawEvidence, PlatformFailure> {
        named(self.0.attest(report_data, challenge))
    }

    fn attest_to(
        &mut self,
        report_data: &[u8; 64],
        challenge: &[u8; 32],
        public_key: &[u8],
    ) -> Result<RawEvidence, PlatformFailure> {
        named(self.0.attest_to(report_data, challenge, public_key))
    }

    fn random(&mut self, out: &mut [u8]) -> Result<(), PlatformFailure> {
        boop_platform::random(out).map_err(|_| PlatformFailure)
    }
}

/// Returns evidence of a driver in the party's words.
fn named(
    raw: Result<boop_platform::RawEvidence, PlatformError>,
) -> Result<RawEvidence, PlatformFailure> {
    let raw = raw.map_err(|_| PlatformFailure)?;
    Ok(RawEvidence {
        platform: match raw.kind {
            EvidenceKind::Snp => PlatformKind::Snp,
            EvidenceKind::Nitro => PlatformKind::Nitro,
        },
        evidence: raw.evidence,
        endorsements: raw.endorsements,
    })
}

//! A driver of `boop-platform` as the party's [`Platform`].

use boop_party::{Platform, PlatformFailure, RawEvidence};
use boop_platform::{EvidenceKind, EvidenceSource};
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
        let raw = self
            .0
            .attest(report_data, challenge)
            .map_err(|_| PlatformFailure)?;
        let platform = match raw.kind {
            EvidenceKind::Snp => PlatformKind::Snp,
            EvidenceKind::Nitro => PlatformKind::Nitro,
        };
        Ok(RawEvidence {
            platform,
            evidence: raw.evidence,
            endorsements: raw.endorsements,
        })
    }

    fn random(&mut self, out: &mut [u8]) -> Result<(), PlatformFailure> {
        boop_platform::random(out).map_err(|_| PlatformFailure)
    }
}

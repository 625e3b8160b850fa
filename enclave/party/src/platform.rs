//! What a party needs of the machine it runs on.

use alloc::vec::Vec;

use boop_wire::binding::PlatformKind;

/// Evidence as the hardware gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvidence {
    /// What signed.
    pub platform: PlatformKind,
    /// Report or document.
    pub evidence: Vec<u8>,
    /// DER of the endorsement key's certificate, then of its issuer; none for Nitro.
    pub endorsements: Vec<Vec<u8>>,
}

/// The platform did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the platform gave no evidence or no randomness")]
pub struct PlatformFailure;

/// One TEE, the simulated one included.
pub trait Platform {
    /// Asks the hardware for evidence over 64 bytes and, where the format has a place for it,
    /// a challenge.
    ///
    /// # Errors
    /// If there is none; the party then stops or tries again later.
    fn attest(
        &mut self,
        report_data: &[u8; 64],
        challenge: &[u8; 32],
    ) -> Result<RawEvidence, PlatformFailure>;

    /// Asks for evidence that also names `public_key`.
    ///
    /// # Errors
    /// If there is none, or it has no place for a public key.
    fn attest_to(
        &mut self,
        _report_data: &[u8; 64],
        _challenge: &[u8; 32],
        _public_key: &[u8],
    ) -> Result<RawEvidence, PlatformFailure> {
        Err(PlatformFailure)
    }

    /// Fills `out` with random bytes of the machine.
    ///
    /// # Errors
    /// If there are none; the party then stops.
    fn random(&mut self, out: &mut [u8]) -> Result<(), PlatformFailure>;
}

//! Providers that ask nobody.

use boop_verifier::Endorsements;

use super::{CollateralError, Provider, Wanted};

/// Collateral that came with the evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle(pub Endorsements);

impl Provider for Bundle {
    fn leaf(&self, _wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        has(&self.0.leaf, "leaf certificate")
    }

    fn intermediate(&self, _wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        has(&self.0.intermediate, "intermediate certificate")
    }

    fn crl(&self, _wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        has(&self.0.crl, "revocation list")
    }
}

fn has(part: &Option<Vec<u8>>, name: &'static str) -> Result<Vec<u8>, CollateralError> {
    part.clone().ok_or(CollateralError::NotInBundle(name))
}

/// Nobody to ask: what stands behind a cache on a machine without a network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offline;

impl Provider for Offline {
    fn leaf(&self, _wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        Err(CollateralError::Offline("leaf certificate"))
    }

    fn intermediate(&self, _wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        Err(CollateralError::Offline("intermediate certificate"))
    }

    fn crl(&self, _wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        Err(CollateralError::Offline("revocation list"))
    }
}

//! The part of every configuration that says whom a process believes.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boop_channel::manifest::ChainError;
use boop_channel::{TakeError, Trust};
use boop_verifier::{Product, Roots, SimulatedEvidence, SimulatedRoots};
use boop_wire::codec::CodecError;
use boop_wire::manifest::{ApproverKey, Approvers, SignedManifest, VERSIONS_BYTES_MAX};
use serde::{Deserialize, Serialize};

use crate::clock::now_ms;
use crate::live::LiveTrust;

/// Whom a process believes: `[trust]` of a configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustSettings {
    /// File with the signed manifest: one version, or several one after the other, oldest first.
    /// It is checked, so the file itself is not trusted, and what is added to it is taken while
    /// the process runs.
    pub manifest: PathBuf,
    /// Ed25519 keys of those who may approve manifests, in hexadecimal.
    pub approvers: Vec<String>,
    /// How many of them must have signed.
    pub approvals_needed: u8,
    /// Roots of simulated hardware; they take effect only with `--danger-simulated-tee`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub danger_simulated: Option<RootsSettings>,
}

/// Roots of simulated hardware, DER in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootsSettings {
    /// ARK that stands for Genoa.
    pub genoa: String,
    /// ARK that stands for Turin.
    pub turin: String,
    /// Root that stands for AWS Nitro.
    pub nitro: String,
}

/// Why trust cannot be established.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The manifest cannot be read.
    #[error("cannot read the manifest {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a signed manifest, nor several.
    #[error("the manifest file does not decode")]
    Encoding(#[from] CodecError),
    /// A version is not approved, or does not follow the one before it.
    #[error("the manifest is not accepted")]
    Manifest(#[from] ChainError),
    /// What was added to the file is not taken while the process runs.
    #[error("the next manifest is not taken")]
    Next(#[from] TakeError),
    /// A value is not hexadecimal of the right length.
    #[error("{field} is not hexadecimal of the right length")]
    Hex {
        /// Which field.
        field: &'static str,
    },
    /// Simulated roots and the flag that admits them must come together.
    #[error(
        "simulated roots are configured and --danger-simulated-tee is not given, or the reverse"
    )]
    SimulatedFlag,
    /// The manifest is of a simulated network and simulated hardware is not admitted here, or the
    /// reverse.
    #[error("the manifest says simulated: {manifest}; --danger-simulated-tee must say the same")]
    SimulatedNetwork {
        /// What the manifest says.
        manifest: bool,
    },
}

impl TrustSettings {
    /// Reads and checks the manifest's versions, and puts the roots together.
    ///
    /// # Errors
    /// Whatever keeps the process from believing anything.
    pub fn establish(&self, danger_simulated_tee: bool) -> Result<Arc<LiveTrust>, TrustError> {
        if danger_simulated_tee != self.danger_simulated.is_some() {
            return Err(TrustError::SimulatedFlag);
        }
        let (roots, simulated) = match &self.danger_simulated {
            Some(settings) => (
                Roots::vendor().with_simulated(settings.roots()?),
                SimulatedEvidence::Allow,
            ),
            None => (Roots::vendor(), SimulatedEvidence::Refuse),
        };
        let versions = SignedManifest::versions(&read_versions(&self.manifest)?)?;
        let roots = (Arc::new(roots), simulated);
        let trust = Trust::start(&versions, &self.approvers()?, roots, now_ms())?;
        let manifest = trust.manifest().manifest().simulated;
        if manifest != danger_simulated_tee {
            return Err(TrustError::SimulatedNetwork { manifest });
        }
        Ok(LiveTrust::over(self.manifest.clone(), trust))
    }

    /// Returns the approvers.
    ///
    /// # Errors
    /// If a key is not 32 bytes in hexadecimal.
    pub fn approvers(&self) -> Result<Approvers, TrustError> {
        let key = |text: &String| {
            let mut key = [0; 32];
            hex::decode_to_slice(text, &mut key)
                .map_err(|_| TrustError::Hex { field: "approvers" })?;
            Ok(ApproverKey(key))
        };
        let keys = self
            .approvers
            .iter()
            .map(key)
            .collect::<Result<_, TrustError>>()?;
        Ok(Approvers {
            keys,
            needed: self.approvals_needed,
        })
    }
}

impl RootsSettings {
    /// Decodes the roots.
    ///
    /// # Errors
    /// If one is not hexadecimal.
    pub fn roots(&self) -> Result<SimulatedRoots, TrustError> {
        let decode = |text: &str, field| hex::decode(text).map_err(|_| TrustError::Hex { field });
        Ok(SimulatedRoots {
            snp: vec![
                (Product::Genoa, decode(&self.genoa, "genoa")?),
                (Product::Turin, decode(&self.turin, "turin")?),
            ],
            nitro: vec![decode(&self.nitro, "nitro")?],
        })
    }
}

/// Reads the file with the versions; one that is longer than it may be is not read to its end.
pub(crate) fn read_versions(path: &Path) -> Result<Vec<u8>, TrustError> {
    let read = || {
        let mut bytes = Vec::new();
        let limit = u64::try_from(VERSIONS_BYTES_MAX).unwrap_or(u64::MAX);
        let file = std::fs::File::open(path)?;
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| TrustError::Read {
        path: path.into(),
        source,
    })
}

//! The part of every configuration that says whom a process believes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use boop_channel::{ManifestError, Trust, VerifiedManifest};
use boop_verifier::{Product, Roots, SimulatedEvidence, SimulatedRoots};
use boop_wire::codec::{CodecError, from_canonical_max};
use boop_wire::manifest::{ApproverKey, Approvers, MANIFEST_BYTES_MAX, SignedManifest};
use serde::{Deserialize, Serialize};

/// Room for the approvals around a manifest.
const APPROVALS_BYTES_MAX: usize = 8 * 1024;

/// Whom a process believes: `[trust]` of a configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustSettings {
    /// File with the signed manifest. It is checked, so the file itself is not trusted.
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
    /// The file is not a signed manifest.
    #[error("the manifest file does not decode")]
    Encoding(#[from] CodecError),
    /// The manifest is not approved.
    #[error("the manifest is not accepted")]
    Manifest(#[from] ManifestError),
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
    /// Reads and checks the manifest, and puts the roots together.
    ///
    /// # Errors
    /// Whatever keeps the process from believing anything.
    pub fn establish(&self, danger_simulated_tee: bool) -> Result<Trust, TrustError> {
        if danger_simulated_tee != self.danger_simulated.is_some() {
            return Err(TrustError::SimulatedFlag);
        }
        let manifest =
            VerifiedManifest::verify(read_manifest(&self.manifest)?, &self.approvers()?)?;
        if manifest.manifest().simulated != danger_simulated_tee {
            return Err(TrustError::SimulatedNetwork {
                manifest: manifest.manifest().simulated,
            });
        }
        let (roots, simulated) = match &self.danger_simulated {
            Some(settings) => (
                Roots::vendor().with_simulated(settings.roots()?),
                SimulatedEvidence::Allow,
            ),
            None => (Roots::vendor(), SimulatedEvidence::Refuse),
        };
        Ok(Trust::new(Arc::new(manifest), Arc::new(roots), simulated))
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

fn read_manifest(path: &Path) -> Result<SignedManifest, TrustError> {
    let bytes = std::fs::read(path).map_err(|source| TrustError::Read {
        path: path.into(),
        source,
    })?;
    Ok(from_canonical_max(
        &bytes,
        MANIFEST_BYTES_MAX + APPROVALS_BYTES_MAX,
    )?)
}

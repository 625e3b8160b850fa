//! Whom a client believes: a network's id, those who may approve its manifests, and roots.
//!
//! All of it comes from a file that the client was given in a way it trusts. The manifest itself
//! comes from the gateway, which is not trusted: a manifest counts when enough approvers signed it,
//! or it follows one that they signed; it is of this network, and it is no older than one seen
//! before.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use boop_channel::Trust;
use boop_channel::manifest::ChainError;
use boop_verifier::{Product, Roots, SimulatedEvidence, SimulatedRoots};
use boop_wire::codec::CodecError;
use boop_wire::manifest::{ApproverKey, Approvers, SignedManifest};
use boop_wire::{Digest, NetworkId};
use serde::{Deserialize, Serialize};

use crate::platform::now_ms;

/// Largest network file, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// A network as a file describes it to clients: `network.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// The network's id, in hexadecimal.
    pub network_id: NetworkId,
    /// Ed25519 keys of those who may approve manifests, in hexadecimal.
    pub approvers: Vec<String>,
    /// How many of them must have signed.
    pub approvals_needed: u8,
    /// Where a gateway listens, `host:port`.
    pub gateway: String,
    /// Where the ledger takes manifests of operators, `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// A file with the signed manifest, for checks without a gateway; it is verified like one
    /// that a gateway sends. A relative path starts at the network file's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<PathBuf>,
    /// Roots of simulated hardware; they take effect only with `--danger-simulated-tee`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub danger_simulated: Option<SimulatedSettings>,
}

/// Roots of simulated hardware, DER in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedSettings {
    /// ARK that stands for Milan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milan: Option<String>,
    /// ARK that stands for Genoa.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genoa: Option<String>,
    /// ARK that stands for Turin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turin: Option<String>,
    /// Root that stands for AWS Nitro.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nitro: Option<String>,
}

/// Why a client cannot believe something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("cannot read {path}: {kind}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// The network file is not valid.
    #[error("{path} is not a network file: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A value is not hexadecimal of the right length.
    #[error("{field} is not hexadecimal of the right length")]
    Hex {
        /// Which field.
        field: &'static str,
    },
    /// Simulated roots and the flag that admits them must come together.
    #[error("simulated roots are given without --danger-simulated-tee, or the reverse")]
    SimulatedFlag,
    /// The manifest is of a simulated network, and simulated hardware is not admitted here.
    #[error("the manifest is of a simulated network; only --danger-simulated-tee admits it")]
    SimulatedNetwork,
    /// The bytes are not a signed manifest.
    #[error("the manifest does not decode")]
    Encoding(#[from] CodecError),
    /// The manifest is not approved.
    #[error("the manifest is not accepted: {0}")]
    Manifest(#[from] ChainError),
    /// The manifest is of another network.
    #[error("the manifest is of network {found}, not of {expected}")]
    OtherNetwork {
        /// The manifest's network.
        found: NetworkId,
        /// The client's network.
        expected: NetworkId,
    },
    /// An older manifest came after a newer one, or another of the same version.
    #[error("manifest version {found} came after version {admitted} was admitted")]
    RolledBack {
        /// Version of the manifest that came.
        found: u64,
        /// Version that was admitted before.
        admitted: u64,
    },
}

/// What a client believes before it has spoken to anybody.
#[derive(Debug, Clone)]
pub struct ClientTrust {
    network: NetworkId,
    approvers: Approvers,
    roots: Arc<Roots>,
    simulated: SimulatedEvidence,
    newest: Arc<Mutex<Option<Trust>>>,
}

impl NetworkFile {
    /// Reads a network file.
    ///
    /// # Errors
    /// If it cannot be read, or has unknown or missing keys.
    pub fn load(path: &Path) -> Result<Self, TrustError> {
        let text = String::from_utf8(read_limited(path)?).map_err(|_| TrustError::File {
            path: path.into(),
            reason: "not UTF-8 text".into(),
        })?;
        let mut file: Self = toml::from_str(&text).map_err(|error| TrustError::File {
            path: path.into(),
            reason: error.message().into(),
        })?;
        if let (Some(manifest), Some(folder)) = (&file.manifest, path.parent()) {
            file.manifest = Some(folder.join(manifest));
        }
        Ok(file)
    }

    /// Puts together what a client of this network believes.
    ///
    /// # Errors
    /// If a key or root is not hexadecimal, or simulated roots come without the flag that admits
    /// them or the flag without roots.
    pub fn trust(&self, danger_simulated_tee: bool) -> Result<ClientTrust, TrustError> {
        let simulated = match (&self.danger_simulated, danger_simulated_tee) {
            (Some(settings), true) => Some(settings.roots()?),
            (None, false) => None,
            (Some(_), false) | (None, true) => return Err(TrustError::SimulatedFlag),
        };
        Ok(ClientTrust::new(
            self.network_id,
            self.approvers()?,
            simulated,
        ))
    }

    fn approvers(&self) -> Result<Approvers, TrustError> {
        let key = |text: &String| {
            let mut key = [0; 32];
            hex::decode_to_slice(text, &mut key)
                .map_err(|_| TrustError::Hex { field: "approvers" })?;
            Ok(ApproverKey(key))
        };
        let keys: Result<_, TrustError> = self.approvers.iter().map(key).collect();
        Ok(Approvers {
            keys: keys?,
            needed: self.approvals_needed,
        })
    }
}

impl SimulatedSettings {
    /// Decodes the roots that are given.
    ///
    /// # Errors
    /// If one is not hexadecimal.
    pub fn roots(&self) -> Result<SimulatedRoots, TrustError> {
        let decode = |text: &Option<String>, field| {
            let text = text.as_deref().map(hex::decode).transpose();
            text.map_err(|_| TrustError::Hex { field })
        };
        let arks = [
            (Product::Milan, decode(&self.milan, "milan")?),
            (Product::Genoa, decode(&self.genoa, "genoa")?),
            (Product::Turin, decode(&self.turin, "turin")?),
        ];
        let given = arks.into_iter();
        let given = given.filter_map(|(product, der)| Some((product, der?)));
        Ok(SimulatedRoots {
            snp: given.collect(),
            nitro: decode(&self.nitro, "nitro")?.into_iter().collect(),
        })
    }
}

impl ClientTrust {
    /// Believes the vendors' roots, and `danger_simulated` ones if there are any.
    pub fn new(
        network: NetworkId,
        approvers: Approvers,
        danger_simulated: Option<SimulatedRoots>,
    ) -> Self {
        let (roots, simulated) = match danger_simulated {
            Some(roots) => (
                Roots::vendor().with_simulated(roots),
                SimulatedEvidence::Allow,
            ),
            None => (Roots::vendor(), SimulatedEvidence::Refuse),
        };
        Self {
            network,
            approvers,
            roots: Arc::new(roots),
            simulated,
            newest: Arc::default(),
        }
    }

    /// Returns the network.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Checks versions of the manifest, oldest first, and returns what follows from the newest:
    /// evidence is judged by that.
    ///
    /// # Errors
    /// If the approvers signed none or a later one does not follow, or the newest is of another
    /// network, or older than one admitted before whose time is over.
    pub fn admit(&self, versions: &[SignedManifest], now_ms: u64) -> Result<Trust, TrustError> {
        let roots = (Arc::clone(&self.roots), self.simulated);
        let trust = Trust::start(versions, &self.approvers, roots, now_ms)?;
        let manifest = trust.manifest();
        if manifest.network() != self.network {
            return Err(TrustError::OtherNetwork {
                found: manifest.network(),
                expected: self.network,
            });
        }
        let simulated = self.simulated == SimulatedEvidence::Allow;
        if manifest.manifest().simulated != simulated {
            return Err(TrustError::SimulatedNetwork);
        }
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(admitted) = newest.as_ref() {
            let (found, known) = (manifest.head(), admitted.manifest().head());
            if found.version <= known.version {
                // A gateway may go over to the next version a little later than another.
                return match admitted.admits(found.digest, now_ms) {
                    true => Ok(admitted.clone()),
                    false => Err(TrustError::RolledBack {
                        found: found.version,
                        admitted: known.version,
                    }),
                };
            }
        }
        *newest = Some(trust.clone());
        Ok(trust)
    }

    /// Checks versions of the manifest from a file, as [`ClientTrust::admit`] does.
    ///
    /// # Errors
    /// If the file cannot be read, and those of [`ClientTrust::admit`].
    pub fn admit_file(&self, path: &Path) -> Result<Trust, TrustError> {
        let versions = SignedManifest::versions(&read_limited(path)?)?;
        self.admit(&versions, now_ms())
    }

    /// Returns what follows from the admitted manifest, if evidence may name this version.
    pub(crate) fn admitted(&self, manifest: Digest, now_ms: u64) -> Option<Trust> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let trust = newest.as_ref()?;
        trust.admits(manifest, now_ms).then(|| trust.clone())
    }
}

fn read_limited(path: &Path) -> Result<Vec<u8>, TrustError> {
    use std::io::Read as _;

    let failed = |error: std::io::Error| TrustError::Read {
        path: path.into(),
        kind: error.kind(),
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;

//! Configuration: one TOML file per process, unknown keys refused.

use std::io::Read;
use std::path::{Path, PathBuf};

use boop_wire::Digest;
use serde::de::DeserializeOwned;

/// Largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what the process expects.
    #[error("the configuration {path} is not valid")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
}

/// Reads a process's configuration file.
///
/// # Errors
/// If the file is missing, too large, or holds unknown or wrong keys.
pub fn from_toml<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let read = |source| ConfigError::Read {
        path: path.into(),
        source,
    };
    let file = std::fs::File::open(path).map_err(read)?;
    let mut text = String::new();
    file.take(CONFIG_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(read)?;
    parse(&text, path)
}

/// Reads the configuration of a measured process from its standard input, and its SHA-256.
///
/// A measured process takes its whole configuration there, so that the platform can vouch for
/// the same bytes (SEV-SNP: HOST_DATA; Nitro: PCR16) [EVI-2].
///
/// # Errors
/// If standard input is too large, or holds unknown or wrong keys.
pub fn from_stdin<T: DeserializeOwned>() -> Result<(T, Digest), ConfigError> {
    let path = PathBuf::from("(standard input)");
    let mut text = String::new();
    let mut input = std::io::stdin().take(CONFIG_BYTES_MAX);
    input
        .read_to_string(&mut text)
        .map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
    Ok((parse(&text, &path)?, config_digest(text.as_bytes())))
}

/// Returns the digest by which platform and manifest name a configuration: plain SHA-256.
fn config_digest(bytes: &[u8]) -> Digest {
    boop_wire::codec::plain_digest(bytes)
}

fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|source| ConfigError::Parse {
        path: path.into(),
        source: Box::new(source),
    })
}

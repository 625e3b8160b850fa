//! An approver's key in a token: it signs approvals of manifests and nothing else.

use boop_wire::codec::{CodecError, domain_separated, from_canonical_max};
use boop_wire::manifest::{MANIFEST_BYTES_MAX, Manifest};

use super::connection::{Connection, Module};
use super::identity::{self, Signer};
use super::release::Lifetime;
use super::{Capability, Pkcs11Settings, probe};
use crate::token::VaultError;

/// Why a manifest was not approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApproveError {
    /// The bytes are no manifest.
    #[error("what is to be approved is no manifest")]
    NoManifest(#[from] CodecError),
    /// The token failed.
    #[error(transparent)]
    Token(#[from] VaultError),
}

/// A token with an approver's key. The session ends when this is dropped.
pub struct ApproverToken {
    connection: Connection,
    /// Dropped after the connection.
    module: Module,
}

impl ApproverToken {
    /// Logs in to a token.
    ///
    /// # Errors
    /// If there is no such module or token, or it does not let us in.
    pub fn open(settings: &Pkcs11Settings) -> Result<Self, VaultError> {
        let mut module = Module::load(settings)?;
        let connection = module.connect(settings)?;
        Ok(Self { connection, module })
    }

    /// Returns the public half of the key.
    ///
    /// # Errors
    /// If there is none, it could leave the token, or the token fails.
    pub fn key(&self) -> Result<[u8; 32], VaultError> {
        let found = identity::find(&self.connection.session, Signer::Approver)?;
        let identity = found.ok_or(VaultError::Identity("there is none"))?;
        Ok(identity.public)
    }

    /// Makes the key, unless there is one, and returns its public half.
    ///
    /// # Errors
    /// If the token has no Ed25519, or what is there could leave it, or it fails.
    pub fn make_key(&self) -> Result<[u8; 32], VaultError> {
        let session = &self.connection.session;
        if let Some(identity) = identity::find(session, Signer::Approver)? {
            return Ok(identity.public);
        }
        if !probe::probe(&self.module, &self.connection)?.has(Capability::Ed25519) {
            return Err(VaultError::NotOffered(Capability::Ed25519));
        }
        Ok(identity::make(session, Signer::Approver, Lifetime::Token)?.public)
    }

    /// Signs the approval of a manifest, given its canonical bytes.
    ///
    /// # Errors
    /// If they are no manifest, or the token has no key or fails.
    pub fn approve(&self, manifest: &[u8]) -> Result<[u8; 64], ApproveError> {
        let _: Manifest = from_canonical_max(manifest, MANIFEST_BYTES_MAX)?;
        let session = &self.connection.session;
        let found = identity::find(session, Signer::Approver)?;
        let identity = found.ok_or(VaultError::Identity("there is none"))?;
        let bytes = domain_separated("manifest-approval", manifest);
        Ok(identity::sign(session, &identity, &bytes)?)
    }
}

impl std::fmt::Debug for ApproverToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApproverToken").finish_non_exhaustive()
    }
}

//! Nitro Enclave evidence through `/dev/nsm`, the Nitro security module.
//!
//! The module keeps *registers* (PCRs) that can only be extended, signs documents that list
//! those that are locked, and describes itself. [`device`] is the edge to the kernel, and
//! [`message`] the CBOR on it.

pub mod device;
pub mod message;

use std::path::Path;

use sha2::{Digest as _, Sha384};

pub use device::{DeviceFile, NSM_DEVICE, NsmDevice};
pub use message::{ErrorCode, ModuleDescription, NsmMessageError, RegisterState, Request};

use crate::{
    EvidenceKind, EvidenceSource, NONCE_BYTES, PlatformError, RawEvidence, USER_DATA_BYTES,
};
use message::Response;

/// The register that vouches for the configuration of a measured process ([EVI-2] of
/// docs/protocol.md).
pub const CONFIG_REGISTER: u16 = 16;

/// Length of a register, a SHA-384.
pub const REGISTER_BYTES: usize = 48;

/// The digest whose registers this program knows how to extend.
const DIGEST: &str = "SHA384";

/// Why a register cannot vouch for what it was to vouch for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The module's registers are not those of SHA-384.
    #[error("the registers are made with {digest}")]
    Digest {
        /// The digest that the module names.
        digest: String,
    },
    /// Someone extended the register before.
    #[error("register {index} was used before")]
    Used {
        /// The register.
        index: u16,
    },
    /// The register is locked over something else.
    #[error("register {index} is locked over something else")]
    Locked {
        /// The register.
        index: u16,
    },
    /// The register does not hold what it was extended with, or did not stay locked.
    #[error("register {index} does not hold what it was extended with")]
    Value {
        /// The register.
        index: u16,
    },
}

/// An open Nitro security module.
#[derive(Debug)]
pub struct NitroModule<D = DeviceFile> {
    device: D,
}

impl NitroModule {
    /// Opens the device at `path`, usually [`NSM_DEVICE`].
    ///
    /// # Errors
    /// [`PlatformError::Io`] outside a Nitro Enclave.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PlatformError> {
        let device = DeviceFile::open(path.as_ref());
        let device = device.map_err(PlatformError::io("open the nitro security module"))?;
        Ok(Self::new(device))
    }
}

impl<D: NsmDevice> NitroModule<D> {
    /// Takes an open device.
    pub const fn new(device: D) -> Self {
        Self { device }
    }

    /// Asks the module what it is.
    ///
    /// # Errors
    /// [`PlatformError`] when it does not say.
    pub fn describe(&self) -> Result<ModuleDescription, PlatformError> {
        match self.ask(&Request::DescribeModule)? {
            Response::Module(description) => Ok(description),
            _ => Err(NsmMessageError::Malformed.into()),
        }
    }

    /// Reads a register.
    ///
    /// # Errors
    /// [`PlatformError`] when the module does not say.
    pub fn register(&self, index: u16) -> Result<RegisterState, PlatformError> {
        match self.ask(&Request::DescribeRegister { index })? {
            Response::Register(state) => Ok(state),
            _ => Err(NsmMessageError::Malformed.into()),
        }
    }

    /// Makes an unused register vouch for `data`: extends it once from zero and locks it, so
    /// that nothing which runs later in this enclave can change it. Returns its value,
    /// `SHA-384(48 zero bytes || data)` [EVI-2].
    ///
    /// A register that is locked over the same data already is left as it is: a program that
    /// starts again in the same enclave finds what it left.
    ///
    /// # Errors
    /// [`RegisterError`] when the register holds, or ends up with, anything else; the program
    /// must then stop.
    pub fn extend_and_lock(
        &self,
        index: u16,
        data: &[u8],
    ) -> Result<[u8; REGISTER_BYTES], PlatformError> {
        let digest = self.describe()?.digest;
        if digest != DIGEST {
            return Err(RegisterError::Digest { digest }.into());
        }
        let expected = extended_from_zero(data);
        let before = self.register(index)?;
        match (before.locked, before.value == expected) {
            (true, true) => return Ok(expected),
            (true, false) => return Err(RegisterError::Locked { index }.into()),
            (false, _) if before.value != [0; REGISTER_BYTES] => {
                return Err(RegisterError::Used { index }.into());
            }
            (false, _) => {}
        }
        let data = data.to_vec();
        match self.ask(&Request::ExtendRegister { index, data })? {
            Response::Extended { value } if value == expected => {}
            Response::Extended { .. } => return Err(RegisterError::Value { index }.into()),
            _ => return Err(NsmMessageError::Malformed.into()),
        }
        match self.ask(&Request::LockRegister { index })? {
            Response::Locked => {}
            _ => return Err(NsmMessageError::Malformed.into()),
        }
        let after = self.register(index)?;
        if !after.locked || after.value != expected {
            return Err(RegisterError::Value { index }.into());
        }
        Ok(expected)
    }

    fn document(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
        public_key: Option<Vec<u8>>,
    ) -> Result<RawEvidence, PlatformError> {
        let request = Request::Attest {
            user_data: user_data.to_vec(),
            nonce: nonce.to_vec(),
            public_key,
        };
        match self.ask(&request)? {
            Response::Document(evidence) => Ok(RawEvidence {
                kind: EvidenceKind::Nitro,
                evidence,
                endorsements: Vec::new(),
            }),
            _ => Err(NsmMessageError::Malformed.into()),
        }
    }

    fn ask(&self, request: &Request) -> Result<Response, PlatformError> {
        let answer = self.device.call(&request.to_bytes());
        let answer = answer.map_err(PlatformError::io("ask the nitro security module"))?;
        Ok(Response::from_bytes(&answer)?)
    }
}

impl<D: NsmDevice> EvidenceSource for NitroModule<D> {
    fn attest(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<RawEvidence, PlatformError> {
        self.document(user_data, nonce, None)
    }

    fn attest_to(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
        public_key: &[u8],
    ) -> Result<RawEvidence, PlatformError> {
        self.document(user_data, nonce, Some(public_key.to_vec()))
    }
}

/// Returns a zero register extended once with `data`.
#[must_use]
pub fn extended_from_zero(data: &[u8]) -> [u8; REGISTER_BYTES] {
    let mut hash = Sha384::new();
    hash.update([0; REGISTER_BYTES]);
    hash.update(data);
    hash.finalize().into()
}

#[cfg(test)]
mod tests;

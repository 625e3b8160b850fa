//! What every source of evidence gives, whichever hardware stands behind it.

use std::io;

use boop_verifier::snp::CertificateTableError;

use crate::chip_socket::{ChipRefusal, FrameError};
use crate::nitro::{NsmMessageError, RegisterError};
use crate::snp::sev_guest::SevGuestError;

/// Length of the bytes that evidence binds, in bytes.
pub const USER_DATA_BYTES: usize = 64;

/// Length of the challenge that evidence answers, in bytes.
pub const NONCE_BYTES: usize = 32;

/// A machine that can prove what it runs.
pub trait EvidenceSource {
    /// Asks the hardware for evidence over `user_data`.
    ///
    /// SEV-SNP puts `user_data` into REPORT_DATA and has no place for `nonce`, which
    /// `user_data` must therefore cover; Nitro carries both in fields of their own.
    ///
    /// # Errors
    /// [`PlatformError`] when the hardware, the kernel or the simulated chip gives none.
    fn attest(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<RawEvidence, PlatformError>;

    /// Asks for evidence that also names `public_key`, the key that a service which reads the
    /// evidence itself wraps its answer to: AWS KMS does.
    ///
    /// # Errors
    /// [`PlatformError::NoPublicKey`] where evidence has no place for one, as that of SEV-SNP;
    /// otherwise as [`Self::attest`].
    fn attest_to(
        &self,
        _user_data: &[u8; USER_DATA_BYTES],
        _nonce: &[u8; NONCE_BYTES],
        _public_key: &[u8],
    ) -> Result<RawEvidence, PlatformError> {
        Err(PlatformError::NoPublicKey)
    }
}

impl<S: EvidenceSource + ?Sized> EvidenceSource for Box<S> {
    fn attest(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<RawEvidence, PlatformError> {
        (**self).attest(user_data, nonce)
    }

    fn attest_to(
        &self,
        user_data: &[u8; USER_DATA_BYTES],
        nonce: &[u8; NONCE_BYTES],
        public_key: &[u8],
    ) -> Result<RawEvidence, PlatformError> {
        (**self).attest_to(user_data, nonce, public_key)
    }
}

/// The format of a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    /// A SEV-SNP attestation report of 1184 bytes.
    Snp,
    /// A Nitro attestation document, a COSE_Sign1.
    Nitro,
}

/// Evidence as the hardware gave it, not yet judged by anyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvidence {
    /// The format of `evidence`.
    pub kind: EvidenceKind,
    /// The signed bytes.
    pub evidence: Vec<u8>,
    /// DER certificates: for SEV-SNP the endorsement key and its issuer, in this order and
    /// as far as the host supplied them; none for Nitro, whose document holds its own chain.
    pub endorsements: Vec<Vec<u8>>,
}

/// Why a machine gave no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// A file, device or socket failed.
    #[error("cannot {step}: {kind}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// How it failed.
        kind: io::ErrorKind,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness")]
    Random,
    /// The evidence of this hardware has no place for a public key.
    #[error("evidence of this hardware has no place for a public key")]
    NoPublicKey,
    /// A frame of the chip socket was damaged.
    #[error("the chip's answer was damaged")]
    Frame(#[from] FrameError),
    /// The simulated chip refused.
    #[error("the chip refused: {0}")]
    Refused(ChipRefusal),
    /// The kernel's report provider is not SEV-SNP.
    #[error("the report provider is {provider}, not sev_guest")]
    WrongProvider {
        /// The provider's name.
        provider: String,
    },
    /// The program runs below privilege level 0 and cannot get reports of it.
    #[error("the guest runs at privilege level {floor}, not 0")]
    PrivilegeLevel {
        /// The lowest level that the kernel can ask for.
        floor: u32,
    },
    /// Someone else kept writing to the configfs entry.
    #[error("someone else wrote to the report entry {tries} times")]
    Contended {
        /// How often a report was asked for.
        tries: u32,
    },
    /// The guest's device gave no report.
    #[error("the sev-guest device gave no report")]
    SevGuest(#[from] SevGuestError),
    /// The report is not 1184 bytes long.
    #[error("a report of {bytes} bytes")]
    ReportLength {
        /// The length found.
        bytes: usize,
    },
    /// The report covers other data: someone else used the same configfs entry.
    #[error("the report covers other data than was asked for")]
    ReportData,
    /// The host's certificate table is malformed.
    #[error("the certificate table is malformed")]
    CertificateTable(#[from] CertificateTableError),
    /// The Nitro security module's answer is malformed or an error.
    #[error("the nitro security module did not do what it was asked")]
    Nsm(#[from] NsmMessageError),
    /// A register of the Nitro security module cannot hold what it was to hold.
    #[error("the nitro security module's register is not as it must be")]
    Register(#[from] RegisterError),
}

impl PlatformError {
    /// Wraps an I/O failure of `step` without its operating-system text.
    pub(crate) fn io(step: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| Self::Io {
            step,
            kind: error.kind(),
        }
    }
}

//! What comes in: evidence of either platform, endorsements beside it, and the time.

use alloc::vec::Vec;

use crate::{nitro, reason::Reason, snp};

/// Names the platform that made a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceKind {
    /// AMD SEV-SNP attestation report.
    Snp,
    /// AWS Nitro Enclaves attestation document.
    Nitro,
}

/// Holds one piece of parsed evidence together with its own copy of the original bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// An SEV-SNP report.
    Snp(snp::Report),
    /// A Nitro attestation document.
    Nitro(nitro::Document),
}

impl Evidence {
    /// Says which platform the evidence speaks for.
    pub fn kind(&self) -> EvidenceKind {
        match self {
            Self::Snp(_) => EvidenceKind::Snp,
            Self::Nitro(_) => EvidenceKind::Nitro,
        }
    }

    /// Gives the bytes exactly as they were received.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Snp(report) => report.as_bytes(),
            Self::Nitro(document) => document.as_bytes(),
        }
    }
}

/// Says why bytes are no evidence at all.
///
/// Flaws that leave the evidence readable are no parse errors: they become reasons of the verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The first bytes fit neither platform.
    #[error("bytes are neither an sev-snp report nor a cose_sign1 document")]
    UnknownKind,
    /// An SEV-SNP report has another length than the one all versions share.
    #[error("sev-snp report has {bytes} bytes instead of 1184")]
    ReportLength {
        /// Length that was offered.
        bytes: usize,
    },
    /// A Nitro document is longer than any the platform makes.
    #[error("nitro document has {bytes} bytes, more than the limit")]
    DocumentTooLarge {
        /// Length that was offered.
        bytes: usize,
    },
    /// The CBOR of a Nitro document is cut short or broken, or its unsigned frame longer than it
    /// needs to be.
    #[error("nitro document is not well-formed cbor in its shortest form")]
    CborMalformed,
    /// The outer structure is no COSE_Sign1 with an attached payload.
    #[error("nitro document is not a cose_sign1 with an attached payload")]
    NotCoseSign1,
}

impl ParseError {
    /// Gives the reason code that a verdict carries for this error.
    pub fn reason(&self) -> Reason {
        match self {
            Self::UnknownKind => Reason::UnknownEvidenceKind,
            Self::ReportLength { .. } => Reason::MalformedReportLength,
            Self::DocumentTooLarge { .. } => Reason::DocumentTooLarge,
            Self::CborMalformed => Reason::CborMalformed,
            Self::NotCoseSign1 => Reason::NotCoseSign1,
        }
    }
}

/// Reads evidence, finding out its kind from the first bytes.
///
/// A Nitro document starts with the head of a CBOR array of four (or of unstated length), or with
/// COSE tag 18. An SEV-SNP report starts with a small little-endian version number.
///
/// # Errors
///
/// Returns a [`ParseError`] when nothing further can be said about the bytes.
pub fn parse(bytes: &[u8]) -> Result<Evidence, ParseError> {
    match bytes {
        [0x84 | 0x9f | 0xd2, ..] => nitro::Document::parse(bytes).map(Evidence::Nitro),
        [_, 0, 0, 0, ..] => snp::Report::parse(bytes).map(Evidence::Snp),
        _ => Err(ParseError::UnknownKind),
    }
}

/// Collateral that the host hands over beside an SEV-SNP report, all DER.
///
/// Nothing in here is trusted: a root is never taken from it. Nitro documents bring their own
/// chain and leave it empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endorsements {
    /// The VCEK or VLEK certificate.
    pub leaf: Option<Vec<u8>>,
    /// The ASK or ASVK certificate; when absent, the compiled-in ones are tried.
    pub intermediate: Option<Vec<u8>>,
    /// The revocation list of the product's root.
    pub crl: Option<Vec<u8>>,
}

/// A moment in seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_neither_platform_are_refused() {
        for bytes in [
            &b""[..],
            b"\x02",
            b"\x02\x00\x00",
            b"hello world",
            b"\xa0",
            b"\x83\x40",
        ] {
            assert_eq!(parse(bytes), Err(ParseError::UnknownKind));
        }
    }

    #[test]
    fn a_report_of_another_length_is_refused() {
        for length in [4, 1183, 1185] {
            let mut bytes = alloc::vec![0; length];
            bytes[0] = 3;

            let error = parse(&bytes).expect_err("length is wrong");

            assert_eq!(error, ParseError::ReportLength { bytes: length });
            assert_eq!(error.reason(), Reason::MalformedReportLength);
        }
    }
}

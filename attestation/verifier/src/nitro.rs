//! AWS Nitro Enclaves attestation documents.
//!
//! A document is a COSE_Sign1 around one CBOR map. Reading is done once, over an own copy of the
//! bytes; what departs from the form but can still be read is noted and refused later, so that a
//! verdict can say everything that is wrong.

pub(crate) mod appraise;
pub(crate) mod authenticate;
pub(crate) mod chain;
pub(crate) mod cose;
pub(crate) mod payload;

use alloc::{boxed::Box, vec::Vec};

use crate::{evidence::ParseError, flag::Flag, reason::Reason};
use cose::Envelope;
use payload::Payload;

/// Bytes of the longest document that is read; the platform's own limit is 12 KiB.
pub const DOCUMENT_BYTES_MAX: usize = 32 * 1024;

/// A Nitro document that could be read. Its fields are claims until it is authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    bytes: Vec<u8>,
    envelope: Envelope,
    payload: Box<Payload>,
    defects: Vec<Reason>,
    flags: Vec<Flag>,
}

impl Document {
    /// Copies and reads a document.
    ///
    /// # Errors
    ///
    /// Returns a [`ParseError`] when the CBOR is broken, too long, or no COSE_Sign1 around a map.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(ParseError::DocumentTooLarge { bytes: bytes.len() });
        }
        let mut defects = Vec::new();
        let mut flags = Vec::new();
        let envelope = Envelope::read(bytes, &mut defects, &mut flags)?;
        let payload = Payload::read(&envelope.payload, &mut defects, &mut flags)?;
        let payload = Box::new(payload);
        Ok(Self {
            bytes: bytes.to_vec(),
            envelope,
            payload,
            defects,
            flags,
        })
    }

    /// Gives the bytes exactly as they were received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the bytes of the signed payload.
    pub fn payload_bytes(&self) -> &[u8] {
        &self.envelope.payload
    }

    /// Gives the DER of the signing key's certificate and of its issuers, the highest first.
    pub fn certificates(&self) -> (Option<&[u8]>, &[Vec<u8>]) {
        (self.payload.certificate.as_deref(), &self.payload.cabundle)
    }

    /// Gives what departs from the form.
    pub fn defects(&self) -> &[Reason] {
        &self.defects
    }
}

/// What a Nitro document says beyond the common facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NitroFacts {
    /// Last second at which the leaf certificate is valid.
    pub leaf_not_after: Option<u64>,
    /// Name of the root that the chain begins with.
    pub root_name: Option<alloc::string::String>,
    /// PCRs whose value does not have the length of a SHA-384 digest, with the reason.
    pub refused_pcrs: Vec<(u8, Reason)>,
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_document_above_the_limit_is_refused() {
        let bytes = vec![0x84; DOCUMENT_BYTES_MAX + 1];

        let refused = Document::parse(&bytes);

        assert_eq!(
            refused,
            Err(ParseError::DocumentTooLarge { bytes: bytes.len() })
        );
    }
}

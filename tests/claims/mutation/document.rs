//! Where the parts of a Nitro document lie.

use std::ops::Range;

use anyhow::{Context, Result, ensure};

use super::document_of;
use crate::evidence::Case;

/// Array head, then the protected header of four bytes with its head, then an empty map.
const PROTECTED: Range<usize> = 1..6;
const PAYLOAD_HEAD_AT: usize = 7;
/// Bytes of the signature and of its head.
const SIGNATURE_BYTES: usize = 96;
const SIGNATURE_HEAD_BYTES: usize = 2;

/// Where the parts of a document lie.
#[derive(Debug)]
pub(super) struct Layout {
    payload_end: usize,
    bytes: usize,
}

impl Layout {
    /// Finds the parts.
    pub(super) fn of(case: &Case) -> Result<Self> {
        let document = document_of(case)?;
        let payload = document.payload_bytes();
        let mut windows = case.bytes.windows(payload.len());
        let start = windows.position(|window| window == payload);
        let payload_end = start.context("a payload lies in its document")? + payload.len();
        let bytes = case.bytes.len();
        ensure!(
            payload_end + SIGNATURE_HEAD_BYTES + SIGNATURE_BYTES == bytes,
            "{} is laid out otherwise",
            case.id
        );
        Ok(Self { payload_end, bytes })
    }

    /// Protected header and payload, with their heads.
    pub(super) fn signed(&self) -> Vec<Range<usize>> {
        vec![PROTECTED, PAYLOAD_HEAD_AT..self.payload_end]
    }

    /// Array head, unprotected header, signature and its head.
    pub(super) fn unsigned(&self) -> Vec<Range<usize>> {
        vec![
            0..PROTECTED.start,
            PROTECTED.end..PAYLOAD_HEAD_AT,
            self.payload_end..self.bytes,
        ]
    }
}

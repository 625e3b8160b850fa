//! What AWS KMS answers to a key that evidence names: CMS `EnvelopedData` (RFC 5652 §6) in BER.
//!
//! ```text
//!  ContentInfo { envelopedData, [0] EnvelopedData {
//!      2, { KeyTransRecipientInfo { 2, [0] key id, RSAES-OAEP, content key } },
//!      EncryptedContentInfo { data, AES-256-CBC with iv, [0] ciphertext, whole or in pieces } } }
//! ```
//!
//! This shape is read and no other: one recipient by key id, and nothing optional. Lengths may be
//! indefinite (X.690 §8.1.3.6) where something is built of parts, as KMS writes them.

use alloc::vec::Vec;

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey};
use zeroize::Zeroizing;

use crate::setup::{DATA_KEY_BYTES, RSA_MODULUS_BYTES};

/// Longest that is read: an honest one has some 600 bytes.
pub const ENVELOPED_BYTES_MAX: usize = 2048;

const BLOCK_BYTES: usize = 16;
/// A data key and its padding (RFC 5652 §6.3).
const CIPHERTEXT_BYTES: usize = DATA_KEY_BYTES + BLOCK_BYTES;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]` over bytes, and over parts.
const ZERO_OF_BYTES: u8 = 0x80;
const ZERO_OF_PARTS: u8 = 0xa0;
/// A length that is told by what follows.
const INDEFINITE: u8 = 0x80;

/// 1.2.840.113549.1.7.3 (RFC 5652 §6.1).
const ENVELOPED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
/// 1.2.840.113549.1.7.1 (RFC 5652 §4).
const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.1.7 (RFC 8017 §A.2.1).
const RSAES_OAEP: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07];
/// 2.16.840.1.101.3.4.1.42 (RFC 3565 §4.1).
const AES_256_CBC: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];

/// A data key in its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enveloped {
    /// The content key, to the recipient's RSA key.
    pub wrapped: Vec<u8>,
    /// Where the chain of blocks begins.
    pub iv: [u8; BLOCK_BYTES],
    /// The data key, under the content key.
    pub ciphertext: [u8; CIPHERTEXT_BYTES],
}

/// The bytes are no envelope of one data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an envelope of one data key")]
pub struct NotEnveloped;

impl Enveloped {
    /// Reads an envelope.
    ///
    /// # Errors
    /// If the bytes are anything else, or more.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotEnveloped> {
        if bytes.len() > ENVELOPED_BYTES_MAX {
            return Err(NotEnveloped);
        }
        let mut reader = Reader { rest: bytes };
        let enveloped = reader.parts(SEQUENCE, |info| {
            info.expect(IDENTIFIER, &ENVELOPED_DATA)?;
            info.parts(ZERO_OF_PARTS, |content| content.parts(SEQUENCE, enveloped))
        })?;
        match reader.rest {
            [] => Ok(enveloped),
            _ => Err(NotEnveloped),
        }
    }

    /// Returns the data key, if the envelope is to this key and nothing was changed.
    pub(crate) fn open(
        &self,
        private: &OaepPrivateDecryptingKey,
    ) -> Option<Zeroizing<[u8; DATA_KEY_BYTES]>> {
        let mut room = Zeroizing::new([0; RSA_MODULUS_BYTES]);
        let content_key = private
            .decrypt(&OAEP_SHA256_MGF1SHA256, &self.wrapped, &mut *room, None)
            .ok()?;
        let content_key = UnboundCipherKey::new(&AES_256, content_key).ok()?;
        let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(content_key).ok()?;
        let mut blocks = Zeroizing::new(self.ciphertext);
        let iv = DecryptionContext::Iv128(FixedLength::from(self.iv));
        let key = cipher.decrypt(&mut *blocks, iv).ok()?;
        Some(Zeroizing::new((&*key).try_into().ok()?))
    }
}

fn enveloped(reader: &mut Reader<'_>) -> Result<Enveloped, NotEnveloped> {
    reader.expect(INTEGER, &[2])?;
    let wrapped = reader.parts(SET, |recipients| recipients.parts(SEQUENCE, recipient))?;
    reader.parts(SEQUENCE, |content| {
        content.expect(IDENTIFIER, &DATA)?;
        let iv = content.parts(SEQUENCE, |algorithm| {
            algorithm.expect(IDENTIFIER, &AES_256_CBC)?;
            algorithm.bytes(OCTETS)
        })?;
        let ciphertext = match content.tag()? {
            ZERO_OF_BYTES => content.bytes(ZERO_OF_BYTES)?.to_vec(),
            _ => content.parts(ZERO_OF_PARTS, pieces)?,
        };
        Ok(Enveloped {
            wrapped,
            iv: iv.try_into().map_err(|_| NotEnveloped)?,
            ciphertext: ciphertext.try_into().map_err(|_| NotEnveloped)?,
        })
    })
}

/// Returns the wrapped content key. Which key it is for is found out by opening it, and it opens
/// under SHA-256 and MGF1 with SHA-256 alone, whatever parameters of OAEP stand here.
fn recipient(reader: &mut Reader<'_>) -> Result<Vec<u8>, NotEnveloped> {
    reader.expect(INTEGER, &[2])?;
    reader.bytes(ZERO_OF_BYTES)?;
    let algorithm = reader.bytes(SEQUENCE)?;
    let mut algorithm = Reader { rest: algorithm };
    algorithm.expect(IDENTIFIER, &RSAES_OAEP)?;
    Ok(reader.bytes(OCTETS)?.to_vec())
}

fn pieces(reader: &mut Reader<'_>) -> Result<Vec<u8>, NotEnveloped> {
    let mut whole = Vec::new();
    while reader.tag() == Ok(OCTETS) {
        whole.extend_from_slice(reader.bytes(OCTETS)?);
    }
    Ok(whole)
}

/// Reads elements of BER, one after the other.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Returns the tag of the next element.
    fn tag(&self) -> Result<u8, NotEnveloped> {
        self.rest.first().copied().ok_or(NotEnveloped)
    }

    /// Takes the content of an element of this tag, whose length is told.
    fn bytes(&mut self, tag: u8) -> Result<&'a [u8], NotEnveloped> {
        let bytes = self.header(tag)?.ok_or(NotEnveloped)?;
        self.take(bytes)
    }

    /// Takes an element of this tag and content.
    fn expect(&mut self, tag: u8, content: &[u8]) -> Result<(), NotEnveloped> {
        match self.bytes(tag)? == content {
            true => Ok(()),
            false => Err(NotEnveloped),
        }
    }

    /// Takes an element that is built of parts, which `read` must read all of.
    fn parts<T>(
        &mut self,
        tag: u8,
        read: impl FnOnce(&mut Self) -> Result<T, NotEnveloped>,
    ) -> Result<T, NotEnveloped> {
        let Some(bytes) = self.header(tag)? else {
            let value = read(self)?;
            return match self.take(2)? {
                [0, 0] => Ok(value),
                _ => Err(NotEnveloped),
            };
        };
        let mut inner = Self {
            rest: self.take(bytes)?,
        };
        let value = read(&mut inner)?;
        match inner.rest {
            [] => Ok(value),
            _ => Err(NotEnveloped),
        }
    }

    /// Takes a tag and a length, which is nothing if it is indefinite.
    fn header(&mut self, tag: u8) -> Result<Option<usize>, NotEnveloped> {
        let &[found, first] = self.take(2)? else {
            return Err(NotEnveloped);
        };
        if found != tag {
            return Err(NotEnveloped);
        }
        match (first, self.rest) {
            (0..0x80, _) => Ok(Some(usize::from(first))),
            (INDEFINITE, _) => Ok(None),
            (0x81, &[length @ 0x80..=0xff, ..]) => {
                self.take(1)?;
                Ok(Some(usize::from(length)))
            }
            (0x82, &[high @ 1..=0xff, low, ..]) => {
                self.take(2)?;
                Ok(Some(usize::from(u16::from_be_bytes([high, low]))))
            }
            _ => Err(NotEnveloped),
        }
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], NotEnveloped> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(NotEnveloped)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests;

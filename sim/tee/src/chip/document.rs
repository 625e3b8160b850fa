//! Nitro documents as bytes: fields of CBOR in a map, inside a COSE_Sign1.

use minicbor::Encoder;
use minicbor::encode::Error;

use crate::key::{P384Key, SigningError};
use crate::measure::Pcrs;

/// The protected header of every genuine document: {1: -35}, ES384.
pub(crate) const PROTECTED_ES384: &[u8] = &[0xa1, 0x01, 0x38, 0x22];

/// The content of a document.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pub(crate) module_id: String,
    pub(crate) timestamp_ms: u64,
    pub(crate) pcrs: Pcrs,
    pub(crate) certificate: Vec<u8>,
    pub(crate) bundle: Vec<Vec<u8>>,
    pub(crate) public_key: Option<Vec<u8>>,
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) nonce: Option<Vec<u8>>,
}

/// One field of a payload; its value is CBOR.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) value: Vec<u8>,
}

/// How the payload's map says its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapForm {
    /// In front, as documents did until 2025.
    Definite,
    /// By a break at its end, as they do since.
    Indefinite,
}

impl Payload {
    /// Returns the fields in the order of genuine documents, with a null for each absent one.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let optional = |value: Option<&[u8]>| value.map_or_else(null, bytes);
        let pcrs: Vec<_> = self
            .pcrs
            .iter()
            .map(|(index, pcr)| (*index, &pcr[..]))
            .collect();
        let field = |name, value| Field { name, value };
        vec![
            field("module_id", text(&self.module_id)),
            field("digest", text("SHA384")),
            field("timestamp", unsigned(self.timestamp_ms)),
            field("pcrs", registers(&pcrs)),
            field("certificate", bytes(&self.certificate)),
            field("cabundle", array_of_bytes(&self.bundle)),
            field("public_key", optional(self.public_key.as_deref())),
            field("user_data", optional(self.user_data.as_deref())),
            field("nonce", optional(self.nonce.as_deref())),
        ]
    }
}

/// Returns the map of these fields.
pub(crate) fn map(fields: &[Field], form: MapForm) -> Vec<u8> {
    let mut map = cbor(|encoder| {
        match form {
            MapForm::Definite => encoder.map(fields.len() as u64)?,
            MapForm::Indefinite => encoder.begin_map()?,
        };
        Ok(())
    });
    for Field { name, value } in fields {
        map.extend(text(name));
        map.extend(value);
    }
    if form == MapForm::Indefinite {
        map.push(BREAK);
    }
    map
}

/// A COSE_Sign1 (RFC 9052 §4.2) in its parts.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// Whether tag 18 stands in front, which AWS leaves out.
    pub(crate) tagged: bool,
    /// Whether the outer array ends with a break instead of stating its length.
    pub(crate) indefinite: bool,
    pub(crate) protected: Vec<u8>,
    /// The unsigned header as CBOR; genuine ones are empty.
    pub(crate) unprotected: Vec<u8>,
    /// The payload, or nothing when it is sent beside the document.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) signature: Vec<u8>,
}

impl Envelope {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut document = Vec::new();
        if self.tagged {
            document.push(TAG_18);
        }
        document.push(if self.indefinite {
            ARRAY_INDEFINITE
        } else {
            ARRAY_OF_FOUR
        });
        document.extend(bytes(&self.protected));
        document.extend(&self.unprotected);
        document.extend(self.payload.as_deref().map_or_else(null, bytes));
        document.extend(bytes(&self.signature));
        if self.indefinite {
            document.push(BREAK);
        }
        document
    }
}

/// Signs a payload as genuine modules do (RFC 9052 §4.4).
pub(crate) fn sign(
    protected: &[u8],
    payload: &[u8],
    key: &P384Key,
) -> Result<Envelope, SigningError> {
    let signed = cbor(|encoder| {
        encoder
            .array(4)?
            .str("Signature1")?
            .bytes(protected)?
            .bytes(&[])?
            .bytes(payload)?;
        Ok(())
    });
    Ok(Envelope {
        tagged: false,
        indefinite: false,
        protected: protected.to_vec(),
        unprotected: vec![EMPTY_MAP],
        payload: Some(payload.to_vec()),
        signature: key.sign_evidence(&signed)?.to_vec(),
    })
}

pub(crate) fn text(value: &str) -> Vec<u8> {
    cbor(|encoder| encoder.str(value).map(drop))
}

pub(crate) fn bytes(value: &[u8]) -> Vec<u8> {
    cbor(|encoder| encoder.bytes(value).map(drop))
}

pub(crate) fn unsigned(value: u64) -> Vec<u8> {
    cbor(|encoder| encoder.u64(value).map(drop))
}

pub(crate) fn null() -> Vec<u8> {
    cbor(|encoder| encoder.null().map(drop))
}

/// Returns the map of these registers, which may repeat and have any length.
pub(crate) fn registers(pcrs: &[(u8, &[u8])]) -> Vec<u8> {
    cbor(|encoder| {
        encoder.map(pcrs.len() as u64)?;
        for (index, value) in pcrs {
            encoder.u8(*index)?.bytes(value)?;
        }
        Ok(())
    })
}

fn array_of_bytes(values: &[Vec<u8>]) -> Vec<u8> {
    cbor(|encoder| {
        encoder.array(values.len() as u64)?;
        for value in values {
            encoder.bytes(value)?;
        }
        Ok(())
    })
}

type Infallible = Error<core::convert::Infallible>;

fn cbor(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), Infallible>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Encoder::new(&mut bytes)).expect("a Vec takes every write");
    bytes
}

const ARRAY_OF_FOUR: u8 = 0x84;
const ARRAY_INDEFINITE: u8 = 0x9f;
const BREAK: u8 = 0xff;
const EMPTY_MAP: u8 = 0xa0;
const TAG_18: u8 = 0xd2;

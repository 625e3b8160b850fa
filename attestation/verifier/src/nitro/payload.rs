//! The payload: one CBOR map with the fields of the AWS attestation process text.
//!
//! Genuine documents write an absent optional field as `null` and, since 2025, the map without a
//! stated length; both are read. A field that repeats, or that the format does not know, refuses
//! the document: two readers could take it differently.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use minicbor::{Decoder, data::Type};

use crate::{evidence::ParseError, flag::Flag, reason::Reason};

/// Bytes of a SHA-384 digest, which every PCR has.
const PCR_BYTES: usize = 48;
/// Greatest PCR index.
const PCR_INDEX_MAX: u8 = 31;
/// PCRs in a document.
const PCRS_MAX: u64 = 32;
/// Bytes of a certificate in the bundle.
const CERTIFICATE_BYTES_MAX: usize = 1024;
/// Certificates in the bundle.
const CABUNDLE_MAX: usize = 16;
/// Bytes of the public key.
const PUBLIC_KEY_BYTES_MAX: usize = 1024;
/// Bytes of user data, and of the nonce.
const FREE_FIELD_BYTES_MAX: usize = 512;

/// Fields of a document. What is absent, null or of the wrong type is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) module_id: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) timestamp_ms: Option<u64>,
    pub(crate) pcrs: BTreeMap<u8, [u8; PCR_BYTES]>,
    pub(crate) refused_pcrs: Vec<(u8, Reason)>,
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) cabundle: Vec<Vec<u8>>,
    pub(crate) public_key: Option<Vec<u8>>,
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) nonce: Option<Vec<u8>>,
}

/// Limits and codes of one optional byte string.
struct FreeField {
    bytes_max: usize,
    invalid: Reason,
    too_long: Reason,
    null: Flag,
}

impl Payload {
    /// Reads the map, noting what departs from the form.
    pub(crate) fn read(
        bytes: &[u8],
        defects: &mut Vec<Reason>,
        flags: &mut Vec<Flag>,
    ) -> Result<Self, ParseError> {
        let mut decoder = Decoder::new(bytes);
        let mut payload = Self::default();
        let mut seen = BTreeSet::new();
        let mut left = map_head(&mut decoder)?;
        while next_entry(&mut decoder, &mut left)? {
            let key = key(&mut decoder)?;
            if !seen.insert(key) {
                defects.push(Reason::PayloadDuplicateKey);
                decoder.skip().map_err(malformed)?;
                continue;
            }
            payload.read_field(key, &mut decoder, defects, flags)?;
        }
        if decoder.position() != bytes.len() {
            return Err(ParseError::CborMalformed);
        }
        payload.check(&seen, defects, flags);
        defects.dedup();
        Ok(payload)
    }

    fn read_field(
        &mut self,
        key: &str,
        decoder: &mut Decoder<'_>,
        defects: &mut Vec<Reason>,
        flags: &mut Vec<Flag>,
    ) -> Result<(), ParseError> {
        match key {
            "module_id" => self.module_id = text(decoder)?,
            "digest" => self.digest = text(decoder)?,
            "timestamp" => self.timestamp_ms = unsigned(decoder)?,
            "pcrs" => self.read_pcrs(decoder, defects)?,
            "certificate" => self.certificate = bytes(decoder)?,
            "cabundle" => self.cabundle = cabundle(decoder)?,
            "public_key" => {
                self.public_key = FreeField::public_key().read(decoder, defects, flags)?;
            }
            "user_data" => self.user_data = FreeField::user_data().read(decoder, defects, flags)?,
            "nonce" => self.nonce = FreeField::nonce().read(decoder, defects, flags)?,
            unknown => {
                defects.push(Reason::payload_unknown_field(unknown));
                decoder.skip().map_err(malformed)?;
            }
        }
        Ok(())
    }

    fn read_pcrs(
        &mut self,
        decoder: &mut Decoder<'_>,
        defects: &mut Vec<Reason>,
    ) -> Result<(), ParseError> {
        if !matches!(datatype(decoder)?, Type::Map | Type::MapIndef) {
            defects.push(Reason::PcrsInvalid);
            return decoder.skip().map_err(malformed);
        }
        let mut left = map_head(decoder)?;
        let mut seen = BTreeSet::new();
        let mut entries = 0_u64;
        while next_entry(decoder, &mut left)? {
            entries = entries.saturating_add(1);
            let (index, value) = (unsigned(decoder)?, bytes(decoder)?);
            let index = index.and_then(|index| u8::try_from(index).ok());
            let Some(index) = index.filter(|index| *index <= PCR_INDEX_MAX) else {
                defects.push(Reason::PcrIndexInvalid);
                continue;
            };
            if !seen.insert(index) {
                defects.push(Reason::PcrsDuplicateIndex);
                continue;
            }
            match pcr_value(value.as_deref()) {
                Ok(value) => {
                    self.pcrs.insert(index, value);
                }
                Err(reason) => {
                    self.refused_pcrs.push((index, reason.clone()));
                    defects.push(reason);
                }
            }
        }
        if !(1..=PCRS_MAX).contains(&entries) {
            defects.push(Reason::PcrsInvalid);
        }
        Ok(())
    }

    /// Notes mandatory fields that are missing or out of their limits.
    fn check(&self, seen: &BTreeSet<&str>, defects: &mut Vec<Reason>, flags: &mut Vec<Flag>) {
        if self.module_id.as_deref().is_none_or(str::is_empty) {
            defects.push(Reason::ModuleIdInvalid);
        }
        if self.digest.as_deref() != Some("SHA384") {
            defects.push(Reason::DigestInvalid);
        }
        if self.timestamp_ms.is_none_or(|timestamp| timestamp == 0) {
            defects.push(Reason::TimestampInvalid);
        }
        if !seen.contains("pcrs") {
            defects.push(Reason::PcrsInvalid);
        }
        let sizes_fit = self
            .cabundle
            .iter()
            .all(|element| (1..=CERTIFICATE_BYTES_MAX).contains(&element.len()));
        if !(1..=CABUNDLE_MAX).contains(&self.cabundle.len()) || !sizes_fit {
            defects.push(Reason::CabundleInvalid);
        }
        if self.public_key.as_deref().is_some_and(<[u8]>::is_empty) {
            // A genuine document of 2021 has it, against the text.
            flags.push(Flag::PublicKeyEmpty);
        }
    }
}

impl FreeField {
    fn public_key() -> Self {
        Self {
            bytes_max: PUBLIC_KEY_BYTES_MAX,
            invalid: Reason::PublicKeyInvalid,
            too_long: Reason::PublicKeyTooLong,
            null: Flag::PublicKeyNull,
        }
    }

    fn user_data() -> Self {
        Self {
            bytes_max: FREE_FIELD_BYTES_MAX,
            invalid: Reason::UserDataInvalid,
            too_long: Reason::UserDataTooLong,
            null: Flag::UserDataNull,
        }
    }

    fn nonce() -> Self {
        Self {
            bytes_max: FREE_FIELD_BYTES_MAX,
            invalid: Reason::NonceInvalid,
            too_long: Reason::NonceTooLong,
            null: Flag::NonceNull,
        }
    }

    fn read(
        self,
        decoder: &mut Decoder<'_>,
        defects: &mut Vec<Reason>,
        flags: &mut Vec<Flag>,
    ) -> Result<Option<Vec<u8>>, ParseError> {
        match datatype(decoder)? {
            Type::Null => {
                decoder.null().map_err(malformed)?;
                flags.push(self.null);
                Ok(None)
            }
            Type::Bytes => {
                let value = decoder.bytes().map_err(malformed)?;
                if value.len() > self.bytes_max {
                    defects.push(self.too_long);
                }
                Ok(Some(value.to_vec()))
            }
            _ => {
                defects.push(self.invalid);
                decoder.skip().map_err(malformed)?;
                Ok(None)
            }
        }
    }
}

fn pcr_value(value: Option<&[u8]>) -> Result<[u8; PCR_BYTES], Reason> {
    let value = value.ok_or(Reason::PcrLengthInvalid)?;
    value.try_into().map_err(|_| match value.len() {
        32 | 64 => Reason::PcrLengthNotSha384,
        _ => Reason::PcrLengthInvalid,
    })
}

/// Reads the bundle; an element of the wrong type empties it, which is refused.
fn cabundle(decoder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>, ParseError> {
    let mut left = match datatype(decoder)? {
        Type::Array | Type::ArrayIndef => decoder.array().map_err(malformed)?,
        _ => {
            decoder.skip().map_err(malformed)?;
            return Ok(Vec::new());
        }
    };
    let mut elements = Vec::new();
    let mut sound = true;
    while next_entry(decoder, &mut left)? {
        match bytes(decoder)? {
            Some(element) => elements.push(element),
            None => sound = false,
        }
    }
    Ok(if sound { elements } else { Vec::new() })
}

fn map_head(decoder: &mut Decoder<'_>) -> Result<Option<u64>, ParseError> {
    match datatype(decoder)? {
        Type::Map | Type::MapIndef => decoder.map().map_err(malformed),
        _ => Err(ParseError::CborMalformed),
    }
}

/// Says whether another entry follows, counting down or taking the break.
fn next_entry(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, ParseError> {
    match left {
        Some(0) => Ok(false),
        Some(count) => {
            *count -= 1;
            Ok(true)
        }
        None if datatype(decoder)? == Type::Break => {
            decoder.set_position(decoder.position() + 1);
            Ok(false)
        }
        None => Ok(true),
    }
}

fn key<'b>(decoder: &mut Decoder<'b>) -> Result<&'b str, ParseError> {
    match datatype(decoder)? {
        Type::String => decoder.str().map_err(malformed),
        _ => Err(ParseError::CborMalformed),
    }
}

fn text(decoder: &mut Decoder<'_>) -> Result<Option<String>, ParseError> {
    match datatype(decoder)? {
        Type::String => Ok(Some(String::from(decoder.str().map_err(malformed)?))),
        _ => skip(decoder),
    }
}

fn bytes(decoder: &mut Decoder<'_>) -> Result<Option<Vec<u8>>, ParseError> {
    match datatype(decoder)? {
        Type::Bytes => Ok(Some(decoder.bytes().map_err(malformed)?.to_vec())),
        _ => skip(decoder),
    }
}

fn unsigned(decoder: &mut Decoder<'_>) -> Result<Option<u64>, ParseError> {
    match datatype(decoder)? {
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => Ok(Some(decoder.u64().map_err(malformed)?)),
        _ => skip(decoder),
    }
}

/// Passes over a value of a type that the field cannot have.
fn skip<T>(decoder: &mut Decoder<'_>) -> Result<Option<T>, ParseError> {
    decoder.skip().map_err(malformed)?;
    Ok(None)
}

fn datatype(decoder: &Decoder<'_>) -> Result<Type, ParseError> {
    decoder.datatype().map_err(malformed)
}

fn malformed<E>(_: E) -> ParseError {
    ParseError::CborMalformed
}

#[cfg(test)]
mod tests;

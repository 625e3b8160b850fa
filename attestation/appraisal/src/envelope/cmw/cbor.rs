//! Wrappers in CBOR: arrays of type, byte string and indicator, tags, and maps of them.

use minicbor::Decoder;
use minicbor::data::Type;

use crate::cbor_writer::CborWriter;

use super::super::next_type;
use super::{
    COLLECTION_TYPE_KEY, Cmw, CmwError, ContentType, FORMAT_LAST, Indicator, Label, Limits, Record,
    Tag, add, collection, collection_type, format_of_tag, media_type, tag_of_format,
};

/// Reads a wrapper in CBOR.
///
/// # Errors
///
/// Returns a [`CmwError`] when the bytes are no such wrapper or beyond the limits.
pub fn from_cbor(bytes: &[u8]) -> Result<Cmw, CmwError> {
    let mut decoder = Decoder::new(bytes);
    let cmw = read(&mut decoder, &mut Limits::default())?;
    match bytes.len().saturating_sub(decoder.position()) {
        0 => Ok(cmw),
        bytes => Err(CmwError::TrailingBytes { bytes }),
    }
}

/// Writes a wrapper as CBOR.
pub fn to_cbor(cmw: &Cmw) -> Vec<u8> {
    let mut writer = CborWriter::default();
    write(cmw, &mut writer);
    writer.into_bytes()
}

fn read(decoder: &mut Decoder<'_>, limits: &mut Limits) -> Result<Cmw, CmwError> {
    match next_type(decoder) {
        Some(Type::Array) => {
            limits.item()?;
            record(decoder).map(Cmw::Record)
        }
        Some(Type::Tag) => {
            limits.item()?;
            let tag = decoder.tag().map_err(|_| CmwError::Cbor)?.as_u64();
            let format = format_of_tag(tag).ok_or(CmwError::TagNumber { tag })?;
            let value = bytes(decoder)?;
            Ok(Cmw::Tag(Tag { format, value }))
        }
        Some(Type::Map) => {
            limits.enter()?;
            let read = members(decoder, limits);
            limits.leave();
            read
        }
        Some(Type::ArrayIndef | Type::MapIndef) | None => Err(CmwError::Cbor),
        Some(_) => Err(CmwError::Shape),
    }
}

fn record(decoder: &mut Decoder<'_>) -> Result<Record, CmwError> {
    let members = decoder.array().ok().flatten().ok_or(CmwError::Cbor)?;
    if !(2..=3).contains(&members) {
        return Err(CmwError::Shape);
    }
    let content_type = match next_type(decoder) {
        Some(Type::String) => media_type(decoder.str().map_err(|_| CmwError::Cbor)?)?,
        Some(Type::U8 | Type::U16) => {
            let format = decoder.u16().map_err(|_| CmwError::ContentType)?;
            if format > FORMAT_LAST {
                return Err(CmwError::ContentType);
            }
            ContentType::Format(format)
        }
        None => return Err(CmwError::Cbor),
        Some(_) => return Err(CmwError::ContentType),
    };
    let value = bytes(decoder)?;
    let indicator = match members {
        3 => {
            let bits = decoder.u64().map_err(|_| CmwError::Indicator)?;
            Some(Indicator::new(bits).ok_or(CmwError::Indicator)?)
        }
        _ => None,
    };
    Ok(Record {
        content_type,
        value,
        indicator,
    })
}

fn members(decoder: &mut Decoder<'_>, limits: &mut Limits) -> Result<Cmw, CmwError> {
    let members = decoder.map().ok().flatten().ok_or(CmwError::Cbor)?;
    let mut type_of_collection = None;
    let mut items = Vec::new();
    for _ in 0..members {
        let label = label(decoder)?;
        if label == Label::Text(COLLECTION_TYPE_KEY.into()) {
            let text = decoder.str().map_err(|_| CmwError::CollectionType)?;
            let before = type_of_collection.replace(collection_type(text)?);
            if before.is_some() {
                return Err(CmwError::DuplicateLabel { label });
            }
        } else {
            let item = read(decoder, limits)?;
            add(&mut items, label, item)?;
        }
    }
    collection(type_of_collection, items)
}

fn label(decoder: &mut Decoder<'_>) -> Result<Label, CmwError> {
    match next_type(decoder) {
        Some(Type::String) => {
            let text = decoder.str().map_err(|_| CmwError::Cbor)?;
            Ok(Label::Text(text.into()))
        }
        None => Err(CmwError::Cbor),
        // Numbers beyond 64 bits with sign, and everything else, are no labels.
        Some(_) => decoder
            .i64()
            .map(Label::Number)
            .map_err(|_| CmwError::Label),
    }
}

fn bytes(decoder: &mut Decoder<'_>) -> Result<Vec<u8>, CmwError> {
    match next_type(decoder) {
        Some(Type::Bytes) => {
            let bytes = decoder.bytes().map_err(|_| CmwError::Cbor)?;
            Ok(bytes.to_vec())
        }
        Some(Type::BytesIndef) | None => Err(CmwError::Cbor),
        Some(_) => Err(CmwError::Value),
    }
}

fn write(cmw: &Cmw, writer: &mut CborWriter) {
    match cmw {
        Cmw::Record(record) => {
            writer.array(if record.indicator.is_some() { 3 } else { 2 });
            match &record.content_type {
                ContentType::Media(name) => writer.text(name),
                ContentType::Format(format) => writer.unsigned(u64::from(*format)),
            };
            writer.bytes(&record.value);
            if let Some(indicator) = record.indicator {
                writer.unsigned(u64::from(indicator.bits()));
            }
        }
        Cmw::Tag(tag) => {
            writer.tag(tag_of_format(tag.format)).bytes(&tag.value);
        }
        Cmw::Collection(collection) => {
            let has_type = usize::from(collection.collection_type.is_some());
            writer.map(collection.items.len() + has_type);
            if let Some(name) = &collection.collection_type {
                writer.text(COLLECTION_TYPE_KEY).text(name);
            }
            for (label, item) in &collection.items {
                match label {
                    Label::Text(text) => writer.text(text),
                    Label::Number(number) => writer.int(*number),
                };
                write(item, writer);
            }
        }
    }
}

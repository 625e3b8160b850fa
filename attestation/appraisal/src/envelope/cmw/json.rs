//! Wrappers in JSON: `[type, base64url value, indicator]`, and objects of them.

use serde_json::{Value, json};

use super::super::strict_json::{self, Json};
use super::super::{media_type as types, text};
use super::{
    COLLECTION_TYPE_KEY, Cmw, CmwError, Collection, ContentType, Indicator, Label, Limits, Record,
    add, collection, collection_type, media_type,
};

/// Reads a wrapper in JSON.
///
/// # Errors
///
/// Returns a [`CmwError`] when the text is no such wrapper or beyond the limits.
pub fn from_json(bytes: &[u8]) -> Result<Cmw, CmwError> {
    let json = strict_json::parse(bytes).map_err(|_| CmwError::Json)?;
    read(json, &mut Limits::default())
}

/// Writes a wrapper as JSON; a content format becomes the media type that it stands for.
///
/// # Errors
///
/// Returns [`CmwError::NotJson`] for a label that is a number, and for a content format whose
/// media type is not known here.
pub fn to_json(cmw: &Cmw) -> Result<String, CmwError> {
    Ok(value(cmw)?.to_string())
}

fn read(json: Json, limits: &mut Limits) -> Result<Cmw, CmwError> {
    match json {
        Json::List(members) => {
            limits.item()?;
            record(&members).map(Cmw::Record)
        }
        Json::Object(members) => {
            limits.enter()?;
            let mut type_of_collection = None;
            let mut items = Vec::new();
            for (name, item) in members {
                if name == COLLECTION_TYPE_KEY {
                    let Json::Text(text) = item else {
                        return Err(CmwError::CollectionType);
                    };
                    type_of_collection = Some(collection_type(&text)?);
                } else {
                    let item = read(item, limits)?;
                    add(&mut items, Label::Text(name), item)?;
                }
            }
            limits.leave();
            collection(type_of_collection, items)
        }
        Json::Text(_) | Json::Number(_) | Json::Other => Err(CmwError::Shape),
    }
}

fn record(members: &[Json]) -> Result<Record, CmwError> {
    let (content_type, value, indicator) = match members {
        [content_type, value] => (content_type, value, None),
        [content_type, value, indicator] => (content_type, value, Some(indicator)),
        _ => return Err(CmwError::Shape),
    };
    let Json::Text(content_type) = content_type else {
        return Err(CmwError::ContentType);
    };
    let Json::Text(value) = value else {
        return Err(CmwError::Value);
    };
    let indicator = match indicator {
        None => None,
        Some(Json::Number(bits)) => Some(Indicator::new(*bits).ok_or(CmwError::Indicator)?),
        Some(_) => return Err(CmwError::Indicator),
    };
    Ok(Record {
        content_type: media_type(content_type)?,
        value: text::base64url_strict(value).ok_or(CmwError::Value)?,
        indicator,
    })
}

fn value(cmw: &Cmw) -> Result<Value, CmwError> {
    match cmw {
        Cmw::Record(record) => {
            let mut members = vec![
                json!(name(&record.content_type)?),
                json!(text::to_base64url(&record.value)),
            ];
            members.extend(record.indicator.map(|indicator| json!(indicator.bits())));
            Ok(Value::Array(members))
        }
        Cmw::Tag(tag) => {
            let name = types::of_format(tag.format).ok_or(CmwError::NotJson)?;
            Ok(json!([name, text::to_base64url(&tag.value)]))
        }
        Cmw::Collection(collection) => members(collection),
    }
}

fn members(collection: &Collection) -> Result<Value, CmwError> {
    let mut members = serde_json::Map::new();
    if let Some(name) = &collection.collection_type {
        members.insert(COLLECTION_TYPE_KEY.into(), json!(name));
    }
    for (label, item) in &collection.items {
        let Label::Text(label) = label else {
            return Err(CmwError::NotJson);
        };
        members.insert(label.clone(), value(item)?);
    }
    Ok(Value::Object(members))
}

fn name(content_type: &ContentType) -> Result<&str, CmwError> {
    match content_type {
        ContentType::Media(name) => Ok(name),
        ContentType::Format(format) => types::of_format(*format).ok_or(CmwError::NotJson),
    }
}

//! Conceptual message wrappers, RFC 9999.
//!
//! A wrapper is a record (type, value and, when the type alone does not say it, an indicator of
//! what the value is for), a tag (CBOR alone: the type is a CoAP content format turned into a tag
//! number), or a collection of wrappers under labels. Reading is strict: lengths are stated, a
//! label appears once, nothing follows the end, and the limits below hold.

mod cbor;
mod json;

use core::fmt;

pub use cbor::{from_cbor, to_cbor};
pub use json::{from_json, to_json};

/// The deepest that collections may lie in each other, the outermost counted.
pub const DEPTH_MAX: usize = 4;

/// The most records and tags in a wrapper, at all depths together.
pub const ITEMS_MAX: usize = 16;

/// The key under which a collection states its type.
pub(crate) const COLLECTION_TYPE_KEY: &str = "__cmwc_t";

/// Tag number of content format 0, RFC 9277 appendix B.
const TAG_FIRST: u64 = 1_668_546_817;

/// Number of the last content format that has a tag number.
const FORMAT_LAST: u16 = 65_024;

/// A conceptual message wrapper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cmw {
    /// A message with its type.
    Record(Record),
    /// A message whose type is the content format of a CBOR tag.
    Tag(Tag),
    /// Wrappers under labels.
    Collection(Collection),
}

/// A message with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Type of the value.
    pub content_type: ContentType,
    /// The message.
    pub value: Vec<u8>,
    /// What the message is for, when it is said.
    pub indicator: Option<Indicator>,
}

/// A message under a CBOR tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// CoAP content format of the message.
    pub format: u16,
    /// The message.
    pub value: Vec<u8>,
}

/// Wrappers under labels, at least one, each label once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Type of the collection, an absolute URI or an object identifier.
    pub collection_type: Option<String>,
    /// The wrappers.
    pub items: Vec<(Label, Cmw)>,
}

/// Type of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentType {
    /// A media type.
    Media(String),
    /// A CoAP content format, in CBOR alone.
    Format(u16),
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // One that was not read but made may have anything in it.
            Self::Media(name) => f.write_str(&escaped(&super::tsm::shortened(name))),
            Self::Format(format) => write!(f, "content format {format}"),
        }
    }
}

/// Label of a wrapper in a collection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// A text.
    Text(String),
    /// A number, in CBOR alone.
    Number(i64),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{}\"", escaped(&super::tsm::shortened(text))),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Shows a text from outside: printable ASCII as it is, all else escaped.
fn escaped(text: &str) -> String {
    let is_plain = |c: char| u8::try_from(c).is_ok_and(|byte| PRINTABLE.contains(&byte));
    let mut shown = String::new();
    for c in text.chars() {
        if is_plain(c) && c != '\\' {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
    }
    shown
}

/// Says what a message is for: a set of the five kinds of conceptual messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indicator(u32);

impl Indicator {
    /// Reference values.
    pub const REFERENCE_VALUES: Self = Self(1);
    /// Endorsements.
    pub const ENDORSEMENTS: Self = Self(1 << 1);
    /// Evidence.
    pub const EVIDENCE: Self = Self(1 << 2);
    /// Attestation results.
    pub const ATTESTATION_RESULTS: Self = Self(1 << 3);
    /// Appraisal policy.
    pub const APPRAISAL_POLICY: Self = Self(1 << 4);

    /// Takes a bit map, unless it is empty or has bits without a meaning.
    pub fn new(bits: u64) -> Option<Self> {
        u32::try_from(bits)
            .ok()
            .filter(|bits| (1..=31).contains(bits))
            .map(Self)
    }

    /// Gives the bit map.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Says whether one of the kinds of another indicator is among these.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Why a wrapper cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CmwError {
    /// The text is no JSON, or a name appears twice in it.
    #[error("it is no json, or a name appears twice in it")]
    Json,
    /// The CBOR is broken, cut short, or has a length that is not stated.
    #[error("it is no cbor with stated lengths")]
    Cbor,
    /// Bytes follow the wrapper.
    #[error("{bytes} bytes follow it")]
    TrailingBytes {
        /// Number of bytes.
        bytes: usize,
    },
    /// An item is neither a record, nor a tag, nor a collection.
    #[error("an item is neither a record of two or three members nor a collection")]
    Shape,
    /// The type of a record is no media type and no content format.
    #[error("the type of a record is neither a media type nor a content format")]
    ContentType,
    /// The value of a record is not base64url without padding, or no byte string.
    #[error("the value of a record is not base64url without padding, or no byte string")]
    Value,
    /// The indicator of a record is no number from 1 to 31.
    #[error("the indicator of a record is no number from 1 to 31")]
    Indicator,
    /// A tag is none of a content format.
    #[error("the tag {tag} stands for no content format")]
    TagNumber {
        /// Number of the tag.
        tag: u64,
    },
    /// A label is neither text nor a whole number.
    #[error("a label is neither text nor a whole number")]
    Label,
    /// A label appears twice in a collection.
    #[error("the label {label} appears twice")]
    DuplicateLabel {
        /// The label.
        label: Label,
    },
    /// The type of a collection is no URI and no object identifier.
    #[error("the type of a collection is neither an absolute uri nor an object identifier")]
    CollectionType,
    /// A collection holds nothing.
    #[error("a collection is empty")]
    EmptyCollection,
    /// Collections lie deeper in each other than is read.
    #[error("collections lie deeper than {DEPTH_MAX} in each other")]
    TooDeep,
    /// There are more items than are read.
    #[error("there are more than {ITEMS_MAX} items")]
    TooManyItems,
    /// An item has no form in JSON: a label that is a number, or a content format.
    #[error("an item has a label or a type that json cannot carry")]
    NotJson,
}

/// Printable ASCII.
const PRINTABLE: core::ops::RangeInclusive<u8> = 0x20..=0x7e;

/// Counts items and depth while a wrapper is read.
#[derive(Debug, Default)]
struct Limits {
    items: usize,
    depth: usize,
}

impl Limits {
    fn item(&mut self) -> Result<(), CmwError> {
        self.items += 1;
        if self.items > ITEMS_MAX {
            return Err(CmwError::TooManyItems);
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<(), CmwError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(CmwError::TooDeep);
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }
}

/// Adds an item to a collection, each label once.
fn add(items: &mut Vec<(Label, Cmw)>, label: Label, item: Cmw) -> Result<(), CmwError> {
    if items.iter().any(|(before, _)| *before == label) {
        return Err(CmwError::DuplicateLabel { label });
    }
    items.push((label, item));
    Ok(())
}

/// Ends a collection: it must not be empty.
fn collection(collection_type: Option<String>, items: Vec<(Label, Cmw)>) -> Result<Cmw, CmwError> {
    if items.is_empty() {
        return Err(CmwError::EmptyCollection);
    }
    Ok(Cmw::Collection(Collection {
        collection_type,
        items,
    }))
}

/// Takes a media type: `type/subtype`, perhaps with parameters, in printable ASCII alone: it is
/// shown to people, and must not move their cursor or turn their text around.
fn media_type(name: &str) -> Result<ContentType, CmwError> {
    let (essence, _) = name.split_once(';').unwrap_or((name, ""));
    let is_token = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        !text.is_empty() && text.bytes().all(allowed)
    };
    let is_media_type = essence
        .trim_end()
        .split_once('/')
        .is_some_and(|(top, sub)| is_token(top) && is_token(sub));
    if !is_media_type || !name.bytes().all(|byte| PRINTABLE.contains(&byte)) {
        return Err(CmwError::ContentType);
    }
    Ok(ContentType::Media(name.into()))
}

/// Takes the type of a collection: an absolute URI or an object identifier.
fn collection_type(text: &str) -> Result<String, CmwError> {
    let is_oid = text.split('.').count() > 1
        && text.split('.').all(|arc| {
            let digits = !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit());
            digits && (arc == "0" || !arc.starts_with('0'))
        });
    let is_uri = text.split_once(':').is_some_and(|(scheme, rest)| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(allowed)
            && !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    });
    if is_oid || is_uri {
        return Ok(text.into());
    }
    Err(CmwError::CollectionType)
}

/// Gives the tag number of a content format.
fn tag_of_format(format: u16) -> u64 {
    let format = u64::from(format);
    TAG_FIRST + format / 255 * 256 + format % 255
}

/// Gives the content format of a tag number, if it is one of a content format.
fn format_of_tag(tag: u64) -> Option<u16> {
    let offset = tag.checked_sub(TAG_FIRST)?;
    let (high, low) = (offset / 256, offset % 256);
    let format = high.checked_mul(255)?.checked_add(low)?;
    let format = u16::try_from(format).ok()?;
    (low < 255 && format <= FORMAT_LAST).then_some(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_numbers_follow_rfc_9277() {
        assert_eq!(tag_of_format(0), TAG_FIRST);
        assert_eq!(tag_of_format(30_001), 1_668_576_935);
        assert_eq!(tag_of_format(FORMAT_LAST), 1_668_612_095);
        for format in (0..=FORMAT_LAST).step_by(97) {
            assert_eq!(format_of_tag(tag_of_format(format)), Some(format));
        }
        for tag in [0, TAG_FIRST - 1, TAG_FIRST + 255, 1_668_612_096, u64::MAX] {
            assert_eq!(format_of_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn media_types_are_printable_ascii_and_whatever_else_is_shown_escaped() {
        for name in ["a/b", "application/cose; cose-type=\"cose-sign1\""] {
            let read = media_type(name).unwrap();
            assert_eq!(read, ContentType::Media(name.into()));
            assert_eq!(read.to_string(), name);
        }
        for foreign in ["\u{9b}", "\u{202e}", "\u{7f}", "\n", "\u{1b}[2J", "\u{e9}"] {
            let name = format!("a/b; c={foreign}");
            assert_eq!(media_type(&name), Err(CmwError::ContentType), "{name:?}");
        }
        let made = ContentType::Media("a/\u{9b}\u{202e}".into());
        assert_eq!(made.to_string(), "a/\\u{9b}\\u{202e}");
        let label = Label::Text("x\u{9b}\u{202e}\\".into());
        assert_eq!(label.to_string(), "\"x\\u{9b}\\u{202e}\\\\\"");
    }

    #[test]
    fn indicators_have_at_least_one_of_five_bits() {
        assert_eq!(Indicator::new(4), Some(Indicator::EVIDENCE));
        assert_eq!(Indicator::new(31).map(Indicator::bits), Some(31));
        for bits in [0, 32, u64::MAX] {
            assert_eq!(Indicator::new(bits), None, "{bits}");
        }
    }

    #[test]
    fn types_of_collections_are_uris_or_object_identifiers() {
        for text in [
            "tag:example,2026:x",
            "https://example.net/a",
            "1.3.6.1",
            "2.23.0",
        ] {
            assert_eq!(collection_type(text), Ok(text.into()));
        }
        for text in [
            "", "x", "1", "1..2", "1.02", ":x", "tag:", "tag:a b", "1x:y",
        ] {
            let refused = collection_type(text);
            assert_eq!(refused, Err(CmwError::CollectionType), "{text}");
        }
    }
}

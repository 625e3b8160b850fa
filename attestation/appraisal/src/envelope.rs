//! Envelopes: the forms in which evidence arrives, and the evidence and certificates inside.
//!
//! [`open`] finds the form itself, from the bytes alone:
//!
//! | form | how it is known |
//! |---|---|
//! | SEV-SNP report | a small little-endian version number first |
//! | report with its certificate table | the same, and a table from byte 1184 on |
//! | TSM report | an object or map with `outblob`, as `configfs-tsm` gives it |
//! | Nitro document | an array of four, or COSE tag 18 |
//! | CMW, JSON | `[` or `{` |
//! | CMW, CBOR | an array of two or three, a map, or a tag of a content format |
//!
//! Each may also come as base64 (either alphabet, padded or not, with line breaks) or as
//! hexadecimal text. The media types inside a CMW are listed in [`media_type`].
//!
//! An envelope is written by whoever hands the evidence over, so nothing in it is trusted:
//! certificates only spare a download, and a root in it is left out. What has the shape of
//! evidence but the wrong length is handed on as it is, and the verifier refuses it with a reason.

pub mod cmw;
mod found;
pub mod media_type;
mod strict_json;
mod text;
mod tsm;
mod wrap;

use core::fmt;

use boop_verifier::snp::{CertificateTable, CertificateTableError, REPORT_BYTES, Report};
use boop_verifier::{Endorsements, EvidenceKind};
use minicbor::Decoder;
use minicbor::data::Type;

pub use cmw::{Cmw, CmwError};
pub use tsm::TsmError;
pub use wrap::{COLLECTION_TYPE, wrap};

/// The most bytes that an envelope may have, before and after its text is decoded.
pub const ENVELOPE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of the smallest certificate table: its closing entry alone.
const TABLE_BYTES_MIN: usize = 24;

/// What is noted when a host offers a root.
const ROOT_NOTE: &str = "a root from the host proves nothing: ignored";

/// Names the form in which evidence came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// An SEV-SNP report alone.
    SnpReport,
    /// An SEV-SNP report with the host's certificate table behind it.
    SnpExtended,
    /// What `configfs-tsm` gives, as JSON, CBOR or files.
    TsmReport,
    /// A Nitro attestation document.
    NitroDocument,
    /// A conceptual message wrapper in JSON.
    CmwJson,
    /// A conceptual message wrapper in CBOR.
    CmwCbor,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SnpReport => "SEV-SNP report",
            Self::SnpExtended => "SEV-SNP report with its certificate table",
            Self::TsmReport => "TSM report",
            Self::NitroDocument => "Nitro document",
            Self::CmwJson => "CMW in JSON",
            Self::CmwCbor => "CMW in CBOR",
        })
    }
}

/// What an envelope held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The form in which it came.
    pub form: Form,
    /// The one piece of evidence, for [`boop_verifier::parse`].
    pub evidence: Vec<u8>,
    /// Certificates beside it.
    pub endorsements: Endorsements,
    /// What was decoded, or left out and why; each in a few words.
    pub notes: Vec<String>,
}

/// Says which place a certificate or revocation list takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The certificate of the key that signed the report.
    Leaf,
    /// The certificate that issued it.
    Intermediate,
    /// The revocation list.
    RevocationList,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaf => "certificate of the signing key",
            Self::Intermediate => "intermediate certificate",
            Self::RevocationList => "revocation list",
        })
    }
}

/// Why an envelope cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// There are no bytes.
    #[error("the input is empty")]
    Empty,
    /// The input is longer than any envelope.
    #[error("the input has {bytes} bytes, more than the {ENVELOPE_BYTES_MAX} that are read")]
    TooLarge {
        /// Length that was offered.
        bytes: usize,
    },
    /// The bytes have none of the forms.
    #[error(
        "the bytes are neither an sev-snp report, a nitro document, a tsm report nor a cmw, \
         nor base64 or hexadecimal text of one"
    )]
    Unknown,
    /// The text decodes to text once more.
    #[error("the {encoding} text holds text once more instead of evidence")]
    TextInText {
        /// Encoding of the outer text.
        encoding: &'static str,
    },
    /// A certificate came where evidence belongs.
    #[error("this is a certificate or a key, not evidence; give it beside the evidence")]
    CertificateAlone,
    /// The bytes behind a report are no certificate table.
    #[error("the bytes after the report are no certificate table")]
    CertificateTable(#[source] CertificateTableError),
    /// The TSM report cannot be read.
    #[error("the tsm report cannot be read")]
    Tsm(#[from] TsmError),
    /// The CMW cannot be read.
    #[error("the cmw cannot be read")]
    Cmw(#[from] CmwError),
    /// A CMW holds no evidence, or more than one piece.
    #[error("the cmw holds {found} pieces of evidence instead of one")]
    EvidenceCount {
        /// Number of pieces.
        found: usize,
    },
    /// Two different certificates claim the same place.
    #[error("there are two different values for the {place}")]
    Contradiction {
        /// The place that is claimed twice.
        place: Place,
    },
    /// The indicator of an item denies what its media type says.
    #[error("item {label} is of type {media_type}, which its indicator denies")]
    Indicator {
        /// Label of the item.
        label: String,
        /// Its media type.
        media_type: String,
    },
    /// The value of an item is not what its media type says.
    #[error("item {label} is not of its type {media_type}")]
    Content {
        /// Label of the item.
        label: String,
        /// Its media type.
        media_type: String,
    },
}

/// Opens an envelope, whatever its form.
///
/// # Errors
///
/// Returns an [`EnvelopeError`] that names what was found instead of one piece of evidence.
pub fn open(bytes: &[u8]) -> Result<Opened, EnvelopeError> {
    check_length(bytes)?;
    if let Some(opened) = open_plain(bytes) {
        return opened;
    }
    if is_certificate(bytes) {
        return Err(EnvelopeError::CertificateAlone);
    }
    let (decoded, encoding) = text::decode(bytes).ok_or(EnvelopeError::Unknown)?;
    check_length(&decoded)?;
    if is_certificate(&decoded) {
        return Err(EnvelopeError::CertificateAlone);
    }
    let Some(opened) = open_plain(&decoded) else {
        return Err(match text::decode(&decoded) {
            Some(_) => EnvelopeError::TextInText { encoding },
            None => EnvelopeError::Unknown,
        });
    };
    let mut opened = opened?;
    opened.notes.insert(0, format!("decoded from {encoding}"));
    Ok(opened)
}

/// Opens what the files `outblob`, `auxblob` and `provider` of `configfs-tsm` hold.
///
/// An empty `auxblob` is a host that supplies no certificates.
///
/// # Errors
///
/// Returns an [`EnvelopeError`] when the provider is another one than `sev_guest`, the outblob is
/// something else than a report, or the certificate table cannot be read.
pub fn open_tsm(outblob: &[u8], auxblob: &[u8], provider: &str) -> Result<Opened, EnvelopeError> {
    if outblob.is_empty() {
        return Err(EnvelopeError::Empty);
    }
    check_length(outblob)?;
    check_length_of_table(auxblob)?;
    let report = tsm::TsmReport {
        provider: Some(provider.into()),
        outblob: outblob.to_vec(),
        auxblob: Some(auxblob.to_vec()),
        ignored: Vec::new(),
    };
    report.open()
}

fn open_plain(bytes: &[u8]) -> Option<Result<Opened, EnvelopeError>> {
    match shape(bytes) {
        Some(EvidenceKind::Nitro) => Some(Ok(alone(bytes, Form::NitroDocument))),
        Some(EvidenceKind::Snp) => Some(open_report(bytes)),
        None => open_container(bytes),
    }
}

fn open_container(bytes: &[u8]) -> Option<Result<Opened, EnvelopeError>> {
    match *bytes {
        [0xa0..=0xb9, ..] if tsm::is_cbor(bytes) => {
            Some(from_tsm(tsm::TsmReport::from_cbor(bytes)))
        }
        [0x82 | 0x83 | 0xa0..=0xbb | 0xbf | 0xda, ..] => {
            Some(from_cmw(cmw::from_cbor(bytes), Form::CmwCbor))
        }
        _ => open_json(bytes),
    }
}

fn open_json(bytes: &[u8]) -> Option<Result<Opened, EnvelopeError>> {
    match bytes.trim_ascii_start() {
        [b'{', ..] if tsm::is_json(bytes) => Some(from_tsm(tsm::TsmReport::from_json(bytes))),
        [b'[' | b'{', ..] => Some(from_cmw(cmw::from_json(bytes), Form::CmwJson)),
        _ => None,
    }
}

/// Opens a report, with the host's table when there is room for one.
///
/// A few bytes too many or too few are left to the verifier, whose verdict then says so.
fn open_report(bytes: &[u8]) -> Result<Opened, EnvelopeError> {
    let table = bytes
        .split_at_checked(REPORT_BYTES)
        .filter(|(_, table)| table.len() >= TABLE_BYTES_MIN);
    let Some((report, table)) = table else {
        return Ok(alone(bytes, Form::SnpReport));
    };
    let mut notes = Vec::new();
    let endorsements = endorsements(report, table, &mut notes)?;
    Ok(Opened {
        form: Form::SnpExtended,
        evidence: report.to_vec(),
        endorsements,
        notes,
    })
}

fn alone(evidence: &[u8], form: Form) -> Opened {
    Opened {
        form,
        evidence: evidence.to_vec(),
        endorsements: Endorsements::default(),
        notes: Vec::new(),
    }
}

fn from_tsm(report: Result<tsm::TsmReport, TsmError>) -> Result<Opened, EnvelopeError> {
    report?.open()
}

fn from_cmw(cmw: Result<Cmw, CmwError>, form: Form) -> Result<Opened, EnvelopeError> {
    found::Found::of(&cmw?)?.into_opened(form)
}

/// Reads a host's table: what endorses this report, with a note about a root.
fn endorsements(
    report: &[u8],
    table: &[u8],
    notes: &mut Vec<String>,
) -> Result<Endorsements, EnvelopeError> {
    let table = CertificateTable::parse(table).map_err(EnvelopeError::CertificateTable)?;
    if table.offers_root {
        notes.push(ROOT_NOTE.into());
    }
    // Bytes that are no report are refused by the verifier, with or without certificates.
    Ok(Report::parse(report).map_or_else(
        |_| Endorsements::default(),
        |report| table.endorsements_for(&report),
    ))
}

fn check_length(bytes: &[u8]) -> Result<(), EnvelopeError> {
    if bytes.is_empty() {
        return Err(EnvelopeError::Empty);
    }
    check_length_of_table(bytes)
}

fn check_length_of_table(bytes: &[u8]) -> Result<(), EnvelopeError> {
    let bytes = bytes.len();
    if bytes > ENVELOPE_BYTES_MAX {
        return Err(EnvelopeError::TooLarge { bytes });
    }
    Ok(())
}

fn is_certificate(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN ") || bytes.starts_with(&[0x30, 0x82])
}

/// Says of which platform bytes begin like evidence.
fn shape(bytes: &[u8]) -> Option<EvidenceKind> {
    match bytes {
        [0x84 | 0x9f | 0xd2, ..] => Some(EvidenceKind::Nitro),
        [_, 0, 0, 0, ..] => Some(EvidenceKind::Snp),
        _ => None,
    }
}

/// Says of which type the next CBOR item is; `None` at the end of the input.
fn next_type(decoder: &Decoder<'_>) -> Option<Type> {
    decoder.datatype().ok()
}

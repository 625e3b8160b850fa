//! TSM reports: what the kernel's `configfs-tsm` gives, as JSON or CBOR
//! (`application/vnd.veraison.tsm-report+json` and `+cbor`).
//!
//! Members: `provider`, which must be `sev_guest`; `outblob`, which must begin like an SEV-SNP
//! report; `auxblob`, the host's
//! certificate table, if it supplies one. Blobs are base64 text, in either alphabet, or bytes in
//! CBOR. Everything else, such as the manifest of a service, is left out with a note.

use boop_verifier::{Endorsements, EvidenceKind};
use minicbor::Decoder;
use minicbor::data::Type;

use crate::cbor_writer::CborWriter;

use super::strict_json::{self, Json};
use super::{EnvelopeError, Form, Opened, endorsements, next_type, shape, text};

/// The provider whose reports are read.
pub(super) const PROVIDER: &str = "sev_guest";

/// The most members that a TSM report may have.
const MEMBERS_MAX: u64 = 16;

/// Why a TSM report cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsmError {
    /// It is no JSON object, or a name appears twice in it.
    #[error("it is no json object whose names appear once")]
    Json,
    /// It is no CBOR map with keys of text.
    #[error("it is no cbor map of stated length with keys of text")]
    Cbor,
    /// A member appears twice.
    #[error("the member {member:?} appears twice")]
    Duplicate {
        /// Name of the member.
        member: &'static str,
    },
    /// Bytes follow the report.
    #[error("{bytes} bytes follow it")]
    TrailingBytes {
        /// Number of bytes.
        bytes: usize,
    },
    /// The report is missing.
    #[error("it has no outblob")]
    NoReport,
    /// A blob is neither bytes nor base64.
    #[error("the member {member:?} is not base64 or bytes")]
    Blob {
        /// Name of the member.
        member: &'static str,
    },
    /// The outblob is no SEV-SNP report, whatever the provider says.
    #[error("its outblob does not begin like an sev-snp report")]
    Outblob,
    /// The provider is missing.
    #[error("it names no provider")]
    NoProvider,
    /// The report is of another platform.
    #[error("its provider is {provider:?}; only \"sev_guest\" is read")]
    Provider {
        /// Provider that it names.
        provider: String,
    },
}

/// A TSM report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TsmReport {
    /// Who made the report, with the kernel's line end or without.
    pub(super) provider: Option<String>,
    /// The report.
    pub(super) outblob: Vec<u8>,
    /// The certificate table.
    pub(super) auxblob: Option<Vec<u8>>,
    /// Names of members that were left out.
    pub(super) ignored: Vec<String>,
}

/// Says whether JSON has the members of a TSM report rather than those of a CMW.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    strict_json::parse(bytes).is_ok_and(|json| {
        ["outblob", "auxblob", "provider"]
            .iter()
            .any(|name| matches!(json.member(name), Some(Json::Text(_))))
    })
}

/// Says whether a CBOR map begins like a TSM report: in a CMW no text or bytes follow a label.
pub(super) fn is_cbor(bytes: &[u8]) -> bool {
    let mut decoder = Decoder::new(bytes);
    let first = decoder.map().ok().and_then(|_| decoder.str().ok());
    let value = next_type(&decoder);
    match first {
        Some("service") => true,
        Some("__cmwc_t") | None => false,
        Some(_) => matches!(value, Some(Type::Bytes | Type::String)),
    }
}

impl TsmReport {
    /// Reads JSON.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, TsmError> {
        let Ok(Json::Object(members)) = strict_json::parse(bytes) else {
            return Err(TsmError::Json);
        };
        let mut report = Partial::default();
        for (name, value) in members {
            let blob = || match &value {
                Json::Text(blob) => text::base64(blob.as_bytes()),
                Json::Number(_) | Json::List(_) | Json::Object(_) | Json::Other => None,
            };
            match (name.as_str(), &value) {
                ("provider", Json::Text(provider)) => report.provider = Some(provider.clone()),
                ("outblob", _) => report.outblob = Some(blob().ok_or(OUTBLOB)?),
                ("auxblob", _) => report.auxblob = Some(blob().ok_or(AUXBLOB)?),
                _ => report.ignored.push(name),
            }
        }
        report.finish()
    }

    /// Reads CBOR.
    pub(super) fn from_cbor(bytes: &[u8]) -> Result<Self, TsmError> {
        let mut decoder = Decoder::new(bytes);
        let members = decoder.map().ok().flatten().ok_or(TsmError::Cbor)?;
        if members > MEMBERS_MAX {
            return Err(TsmError::Cbor);
        }
        let mut report = Partial::default();
        for _ in 0..members {
            let name = decoder.str().map_err(|_| TsmError::Cbor)?;
            let twice = match name {
                "provider" => {
                    let provider = decoder.str().map_err(|_| TsmError::Cbor)?;
                    let before = report.provider.replace(provider.into());
                    before.map(|_| "provider")
                }
                "outblob" => {
                    let blob = blob(&mut decoder).ok_or(OUTBLOB)?;
                    report.outblob.replace(blob).map(|_| "outblob")
                }
                "auxblob" => {
                    let blob = blob(&mut decoder).ok_or(AUXBLOB)?;
                    report.auxblob.replace(blob).map(|_| "auxblob")
                }
                _ => {
                    decoder.skip().map_err(|_| TsmError::Cbor)?;
                    report.ignored.push(name.into());
                    None
                }
            };
            if let Some(member) = twice {
                return Err(TsmError::Duplicate { member });
            }
        }
        match bytes.len().saturating_sub(decoder.position()) {
            0 => report.finish(),
            bytes => Err(TsmError::TrailingBytes { bytes }),
        }
    }

    /// Takes the report and what endorses it.
    pub(super) fn open(self) -> Result<Opened, EnvelopeError> {
        let mut notes: Vec<String> = self
            .ignored
            .iter()
            .map(|name| format!("member {:?} of the tsm report: ignored", shortened(name)))
            .collect();
        let provider = self.provider.ok_or(TsmError::NoProvider)?;
        if provider.trim() != PROVIDER {
            let provider = shortened(provider.trim());
            return Err(TsmError::Provider { provider }.into());
        }
        // A wrong length is left to the verifier, whose verdict then says so.
        if shape(&self.outblob) != Some(EvidenceKind::Snp) {
            return Err(TsmError::Outblob.into());
        }
        let endorsements = match self.auxblob.as_deref() {
            None | Some([]) => Endorsements::default(),
            Some(table) => endorsements(&self.outblob, table, &mut notes)?,
        };
        Ok(Opened {
            form: Form::TsmReport,
            evidence: self.outblob,
            endorsements,
            notes,
        })
    }
}

/// Writes the CBOR of a report alone.
pub(super) fn to_cbor(report: &[u8]) -> Vec<u8> {
    let mut writer = CborWriter::default();
    writer.map(2);
    writer.text("outblob").bytes(report);
    writer.text("provider").text(PROVIDER);
    writer.into_bytes()
}

#[derive(Default)]
struct Partial {
    provider: Option<String>,
    outblob: Option<Vec<u8>>,
    auxblob: Option<Vec<u8>>,
    ignored: Vec<String>,
}

impl Partial {
    fn finish(self) -> Result<TsmReport, TsmError> {
        let outblob = self.outblob.filter(|report| !report.is_empty());
        Ok(TsmReport {
            provider: self.provider,
            outblob: outblob.ok_or(TsmError::NoReport)?,
            auxblob: self.auxblob,
            ignored: self.ignored,
        })
    }
}

const OUTBLOB: TsmError = TsmError::Blob { member: "outblob" };
const AUXBLOB: TsmError = TsmError::Blob { member: "auxblob" };

fn blob(decoder: &mut Decoder<'_>) -> Option<Vec<u8>> {
    match next_type(decoder)? {
        Type::Bytes => decoder.bytes().ok().map(<[u8]>::to_vec),
        Type::String => text::base64(decoder.str().ok()?.as_bytes()),
        _ => None,
    }
}

/// Shortens a text from outside for a note or an error.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

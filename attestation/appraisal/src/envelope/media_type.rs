//! The media types of what a CMW carries.
//!
//! | what | type, as written | content format |
//! |---|---|---|
//! | SEV-SNP report | `application/vnd.veraison.tsm-report+cbor` | |
//! | Nitro document | `application/cose; cose-type="cose-sign1"` | 18 |
//! | certificate | `application/pkix-cert` | 287 |
//! | revocation list | `application/pkix-crl` | |
//!
//! Also read: for reports `application/vnd.veraison.tsm-report+json`, its other name
//! `application/vnd.veraison.configfs-tsm+json` and the bare
//! `application/vnd.confidential-ai.sev-snp-report`; for documents `application/cose`; for
//! certificates `application/pem-certificate-chain`, and PEM where DER belongs; for either kind of
//! evidence `application/octet-stream` (content format 42).
//!
//! There is no registered type for a bare SEV-SNP report; the TSM report is registered and says
//! which platform made it, so a report is written as one. `application/octet-stream` is taken as
//! evidence where the indicator says so and the bytes begin like it. Parameters of a media
//! type are not compared, except that a COSE type other than `cose-sign1` is no evidence. Every
//! other type is left out with a note.

use super::cmw::ContentType;

/// Type of an SEV-SNP report in a TSM report, CBOR.
pub const TSM_REPORT_CBOR: &str = "application/vnd.veraison.tsm-report+cbor";
/// Type of an SEV-SNP report in a TSM report, JSON.
pub const TSM_REPORT_JSON: &str = "application/vnd.veraison.tsm-report+json";
/// Another name that is used for a TSM report in JSON.
pub const CONFIGFS_TSM_JSON: &str = "application/vnd.veraison.configfs-tsm+json";
/// A type that is used for a bare SEV-SNP report.
pub const SNP_REPORT: &str = "application/vnd.confidential-ai.sev-snp-report";
/// Type of a Nitro document.
pub const NITRO_DOCUMENT: &str = "application/cose; cose-type=\"cose-sign1\"";
/// Type of a certificate.
pub const CERTIFICATE: &str = "application/pkix-cert";
/// Type of several certificates, PEM.
pub const CERTIFICATE_CHAIN: &str = "application/pem-certificate-chain";
/// Type of a revocation list.
pub const REVOCATION_LIST: &str = "application/pkix-crl";
/// Type of bytes that say nothing of themselves.
pub const OCTETS: &str = "application/octet-stream";

/// CoAP content formats with a media type that is read here.
const CONTENT_FORMATS: [(u16, &str); 3] = [(18, NITRO_DOCUMENT), (42, OCTETS), (287, CERTIFICATE)];

/// What an item of a CMW is, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    SnpReport,
    TsmCbor,
    TsmJson,
    CoseSign1,
    Octets,
    Certificate,
    CertificateChain,
    RevocationList,
    Unknown,
}

impl Kind {
    /// Finds the kind of a content type.
    pub(super) fn of(content_type: &ContentType) -> Self {
        let Some(name) = name(content_type) else {
            return Self::Unknown;
        };
        let (essence, parameters) = name.split_once(';').unwrap_or((name, ""));
        match essence.trim().to_ascii_lowercase().as_str() {
            TSM_REPORT_CBOR => Self::TsmCbor,
            TSM_REPORT_JSON | CONFIGFS_TSM_JSON => Self::TsmJson,
            SNP_REPORT => Self::SnpReport,
            "application/cose" if is_sign1(parameters) => Self::CoseSign1,
            CERTIFICATE => Self::Certificate,
            CERTIFICATE_CHAIN => Self::CertificateChain,
            REVOCATION_LIST => Self::RevocationList,
            OCTETS => Self::Octets,
            _ => Self::Unknown,
        }
    }

    /// Says whether items of this kind are evidence.
    pub(super) fn is_evidence(self) -> bool {
        match self {
            Self::SnpReport | Self::TsmCbor | Self::TsmJson | Self::CoseSign1 => true,
            Self::Octets
            | Self::Certificate
            | Self::CertificateChain
            | Self::RevocationList
            | Self::Unknown => false,
        }
    }
}

/// Gives the media type of a content format that is read here.
pub(super) fn of_format(format: u16) -> Option<&'static str> {
    CONTENT_FORMATS
        .iter()
        .find_map(|(number, name)| (*number == format).then_some(*name))
}

fn name(content_type: &ContentType) -> Option<&str> {
    match content_type {
        ContentType::Media(name) => Some(name),
        ContentType::Format(format) => of_format(*format),
    }
}

fn is_sign1(parameters: &str) -> bool {
    let mut parameters = parameters
        .split(';')
        .filter_map(|text| text.split_once('='));
    parameters.all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("cose-type")
            || value
                .trim()
                .trim_matches('"')
                .eq_ignore_ascii_case("cose-sign1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_whatever_their_case_and_spacing() {
        let cases = [
            ("Application/Vnd.Veraison.TSM-Report+CBOR", Kind::TsmCbor),
            ("application/vnd.veraison.configfs-tsm+json", Kind::TsmJson),
            ("application/cose", Kind::CoseSign1),
            ("application/cose ;cose-type=cose-sign1", Kind::CoseSign1),
            ("application/cose; cose-type=\"cose-sign\"", Kind::Unknown),
            ("application/pkix-cert; x=y", Kind::Certificate),
            ("application/pkix-crl", Kind::RevocationList),
            ("application/eat+cwt", Kind::Unknown),
        ];
        for (name, kind) in cases {
            assert_eq!(Kind::of(&ContentType::Media(name.into())), kind, "{name}");
        }
    }

    #[test]
    fn content_formats_stand_for_their_types() {
        assert_eq!(Kind::of(&ContentType::Format(18)), Kind::CoseSign1);
        assert_eq!(Kind::of(&ContentType::Format(287)), Kind::Certificate);
        assert_eq!(Kind::of(&ContentType::Format(60)), Kind::Unknown);
    }
}

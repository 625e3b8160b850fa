//! X.509 certificates in the two shapes that the vendors use.

use aws_lc_rs::digest::{SHA256, digest};
use der::asn1::ObjectIdentifier;

use crate::SigningError;
use crate::authority::AMD_UNIT;
use crate::der_writer::{
    OCTET_STRING, bit_string, boolean_true, element, explicit, name, oid, sequence, time, unsigned,
};
use crate::key::{Issuer, SignatureForm};

const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
/// An extension that nobody has defined.
const UNKNOWN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.9.9");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");

/// The field keyIdentifier of AuthorityKeyIdentifier (RFC 5280 §4.2.1.1).
const ISSUER_KEY_ID_TAG: u8 = 0x80;

/// A certificate before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Certificate<'a> {
    /// Most significant byte first.
    pub(crate) serial: &'a [u8],
    /// The organisational unit of both names.
    pub(crate) unit: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) validity: Validity,
    pub(crate) public_key_info: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) signature_form: SignatureForm,
}

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
}

/// One extension of a certificate.
#[derive(Debug, Clone)]
pub(crate) struct Extension {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) critical: bool,
    pub(crate) value: Vec<u8>,
}

impl Certificate<'_> {
    /// Signs the certificate and returns its DER.
    pub(crate) fn sign(&self, issuer: &impl Issuer) -> Result<Vec<u8>, SigningError> {
        let algorithm = issuer.algorithm(self.signature_form);
        let extensions: Vec<u8> = self.extensions.iter().flat_map(Extension::to_der).collect();
        let to_be_signed = sequence(&[
            &explicit(0, &unsigned(&[2])),
            &unsigned(self.serial),
            &algorithm,
            &name(self.unit, self.issuer),
            &sequence(&[&time(self.validity.from_ms), &time(self.validity.until_ms)]),
            &name(self.unit, self.subject),
            &self.public_key_info,
            &explicit(3, &sequence(&[&extensions])),
        ]);
        let signature = issuer.sign_certificate(self.signature_form, &to_be_signed)?;
        Ok(sequence(&[
            &to_be_signed,
            &algorithm,
            &bit_string(&signature),
        ]))
    }
}

/// Signs a revocation list of AMD's form (RFC 5280 §5.1) and returns its DER.
pub(crate) fn revocation_list(
    issuer: &str,
    validity: Validity,
    revoked: &[&[u8]],
    by: &impl Issuer,
) -> Result<Vec<u8>, SigningError> {
    let form = SignatureForm::ExplicitTrailer;
    let algorithm = by.algorithm(form);
    let from = time(validity.from_ms);
    let entries: Vec<u8> = revoked
        .iter()
        .flat_map(|serial| sequence(&[&unsigned(serial), &from]))
        .collect();
    let entries = if entries.is_empty() {
        entries
    } else {
        sequence(&[&entries])
    };
    let number = Extension {
        oid: CRL_NUMBER,
        critical: false,
        value: unsigned(&[1]),
    };
    let to_be_signed = sequence(&[
        &unsigned(&[1]),
        &algorithm,
        &name(AMD_UNIT, issuer),
        &from,
        &time(validity.until_ms),
        &entries,
        &explicit(0, &sequence(&[&number.to_der()])),
    ]);
    let signature = by.sign_certificate(form, &to_be_signed)?;
    Ok(sequence(&[
        &to_be_signed,
        &algorithm,
        &bit_string(&signature),
    ]))
}

impl Extension {
    fn to_der(&self) -> Vec<u8> {
        let critical = if self.critical {
            boolean_true()
        } else {
            Vec::new()
        };
        sequence(&[
            &oid(self.oid),
            &critical,
            &element(OCTET_STRING, &[&self.value]),
        ])
    }
}

/// Returns the extensions of a certificate authority.
pub(crate) fn authority_extensions(
    path_length: Option<u8>,
    public_key_info: &[u8],
) -> Vec<Extension> {
    let path_length = path_length.map_or_else(Vec::new, |length| unsigned(&[length]));
    let constraints = sequence(&[&boolean_true(), &path_length]);
    let key_id = element(OCTET_STRING, &[&key_id(public_key_info)]);
    vec![
        Extension {
            oid: BASIC_CONSTRAINTS,
            critical: true,
            value: constraints,
        },
        Extension {
            oid: KEY_USAGE,
            critical: true,
            value: Usage::Authority.to_der(),
        },
        Extension {
            oid: SUBJECT_KEY_ID,
            critical: false,
            value: key_id,
        },
    ]
}

/// Returns the extension by which a Nitro authority names its issuer's key.
pub(crate) fn issuer_extension(issuer_public_key_info: &[u8]) -> Extension {
    let key_id = element(ISSUER_KEY_ID_TAG, &[&key_id(issuer_public_key_info)]);
    Extension {
        oid: AUTHORITY_KEY_ID,
        critical: false,
        value: sequence(&[&key_id]),
    }
}

/// Returns the extensions of a Nitro document's leaf.
pub(crate) fn leaf_extensions() -> Vec<Extension> {
    vec![basic_constraints(false), key_usage(Usage::Document)]
}

/// Returns the extension that says whether a certificate is an authority's.
pub(crate) fn basic_constraints(authority: bool) -> Extension {
    let content = if authority {
        boolean_true()
    } else {
        Vec::new()
    };
    Extension {
        oid: BASIC_CONSTRAINTS,
        critical: true,
        value: sequence(&[&content]),
    }
}

/// Returns the extension that says what a leaf's key may sign.
pub(crate) fn key_usage(usage: Usage) -> Extension {
    Extension {
        oid: KEY_USAGE,
        critical: false,
        value: usage.to_der(),
    }
}

/// Returns an extension that must be understood and that nobody understands.
pub(crate) fn unknown_critical() -> Extension {
    Extension {
        oid: UNKNOWN,
        critical: true,
        value: sequence(&[]),
    }
}

/// What a certified key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Certificates and revocation lists.
    Authority,
    /// Documents.
    Document,
}

impl Usage {
    /// Returns the KeyUsage bits: a BIT STRING whose first octet counts the unused bits.
    fn to_der(self) -> Vec<u8> {
        match self {
            Self::Authority => vec![0x03, 0x02, 0x01, 0x06],
            Self::Document => vec![0x03, 0x02, 0x06, 0xc0],
        }
    }
}

fn key_id(public_key_info: &[u8]) -> Vec<u8> {
    digest(&SHA256, public_key_info)
        .as_ref()
        .iter()
        .take(20)
        .copied()
        .collect()
}

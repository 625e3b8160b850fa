//! A certificate as the verifier sees it: parsed once, its signed part kept as it came.
//!
//! Names, dates and extensions come from `x509-cert`; what is hashed for a signature is the slice
//! of the input, never something encoded again.

use alloc::{string::String, vec::Vec};

use der::{
    Decode, Encode, Header, Reader, SliceReader, Tag,
    asn1::{AnyRef, ObjectIdentifier},
};
use x509_cert::{
    ext::pkix::{BasicConstraints, KeyUsage},
    name::Name,
};

use crate::{
    crypto::{Crypto, P384_POINT_BYTES, P384Signature, RsaKey, is_p384_point},
    evidence::UnixTime,
};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const CURVE_P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// RSASSA-PSS with SHA-384, MGF1 with SHA-384, salt of 48 bytes, default trailer.
const PSS_SHA384: &[u8] = &[
    0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x34, 0xa0,
    0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,
    0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30,
    0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa2, 0x03,
    0x02, 0x01, 0x30,
];
/// The same with the trailer field written out, as older AMD certificates have it.
const PSS_SHA384_TRAILER: &[u8] = &[
    0x30, 0x46, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x39, 0xa0,
    0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,
    0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30,
    0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa2, 0x03,
    0x02, 0x01, 0x30, 0xa3, 0x03, 0x02, 0x01, 0x01,
];
/// ECDSA with SHA-384.
const ECDSA_SHA384: &[u8] = &[
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03,
];

/// A parsed certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    inner: x509_cert::Certificate,
    signed: Vec<u8>,
    algorithm: SignatureAlgorithm,
    basic_constraints: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
}

/// The seconds between which a certificate is valid, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl Validity {
    pub(crate) fn holds_at(self, now: UnixTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// Signature algorithms that chains use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithm {
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes.
    PssSha384,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// Anything else, which never verifies.
    Other,
}

/// Says why a certificate cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateError {
    /// The DER, an extension or its repetition is wrong.
    #[error("certificate is malformed")]
    Malformed,
    /// An extension that must be understood is not.
    #[error("certificate has an unknown critical extension")]
    UnknownCriticalExtension,
}

impl From<der::Error> for CertificateError {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

impl Certificate {
    /// Reads one certificate and nothing after it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        let inner = x509_cert::Certificate::from_der(bytes)?;
        let tbs = inner.tbs_certificate();
        if tbs.signature() != inner.signature_algorithm() {
            return Err(CertificateError::Malformed);
        }
        check_extensions(tbs.extensions().map_or(&[], Vec::as_slice))?;
        let basic_constraints = tbs
            .get_extension::<BasicConstraints>()?
            .map(|(_, value)| value);
        let key_usage = tbs.get_extension::<KeyUsage>()?.map(|(_, value)| value);
        Ok(Self {
            signed: signed_part(bytes)?.to_vec(),
            algorithm: SignatureAlgorithm::of(&inner.signature_algorithm().to_der()?),
            basic_constraints,
            key_usage,
            inner,
        })
    }

    /// Writes the certificate as DER.
    pub(crate) fn to_der(&self) -> Option<Vec<u8>> {
        self.inner.to_der().ok()
    }

    /// Gives the common name of the subject.
    pub(crate) fn common_name(&self) -> String {
        common_name(self.subject())
    }

    pub(crate) fn subject(&self) -> &Name {
        self.inner.tbs_certificate().subject()
    }

    pub(crate) fn issuer(&self) -> &Name {
        self.inner.tbs_certificate().issuer()
    }

    pub(crate) fn serial(&self) -> &[u8] {
        self.inner.tbs_certificate().serial_number().as_bytes()
    }

    pub(crate) fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    pub(crate) fn validity(&self) -> Validity {
        let validity = self.inner.tbs_certificate().validity();
        Validity {
            not_before: UnixTime(validity.not_before.to_unix_duration().as_secs()),
            not_after: UnixTime(validity.not_after.to_unix_duration().as_secs()),
        }
    }

    /// Says whether the certificate may issue others.
    pub(crate) fn is_ca(&self) -> bool {
        self.claims_ca() && self.key_usage.is_some_and(|usage| usage.key_cert_sign())
    }

    /// Says whether the certificate calls itself a CA, allowed to sign certificates or not.
    pub(crate) fn claims_ca(&self) -> bool {
        self.basic_constraints
            .as_ref()
            .is_some_and(|constraints| constraints.ca)
    }

    /// Gives how many further issuers may stand below, when that is limited.
    pub(crate) fn path_length(&self) -> Option<u8> {
        self.basic_constraints
            .as_ref()
            .and_then(|constraints| constraints.path_len_constraint)
    }

    /// Says whether the key may sign data.
    pub(crate) fn may_sign_data(&self) -> bool {
        self.key_usage
            .is_some_and(|usage| usage.digital_signature())
    }

    /// Gives the value of an extension.
    pub(crate) fn extension(&self, id: ObjectIdentifier) -> Option<&[u8]> {
        let extensions = self.inner.tbs_certificate().extensions()?;
        let found = extensions
            .iter()
            .find(|extension| extension.extn_id == id)?;
        Some(found.extn_value.as_bytes())
    }

    /// Gives the key as a P-384 point that is not compressed.
    pub(crate) fn p384_key(&self) -> Option<&[u8; P384_POINT_BYTES]> {
        let info = self.inner.tbs_certificate().subject_public_key_info();
        let curve = info.algorithm.parameters.as_ref()?;
        let curve = AnyRef::from(curve).decode_as::<ObjectIdentifier>().ok()?;
        let point = info.subject_public_key.as_bytes()?;
        let is_p384 = info.algorithm.oid == EC_PUBLIC_KEY && curve == CURVE_P384;
        point
            .try_into()
            .ok()
            .filter(|_| is_p384 && is_p384_point(point))
    }

    /// Gives the key as the DER of an `RSAPublicKey` of 4096 bits.
    pub(crate) fn rsa_key(&self) -> Option<&[u8]> {
        let info = self.inner.tbs_certificate().subject_public_key_info();
        let key = info.subject_public_key.as_bytes()?;
        let fits = info.algorithm.oid == RSA_ENCRYPTION && RsaKey::read(key).is_some();
        fits.then_some(key)
    }

    /// Says whether `issuer` issued this certificate: names meet and the signature verifies.
    pub(crate) fn is_issued_by(&self, issuer: &Self, crypto: &impl Crypto) -> bool {
        let Some(signature) = self.inner.signature().as_bytes() else {
            return false;
        };
        self.issuer() == issuer.subject()
            && issuer.verifies(self.algorithm, &self.signed, signature, crypto)
    }

    /// Says whether this certificate's key made a signature.
    pub(crate) fn verifies(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
        crypto: &impl Crypto,
    ) -> bool {
        match algorithm {
            SignatureAlgorithm::PssSha384 => self
                .rsa_key()
                .is_some_and(|key| crypto.verify_pss_sha384(key, message, signature)),
            SignatureAlgorithm::EcdsaSha384 => self.p384_key().is_some_and(|key| {
                crypto.verify_p384(key, message, P384Signature::Asn1(signature))
            }),
            SignatureAlgorithm::Other => false,
        }
    }
}

impl SignatureAlgorithm {
    /// Recognises an `AlgorithmIdentifier` by its exact bytes.
    pub(crate) fn of(der: &[u8]) -> Self {
        match der {
            PSS_SHA384 | PSS_SHA384_TRAILER => Self::PssSha384,
            ECDSA_SHA384 => Self::EcdsaSha384,
            _ => Self::Other,
        }
    }
}

/// Gives the first element of an outer sequence, which is what the signature covers.
pub(crate) fn signed_part(bytes: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(bytes)?;
    Header::decode(&mut reader)?
        .tag()
        .assert_eq(Tag::Sequence)?;
    reader.tlv_bytes()
}

/// Gives the common name in a name, or nothing when there is none or more than one.
pub(crate) fn common_name(name: &Name) -> String {
    let found = name.common_name().ok().flatten();
    found
        .map(|text| String::from(text.value()))
        .unwrap_or_default()
}

fn check_extensions(extensions: &[x509_cert::ext::Extension]) -> Result<(), CertificateError> {
    for (position, extension) in extensions.iter().enumerate() {
        let id = extension.extn_id;
        if extensions
            .iter()
            .take(position)
            .any(|earlier| earlier.extn_id == id)
        {
            return Err(CertificateError::Malformed);
        }
        if extension.critical && id != BASIC_CONSTRAINTS && id != KEY_USAGE {
            return Err(CertificateError::UnknownCriticalExtension);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &[u8] = include_bytes!("../roots/amd-genoa-ark.der");

    #[test]
    fn a_vendor_root_is_read_and_issues_itself() {
        let root = Certificate::parse(ROOT).expect("root is well formed");

        assert_eq!(root.common_name(), "ARK-Genoa");
        assert!(root.is_ca());
        assert!(root.is_issued_by(&root, &crate::crypto::AwsLc));
    }

    #[test]
    fn a_byte_after_the_certificate_is_refused() {
        let mut bytes = ROOT.to_vec();
        bytes.push(0);

        assert_eq!(Certificate::parse(&bytes), Err(CertificateError::Malformed));
    }

    #[test]
    fn a_certificate_cut_anywhere_is_refused() {
        for length in 0..ROOT.len() {
            assert_eq!(
                Certificate::parse(&ROOT[..length]),
                Err(CertificateError::Malformed)
            );
        }
    }

    #[test]
    fn two_algorithm_fields_that_differ_are_refused() {
        let mut bytes = ROOT.to_vec();
        let outer = bytes
            .windows(PSS_SHA384.len())
            .rposition(|window| window == PSS_SHA384);
        let outer = outer.or_else(|| {
            let length = PSS_SHA384_TRAILER.len();
            bytes
                .windows(length)
                .rposition(|window| window == PSS_SHA384_TRAILER)
        });
        let salt = outer.expect("root is signed with pss") + PSS_SHA384.len() - 1;
        bytes[salt] = 0x20;

        assert_eq!(Certificate::parse(&bytes), Err(CertificateError::Malformed));
    }

    #[test]
    fn an_unknown_critical_extension_is_refused() {
        let bytes = with_extension_id(KEY_USAGE, 0x1e);

        assert_eq!(
            Certificate::parse(&bytes),
            Err(CertificateError::UnknownCriticalExtension)
        );
    }

    #[test]
    fn a_repeated_extension_is_refused() {
        let bytes = with_extension_id(BASIC_CONSTRAINTS, 0x0f);

        assert_eq!(Certificate::parse(&bytes), Err(CertificateError::Malformed));
    }

    /// The root with another last arc in place of the one of an extension.
    fn with_extension_id(id: ObjectIdentifier, last: u8) -> Vec<u8> {
        let mut bytes = ROOT.to_vec();
        let place = bytes.windows(3).position(|window| window == id.as_bytes());
        bytes[place.expect("root has the extension") + 2] = last;
        bytes
    }
}

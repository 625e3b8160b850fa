//! The signature section: a certificate and a COSE_Sign1 over the value of PCR0.
//!
//! It is CBOR as AWS's tools write it, in which bytes are arrays of small numbers:
//! `[{"signing_certificate": [..], "signature": [..]}]`. The format allows for more entries, of
//! which the hypervisor looks at the first alone; here exactly one is taken.

use der::Decode as _;
use der::asn1::ObjectIdentifier;
use minicbor::{Decoder, Encoder};

use crate::{Hex, PemError, certificate_of_pem};

const CERTIFICATE: &str = "signing_certificate";
const SIGNATURE: &str = "signature";
const REGISTER_INDEX: &str = "register_index";
const REGISTER_VALUE: &str = "register_value";
/// Label of the algorithm in a COSE header (RFC 9052 §3.1).
const LABEL_ALGORITHM: i64 = 1;
/// ECDSA with SHA-384 (RFC 9053 §2.1).
const ES384: i64 = -35;
/// Tag of a COSE_Sign1.
const TAG_COSE_SIGN1: u64 = 18;
const CURVE_P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The section in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureSection {
    /// The certificate as the section has it, in PEM.
    pub certificate_pem: Vec<u8>,
    /// The same in DER, which is what PCR8 measures.
    pub certificate: Vec<u8>,
    /// The COSE_Sign1.
    pub signature: Vec<u8>,
}

/// Why a signature section cannot be read, or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The section is not CBOR of the expected form.
    #[error("the signature section is not a list of one certificate with one signature")]
    Form,
    /// The certificate cannot be read.
    #[error("the signature section's certificate cannot be read")]
    Certificate(#[from] PemError),
    /// The signature is not a COSE_Sign1 over a register.
    #[error("the signature is not a COSE_Sign1 over the value of a register")]
    Cose,
    /// The signature is made by another algorithm than ES384.
    #[error("the signature's algorithm is {algorithm}, and only ES384 (-35) is checked")]
    Algorithm {
        /// Its number in COSE.
        algorithm: i64,
    },
    /// The certificate has no P-384 key.
    #[error("the signing certificate has no P-384 key")]
    Key,
    /// Another register than PCR0 is signed.
    #[error("the signature is over PCR{index}, not PCR0")]
    Register {
        /// Which one.
        index: u32,
    },
    /// Another value of PCR0 is signed than the image's.
    #[error("the signature is over another PCR0: {signed}")]
    Value {
        /// The one that is signed.
        signed: Hex<48>,
    },
    /// The signature does not verify under the certificate's key.
    #[error("the signature does not verify under the signing certificate")]
    Invalid,
}

impl SignatureSection {
    /// Reads the section, up to the certificate's DER.
    ///
    /// # Errors
    /// If it does not have the expected form.
    pub fn parse(section: &[u8]) -> Result<Self, SignatureError> {
        let (certificate_pem, signature) = read(section).ok_or(SignatureError::Form)?;
        let certificate = certificate_of_pem(&certificate_pem)?;
        Ok(Self {
            certificate_pem,
            certificate,
            signature,
        })
    }

    /// Writes the section from a certificate in PEM and a COSE_Sign1.
    pub fn encode(certificate_pem: &[u8], signature: &[u8]) -> Vec<u8> {
        let mut section = Encoder::new(Vec::new());
        let written = write(&mut section, certificate_pem, signature);
        written.expect("a vector takes any bytes");
        section.into_writer()
    }

    /// Checks that the certificate's key signed this PCR0. `verify` is told the key, an
    /// uncompressed P-384 point, the message and the signature, R and S of 48 bytes each, and says
    /// whether ECDSA with SHA-384 verifies.
    ///
    /// # Errors
    /// If it did not, or if that cannot be found out.
    pub fn check(
        &self,
        pcr0: &Hex<48>,
        verify: impl FnOnce(&[u8], &[u8], &[u8]) -> bool,
    ) -> Result<(), SignatureError> {
        let cose = CoseSign1::parse(&self.signature).ok_or(SignatureError::Cose)?;
        if cose.algorithm != ES384 {
            let algorithm = cose.algorithm;
            return Err(SignatureError::Algorithm { algorithm });
        }
        let (index, signed) = register(cose.payload).ok_or(SignatureError::Cose)?;
        if index != 0 {
            return Err(SignatureError::Register { index });
        }
        if signed != *pcr0 {
            return Err(SignatureError::Value { signed });
        }
        let key = self.public_key().ok_or(SignatureError::Key)?;
        if !verify(&key, &cose.signed_bytes(), cose.signature) {
            return Err(SignatureError::Invalid);
        }
        Ok(())
    }

    fn public_key(&self) -> Option<Vec<u8>> {
        let certificate = x509_cert::Certificate::from_der(&self.certificate).ok()?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        let curve: ObjectIdentifier = info.algorithm.parameters.as_ref()?.decode_as().ok()?;
        let is_p384 = info.algorithm.oid == EC_PUBLIC_KEY && curve == CURVE_P384;
        is_p384.then(|| info.subject_public_key.raw_bytes().to_vec())
    }
}

/// A COSE_Sign1 (RFC 9052 §4.2).
struct CoseSign1<'a> {
    algorithm: i64,
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> CoseSign1<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        if decoder.datatype().ok()? == minicbor::data::Type::Tag
            && decoder.tag().ok()?.as_u64() != TAG_COSE_SIGN1
        {
            return None;
        }
        let is_four = decoder.array().ok()? == Some(4);
        let protected = decoder.bytes().ok()?;
        let is_bare = decoder.map().ok()? == Some(0);
        let (payload, signature) = (decoder.bytes().ok()?, decoder.bytes().ok()?);
        let is_whole = is_four && is_bare && decoder.position() == bytes.len();
        is_whole.then_some(Self {
            algorithm: algorithm(protected)?,
            protected,
            payload,
            signature,
        })
    }

    /// The Sig_structure of RFC 9052 §4.4.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Encoder::new(Vec::new());
        let written = bytes
            .array(4)
            .and_then(|it| it.str("Signature1"))
            .and_then(|it| it.bytes(self.protected))
            .and_then(|it| it.bytes(&[]))
            .and_then(|it| it.bytes(self.payload))
            .map(|_| ());
        written.expect("a vector takes any bytes");
        bytes.into_writer()
    }
}

fn algorithm(protected: &[u8]) -> Option<i64> {
    let mut decoder = Decoder::new(protected);
    let is_one = decoder.map().ok()? == Some(1) && decoder.i64().ok()? == LABEL_ALGORITHM;
    let algorithm = decoder.i64().ok()?;
    (is_one && decoder.position() == protected.len()).then_some(algorithm)
}

fn register(payload: &[u8]) -> Option<(u32, Hex<48>)> {
    let mut decoder = Decoder::new(payload);
    let is_pair = decoder.map().ok()? == Some(2) && decoder.str().ok()? == REGISTER_INDEX;
    let index = decoder.u32().ok()?;
    let is_named = decoder.str().ok()? == REGISTER_VALUE;
    let value = numbers(&mut decoder)?.try_into().ok()?;
    let is_whole = decoder.position() == payload.len();
    (is_pair && is_named && is_whole).then_some((index, Hex(value)))
}

fn read(section: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut decoder = Decoder::new(section);
    let is_one = decoder.array().ok()? == Some(1) && decoder.map().ok()? == Some(2);
    let is_first = decoder.str().ok()? == CERTIFICATE;
    let certificate = numbers(&mut decoder)?;
    let is_second = decoder.str().ok()? == SIGNATURE;
    let signature = numbers(&mut decoder)?;
    let is_whole = decoder.position() == section.len();
    (is_one && is_first && is_second && is_whole).then_some((certificate, signature))
}

/// Reads bytes that are an array of numbers. The array's length is not trusted for memory.
fn numbers(decoder: &mut Decoder<'_>) -> Option<Vec<u8>> {
    let length = decoder.array().ok()??;
    (0..length).map(|_| decoder.u8().ok()).collect()
}

type Written = Result<(), minicbor::encode::Error<core::convert::Infallible>>;

fn write(section: &mut Encoder<Vec<u8>>, certificate: &[u8], signature: &[u8]) -> Written {
    section.array(1)?.map(2)?;
    for (name, bytes) in [(CERTIFICATE, certificate), (SIGNATURE, signature)] {
        section.str(name)?.array(bytes.len() as u64)?;
        for byte in bytes {
            section.u8(*byte)?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;

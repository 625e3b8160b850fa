//! The private keys of simulated vendors and chips.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaEncoding,
};
use der::asn1::ObjectIdentifier;

use crate::der_writer::{bit_string, explicit, null, oid, sequence, unsigned};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PKCS1_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");

/// A key could not be made, read or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key failed")]
pub struct SigningError;

/// A key that signs certificates.
pub(crate) trait Issuer {
    /// Returns the AlgorithmIdentifier of this key's signatures.
    fn algorithm(&self, form: SignatureForm) -> Vec<u8>;
    /// Signs the bytes of a certificate in the form that its algorithm names.
    fn sign_certificate(
        &self,
        form: SignatureForm,
        message: &[u8],
    ) -> Result<Vec<u8>, SigningError>;
}

/// How a vendor writes the parameters of an RSASSA-PSS signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureForm {
    /// With the trailer field, as AMD's ARK and ASK have it.
    ExplicitTrailer,
    /// Without it, as AMD's VCEK has it; ECDSA has no parameters at all.
    Short,
    /// RSASSA-PKCS1-v1_5 with SHA-384, which no vendor uses.
    Pkcs1,
}

/// An RSA-4096 key that signs with RSASSA-PSS, SHA-384 and 48 bytes of salt.
pub(crate) struct RsaKey {
    pair: RsaKeyPair,
}

impl RsaKey {
    pub(crate) fn generate() -> Result<Self, SigningError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa4096).map_err(|_| SigningError)?;
        Ok(Self { pair })
    }

    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SigningError> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| SigningError)?;
        Ok(Self { pair })
    }

    pub(crate) fn to_pkcs8(&self) -> Result<Vec<u8>, SigningError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| SigningError)?;
        Ok(der.as_ref().to_vec())
    }

    /// Returns the SubjectPublicKeyInfo.
    pub(crate) fn public_key_info(&self) -> Vec<u8> {
        let algorithm = sequence(&[&oid(RSA_ENCRYPTION), &null()]);
        sequence(&[&algorithm, &bit_string(self.pair.public_key().as_ref())])
    }
}

impl Issuer for RsaKey {
    fn algorithm(&self, form: SignatureForm) -> Vec<u8> {
        let sha384 = sequence(&[&oid(SHA384), &null()]);
        let trailer = match form {
            SignatureForm::ExplicitTrailer => explicit(3, &unsigned(&[1])),
            SignatureForm::Short => Vec::new(),
            SignatureForm::Pkcs1 => return sequence(&[&oid(RSA_PKCS1_SHA384), &null()]),
        };
        let parameters = sequence(&[
            &explicit(0, &sha384),
            &explicit(1, &sequence(&[&oid(MGF1), &sha384])),
            &explicit(2, &unsigned(&[48])),
            &trailer,
        ]);
        sequence(&[&oid(RSA_PSS), &parameters])
    }

    fn sign_certificate(
        &self,
        form: SignatureForm,
        message: &[u8],
    ) -> Result<Vec<u8>, SigningError> {
        let padding: &'static dyn RsaEncoding = match form {
            SignatureForm::ExplicitTrailer | SignatureForm::Short => &signature::RSA_PSS_SHA384,
            SignatureForm::Pkcs1 => &signature::RSA_PKCS1_SHA384,
        };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(padding, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SigningError)?;
        Ok(signature)
    }
}

/// An ECDSA key on P-384 that signs with SHA-384.
pub(crate) struct P384Key {
    for_certificates: EcdsaKeyPair,
    for_evidence: EcdsaKeyPair,
    pkcs8: Vec<u8>,
}

impl P384Key {
    pub(crate) fn generate() -> Result<Self, SigningError> {
        let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate(algorithm)
            .and_then(|pair| pair.to_pkcs8v1())
            .map_err(|_| SigningError)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SigningError> {
        let read = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map_err(|_| SigningError);
        Ok(Self {
            for_certificates: read(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            for_evidence: read(&ECDSA_P384_SHA384_FIXED_SIGNING)?,
            pkcs8: pkcs8.to_vec(),
        })
    }

    pub(crate) fn as_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Returns the SubjectPublicKeyInfo.
    pub(crate) fn public_key_info(&self) -> Vec<u8> {
        ec_public_key_info(SECP384R1, self.for_evidence.public_key().as_ref())
    }

    /// Signs evidence: R and S, 48 bytes each, most significant byte first.
    pub(crate) fn sign_evidence(&self, message: &[u8]) -> Result<[u8; 96], SigningError> {
        let signature = self.for_evidence.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| SigningError)?;
        signature.as_ref().try_into().map_err(|_| SigningError)
    }
}

/// Returns the SubjectPublicKeyInfo of a new key on a curve that no vendor certifies, P-256.
pub(crate) fn p256_public_key_info() -> Result<Vec<u8>, SigningError> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let pair = pair.map_err(|_| SigningError)?;
    Ok(ec_public_key_info(SECP256R1, pair.public_key().as_ref()))
}

fn ec_public_key_info(curve: ObjectIdentifier, point: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&oid(EC_PUBLIC_KEY), &oid(curve)]);
    sequence(&[&algorithm, &bit_string(point)])
}

impl Issuer for P384Key {
    fn algorithm(&self, _form: SignatureForm) -> Vec<u8> {
        sequence(&[&oid(ECDSA_SHA384)])
    }

    fn sign_certificate(
        &self,
        _form: SignatureForm,
        message: &[u8],
    ) -> Result<Vec<u8>, SigningError> {
        let signature = self.for_certificates.sign(&SystemRandom::new(), message);
        Ok(signature.map_err(|_| SigningError)?.as_ref().to_vec())
    }
}

impl core::fmt::Debug for RsaKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl core::fmt::Debug for P384Key {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_from_their_storage_form_and_print_nothing() {
        let key = P384Key::generate().unwrap();

        let copy = P384Key::from_pkcs8(key.as_pkcs8()).unwrap();

        assert_eq!(copy.public_key_info(), key.public_key_info());
        assert_eq!(format!("{key:?}"), "[secret]");
        assert_eq!(
            P384Key::from_pkcs8(&key.as_pkcs8()[1..]).err(),
            Some(SigningError)
        );
        assert_eq!(RsaKey::from_pkcs8(key.as_pkcs8()).err(), Some(SigningError));
    }
}

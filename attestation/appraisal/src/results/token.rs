//! Signed results: a JWT (JWS compact, RFC 7515) or a CWT (tagged COSE_Sign1, RFC 9052).
//!
//! Both envelopes are a few dozen lines over one signature, so they are written here: a JWT
//! library would bring a choice of algorithms that must not exist, since the algorithm belongs to
//! the key. Headers are compared with what this key must have written, byte for byte in the JWT.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_verifier::Verdict;
use minicbor::Decoder;

use crate::cbor_writer::CborWriter;

use super::ear::{Ear, EarContext, EarError};
use super::key::{Algorithm, EarKey, EarPublicKey, KeyError};

/// The most bytes that a token may have.
const TOKEN_BYTES_MAX: usize = 256 * 1024;

/// Tag of a COSE_Sign1.
const COSE_SIGN1: u64 = 18;

/// COSE header of the algorithm.
const ALG: i64 = 1;

/// COSE header of the type, RFC 9596.
const TYP: i64 = 16;

/// Media type of an EAT in a CWT, RFC 9782.
const EAT_CWT: &str = "application/eat+cwt";

/// Why a token cannot be made or is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The key cannot be used.
    #[error("the key cannot be used")]
    Key(#[from] KeyError),
    /// The claims cannot be made or read.
    #[error("the claims cannot be made or read")]
    Claims(#[from] EarError),
    /// The token is longer than any result.
    #[error("the token has {bytes} bytes, more than are read")]
    TooLarge {
        /// Length that was offered.
        bytes: usize,
    },
    /// The bytes are no token of this form.
    #[error("this is no {form}")]
    Malformed {
        /// The form that is expected.
        form: &'static str,
    },
    /// The header is another one than this key's tokens have.
    #[error("the header is not the one of this key, which signs with {expected}")]
    Header {
        /// The algorithm of the key.
        expected: &'static str,
    },
    /// The signature is not this key's over these claims.
    #[error("the signature is not of this key over these claims")]
    Signature,
}

const JWT: TokenError = TokenError::Malformed {
    form: "jwt of three parts",
};
const CWT: TokenError = TokenError::Malformed {
    form: "cwt in a tagged cose_sign1",
};

/// Signs the result of a verdict as a JWT.
///
/// # Errors
///
/// Returns a [`TokenError`] when the nonce cannot be carried or the key does not sign.
pub fn ear_jwt(
    verdict: &Verdict,
    context: &EarContext,
    key: &EarKey,
) -> Result<String, TokenError> {
    let claims = Ear::of(verdict, context)?.to_json().to_string();
    let header = URL_SAFE_NO_PAD.encode(jwt_header(key.algorithm()));
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Checks a JWT that [`ear_jwt`] signed. The nonce is left to the caller, who knows what it sent.
///
/// # Errors
///
/// Returns a [`TokenError`] when the token is malformed, or not signed by this key, or holds no
/// result.
pub fn verify_ear_jwt(token: &str, key: &EarPublicKey) -> Result<Ear, TokenError> {
    check_length(token.len())?;
    let (signed, signature) = token.trim().rsplit_once('.').ok_or(JWT)?;
    let (header, claims) = signed.split_once('.').ok_or(JWT)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JWT);
    let (header, claims, signature) = (decoded(header)?, decoded(claims)?, decoded(signature)?);
    if header != jwt_header(key.algorithm()).into_bytes() {
        let expected = key.algorithm().jose();
        return Err(TokenError::Header { expected });
    }
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(TokenError::Signature);
    }
    let claims = serde_json::from_slice(&claims).map_err(|_| JWT)?;
    Ok(Ear::from_json(&claims)?)
}

/// Signs the result of a verdict as a CWT.
///
/// # Errors
///
/// Returns a [`TokenError`] when the nonce cannot be carried or the key does not sign.
pub fn ear_cwt(
    verdict: &Verdict,
    context: &EarContext,
    key: &EarKey,
) -> Result<Vec<u8>, TokenError> {
    let claims = Ear::of(verdict, context)?.to_cbor();
    let header = cose_header(key.algorithm());
    let signature = key.sign(&to_be_signed(&header, &claims))?;
    let mut writer = CborWriter::default();
    writer.tag(COSE_SIGN1).array(4);
    writer
        .bytes(&header)
        .map(0)
        .bytes(&claims)
        .bytes(&signature);
    Ok(writer.into_bytes())
}

/// Checks a CWT that [`ear_cwt`] signed. The nonce is left to the caller, who knows what it sent.
///
/// # Errors
///
/// Returns a [`TokenError`] when the token is malformed, or not signed by this key, or holds no
/// result.
pub fn verify_ear_cwt(token: &[u8], key: &EarPublicKey) -> Result<Ear, TokenError> {
    check_length(token.len())?;
    let [header, claims, signature] = parts(token).ok_or(CWT)?;
    if header != cose_header(key.algorithm()) {
        let expected = key.algorithm().jose();
        return Err(TokenError::Header { expected });
    }
    if !key.verifies(&to_be_signed(header, claims), signature) {
        return Err(TokenError::Signature);
    }
    Ok(Ear::from_cbor(claims)?)
}

fn check_length(bytes: usize) -> Result<(), TokenError> {
    if bytes > TOKEN_BYTES_MAX {
        return Err(TokenError::TooLarge { bytes });
    }
    Ok(())
}

fn jwt_header(algorithm: Algorithm) -> String {
    format!(r#"{{"alg":"{}","typ":"eat+jwt"}}"#, algorithm.jose())
}

fn cose_header(algorithm: Algorithm) -> Vec<u8> {
    let mut writer = CborWriter::default();
    writer.map(2);
    writer.int(ALG).int(algorithm.cose());
    writer.int(TYP).text(EAT_CWT);
    writer.into_bytes()
}

/// Gives the bytes under a COSE signature, RFC 9052 section 4.4.
fn to_be_signed(header: &[u8], claims: &[u8]) -> Vec<u8> {
    let mut writer = CborWriter::default();
    writer.array(4).text("Signature1");
    writer.bytes(header).bytes(b"").bytes(claims);
    writer.into_bytes()
}

/// Takes a tagged COSE_Sign1 with an empty unprotected header apart.
fn parts(token: &[u8]) -> Option<[&[u8]; 3]> {
    let mut decoder = Decoder::new(token);
    let tag = decoder.tag().ok()?.as_u64();
    let members = decoder.array().ok()?;
    let header = decoder.bytes().ok()?;
    let unprotected = decoder.map().ok()?;
    let claims = decoder.bytes().ok()?;
    let signature = decoder.bytes().ok()?;
    let ended = decoder.position() == token.len();
    (tag == COSE_SIGN1 && members == Some(4) && unprotected == Some(0) && ended)
        .then_some([header, claims, signature])
}

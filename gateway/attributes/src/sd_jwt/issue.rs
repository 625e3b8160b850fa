//! Issuing (RFC 9901 §6): which claims the holder may leave out.

use serde_json::{Map, Value, json};

use super::disclosure::Disclosure;
use super::parse::SdJwt;
use super::{ELEMENT, SD, SD_ALG, SHA_256};
use boop_jose::{Jws, SignFailed, Signer};

/// A token to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue<'a> {
    /// Type of the token, such as `dc+sd-jwt`.
    pub typ: &'a str,
    /// All claims. A holder's key is `cnf.jwk` (RFC 7800).
    pub claims: Map<String, Value>,
    /// What the holder may leave out, as JSON pointers (RFC 6901). A part of what may be left out
    /// itself is a disclosure of its own.
    pub disclosable: &'a [&'a str],
    /// Digests without a disclosure at the top, so that nobody counts.
    pub decoys: usize,
}

/// Why a token is not issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// There is no claim at a pointer.
    #[error("there is no claim at `{0}`")]
    NoClaim(String),
    /// A claim is named as digests are.
    #[error("a claim is named `_sd`, `_sd_alg` or `...`")]
    Reserved,
    /// A claim that says what the token is may not be left out (draft-ietf-oauth-sd-jwt-vc §2.2).
    #[error("`{0}` says what the token is, and may not be left out")]
    Essential(String),
    /// There is no signature.
    #[error(transparent)]
    Sign(#[from] SignFailed),
}

/// Claims without which a verifier cannot judge the rest.
const ESSENTIAL: [&str; 7] = ["/iss", "/nbf", "/exp", "/cnf", "/vct", "/status", "/aud"];

impl Issue<'_> {
    /// Signs the token with all its disclosures; `salt` gives fresh randomness each time.
    ///
    /// # Errors
    /// [`IssueError`] says why not.
    pub fn sign(
        &self,
        signer: &impl Signer,
        mut salt: impl FnMut() -> [u8; 16],
    ) -> Result<SdJwt, IssueError> {
        let mut claims = Value::Object(self.claims.clone());
        if has_reserved(&claims) {
            return Err(IssueError::Reserved);
        }
        let mut pointers = self.disclosable.to_vec();
        // The deepest first, so that a disclosure holds the digests of those within it.
        pointers.sort_by_key(|pointer| std::cmp::Reverse(depth(pointer)));
        let mut disclosures = Vec::new();
        for pointer in pointers {
            let is_of = |claim: &&str| {
                let rest = pointer.strip_prefix(claim);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if ESSENTIAL.iter().any(is_of) {
                return Err(IssueError::Essential(pointer.to_owned()));
            }
            disclosures.push(hide(&mut claims, pointer, salt())?);
        }
        let Value::Object(mut payload) = claims else {
            return Err(IssueError::Reserved);
        };
        for _ in 0..self.decoys {
            let decoy = Disclosure::make(salt(), None, Value::Null);
            add_digest(&mut payload, decoy.digest());
        }
        sort_digests(&mut payload);
        payload.insert(SD_ALG.into(), SHA_256.into());
        let mut header = Map::new();
        header.insert("typ".into(), self.typ.into());
        Ok(SdJwt {
            issued: Jws::sign(header, payload, signer)?,
            disclosures,
            key_binding: None,
        })
    }
}

fn depth(pointer: &str) -> usize {
    pointer.matches('/').count()
}

/// Puts the digest of a claim in its place.
fn hide(claims: &mut Value, pointer: &str, salt: [u8; 16]) -> Result<Disclosure, IssueError> {
    let none = || IssueError::NoClaim(pointer.to_owned());
    let (around, last) = pointer.rsplit_once('/').ok_or_else(none)?;
    let name = last.replace("~1", "/").replace("~0", "~");
    match claims.pointer_mut(around).ok_or_else(none)? {
        Value::Object(object) => {
            let value = object
                .remove(&name)
                .filter(|_| name != SD)
                .ok_or_else(none)?;
            let value = sorted(value);
            let disclosure = Disclosure::make(salt, Some(&name), value);
            add_digest(object, disclosure.digest());
            Ok(disclosure)
        }
        Value::Array(array) => {
            let place: usize = name.parse().map_err(|_| none())?;
            let element = array.get_mut(place).ok_or_else(none)?;
            if element.get(ELEMENT).is_some() {
                return Err(none());
            }
            let disclosure = Disclosure::make(salt, None, sorted(element.take()));
            *element = json!({ ELEMENT: disclosure.digest() });
            Ok(disclosure)
        }
        _ => Err(none()),
    }
}

/// Adds a digest to those of an object.
fn add_digest(object: &mut Map<String, Value>, digest: String) {
    if let Some(Value::Array(digests)) = object.get_mut(SD) {
        digests.push(digest.into());
    } else {
        object.insert(SD.into(), json!([digest]));
    }
}

fn sorted(mut value: Value) -> Value {
    sort_within(&mut value);
    value
}

/// Puts digests into an order that says nothing of the claims' (§4.2.4.1).
fn sort_digests(object: &mut Map<String, Value>) {
    if let Some(Value::Array(digests)) = object.get_mut(SD) {
        digests.sort_by_key(|digest| digest.as_str().map(str::to_owned));
    }
    object.values_mut().for_each(sort_within);
}

fn sort_within(value: &mut Value) {
    match value {
        Value::Object(object) => sort_digests(object),
        Value::Array(array) => array.iter_mut().for_each(sort_within),
        _ => {}
    }
}

fn has_reserved(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.iter().any(|(name, value)| {
            [SD, SD_ALG, ELEMENT].contains(&name.as_str()) || has_reserved(value)
        }),
        Value::Array(array) => array.iter().any(has_reserved),
        _ => false,
    }
}

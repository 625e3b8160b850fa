//! What a holder does: look at what may be shown, leave the rest out, and sign for one verifier.

use serde_json::{Map, Value};

use super::disclosure::digest;
use super::parse::SdJwt;
use super::process::{Place, ProcessError, Processed, process};
use super::verify::Binding;
use boop_jose::{Jws, SignFailed, Signer};

/// A claim that may be left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosable {
    /// Where it stands among the claims, if all are disclosed (RFC 6901).
    pub pointer: String,
    /// What it says.
    pub value: Value,
}

/// Why there is no presentation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PresentError {
    /// The token is damaged.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// There is no claim at a pointer that could be shown or left out.
    #[error("there is no disclosure at `{0}`")]
    NoDisclosure(String),
    /// There is no signature.
    #[error(transparent)]
    Sign(#[from] SignFailed),
}

impl SdJwt {
    /// Lists what may be left out.
    ///
    /// # Errors
    /// If the token is damaged.
    pub fn disclosable(&self) -> Result<Vec<Disclosable>, ProcessError> {
        let Processed { claims, places } = process(&self.issued.payload, &self.disclosures)?;
        let claims = Value::Object(claims);
        let all = places.into_iter().map(|Place { pointer, .. }| Disclosable {
            value: claims.pointer(&pointer).cloned().unwrap_or_default(),
            pointer,
        });
        Ok(all.collect())
    }

    /// Leaves out all but these, and what they stand within.
    ///
    /// # Errors
    /// If there is no disclosure at a pointer, or the token is damaged.
    pub fn present(&self, pointers: &[&str]) -> Result<Self, PresentError> {
        let Processed { places, .. } = process(&self.issued.payload, &self.disclosures)?;
        let mut shown = vec![false; places.len()];
        for pointer in pointers {
            let found = places.iter().position(|place| place.pointer == *pointer);
            let none = || PresentError::NoDisclosure((*pointer).to_owned());
            let mut next = Some(found.ok_or_else(none)?);
            while let Some(number) = next {
                shown[number] = true;
                next = places[number].within;
            }
        }
        let kept = self
            .disclosures
            .iter()
            .zip(shown)
            .filter(|(_, shown)| *shown);
        Ok(Self {
            issued: self.issued.clone(),
            disclosures: kept.map(|(disclosure, _)| disclosure.clone()).collect(),
            key_binding: None,
        })
    }

    /// Signs, with the holder's key, for whom this presentation is and what was asked (§4.3).
    ///
    /// # Errors
    /// If there is no signature.
    pub fn bind(
        mut self,
        binding: &Binding<'_>,
        made_at_s: u64,
        holder: &impl Signer,
    ) -> Result<Self, SignFailed> {
        let mut header = Map::new();
        header.insert("typ".into(), "kb+jwt".into());
        let mut payload = Map::new();
        payload.insert("iat".into(), made_at_s.into());
        payload.insert("aud".into(), binding.audience.into());
        payload.insert("nonce".into(), binding.nonce.into());
        payload.insert("sd_hash".into(), digest(&self.presented()).into());
        self.key_binding = Some(Jws::sign(header, payload, holder)?);
        Ok(self)
    }
}

//! What a verifier checks (RFC 9901 §7.1, §7.3), and a holder of what it gets (§7.2).

use serde_json::{Map, Value};

use super::disclosure::digest;
use super::parse::SdJwt;
use super::process::{ProcessError, Processed, process};
use boop_jose::{Jws, Key, KeyError};

/// What a verifier knows and wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyOptions<'a> {
    /// The issuer's key, with its algorithm.
    pub issuer: &'a Key,
    /// Types of token that count, such as `dc+sd-jwt`; every one if there are none.
    pub types: &'a [&'a str],
    /// The time, seconds since 1970.
    pub now_s: u64,
    /// By how much clocks may differ.
    pub leeway_s: u64,
    /// Whether the holder has to be there.
    pub key_binding: KeyBinding<'a>,
}

/// Whether the holder has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyBinding<'a> {
    /// A binding is not looked at (§7.3 step 1).
    Ignored,
    /// It must be there and hold.
    Required(Binding<'a>),
}

/// What the holder must have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// Who is asked: the verifier.
    pub audience: &'a str,
    /// The question, used once.
    pub nonce: &'a str,
    /// How old the answer may be; of any age if there is none.
    pub age_max_s: Option<u64>,
}

/// What holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The claims with all that was disclosed.
    pub claims: Map<String, Value>,
}

/// Why a token does not hold; the steps are those of RFC 9901 §7.1 and §7.3.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// §7.1 step 2: not signed by the issuer's key in its algorithm.
    #[error("not signed by the issuer (RFC 9901 §7.1 step 2)")]
    Issuer,
    /// The token is of another type.
    #[error("a token of another type")]
    Type,
    /// §7.1 steps 2d to 5.
    #[error("claims and disclosures do not go together (RFC 9901 §7.1): {0}")]
    Process(#[from] ProcessError),
    /// §7.1 step 6: a time is not a number.
    #[error("`{0}` is not a time")]
    NotATime(&'static str),
    /// §7.1 step 6: it is over.
    #[error("the token is over since {0}")]
    Expired(u64),
    /// §7.1 step 6: it has not begun.
    #[error("the token begins at {0}")]
    NotYet(u64),
    /// §7.2: what an issuer sends is bound by nobody.
    #[error("an issuer's token comes with a key binding (RFC 9901 §7.2)")]
    Bound,
    /// §7.3 step 2: the holder is not there.
    #[error("the key binding is missing (RFC 9901 §7.3 step 2)")]
    MissingBinding,
    /// §7.3 step 5a: the claims name no key of a holder.
    #[error("the claims name no key of a holder")]
    NoHolder(#[source] Option<KeyError>),
    /// §7.3 steps 5b and 5c: not signed by the holder's key in its algorithm.
    #[error("not signed by the holder (RFC 9901 §7.3 step 5)")]
    Holder,
    /// §7.3 step 5d: another type.
    #[error("the key binding is not of type `kb+jwt`")]
    BindingType,
    /// §7.3 step 5e: made too long ago, or later than now.
    #[error("the key binding is not of these minutes")]
    BindingTime,
    /// §7.3 step 5f: for somebody else.
    #[error("the key binding is for another audience")]
    Audience,
    /// §7.3 step 5f: the answer to another question.
    #[error("the key binding has another nonce")]
    Nonce,
    /// §7.3 step 5g: over other disclosures.
    #[error("the key binding is over another presentation")]
    Presentation,
}

impl SdJwt {
    /// Checks a presentation.
    ///
    /// # Errors
    /// [`VerifyError`] says which check failed.
    pub fn verify(&self, options: &VerifyOptions<'_>) -> Result<Verified, VerifyError> {
        let Processed { claims, .. } = self.check_issued(options)?;
        if let KeyBinding::Required(binding) = options.key_binding {
            let bound = self.key_binding.as_ref();
            let bound = bound.ok_or(VerifyError::MissingBinding)?;
            self.check_binding(bound, &claims, &binding, options)?;
        }
        Ok(Verified { claims })
    }

    /// Checks what an issuer sent, before a holder keeps it.
    ///
    /// # Errors
    /// [`VerifyError`] says which check failed.
    pub fn receive(&self, options: &VerifyOptions<'_>) -> Result<Verified, VerifyError> {
        if self.is_bound() {
            return Err(VerifyError::Bound);
        }
        let Processed { claims, .. } = self.check_issued(options)?;
        Ok(Verified { claims })
    }

    fn check_issued(&self, options: &VerifyOptions<'_>) -> Result<Processed, VerifyError> {
        if !self.issued.verifies(options.issuer) {
            return Err(VerifyError::Issuer);
        }
        let named = self.issued.header.get("typ").and_then(Value::as_str);
        if !options.types.is_empty() && !named.is_some_and(|typ| options.types.contains(&typ)) {
            return Err(VerifyError::Type);
        }
        let processed = process(&self.issued.payload, &self.disclosures)?;
        check_times(&processed.claims, options)?;
        Ok(processed)
    }

    fn check_binding(
        &self,
        bound: &Jws,
        claims: &Map<String, Value>,
        wanted: &Binding<'_>,
        options: &VerifyOptions<'_>,
    ) -> Result<(), VerifyError> {
        let jwk = claims.get("cnf").and_then(|cnf| cnf.get("jwk"));
        let jwk = jwk.ok_or(VerifyError::NoHolder(None))?;
        let holder = Key::from_jwk(jwk).map_err(|error| VerifyError::NoHolder(Some(error)))?;
        if bound.header.get("typ").and_then(Value::as_str) != Some("kb+jwt") {
            return Err(VerifyError::BindingType);
        }
        if !bound.verifies(&holder) {
            return Err(VerifyError::Holder);
        }
        let text = |name: &str| bound.payload.get(name).and_then(Value::as_str);
        let made = bound.payload.get("iat").and_then(Value::as_u64);
        let made = made.ok_or(VerifyError::BindingTime)?;
        let (now, leeway) = (options.now_s, options.leeway_s);
        if let Some(age_max) = wanted.age_max_s
            && !(now.saturating_sub(age_max.saturating_add(leeway))..=now.saturating_add(leeway))
                .contains(&made)
        {
            return Err(VerifyError::BindingTime);
        }
        if text("aud") != Some(wanted.audience) {
            return Err(VerifyError::Audience);
        }
        if text("nonce") != Some(wanted.nonce) {
            return Err(VerifyError::Nonce);
        }
        if text("sd_hash") != Some(digest(&self.presented()).as_str()) {
            return Err(VerifyError::Presentation);
        }
        Ok(())
    }
}

fn check_times(
    claims: &Map<String, Value>,
    options: &VerifyOptions<'_>,
) -> Result<(), VerifyError> {
    let (now, leeway) = (options.now_s, options.leeway_s);
    let time = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(time) => Ok(Some(time)),
            None => Err(VerifyError::NotATime(name)),
        },
    };
    if let Some(over) = time("exp")?
        && now >= over.saturating_add(leeway)
    {
        return Err(VerifyError::Expired(over));
    }
    match time("nbf")? {
        Some(begins) if begins > now.saturating_add(leeway) => Err(VerifyError::NotYet(begins)),
        _ => Ok(()),
    }
}

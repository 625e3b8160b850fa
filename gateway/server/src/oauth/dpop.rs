//! Proofs of possession (RFC 9449): a signature over one request, by a key that the proof itself
//! names.

use aws_lc_rs::hmac;
use boop_jose::{Jws, Key};
use boop_wire::Digest;
use boop_wire::codec::{digest_of, plain_digest};
use boop_wire::id::VendorId;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::OAuthError;
use crate::app::App;
use crate::text::{base64url, from_base64url};

/// Longest proof, in bytes.
const BYTES_MAX: usize = 4 * 1024;
/// How far a proof's time may be from ours, in seconds.
const AGE_S_MAX: u64 = 300;
/// How long a nonce is given out, in seconds; it is good for as long again.
const NONCE_S: u64 = 150;
/// What a client hears of a proof that was used before.
pub(super) const REPLAYED: OAuthError = OAuthError::InvalidDpopProof("it was used before");
/// Bytes of a nonce's tag.
const TAG_BYTES: usize = 16;

/// A token as it was presented, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The access token.
    pub token: &'a str,
    /// With the scheme `DPoP`: the request's `DPoP` headers.
    pub proofs: Option<&'a [String]>,
    /// The request's method.
    pub method: &'a str,
    /// The request's path.
    pub path: &'a str,
    /// SHA-256 of the connection's certificate.
    pub certificate: Option<Digest>,
}

/// A proof that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    /// The thumbprint of its key.
    pub(super) key: Digest,
    /// Names it among all proofs.
    used: Digest,
}

/// What server nonces are made with; gateways that share a store share it.
pub struct Nonces(hmac::Key);

impl Nonces {
    /// Takes the secret that makes them.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Returns the nonce of a moment.
    pub(super) fn at(&self, now_s: u64) -> String {
        let turn = (now_s / NONCE_S).to_be_bytes();
        base64url(&[&turn[..], &self.tag(&turn)].concat())
    }

    /// Tells whether a nonce is of this turn or the one before.
    fn holds(&self, nonce: &str, now_s: u64) -> bool {
        let Some(bytes) = from_base64url(nonce) else {
            return false;
        };
        let Some((turn, tag)) = bytes.split_first_chunk::<8>() else {
            return false;
        };
        let now = now_s / NONCE_S;
        let turns = now.saturating_sub(1)..=now;
        turns.contains(&u64::from_be_bytes(*turn)) && self.tag(turn).ct_eq(tag).into()
    }

    fn tag(&self, turn: &[u8; 8]) -> [u8; TAG_BYTES] {
        let mut tag = [0; TAG_BYTES];
        let whole = hmac::sign(&self.0, turn);
        tag.copy_from_slice(&whole.as_ref()[..TAG_BYTES]);
        tag
    }
}

impl App {
    /// Checks a proof for a request (RFC 9449 §4.3), but not yet whether it was used before.
    pub(super) fn proof(
        &self,
        proof: &str,
        method: &str,
        path: &str,
        token: Option<&str>,
    ) -> Result<Proof, OAuthError> {
        let refused = OAuthError::InvalidDpopProof;
        let jws = Some(proof).filter(|text| text.len() <= BYTES_MAX);
        let jws = jws.and_then(Jws::parse).ok_or(refused("no signed JWT"))?;
        if jws.header.get("typ").and_then(Value::as_str) != Some("dpop+jwt") {
            return Err(refused("typ is not dpop+jwt"));
        }
        let jwk = jws.header.get("jwk").ok_or(refused("no jwk"))?;
        if jwk.get("d").is_some() {
            return Err(refused("jwk is a private key"));
        }
        let key = Key::from_jwk(jwk).map_err(|_| refused("jwk is no key of ES256 or EdDSA"))?;
        if !jws.verifies(&key) {
            return Err(refused("it is not signed with its jwk"));
        }
        let text = |name: &str| jws.payload.get(name).and_then(Value::as_str);
        if text("htm") != Some(method) {
            return Err(refused("htm is not the request's method"));
        }
        let uri = text("htu").ok_or(refused("no htu"))?;
        let uri = uri.split(['?', '#']).next().unwrap_or_default();
        if !self.names.uris(path).iter().any(|own| own == uri) {
            return Err(refused("htu is not the request's URI"));
        }
        let ath = token.map(|token| base64url(plain_digest(token.as_bytes()).as_bytes()));
        if ath.is_some() && text("ath") != ath.as_deref() {
            return Err(refused("ath is not of the token"));
        }
        let now_s = self.now() / 1000;
        let made_s = jws.payload.get("iat").and_then(Value::as_u64);
        if made_s.is_none_or(|made_s| made_s.abs_diff(now_s) > AGE_S_MAX) {
            return Err(refused("iat is too far from now"));
        }
        let unique = text("jti").filter(|id| (1..=256).contains(&id.len()));
        let unique = unique.ok_or(refused("no jti"))?;
        if !text("nonce").is_some_and(|nonce| self.nonces.holds(nonce, now_s)) {
            return Err(OAuthError::UseDpopNonce(self.nonces.at(now_s)));
        }
        let key = Digest::new(key.thumbprint());
        Ok(Proof {
            key,
            used: digest_of("dpop-proof", &(key, unique)),
        })
    }

    /// Uses a vendor's proof up.
    pub(super) async fn use_proof(
        &self,
        proof: &Proof,
        vendor: &VendorId,
    ) -> Result<(), OAuthError> {
        let until_ms = self.now() + 2 * AGE_S_MAX * 1000;
        if self.use_once(&proof.used, until_ms).await? {
            Ok(())
        } else {
            self.saw_replay(vendor);
            Err(REPLAYED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_turn_and_the_next_at_whoever_has_the_secret() {
        let (one, other) = (Nonces::new(&[1; 32]), Nonces::new(&[2; 32]));
        let nonce = one.at(NONCE_S);

        assert!(one.holds(&nonce, NONCE_S));
        assert!(Nonces::new(&[1; 32]).holds(&nonce, 3 * NONCE_S - 1));
        assert!(!one.holds(&nonce, 3 * NONCE_S));
        assert!(!one.holds(&nonce, NONCE_S - 1));
        assert!(!other.holds(&nonce, NONCE_S));
        for noise in ["", "AAAA", &nonce[1..]] {
            assert!(!one.holds(noise, NONCE_S), "{noise}");
        }
    }
}

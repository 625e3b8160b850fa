//! Clients that prove themselves with a signed assertion (RFC 7523 §3, FAPI 2.0 §5.3.2).

use boop_jose::Jws;
use boop_wire::codec::digest_of;
use boop_wire::id::VendorId;
use serde_json::Value;

use super::OAuthError;
use crate::app::App;

/// Longest assertion, in bytes.
const BYTES_MAX: usize = 8 * 1024;
/// Longest time that an assertion may be good, in seconds.
const LIFE_S_MAX: u64 = 300;
/// How far clocks may differ, in seconds.
const SKEW_S: u64 = 10;
/// What a client hears of an assertion that was used before.
pub(super) const REPLAYED: OAuthError = OAuthError::InvalidClient("the assertion was used before");
/// What the header may say that it is.
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// Reads an assertion that nobody has checked.
pub(super) fn read(assertion: &str) -> Option<Jws> {
    let short = Some(assertion).filter(|text| text.len() <= BYTES_MAX);
    short.and_then(Jws::parse)
}

impl App {
    /// Finds the client that signed an assertion; each assertion is good once.
    pub(super) async fn asserted(
        &self,
        assertion: &str,
        named: Option<&str>,
    ) -> Result<VendorId, OAuthError> {
        let refused = OAuthError::InvalidClient;
        let jws = read(assertion).ok_or(refused("the assertion is no signed JWT"))?;
        let text = |name: &str| jws.payload.get(name).and_then(Value::as_str);
        let client = text("sub").filter(|subject| text("iss") == Some(subject));
        let client = client.ok_or(refused("iss and sub are not both the client's id"))?;
        if named.is_some_and(|named| named != client) {
            return Err(refused("client_id is another than the assertion's"));
        }
        let id: VendorId = client
            .parse()
            .map_err(|_| refused("the client is not known"))?;
        let keys = self.client_keys(&id).await?;
        let keys = keys.ok_or(refused("the client has registered no keys"))?;
        let header = |name: &str| jws.header.get(name).and_then(Value::as_str);
        if header("typ").is_some_and(|kind| !TYPES.contains(&kind)) {
            return Err(refused("the assertion is for something else, by its typ"));
        }
        let key = keys.find(header("kid"));
        let key = key.ok_or(refused("the client has no key of this kid"))?;
        if !jws.verifies(key) {
            return Err(refused("the assertion is not signed with the client's key"));
        }
        // One audience, and it is this server: an assertion for another is not ours to use.
        if text("aud") != Some(&self.names.issuer) {
            return Err(refused("aud is not the issuer alone"));
        }
        let expires_s = self.check_times(&jws)?;
        let unique = text("jti").filter(|id| (1..=256).contains(&id.len()));
        let unique = unique.ok_or(refused("no jti"))?;
        let used = digest_of("client-assertion", &(&id, unique));
        if self.use_once(&used, (expires_s + SKEW_S) * 1000).await? {
            Ok(id)
        } else {
            self.saw_replay(&id);
            Err(REPLAYED)
        }
    }

    /// Checks the times of an assertion and returns when it ends, in seconds.
    fn check_times(&self, jws: &Jws) -> Result<u64, OAuthError> {
        let refused = OAuthError::InvalidClient;
        let now_s = self.now() / 1000;
        let time = |name: &str| jws.payload.get(name).map(Value::as_u64);
        let Some(Some(expires_s)) = time("exp") else {
            return Err(refused("no exp"));
        };
        if expires_s.saturating_add(SKEW_S) <= now_s {
            return Err(refused("the assertion's time is over"));
        }
        if expires_s > now_s + LIFE_S_MAX + SKEW_S {
            return Err(refused("the assertion is good for more than 300 s"));
        }
        let begun = |name: &str| match time(name) {
            None => true,
            Some(at) => at.is_some_and(|at| at <= now_s + SKEW_S),
        };
        if begun("iat") && begun("nbf") {
            Ok(expires_s)
        } else {
            Err(refused("the assertion is of the future"))
        }
    }
}

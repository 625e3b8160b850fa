//! Signature Version 4, as whoever receives it checks it.
//!
//! ```text
//!  canonical request = POST \n / \n \n headers \n signed names \n SHA-256 of the body
//!  to sign           = AWS4-HMAC-SHA256 \n time \n scope \n SHA-256 of the canonical request
//!  key               = HMAC chain of secret, day, region, kms, aws4_request
//! ```

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign, verify};
use time::PrimitiveDateTime;
use time::format_description::parse_borrowed;

use super::{KmsAccount, KmsRequest, Refused};

/// How far the times of both sides may be apart.
const SKEW_MAX_MS: u64 = 5 * 60 * 1000;

/// Checks that the account signed a request, over all that matters and in these minutes.
pub(super) fn check(
    account: &KmsAccount,
    request: &KmsRequest<'_>,
    now_ms: u64,
) -> Result<(), Refused> {
    let refused = |kind, what: &str| Err((kind, what.to_owned()));
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let Some(authorization) = header("authorization") else {
        return refused("MissingAuthenticationTokenException", "no Authorization");
    };
    let Some(given) = authorization.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return refused("IncompleteSignatureException", "the algorithm");
    };
    let given: BTreeMap<_, _> = given
        .split(", ")
        .filter_map(|part| part.split_once('='))
        .collect();
    let part = |name| given.get(name).copied().unwrap_or_default();
    let time = header("x-amz-date").unwrap_or_default();
    let day = time.split('T').next().unwrap_or_default();
    let scope = format!("{day}/{}/kms/aws4_request", account.region);
    let Some((id, signed_scope)) = part("Credential").split_once('/') else {
        return refused("IncompleteSignatureException", "no Credential");
    };
    if id != account.access_key_id {
        return refused("UnrecognizedClientException", "the access key");
    }
    if header("x-amz-security-token") != account.session_token.as_deref() {
        return refused("ExpiredTokenException", "the session token");
    }
    let names: Vec<&str> = part("SignedHeaders").split(';').collect();
    let needed = ["host", "x-amz-date", "x-amz-target"];
    if signed_scope != scope || !needed.iter().all(|name| names.contains(name)) {
        return refused("InvalidSignatureException", "the scope or the headers");
    }
    if milliseconds(time).is_none_or(|at| at.abs_diff(now_ms) > SKEW_MAX_MS) {
        return refused("InvalidSignatureException", "the time");
    }
    let lines: String = names
        .iter()
        .map(|name| format!("{name}:{}\n", header(name).unwrap_or_default().trim()))
        .collect();
    let canonical = format!(
        "POST\n/\n\n{lines}\n{}\n{}",
        names.join(";"),
        hash(request.body)
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hash(canonical.as_bytes())
    );
    let key = signing_key(account, day);
    let signature = hex::decode(part("Signature")).unwrap_or_default();
    match verify(&key, to_sign.as_bytes(), &signature) {
        Ok(()) => Ok(()),
        Err(_) => refused("InvalidSignatureException", "the signature"),
    }
}

fn signing_key(account: &KmsAccount, day: &str) -> Key {
    let secret = format!("AWS4{}", account.secret_access_key);
    let first = Key::new(HMAC_SHA256, secret.as_bytes());
    [day, &account.region, "kms", "aws4_request"]
        .into_iter()
        .fold(first, |key, part| {
            let tag: Tag = sign(&key, part.as_bytes());
            Key::new(HMAC_SHA256, tag.as_ref())
        })
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// Reads `20261123T165000Z`.
fn milliseconds(time: &str) -> Option<u64> {
    let form = parse_borrowed::<2>("[year][month][day]T[hour][minute][second]Z").ok()?;
    let at = PrimitiveDateTime::parse(time, &form).ok()?.assume_utc();
    u64::try_from(at.unix_timestamp()).ok()?.checked_mul(1000)
}

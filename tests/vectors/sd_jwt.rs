//! SD-JWT: the examples of RFC 9901, the reference implementation's cases, and made ones.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_attributes::sd_jwt::{Binding, Key, KeyBinding, SdJwt, VerifyOptions};
use serde_json::{Value, json};

use crate::suite::Suite;

/// When a case without a time of its own is verified, seconds since 1970.
const NOW_S: u64 = 1_750_000_000;
/// How old a key binding may be in the made cases.
const AGE_MAX_S: u64 = 300;
const FOLDERS: [&str; 3] = ["rfc9901", "reference", "made"];

/// Judges every token.
pub(crate) fn suites(folder: &Path) -> Result<Vec<Suite>> {
    if !folder.is_dir() {
        return Ok(vec![]);
    }
    let suites = FOLDERS.iter().map(|kind| {
        let mut suite = Suite::new(&format!("sd-jwt-{kind}"));
        let files = fs::read_dir(folder.join(kind))?.map(|file| Ok(file?.path()));
        let mut files: Vec<_> = files.collect::<Result<_>>()?;
        files.sort();
        for file in files {
            let text = fs::read(&file).with_context(|| file.display().to_string())?;
            let case: Value = serde_json::from_slice(&text)?;
            let id = case["id"].as_str().context("a case has a name")?;
            let expected = case["expect"].as_str().context("a case states a verdict")?;
            let got = judge(&case, kind).unwrap_or_else(|error| format!("{error:#}"));
            suite.add(id, expected, &got);
        }
        Ok(suite)
    });
    suites.collect()
}

/// Judges an example that has claims and disclosures and no token: we sign it.
fn of_claims(case: &Value) -> Result<String> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
    let issuer = Key::from_jwk(&json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }))?;
    let disclosures = case["disclosures"].as_array().context("disclosures")?;
    let others = case["payload_alternatives"].as_array();
    for payload in others.into_iter().flatten().chain([&case["payload"]]) {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "ES256" }).to_string());
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload.to_string()));
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes())?;
        let mut token = format!("{signed}.{}~", URL_SAFE_NO_PAD.encode(signature));
        let whole = format!("{payload}{}", case["disclosures"]);
        for disclosure in disclosures {
            // An alternative leaves some claims in the open; each digest also stands beside its
            // disclosure.
            let digest = disclosure["digest"].as_str().context("a digest")?;
            if whole.matches(digest).count() > 1 {
                token += disclosure["disclosure"].as_str().context("a disclosure")?;
                token.push('~');
            }
        }
        let options = VerifyOptions {
            issuer: &issuer,
            types: &[],
            now_s: NOW_S,
            leeway_s: 0,
            key_binding: KeyBinding::Ignored,
        };
        let claims = SdJwt::parse(&token)?.receive(&options)?.claims;
        if Value::Object(claims) != case["all_disclosed"] {
            return Ok(String::from("other claims"));
        }
    }
    Ok(String::from("accept"))
}

/// Judges all tokens of a case; what differs from what it states is the verdict then.
fn judge(case: &Value, kind: &str) -> Result<String> {
    let issuer = Key::from_jwk(&case["issuer_jwk"])?;
    let text = |name: &str| case[name].as_str();
    let binding = match (text("expect_aud"), text("expect_nonce")) {
        (Some(audience), Some(nonce)) => Some(Binding {
            audience,
            nonce,
            age_max_s: (kind == "made").then_some(AGE_MAX_S),
        }),
        _ => None,
    };
    let wanted = case["require_key_binding"].as_bool().unwrap_or(true);
    let options = VerifyOptions {
        issuer: &issuer,
        types: &[],
        now_s: case["verify_at"].as_u64().unwrap_or(NOW_S),
        leeway_s: 0,
        key_binding: match binding {
            Some(binding) if wanted => KeyBinding::Required(binding),
            _ => KeyBinding::Ignored,
        },
    };
    let holder = text("role") == Some("holder");
    let mut verdicts = Vec::new();
    for (name, issued) in [
        ("issuance", true),
        ("presentation", holder),
        ("issuance_json", true),
        ("presentation_json", false),
    ] {
        let token = match &case[name] {
            Value::Null => continue,
            Value::String(token) => token.clone(),
            json => json.to_string(),
        };
        // The reference implementation binds JSON by a hash over its own text, and does not look at
        // it; RFC 9901 §8.1 has the hash over the compact form.
        let not_ours = kind == "reference" && name == "presentation_json";
        let options = match issued || not_ours {
            true => VerifyOptions {
                key_binding: KeyBinding::Ignored,
                ..options.clone()
            },
            false => options.clone(),
        };
        let expected = if issued {
            "all_disclosed"
        } else {
            "expect_processed"
        };
        verdicts.push(verdict(&token, &options, issued, &case[expected]));
    }
    if verdicts.is_empty() {
        return of_claims(case);
    }
    let first = *verdicts.first().context("a case has a token")?;
    let same = verdicts.iter().all(|verdict| *verdict == first);
    Ok(if same {
        first.to_owned()
    } else {
        verdicts.join(", ")
    })
}

/// Judges one token; what a case does not state of its claims is not compared.
fn verdict(
    token: &str,
    options: &VerifyOptions<'_>,
    issued: bool,
    expected: &Value,
) -> &'static str {
    let verified = SdJwt::parse(token).ok().and_then(|token| match issued {
        true => token.receive(options).ok(),
        false => token.verify(options).ok(),
    });
    match verified.map(|verified| Value::Object(verified.claims)) {
        None => "reject",
        Some(claims) if expected.is_null() || claims == *expected => "accept",
        Some(_) => "other claims",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shared_cases_agree() {
        let shared = std::env::var_os("BOOP_VECTORS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
            std::path::PathBuf::from,
        );
        let suites = suites(&shared.join("sd-jwt")).unwrap();
        if suites.is_empty() {
            assert!(std::env::var_os("CI").is_none(), "no vectors of SD-JWT");
            println!("the vectors of SD-JWT are not present");
            return;
        }
        for suite in &suites {
            assert!(suite.disagreements.is_empty(), "{:#?}", suite.disagreements);
        }
        assert_eq!(suites.iter().map(Suite::cases).sum::<usize>(), 54);
    }
}

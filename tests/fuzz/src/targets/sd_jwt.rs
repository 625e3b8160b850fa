//! SD-JWT in both serializations.

use boop_attributes::sd_jwt::{Key, KeyBinding, SdJwt, VerifyOptions};
use serde_json::json;

/// Reads a token. Its compact form reads the same, and under a key that signed nothing it never
/// holds.
pub(super) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(token) = SdJwt::parse(text) else {
        return;
    };
    let compact = token.to_string();
    assert!(text.starts_with('{') || compact == text);
    assert_eq!(SdJwt::parse(&compact).as_ref(), Ok(&token));
    let jwk = json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let issuer = Key::from_jwk(&jwk).expect("the key of RFC 8037 \u{a7}A.2");
    let options = VerifyOptions {
        issuer: &issuer,
        types: &[],
        now_s: 0,
        leeway_s: 0,
        key_binding: KeyBinding::Ignored,
    };
    assert!(token.verify(&options).is_err());
    if let Ok(all) = token.disclosable() {
        let pointers: Vec<_> = all.iter().map(|claim| claim.pointer.as_str()).collect();
        let all = token
            .present(&pointers)
            .expect("what is listed can be shown");
        assert_eq!(all.disclosable().map(|all| all.len()), Ok(pointers.len()));
        assert!(token.present(&[]).is_ok());
    }
}

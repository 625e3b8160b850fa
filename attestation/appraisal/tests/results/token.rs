//! Signed results: what is verified, and what is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boop_appraisal::results::{
    Claim, EarContext, EarKey, EarPublicKey, KeyError, TokenError, TrustworthinessTier as Status,
    ear_cwt, ear_jwt, to_json, verify_ear_cwt, verify_ear_jwt,
};
use boop_verifier::{Endorsements, Expected, Policy, Roots, UnixTime, Verdict};

use crate::samples::{accepted, context, ear, keys, pem, vectors};

#[test]
fn tokens_of_each_kind_of_key_are_verified_by_its_public_key() {
    for key in keys() {
        let verdict = accepted();
        let pem = key.public_key_pem().unwrap();
        let public = EarPublicKey::from_pem(&pem).unwrap();
        assert_eq!(public, key.public_key());
        let expected = ear(&verdict);

        let jwt = ear_jwt(&verdict, &context(), &key).unwrap();
        let cwt = ear_cwt(&verdict, &context(), &key).unwrap();

        assert_eq!(verify_ear_jwt(&jwt, &public), Ok(expected.clone()));
        assert_eq!(verify_ear_cwt(&cwt, &public), Ok(expected));
        assert_eq!(cwt[..2], [0xd2, 0x84]);
        assert_eq!(jwt.split('.').count(), 3);
    }
}

#[test]
fn a_token_under_another_key_of_the_same_kind_is_refused() {
    for (key, other) in keys().into_iter().zip(keys()) {
        let jwt = ear_jwt(&accepted(), &context(), &key).unwrap();
        let cwt = ear_cwt(&accepted(), &context(), &key).unwrap();
        let other = other.public_key();

        assert_eq!(verify_ear_jwt(&jwt, &other), Err(TokenError::Signature));
        assert_eq!(verify_ear_cwt(&cwt, &other), Err(TokenError::Signature));
    }
}

#[test]
fn the_header_never_chooses_the_algorithm() {
    let [p256, p384, _] = keys();
    let jwt = ear_jwt(&accepted(), &context(), &p256).unwrap();
    let cwt = ear_cwt(&accepted(), &context(), &p256).unwrap();
    let expected = "ES384";
    let public = p384.public_key();
    assert_eq!(
        verify_ear_jwt(&jwt, &public),
        Err(TokenError::Header { expected })
    );
    assert_eq!(
        verify_ear_cwt(&cwt, &public),
        Err(TokenError::Header { expected })
    );

    let (_, rest) = jwt.split_once('.').unwrap();
    let public = p256.public_key();
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS256","typ":"eat+jwt"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"ES256","typ":"eat+jwt","jwk":{}}"#,
    ] {
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));

        let refused = verify_ear_jwt(&forged, &public);

        let expected = "ES256";
        assert_eq!(refused, Err(TokenError::Header { expected }), "{header}");
    }
}

#[test]
fn no_bit_of_a_token_can_be_changed() {
    let key = &keys()[0];
    let public = key.public_key();
    let jwt = ear_jwt(&accepted(), &context(), key).unwrap().into_bytes();
    let cwt = ear_cwt(&accepted(), &context(), key).unwrap();

    for position in 0..cwt.len() {
        let mut changed = cwt.clone();
        changed[position] ^= 1;
        assert!(verify_ear_cwt(&changed, &public).is_err(), "{position}");
        assert!(
            verify_ear_cwt(&cwt[..position], &public).is_err(),
            "{position}"
        );
    }
    for position in 0..jwt.len() {
        let mut changed = jwt.clone();
        changed[position] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        assert!(verify_ear_jwt(&changed, &public).is_err(), "{position}");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let key = &keys()[0];
    let public = key.public_key();
    let jwt = |form| TokenError::Malformed { form };
    let no_jwt = jwt("jwt of three parts");
    let no_cwt = jwt("cwt in a tagged cose_sign1");
    for text in ["", "a", "a.b", "?.?.?", "=.=.="] {
        assert_eq!(verify_ear_jwt(text, &public), Err(no_jwt.clone()), "{text}");
    }
    let cwt = ear_cwt(&accepted(), &context(), key).unwrap();
    let trailing = [&cwt[..], b"\x00"].concat();
    for bytes in [&b""[..], b"\xd2", &cwt[1..], &trailing] {
        assert_eq!(verify_ear_cwt(bytes, &public), Err(no_cwt.clone()));
    }
    let bytes = 300_000;
    let large = "a".repeat(bytes);
    let refused = TokenError::TooLarge { bytes };
    assert_eq!(verify_ear_jwt(&large, &public), Err(refused.clone()));
    assert_eq!(verify_ear_cwt(large.as_bytes(), &public), Err(refused));
}

#[test]
fn keys_that_sign_no_results_are_refused() {
    let label = "PRIVATE KEY";
    let error = |text: &str| EarKey::from_pkcs8_pem(text).unwrap_err();
    assert_eq!(error("no key"), KeyError::Pem { label });
    assert_eq!(
        error(&pem("EC PRIVATE KEY", b"\x30\x00")),
        KeyError::Pem { label }
    );
    assert_eq!(error(&pem("PRIVATE KEY", b"\x30\x00")), KeyError::Kind);
    let label = "PUBLIC KEY";
    let public = EarPublicKey::from_pem("x");
    assert_eq!(public, Err(KeyError::Pem { label }));
    let public = EarPublicKey::from_pem(&pem("PUBLIC KEY", b"\x30\x00"));
    assert_eq!(public, Err(KeyError::Kind));
    assert_eq!(format!("{:?}", keys()[0]), "[secret]");
}

#[test]
fn recorded_evidence_gives_a_result_that_a_relying_party_verifies() {
    let Some(folder) = vectors() else { return };
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let judged = |evidence: &str, leaf: Option<Vec<u8>>, at| {
        let endorsements = Endorsements {
            leaf,
            ..Endorsements::default()
        };
        let (roots, policy) = (Roots::vendor(), Policy::p0());
        let evidence = read(evidence);
        let expected = Expected::nothing();
        boop_verifier::verify(
            &evidence,
            &endorsements,
            &roots,
            UnixTime(at),
            &policy,
            &expected,
        )
    };
    let vek = Some(read("snp/genoa-v3-vcek-b/vek.der"));
    let snp = judged("snp/genoa-v3-vcek-b/report.bin", vek, 1_780_272_000);
    let debug = judged("nitro/debug-2022-10/document.cbor", None, 1_665_651_000);
    assert_eq!(to_json(&debug)["facts"]["platform"], "nitro");
    assert_eq!(to_json(&debug)["facts"]["pcrs"]["0"], "00".repeat(48));
    assert!(to_json(&debug)["facts"]["nitro"]["leaf_not_after"].is_u64());
    let key = &keys()[1];
    let verified = |verdict: &Verdict| {
        let issued_at = verdict.facts.as_ref().unwrap().checked_at;
        let context = EarContext {
            issued_at,
            ..context()
        };
        let token = ear_cwt(verdict, &context, key).unwrap();
        let ear = verify_ear_cwt(&token, &key.public_key()).unwrap();
        assert_eq!(ear.submodule.findings.judged_at, Some(issued_at));
        ear
    };

    let (snp, debug) = (verified(&snp), verified(&debug));

    assert_eq!(
        (snp.submodule.label.as_str(), snp.status),
        ("snp", Status::Affirming)
    );
    assert_eq!(snp.submodule.vector.value(Claim::Hardware), Some(2));
    assert_eq!(snp.submodule.vector.value(Claim::RuntimeOpaque), Some(2));
    assert_eq!(debug.submodule.label, "nitro");
    assert_eq!(debug.status, Status::Contraindicated);
    assert!(
        debug
            .submodule
            .findings
            .reasons
            .contains(&"debug-mode".into())
    );
}

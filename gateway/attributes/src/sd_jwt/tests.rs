//! Credentials of our own, from issuer over holder to verifier, and what becomes of them when
//! somebody cheats.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::*;

mod interop;

const NOW_S: u64 = 1_800_000_000;
const BINDING: Binding<'static> = Binding {
    audience: "https://shop.example",
    nonce: "n-1",
    age_max_s: Some(300),
};

#[test]
fn a_holder_shows_what_is_wanted_and_a_verifier_learns_that_alone() {
    for (issuer, holder) in [(ecdsa(), ed25519(2)), (ed25519(1), ecdsa())] {
        let issued = token(&issuer, &holder);
        let options = options(&issuer.key);
        let received = SdJwt::parse(&issued).unwrap().receive(&options).unwrap();
        assert_eq!(
            Value::Object(received.claims),
            Value::Object(claims(&holder))
        );

        let shown = SdJwt::parse(&issued).unwrap();
        let shown = shown.present(&["/address/country", "/sides/1"]).unwrap();
        let bound = shown.bind(&BINDING, NOW_S, &holder).unwrap().to_string();
        let verified = SdJwt::parse(&bound).unwrap().verify(&required(&issuer.key));
        let mut expected = claims(&holder);
        for hidden in ["name", "age_over_21"] {
            expected.remove(hidden);
        }
        expected.insert("address".into(), json!({ "country": "CH" }));
        expected.insert("sides".into(), json!(["right"]));
        assert_eq!(
            Value::Object(verified.unwrap().claims),
            Value::Object(expected)
        );
    }
}

#[test]
fn all_that_may_be_left_out_is_listed_and_what_stands_around_it_comes_along() {
    let (issuer, holder) = (ecdsa(), ed25519(2));
    let token = SdJwt::parse(&token(&issuer, &holder)).unwrap();
    let mut pointers: Vec<_> = token.disclosable().unwrap().into_iter().collect();
    pointers.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    let names: Vec<_> = pointers
        .iter()
        .map(|claim| claim.pointer.as_str())
        .collect();
    let expected = [
        "/address",
        "/address/country",
        "/address/street",
        "/age_over_21",
        "/name",
        "/sides/0",
        "/sides/1",
    ];
    assert_eq!(names, expected);
    assert_eq!(pointers[1].value, json!("CH"));

    let none = token.present(&["/exp"]).unwrap_err();
    assert_eq!(none, PresentError::NoDisclosure(String::from("/exp")));
    let street = token.present(&["/address/street"]).unwrap();
    assert_eq!(street.disclosable().unwrap().len(), 2);
    assert_eq!(token.present(&[]).unwrap().disclosable(), Ok(vec![]));
}

#[test]
fn a_binding_holds_for_one_verifier_one_question_and_these_minutes() {
    let (issuer, holder) = (ecdsa(), ed25519(2));
    let all = token(&issuer, &holder);
    let shown = SdJwt::parse(&all).unwrap().present(&["/name"]).unwrap();
    let bound =
        |binding: &Binding<'_>, at, by: &TestKey| shown.clone().bind(binding, at, by).unwrap();
    let refused = |token: SdJwt| token.verify(&required(&issuer.key)).map(drop).unwrap_err();

    assert_eq!(refused(shown.clone()), VerifyError::MissingBinding);
    let elsewhere = Binding {
        audience: "https://other.example",
        ..BINDING
    };
    assert_eq!(
        refused(bound(&elsewhere, NOW_S, &holder)),
        VerifyError::Audience
    );
    let replayed = Binding {
        nonce: "n-0",
        ..BINDING
    };
    assert_eq!(
        refused(bound(&replayed, NOW_S, &holder)),
        VerifyError::Nonce
    );
    for at in [NOW_S - 302, NOW_S + 2] {
        assert_eq!(
            refused(bound(&BINDING, at, &holder)),
            VerifyError::BindingTime
        );
    }
    for at in [NOW_S - 301, NOW_S + 1] {
        assert!(
            bound(&BINDING, at, &holder)
                .verify(&required(&issuer.key))
                .is_ok()
        );
    }
    assert_eq!(
        refused(bound(&BINDING, NOW_S, &ed25519(3))),
        VerifyError::Holder
    );
    // A disclosure that was added, and one that was taken away, after the holder signed.
    let text = bound(&BINDING, NOW_S, &holder).to_string();
    let is_age = |part: &&str| {
        let says = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        String::from_utf8_lossy(&says).contains("age_over_21")
    };
    let other = all.split('~').find(is_age).unwrap();
    let (head, binding) = text.rsplit_once('~').unwrap();
    let added = SdJwt::parse(&format!("{head}~{other}~{binding}"));
    assert_eq!(refused(added.unwrap()), VerifyError::Presentation);
    let issued = text.split('~').next().unwrap();
    let taken = SdJwt::parse(&format!("{issued}~{binding}")).unwrap();
    assert_eq!(refused(taken), VerifyError::Presentation);
    // An issuer's token is bound by nobody.
    let received = SdJwt::parse(&text).unwrap().receive(&options(&issuer.key));
    assert_eq!(received.unwrap_err(), VerifyError::Bound);
}

#[test]
fn times_types_and_issuers_are_those_that_the_verifier_expects() {
    let (issuer, holder) = (ecdsa(), ed25519(2));
    let token = SdJwt::parse(&token(&issuer, &holder)).unwrap();
    let with = |change: &dyn Fn(&mut VerifyOptions<'_>)| {
        let mut options = options(&issuer.key);
        change(&mut options);
        token.verify(&options).map(drop)
    };

    assert_eq!(with(&|_| {}), Ok(()));
    let over = NOW_S + 60;
    assert_eq!(with(&|to| to.now_s = over), Ok(()));
    assert_eq!(
        with(&|to| to.now_s = over + 1),
        Err(VerifyError::Expired(over))
    );
    assert_eq!(
        with(&|to| to.now_s = NOW_S - 62),
        Err(VerifyError::NotYet(NOW_S - 60))
    );
    assert_eq!(
        with(&|to| to.types = &["vc+sd-jwt"]),
        Err(VerifyError::Type)
    );
    for other in [ecdsa().key, ed25519(1).key] {
        let mut options = options(&issuer.key);
        options.issuer = &other;
        assert_eq!(token.verify(&options).map(drop), Err(VerifyError::Issuer));
    }
}

#[test]
fn no_byte_of_a_token_can_be_changed() {
    let (issuer, holder) = (ed25519(1), ed25519(2));
    let text = token(&issuer, &holder);
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let read = SdJwt::parse(&changed);
        let verified = read.map(|token| token.verify(&options(&issuer.key)).is_ok());
        assert_ne!(verified, Ok(true), "{place}");
    }
}

#[test]
fn what_is_no_token_is_told_apart() {
    let good = token(&ed25519(1), &ed25519(2));
    let issued = good.split('~').next().unwrap();
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let disclosure =
        |value: Value| SdJwt::parse(&format!("{issued}~{}~", encoded(value))).unwrap_err();

    let bytes = TOKEN_BYTES_MAX + 1;
    let long = SdJwt::parse(&"x".repeat(bytes));
    assert_eq!(long, Err(ParseError::TooLong { bytes }));
    let disclosures = DISCLOSURES_MAX + 1;
    let many = format!("{issued}~{}", "WyJhIiwxXQ~".repeat(disclosures));
    assert_eq!(
        SdJwt::parse(&many),
        Err(ParseError::TooMany { disclosures })
    );
    for (text, expected) in [
        (issued.to_owned(), ParseError::Shape),
        (String::from("{}"), ParseError::Shape),
        (String::from("a.b~"), ParseError::Issued),
        (format!("{issued}~x"), ParseError::KeyBinding),
        (
            format!("{issued}~*~"),
            ParseError::Disclosure(1, DisclosureError::Encoding),
        ),
    ] {
        assert_eq!(SdJwt::parse(&text), Err(expected), "{text}");
    }
    for (value, expected) in [
        (json!({}), DisclosureError::Shape),
        (json!(["salt"]), DisclosureError::Shape),
        (json!([1, "name", 2]), DisclosureError::Shape),
        (json!(["salt", 1, 2]), DisclosureError::Shape),
        (json!(["salt", "_sd", 2]), DisclosureError::Name),
        (json!(["salt", "...", 2]), DisclosureError::Name),
    ] {
        assert_eq!(disclosure(value), ParseError::Disclosure(1, expected));
    }
    // A disclosure that nothing refers to.
    let stray = format!("{good}{}~", encoded(json!(["salt", "admin", true])));
    let stray = SdJwt::parse(&stray)
        .unwrap()
        .verify(&options(&ed25519(1).key));
    assert_eq!(
        stray.unwrap_err(),
        VerifyError::Process(ProcessError::Unused(8))
    );
}

#[test]
fn an_issuer_hides_only_what_is_there_and_what_may_be_hidden() {
    let (issuer, holder) = (ed25519(1), ed25519(2));
    let refused = |claims: Value, disclosable: &[&str]| {
        let Value::Object(claims) = claims else {
            panic!("{claims}");
        };
        let issue = Issue {
            typ: "dc+sd-jwt",
            claims,
            disclosable,
            decoys: 0,
        };
        issue.sign(&issuer, || [7; 16]).map(drop).unwrap_err()
    };
    let whole = Value::Object(claims(&holder));

    for pointer in ["/nothing", "name", "/sides/2", "/sides/x", "/name/first"] {
        let expected = IssueError::NoClaim(pointer.to_owned());
        assert_eq!(refused(whole.clone(), &[pointer]), expected);
    }
    for pointer in ["/exp", "/cnf", "/cnf/jwk", "/iss"] {
        let expected = IssueError::Essential(pointer.to_owned());
        assert_eq!(refused(whole.clone(), &[pointer]), expected);
    }
    for reserved in [json!({ "_sd": [] }), json!({ "a": [{ "...": "x" }] })] {
        assert_eq!(refused(reserved, &[]), IssueError::Reserved);
    }
    let twice = refused(whole, &["/name", "/name"]);
    assert_eq!(twice, IssueError::NoClaim(String::from("/name")));
}

#[test]
fn disclosures_within_disclosures_end_where_claims_must() {
    let issuer = ed25519(1);
    let nested = |levels: usize| {
        let mut claims = json!("bottom");
        for _ in 0..levels {
            claims = json!({ "a": claims });
        }
        let pointers: Vec<_> = (1..=levels).map(|level| "/a".repeat(level)).collect();
        let disclosable: Vec<_> = pointers.iter().map(String::as_str).collect();
        let Value::Object(claims) = claims else {
            panic!("{claims}");
        };
        let issue = Issue {
            typ: "dc+sd-jwt",
            claims,
            disclosable: &disclosable,
            decoys: 0,
        };
        issue.sign(&issuer, || [7; 16]).unwrap()
    };

    assert_eq!(nested(DEPTH_MAX).disclosable().unwrap().len(), DEPTH_MAX);
    let deep = nested(DEPTH_MAX + 1);
    assert_eq!(deep.disclosable(), Err(ProcessError::TooDeep));
    let verified = deep.verify(&options(&issuer.key));
    assert_eq!(
        verified.unwrap_err(),
        VerifyError::Process(ProcessError::TooDeep)
    );
}

#[test]
fn digests_within_arrays_are_in_no_order_of_the_claims_either() {
    let claims = json!({ "list": [{ "a": 1, "b": 2, "c": 3 }] });
    let Value::Object(claims) = claims else {
        panic!("{claims}");
    };
    for first in 0..8 {
        let issue = Issue {
            typ: "dc+sd-jwt",
            claims: claims.clone(),
            disclosable: &["/list/0/a", "/list/0/b", "/list/0/c"],
            decoys: 0,
        };
        let mut count = first;
        let salt = || {
            count += 8;
            [count; 16]
        };
        let token = issue.sign(&ed25519(1), salt).unwrap();
        let digests = token.issued.payload["list"][0]["_sd"].as_array().unwrap();
        assert!(digests.is_sorted_by_key(|digest| digest.as_str().unwrap()));
    }
}

#[test]
fn keys_are_of_two_kinds() {
    let key = |jwk: Value| Key::from_jwk(&jwk).map(|key| key.algorithm());
    let x = URL_SAFE_NO_PAD.encode([7; 32]);

    let okp = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
    assert_eq!(key(okp), Ok(Algorithm::EdDsa));
    assert_eq!(key(json!({ "kty": "RSA" })), Err(KeyError::Type));
    let half = json!({ "kty": "EC", "crv": "P-256", "x": x });
    assert_eq!(key(half), Err(KeyError::Coordinate));
    let other = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "ES256" });
    assert_eq!(key(other), Err(KeyError::Algorithm));
}

/// A key pair of a test.
struct TestKey {
    pair: Pair,
    key: Key,
    jwk: Value,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer for TestKey {
    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                Ok(signature.map_err(|_| SignFailed)?.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

fn ecdsa() -> TestKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
    of_jwk(
        Pair::Ecdsa(pair),
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }),
    )
}

fn ed25519(seed: u8) -> TestKey {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    of_jwk(
        Pair::Ed25519(pair),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x }),
    )
}

fn of_jwk(pair: Pair, jwk: Value) -> TestKey {
    let key = Key::from_jwk(&jwk).unwrap();
    TestKey { pair, key, jwk }
}

fn claims(holder: &TestKey) -> Map<String, Value> {
    let claims = json!({
        "iss": "https://boop.example",
        "nbf": NOW_S - 60,
        "exp": NOW_S + 60,
        "cnf": { "jwk": holder.jwk },
        "name": "Ada",
        "age_over_21": true,
        "address": { "street": "Hauptstrasse 1", "country": "CH" },
        "sides": ["left", "right"],
    });
    match claims {
        Value::Object(claims) => claims,
        other => panic!("{other}"),
    }
}

/// Issues a token; its salts are numbers.
fn token(issuer: &TestKey, holder: &TestKey) -> String {
    let issue = Issue {
        typ: "dc+sd-jwt",
        claims: claims(holder),
        disclosable: &[
            "/name",
            "/age_over_21",
            "/address",
            "/address/street",
            "/address/country",
            "/sides/0",
            "/sides/1",
        ],
        decoys: 2,
    };
    let mut count = 0;
    let salt = || {
        count += 1;
        [count; 16]
    };
    let token = issue.sign(issuer, salt).unwrap().to_string();
    // Neither names nor values are in the signed part.
    let payload = token.split('.').nth(1).unwrap();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    for hidden in ["name", "Ada", "street", "left"] {
        assert!(!payload.contains(hidden), "{payload}");
    }
    token
}

fn options(issuer: &Key) -> VerifyOptions<'_> {
    VerifyOptions {
        issuer,
        types: &["dc+sd-jwt"],
        now_s: NOW_S,
        leeway_s: 1,
        key_binding: KeyBinding::Ignored,
    }
}

fn required(issuer: &Key) -> VerifyOptions<'_> {
    VerifyOptions {
        key_binding: KeyBinding::Required(BINDING),
        ..options(issuer)
    }
}

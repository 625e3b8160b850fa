//! Clients that prove themselves well, and in every way not well enough.

use std::sync::atomic::{AtomicU32, Ordering};

use boop_jose::{Algorithm, Jws, SignFailed, Signer};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Map, Value, json};

use super::*;
use crate::fixture::{Gateway, ISSUER, MUTUAL, vendor};
use crate::store::RevocationStore as _;

mod assertions;
mod proofs;

const CERTIFICATE: Digest = Digest::new([5; 32]);

/// A key that signs and whose public half goes into tokens.
struct TestKey(SigningKey);

impl Signer for TestKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDsa
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        Ok(self.0.sign(message).to_vec())
    }
}

impl TestKey {
    fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number; 32]))
    }

    fn jwk(&self) -> Value {
        let x = base64url(self.0.verifying_key().as_bytes());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
    }

    fn token(&self, header: &Value, payload: &Value) -> String {
        let object = |value: &Value| value.as_object().unwrap().clone();
        let signed = Jws::sign(object(header), object(payload), self);
        signed.unwrap().text()
    }
}

fn fresh() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A value with members put in place or, by null, taken away.
fn changed(mut value: Value, changes: &Value) -> Value {
    let object: &mut Map<String, Value> = value.as_object_mut().unwrap();
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), change.clone());
        }
    }
    value
}

/// A vendor's client of a gateway that knows its key and its certificate.
struct World {
    gateway: Gateway,
    key: TestKey,
    bound: TestKey,
}

impl World {
    async fn new() -> Self {
        let gateway = Gateway::start().await;
        let key = TestKey::new(1);
        let mut jwk = key.jwk();
        jwk["kid"] = "one".into();
        let keys = json!({ "keys": [jwk] }).to_string();
        let store = &gateway.app.store;
        store.put_client_keys(&vendor().id, &keys).await.unwrap();
        let bound = TestKey::new(2);
        Self {
            gateway,
            key,
            bound,
        }
    }

    fn now_s(&self) -> u64 {
        self.gateway.app.now() / 1000
    }

    fn assertion(&self, header: &Value, payload: &Value) -> String {
        let own = json!({
            "iss": vendor().id, "sub": vendor().id, "aud": ISSUER, "jti": fresh(),
            "iat": self.now_s(), "exp": self.now_s() + 60,
        });
        let header = changed(json!({ "kid": "one" }), header);
        self.key.token(&header, &changed(own, payload))
    }

    fn proof(&self, method: &str, path: &str, header: &Value, payload: &Value) -> String {
        let own = json!({
            "htm": method, "htu": format!("{ISSUER}{path}"), "jti": fresh(),
            "iat": self.now_s(), "nonce": self.gateway.app.nonces.at(self.now_s()),
        });
        let header = changed(
            json!({ "typ": "dpop+jwt", "jwk": self.bound.jwk() }),
            header,
        );
        self.bound.token(&header, &changed(own, payload))
    }

    fn request(&self, assertion: String, proofs: Vec<String>) -> TokenRequest {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        TokenRequest {
            fields: fields
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            proofs,
            ..TokenRequest::default()
        }
    }

    fn plain(&self) -> TokenRequest {
        let proof = self.proof("POST", TOKEN_PATH, &json!({}), &json!({}));
        self.request(self.assertion(&json!({}), &json!({})), vec![proof])
    }

    async fn refused(&self, request: &TokenRequest) -> OAuthError {
        self.gateway.app.grant(request).await.unwrap_err()
    }

    async fn refused_assertion(&self, header: Value, payload: Value) -> OAuthError {
        let mut request = self.plain();
        request.fields[2].1 = self.assertion(&header, &payload);
        self.refused(&request).await
    }

    async fn refused_proof(&self, header: Value, payload: Value) -> OAuthError {
        let mut request = self.plain();
        request.proofs = vec![self.proof("POST", TOKEN_PATH, &header, &payload)];
        self.refused(&request).await
    }

    /// Presents a token for one request.
    async fn present(
        &self,
        token: &str,
        proofs: Option<&[String]>,
        certificate: Option<Digest>,
    ) -> Result<(Vendor, Scopes), OAuthError> {
        let presented = Presented {
            token,
            proofs,
            method: "GET",
            path: "/there",
            certificate,
        };
        self.gateway.app.bearer_of(&presented).await
    }

    fn proof_of(&self, token: &str, payload: &Value) -> String {
        let ath = base64url(plain_digest(token.as_bytes()).as_bytes());
        let payload = changed(json!({ "ath": ath }), payload);
        self.proof("GET", "/there", &json!({}), &payload)
    }
}

#[tokio::test]
async fn a_client_gets_a_token_that_is_good_with_its_key_alone() {
    let world = World::new().await;

    let granted = world.gateway.app.grant(&world.plain()).await.unwrap();

    assert!(is_access_token(&granted.token));
    let session = "at_".to_owned() + &"x".repeat(40);
    assert!(
        !is_access_token(&session),
        "a session token that begins alike"
    );
    let proof = world.proof_of(&granted.token, &json!({}));
    let known = world
        .present(&granted.token, Some(std::slice::from_ref(&proof)), None)
        .await;
    assert_eq!(known, Ok((vendor(), Scopes::all())));
    assert_eq!(
        world.present(&granted.token, Some(&[proof]), None).await,
        Err(OAuthError::InvalidDpopProof("it was used before"))
    );
    assert_eq!(
        world.present(&granted.token, None, None).await,
        Err(OAuthError::InvalidToken(
            "it is bound to a key: scheme DPoP"
        ))
    );
    let proofs = [0; 2].map(|_| world.proof_of(&granted.token, &json!({})));
    assert_eq!(
        world.present(&granted.token, Some(&proofs), None).await,
        Err(OAuthError::InvalidDpopProof("not one DPoP header"))
    );
    let mut other = world;
    other.bound = TestKey::new(3);
    let proof = other.proof_of(&granted.token, &json!({}));
    assert_eq!(
        other.present(&granted.token, Some(&[proof]), None).await,
        Err(OAuthError::InvalidToken("it is bound to another key"))
    );
}

#[tokio::test]
async fn a_request_that_is_not_whole_is_refused_by_its_reason() {
    let world = World::new().await;
    let with = |name: &str, value: &str| {
        let mut request = world.plain();
        request.fields.push((name.into(), value.into()));
        request
    };
    let without = |number: usize| {
        let mut request = world.plain();
        request.fields.remove(number);
        request
    };
    let mut grant = world.plain();
    grant.fields[0].1 = "authorization_code".into();
    let mut header = world.plain();
    header.authorization = true;
    let mut proofs = world.plain();
    proofs.proofs.push("another".into());
    let mut unbound = world.plain();
    unbound.proofs.clear();
    let secrets = OAuthError::InvalidClient("there are no client secrets here");
    for (request, error) in [
        (grant, OAuthError::UnsupportedGrantType),
        (
            without(0),
            OAuthError::InvalidRequest("grant_type is missing"),
        ),
        (
            with("grant_type", "client_credentials"),
            OAuthError::InvalidRequest("a parameter occurs twice"),
        ),
        (
            without(1),
            OAuthError::InvalidClient("another client_assertion_type"),
        ),
        (without(2), OAuthError::InvalidClient("no client_assertion")),
        (
            with("client_id", "ven_2"),
            OAuthError::InvalidClient("client_id is another than the assertion's"),
        ),
        (with("client_secret", "secret"), secrets.clone()),
        (header, secrets),
        (with("scope", "everything"), OAuthError::InvalidScope),
        (
            proofs,
            OAuthError::InvalidDpopProof("more than one DPoP header"),
        ),
        (
            unbound,
            OAuthError::InvalidRequest("neither a DPoP proof nor a certificate binds the token"),
        ),
    ] {
        assert_eq!(world.refused(&request).await, error);
    }
}

#[tokio::test]
async fn a_certificate_proves_a_client_and_binds_its_token() {
    let world = World::new().await;
    let der = b"certificate";
    let mut jwk = world.key.jwk();
    jwk["kid"] = "one".into();
    jwk["x5c"] = json!([base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        der
    )]);
    let app = &world.gateway.app;
    let keys = json!({ "keys": [jwk] }).to_string();
    app.store
        .put_client_keys(&vendor().id, &keys)
        .await
        .unwrap();
    let asked = |certificate| TokenRequest {
        fields: [("grant_type", "client_credentials"), ("client_id", "ven_1")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        certificate,
        ..TokenRequest::default()
    };
    let own = plain_digest(der);

    let granted = app.grant(&asked(Some(own))).await.unwrap();

    assert_eq!(granted.kept.bound, Bound::Certificate(own));
    let token = &granted.token;
    assert!(world.present(token, None, Some(own)).await.is_ok());
    let elsewhere = Err(OAuthError::InvalidToken(
        "it is bound to a certificate that this connection does not have",
    ));
    assert_eq!(world.present(token, None, None).await, elsewhere);
    assert_eq!(
        world.present(token, None, Some(CERTIFICATE)).await,
        elsewhere
    );
    assert_eq!(
        world.present(token, Some(&[]), Some(own)).await,
        Err(OAuthError::InvalidToken(
            "it is bound to a certificate: scheme Bearer"
        ))
    );
    assert_eq!(
        world.refused(&asked(Some(CERTIFICATE))).await,
        OAuthError::InvalidClient("the client has no such certificate")
    );
    assert_eq!(
        world.refused(&asked(None)).await,
        OAuthError::InvalidClient("no assertion and no certificate")
    );
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_when_it_is_revoked() {
    let world = World::new().await;
    let app = &world.gateway.app;
    let old = AccessToken {
        token: plain_digest(b"at_old"),
        vendor: vendor().id,
        scopes: Scopes::all(),
        bound: Bound::Certificate(CERTIFICATE),
        expires_at_ms: app.now(),
    };
    let over = Err(OAuthError::InvalidToken(
        "it is not known, or its time is over",
    ));
    app.store.add_token(&old).await.unwrap();
    assert_eq!(world.present("at_old", None, Some(CERTIFICATE)).await, over);

    let good = AccessToken {
        token: plain_digest(b"at_good"),
        expires_at_ms: app.now() + TOKEN_MS,
        ..old
    };
    app.store.add_token(&good).await.unwrap();
    assert!(
        world
            .present("at_good", None, Some(CERTIFICATE))
            .await
            .is_ok()
    );
    assert_eq!(app.store.revoke_tokens(&vendor().id, 0).await, Ok(2));
    assert_eq!(
        world.present("at_good", None, Some(CERTIFICATE)).await,
        over
    );
}

#[tokio::test]
async fn assertions_and_proofs_that_are_used_again_are_found_under_their_vendors_id() {
    let world = World::new().await;
    let mut again = world.plain();
    world.gateway.app.grant(&again).await.unwrap();
    for _ in 0..4 {
        again.proofs = world.plain().proofs;
        let refused = world.refused(&again).await;
        assert_eq!(refused, assertion::REPLAYED);
    }
    assert_eq!(found(&world), [] as [(&str, Option<String>); 0]);

    let mut again = world.plain();
    world.gateway.app.grant(&again).await.unwrap();
    again.fields[2].1 = world.assertion(&json!({}), &json!({}));
    assert_eq!(world.refused(&again).await, dpop::REPLAYED);

    let expected = ("proof-replay", Some(vendor().id.to_string()));
    assert_eq!(found(&world), [expected]);
}

#[tokio::test]
async fn a_token_in_the_wrong_hands_is_found_under_its_vendors_id() {
    let mut world = World::new().await;
    let token = world.gateway.app.grant(&world.plain()).await.unwrap().token;
    world.bound = TestKey::new(3);
    for _ in 0..3 {
        let proof = world.proof_of(&token, &json!({}));
        assert!(world.present(&token, Some(&[proof]), None).await.is_err());
        assert!(world.present(&token, None, None).await.is_err());
    }

    let expected = ("token-misuse", Some(vendor().id.to_string()));
    assert_eq!(found(&world), [expected]);
}

/// Returns the rules that found something, and the ids of those whom it is about.
fn found(world: &World) -> Vec<(&'static str, Option<String>)> {
    let app = &world.gateway.app;
    let found = app.intrusion.found(None, app.now()).into_iter();
    found
        .map(|(found, _)| (found.finding.rule, found.name))
        .collect()
}

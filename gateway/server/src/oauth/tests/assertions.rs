//! Assertions (RFC 7523) that are no good.

use super::*;

#[tokio::test]
async fn what_is_no_good_assertion_is_refused_by_its_reason() {
    let world = World::new().await;
    let now_s = world.now_s();
    for (header, payload, error) in [
        (
            json!({ "alg": "none" }),
            json!({}),
            "the assertion is not signed with the client's key",
        ),
        (
            json!({ "alg": "HS256" }),
            json!({}),
            "the assertion is not signed with the client's key",
        ),
        (
            json!({ "crit": ["x"] }),
            json!({}),
            "the assertion is not signed with the client's key",
        ),
        (
            json!({ "kid": "two" }),
            json!({}),
            "the client has no key of this kid",
        ),
        (
            json!({ "typ": "dpop+jwt" }),
            json!({}),
            "the assertion is for something else, by its typ",
        ),
    ] {
        let refused = world.refused_assertion(header, payload.clone()).await;
        assert_eq!(refused, OAuthError::InvalidClient(error), "{payload}");
    }
    let mut other = world.plain();
    other.fields[2].1 = TestKey::new(9).token(&json!({ "kid": "one" }), &json!({
        "iss": vendor().id, "sub": vendor().id, "aud": ISSUER, "jti": fresh(), "exp": now_s + 60,
    }));
    assert_eq!(
        world.refused(&other).await,
        OAuthError::InvalidClient("the assertion is not signed with the client's key")
    );
}

#[tokio::test]
async fn an_assertion_that_claims_something_else_is_refused_by_its_reason() {
    let world = World::new().await;
    let now_s = world.now_s();
    for (payload, error) in [
        (
            json!({ "aud": "https://elsewhere.test" }),
            "aud is not the issuer alone",
        ),
        (
            json!({ "aud": [ISSUER, "x"] }),
            "aud is not the issuer alone",
        ),
        (
            json!({ "iss": "ven_2" }),
            "iss and sub are not both the client's id",
        ),
        (
            json!({ "sub": null }),
            "iss and sub are not both the client's id",
        ),
        (
            json!({ "iss": "ven_2", "sub": "ven_2" }),
            "the client has registered no keys",
        ),
        (json!({ "iss": "", "sub": "" }), "the client is not known"),
        (json!({ "exp": null }), "no exp"),
        (json!({ "exp": "soon" }), "no exp"),
        (json!({ "exp": now_s - 60 }), "the assertion's time is over"),
        (
            json!({ "exp": now_s + 900 }),
            "the assertion is good for more than 300 s",
        ),
        (
            json!({ "nbf": now_s + 60 }),
            "the assertion is of the future",
        ),
        (
            json!({ "iat": now_s + 60 }),
            "the assertion is of the future",
        ),
        (json!({ "jti": null }), "no jti"),
        (json!({ "jti": "" }), "no jti"),
    ] {
        let refused = world.refused_assertion(json!({}), payload.clone()).await;
        assert_eq!(refused, OAuthError::InvalidClient(error), "{payload}");
    }
}

#[tokio::test]
async fn an_assertion_is_good_once() {
    let world = World::new().await;
    let assertion = world.assertion(&json!({}), &json!({}));
    let mut first = world.plain();
    first.fields[2].1.clone_from(&assertion);
    world.gateway.app.grant(&first).await.unwrap();

    let mut second = world.plain();
    second.fields[2].1 = assertion;

    assert_eq!(
        world.refused(&second).await,
        OAuthError::InvalidClient("the assertion was used before")
    );
}

//! Proofs of possession (RFC 9449) that are no good.

use super::*;

#[tokio::test]
async fn a_proof_is_for_one_request_with_one_token() {
    let world = World::new().await;
    let token = world.gateway.app.grant(&world.plain()).await.unwrap().token;
    for (payload, error) in [
        (json!({ "ath": "other" }), "ath is not of the token"),
        (json!({ "ath": null }), "ath is not of the token"),
        (json!({ "htm": "POST" }), "htm is not the request's method"),
        (
            json!({ "htu": format!("{ISSUER}/elsewhere") }),
            "htu is not the request's URI",
        ),
    ] {
        let proof = world.proof_of(&token, &payload);
        assert_eq!(
            world.present(&token, Some(&[proof]), None).await,
            Err(OAuthError::InvalidDpopProof(error))
        );
    }
    for htu in [format!("{MUTUAL}/there"), format!("{ISSUER}/there?a=b#c")] {
        let proof = world.proof_of(&token, &json!({ "htu": htu }));
        assert!(world.present(&token, Some(&[proof]), None).await.is_ok());
    }
}

#[tokio::test]
async fn what_is_no_good_proof_is_refused_by_its_reason() {
    let world = World::new().await;
    let now_s = world.now_s();
    let mut private = world.bound.jwk();
    private["d"] = "secret".into();
    for (header, payload, error) in [
        (json!({ "typ": "JWT" }), json!({}), "typ is not dpop+jwt"),
        (json!({ "jwk": null }), json!({}), "no jwk"),
        (json!({ "jwk": private }), json!({}), "jwk is a private key"),
        (
            json!({ "jwk": { "kty": "oct" } }),
            json!({}),
            "jwk is no key of ES256 or EdDSA",
        ),
        (
            json!({ "jwk": TestKey::new(9).jwk() }),
            json!({}),
            "it is not signed with its jwk",
        ),
        (
            json!({ "alg": "none" }),
            json!({}),
            "it is not signed with its jwk",
        ),
        (
            json!({}),
            json!({ "htm": "GET" }),
            "htm is not the request's method",
        ),
        (json!({}), json!({ "htu": null }), "no htu"),
        (
            json!({}),
            json!({ "htu": format!("{ISSUER}/x") }),
            "htu is not the request's URI",
        ),
        (
            json!({}),
            json!({ "iat": now_s - 400 }),
            "iat is too far from now",
        ),
        (
            json!({}),
            json!({ "iat": now_s + 400 }),
            "iat is too far from now",
        ),
        (json!({}), json!({ "iat": null }), "iat is too far from now"),
        (json!({}), json!({ "jti": null }), "no jti"),
    ] {
        let refused = world.refused_proof(header, payload.clone()).await;
        assert_eq!(refused, OAuthError::InvalidDpopProof(error), "{payload}");
    }
    for nonce in [Value::Null, "made up".into()] {
        let refused = world
            .refused_proof(json!({}), json!({ "nonce": nonce }))
            .await;
        let given = world.gateway.app.nonces.at(world.now_s());
        assert_eq!(refused, OAuthError::UseDpopNonce(given));
    }
}

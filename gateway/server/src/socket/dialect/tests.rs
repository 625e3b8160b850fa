//! Each dialect's words, by the published shapes.

use std::collections::BTreeMap;

use boop_wire::api::{AttributeValue, Requirements};

use super::*;

fn id() -> ContextId {
    "ctx_1".parse().unwrap()
}

fn success() -> ToVendor {
    ToVendor::AuthResult {
        context_id: id(),
        result: AuthResult {
            success: true,
            user_id: Some("usr_1".into()),
            attributes: BTreeMap::from([("loyalty-tier".into(), AttributeValue::Integer(2))]),
            transaction_id: Some("aa".into()),
            ..AuthResult::refused(Refusal::Internal)
        },
    }
}

fn refused(refusal: Refusal) -> ToVendor {
    ToVendor::AuthResult {
        context_id: id(),
        result: AuthResult::refused(refusal),
    }
}

#[test]
fn the_first_message_says_which_dialect_follows() {
    let login = |kind: &str| json!({ "type": kind, "vendor_id": "ven_1", "api_key": "k" });

    assert_eq!(
        Dialect::login(login("authenticate")).unwrap().0,
        Dialect::D1
    );
    assert_eq!(
        Dialect::login(login("vendor_hello")).unwrap().0,
        Dialect::D2
    );
    let early = Dialect::login(login("ping")).map(drop).unwrap_err();
    assert_eq!(early.refusal, Refusal::Unexpected);
    let other = Dialect::login(login("hello")).map(drop).unwrap_err();
    assert_eq!(other.refusal, Refusal::Malformed);
    let keyless = json!({ "type": "vendor_hello", "vendor_id": "ven_1" });
    let failure = Dialect::login(keyless).map(drop).unwrap_err();
    assert!(failure.detail.unwrap().contains("api_key"));
}

#[test]
fn a_payment_reads_the_same_in_all_three() {
    let payment = Requirements {
        merchant_name: Some("Shop".into()),
        attributes_required: vec!["email".into()],
        ..Requirements::payment("till-1".parse().unwrap(), 500, "EUR")
    };
    let expected = FromVendor::CreateContext {
        context_id: id(),
        requirements: payment.clone(),
        timeout: Some(30_000),
    };
    let first = json!({
        "type": "create_context", "context_id": "ctx_1",
        "requirements": payment, "timeout": 30_000,
    });
    let second = json!({
        "type": "create_context", "context_id": "ctx_1", "context_type": "payment",
        "attributes": ["email"],
        "metadata": {
            "terminal_id": "till-1", "amount": 500, "currency": "EUR",
            "merchant_name": "Shop", "timeout": 30_000, "order": { "anything": [1, 2] },
        },
    });
    let third = json!({
        "type": "create_auth_context", "context_id": "ctx_1", "auth_type": "payment",
        "requirements": {
            "terminal_id": "till-1", "amount": 500, "currency": "EUR",
            "merchant_name": "Shop", "attributes_required": ["email"],
        },
        "timeout": 30_000, "timestamp": "2026-01-01T00:00:00Z",
    });

    assert_eq!(Dialect::D1.read(first), Ok(expected.clone()));
    assert_eq!(Dialect::D2.read(second), Ok(expected.clone()));
    assert_eq!(Dialect::D3.read(third), Ok(expected));
}

#[test]
fn access_and_age_checks_of_the_second_dialect_are_entrances() {
    for (kind, required) in [("access", None), ("age_verification", Some("age-verify"))] {
        let message = json!({
            "type": "create_context", "context_id": "ctx_1", "context_type": kind,
        });
        let Ok(FromVendor::CreateContext { requirements, .. }) = Dialect::D2.read(message) else {
            panic!("{kind}");
        };
        assert_eq!(requirements.kind, "entrance");
        assert_eq!(requirements.required(), Vec::from_iter(required));
    }
}

#[test]
fn what_does_not_read_names_field_and_context() {
    let table = [
        (
            Dialect::D1,
            json!({ "type": "create_context", "context_id": "ctx_1" }),
            "requirements",
        ),
        (
            Dialect::D1,
            json!({
                "type": "create_context", "context_id": "ctx_1",
                "requirements": { "type": "payment", "max": 1 },
            }),
            "max",
        ),
        (
            Dialect::D2,
            json!({ "type": "create_context", "context_id": "ctx_1" }),
            "context_type",
        ),
        (
            Dialect::D2,
            json!({
                "type": "create_context", "context_id": "ctx_1", "context_type": "payment",
                "metadata": { "amount": "5" },
            }),
            "u64",
        ),
        (
            Dialect::D3,
            json!({ "type": "create_auth_context", "context_id": "ctx_1", "auth_type": "payment" }),
            "requirements",
        ),
        (
            Dialect::D3,
            json!({
                "type": "create_auth_context", "context_id": "ctx_1", "auth_type": "payment",
                "requirements": { "type": "entrance" },
            }),
            "type",
        ),
    ];

    for (dialect, message, named) in table {
        let unread = dialect.read(message).unwrap_err();
        assert_eq!(unread.context, Some(id()));
        let detail = unread.failure.detail.unwrap();
        assert!(detail.contains(named), "{detail}");
    }
}

#[test]
fn a_success_is_written_in_each_dialects_words() {
    let attributes = json!({ "loyalty-tier": 2 });
    let first = Dialect::D1.write(&success());
    assert_eq!(first["type"], "auth_result");
    assert_eq!(first["result"]["success"], true);
    assert_eq!(first["result"]["user_id"], "usr_1");
    assert_eq!(first["result"]["attributes"], attributes);

    assert_eq!(
        Dialect::D2.write(&success()),
        json!({
            "type": "authentication_success", "context_id": "ctx_1", "user_id": "usr_1",
            "attributes": attributes, "transaction_id": "aa",
        })
    );
    assert_eq!(
        Dialect::D3.write(&success()),
        json!({
            "type": "auth_result", "context_id": "ctx_1", "success": true, "user_id": "usr_1",
            "attributes": attributes, "transaction_id": "aa",
        })
    );
}

#[test]
fn a_failure_carries_the_published_code_and_ours() {
    let message = refused(Refusal::UserNotFound);
    assert_eq!(
        Dialect::D1.write(&message)["result"]["code"],
        "user-not-found"
    );
    assert_eq!(
        Dialect::D2.write(&message),
        json!({
            "type": "authentication_failed", "context_id": "ctx_1",
            "reason": "AUTH_USER_NOT_FOUND", "refusal": "user-not-found", "retry_allowed": false,
        })
    );
    assert_eq!(
        Dialect::D3.write(&message),
        json!({
            "type": "auth_result", "context_id": "ctx_1", "success": false,
            "error": {
                "code": "AUTH_USER_NOT_FOUND", "message": "no enrolled palm matches",
                "refusal": "user-not-found", "retry_allowed": false,
            },
        })
    );
}

#[test]
fn an_expiry_has_a_message_of_its_own_in_the_second_dialect() {
    let message = refused(Refusal::ContextExpired);

    let second = Dialect::D2.write(&message);

    assert_eq!(
        second,
        json!({ "type": "context_expired", "context_id": "ctx_1" })
    );
    let third = Dialect::D3.write(&message);
    assert_eq!(third["error"]["code"], "AUTH_CONTEXT_EXPIRED");
}

#[test]
fn the_second_dialect_alone_has_words_for_a_refused_login_and_a_qr_code() {
    let failure = Failure::from(Refusal::Unauthenticated);

    assert_eq!(
        Dialect::D2.unwelcome(&failure),
        Some(json!({
            "type": "vendor_hello_response", "success": false, "error": "VENDOR_INVALID_KEY",
        }))
    );
    assert_eq!(Dialect::D1.unwelcome(&failure), None);
    assert_eq!(
        Dialect::D2.created(&id(), "boop:context:x")["qr_code"],
        "boop:context:x"
    );
    assert_eq!(
        Dialect::D1.created(&id(), "boop:context:x").get("qr_code"),
        None
    );
}

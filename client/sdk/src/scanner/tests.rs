//! Which contexts a scanner takes, and after what it sends a capture again.

use boop_wire::job::ContextKind;

use super::*;

/// A field, and what puts something else in it.
type Change = (&'static str, fn(&mut AuthContext));

#[test]
fn a_context_for_this_scanner_is_taken() {
    let id: ContextId = "ctx_1".parse().unwrap();

    let opened = fitting(id.clone(), context(), &configuration()).unwrap();

    assert_eq!((opened.id, opened.context), (id, context()));
}

#[test]
fn a_context_of_another_id_vendor_or_terminal_is_refused() {
    let cases: [Change; 3] = [
        ("id", |c| c.context = "ctx_2".parse().unwrap()),
        ("vendor", |c| c.vendor = "ven_2".parse().unwrap()),
        ("terminal", |c| c.terminal = "till_2".parse().unwrap()),
    ];

    for (field, change) in cases {
        let mut found = context();
        change(&mut found);
        let id: ContextId = "ctx_1".parse().unwrap();

        let refused = fitting(id.clone(), found, &configuration());

        assert_eq!(refused, Err(ScannerError::Context { context: id, field }));
    }
}

#[test]
fn refusals_that_end_a_request_are_not_repeated() {
    for refusal in [
        Refusal::UserNotFound,
        Refusal::UserExists,
        Refusal::Replayed,
        Refusal::QualityTooLow,
        Refusal::InsufficientFunds,
    ] {
        assert_eq!(after(&Refused::from(refusal).into()), Next::GiveUp);
    }
}

#[test]
fn absent_parties_lost_streams_and_old_keys_lead_to_a_repetition() {
    for refusal in [
        Refusal::PartyUnavailable,
        Refusal::DeadlineExceeded,
        Refusal::SealedBoxInvalid,
        Refusal::WrongNetwork,
    ] {
        assert_eq!(after(&Refused::from(refusal).into()), Next::Repeat);
    }
    let closed = StreamError::Closed {
        code: None,
        reason: "gone".into(),
    };
    assert_eq!(after(&closed.into()), Next::Repeat);
}

fn configuration() -> ScannerConfiguration {
    ScannerConfiguration {
        terminal: "till_1".parse().unwrap(),
        vendor: "ven_1".parse().unwrap(),
        quality_min: 80,
        samples: 3,
        capture_life_ms: 60_000,
    }
}

fn context() -> AuthContext {
    AuthContext {
        vendor: "ven_1".parse().unwrap(),
        context: "ctx_1".parse().unwrap(),
        terminal: "till_1".parse().unwrap(),
        kind: ContextKind::Entrance,
        payee: "Night Club".into(),
        attributes_required: Vec::new(),
        attributes_optional: Vec::new(),
        expires_at_ms: 1,
    }
}

#[test]
fn an_error_about_another_context_is_not_ours() {
    let ours = Purpose::Identify("ctx_1".parse().unwrap());
    let enrol = Purpose::Enrol {
        user: UserId::new([1; 16]),
        token: Zeroizing::new("token".into()),
    };

    assert!(concerns(&error(Some("ctx_1")), &ours));
    assert!(!concerns(&error(Some("ctx_2")), &ours));
    assert!(!concerns(&error(Some("ctx_2")), &enrol));
    assert!(concerns(&error(None), &ours) && concerns(&error(None), &enrol));
}

fn error(context: Option<&str>) -> ErrorMessage {
    ErrorMessage {
        code: "busy".into(),
        message: "later".into(),
        details: boop_wire::api::ErrorDetails {
            context_id: context.map(|context| context.parse().unwrap()),
            timestamp: 1,
            retry_allowed: true,
            refusal: None,
        },
    }
}

//! What a vendor may ask, and what it takes for a success.

use boop_wire::id::TransactionId;
use boop_wire::job::AuthContext;
use boop_wire::{Digest, PairwiseId};

use crate::receipt::VerifiedPayment;

use super::*;

const WHO: PairwiseId = PairwiseId::new([7; 32]);

/// A field, and what puts something else in it.
type Change = (&'static str, fn(&mut Requirements));

#[test]
fn requirements_become_what_the_receipt_must_be_about() {
    let expected = asked(&request()).unwrap();

    let currency = Currency::new("EUR").unwrap();
    let amount = 450;
    assert_eq!(expected.kind, ContextKind::Payment { amount, currency });
    assert_eq!(expected.payee, None);
}

#[test]
fn requirements_that_cannot_be_asked_for_are_refused_by_field() {
    let cases: [Change; 5] = [
        ("amount", |r| r.amount = None),
        ("amount", |r| r.amount = Some(0)),
        ("currency", |r| r.currency = None),
        ("currency", |r| r.currency = Some("euro".into())),
        ("type", |r| r.kind = "dance".into()),
    ];

    for (field, change) in cases {
        let mut request = request();
        change(&mut request.requirements);

        assert_eq!(asked(&request), Err(VendorError::Requirements(field)));
    }
}

#[test]
fn a_success_needs_a_receipt_of_a_match_and_of_the_payment() {
    let expected = asked(&request()).unwrap();
    let check = |result: &AuthResult, verified: Option<&VerifiedReceipt>| {
        check_backing(result, verified, &expected)
    };
    let paid = verified(true, true);

    assert_eq!(check(&result(true), Some(&paid)), Ok(()));
    let unbacked = |reason| Err(ReceiptError::Unbacked(reason));
    assert_eq!(check(&result(true), None), unbacked("there is none"));
    assert_eq!(
        check(&result(true), Some(&verified(false, false))),
        unbacked("no record matched")
    );
    assert_eq!(
        check(&result(true), Some(&verified(true, false))),
        unbacked("it holds no payment")
    );
    let mut other = result(true);
    other.transaction_id = Some("00".repeat(32));
    assert_eq!(
        check(&other, Some(&paid)),
        unbacked("it is of another transaction")
    );
}

#[test]
fn a_result_names_the_user_whom_the_receipt_names() {
    let expected = asked(&request()).unwrap();
    let paid = verified(true, true);
    let other = Err(ReceiptError::Unbacked("it names another user"));
    for user_id in [
        None,
        Some(PairwiseId::new([8; 32]).to_user_text()),
        Some(WHO.to_string()),
        Some(WHO.to_user_text().to_uppercase()),
    ] {
        for success in [true, false] {
            let result = AuthResult {
                user_id: user_id.clone(),
                ..result(success)
            };

            let checked = check_backing(&result, Some(&paid), &expected);

            let silent = !success && user_id.is_none();
            assert_eq!(checked, if silent { Ok(()) } else { other.clone() });
        }
    }
}

#[test]
fn a_refusal_needs_no_receipt_but_names_nobody_without_one() {
    let expected = asked(&request()).unwrap();
    let named = result(false);
    let silent = AuthResult {
        user_id: None,
        ..named.clone()
    };

    assert_eq!(check_backing(&silent, None, &expected), Ok(()));
    assert_eq!(
        check_backing(&named, None, &expected),
        Err(ReceiptError::Unbacked("it names another user"))
    );
}

fn asked(request: &ContextRequest) -> Result<ExpectedContext, VendorError> {
    super::expected(&"ven_1".parse().unwrap(), request)
}

fn request() -> ContextRequest {
    ContextRequest {
        context_id: "ctx_1".parse().unwrap(),
        requirements: Requirements::payment("till_1".parse().unwrap(), 450, "EUR"),
        timeout_ms: None,
    }
}

fn result(success: bool) -> AuthResult {
    AuthResult {
        success,
        user_id: Some(WHO.to_user_text()),
        code: None,
        ..AuthResult::refused(boop_wire::Refusal::UserNotFound)
    }
}

fn verified(matched: bool, paid: bool) -> VerifiedReceipt {
    let currency = Currency::new("EUR").unwrap();
    VerifiedReceipt {
        context: AuthContext {
            vendor: "ven_1".parse().unwrap(),
            context: "ctx_1".parse().unwrap(),
            terminal: "till_1".parse().unwrap(),
            kind: ContextKind::Entrance,
            payee: "payee".into(),
            attributes_required: Vec::new(),
            attributes_optional: Vec::new(),
            expires_at_ms: 0,
        },
        matched,
        who: matched.then_some(WHO),
        outcome: Digest::new([1; 32]),
        searched: 1,
        time_ms: 1,
        index: 1,
        simulated: false,
        payment: paid.then(|| VerifiedPayment {
            transaction: TransactionId::new([2; 32]),
            amount: 450,
            currency,
            index: 2,
        }),
    }
}

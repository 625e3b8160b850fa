//! One test for each rule and refusal; random sequences are in `tests/model.rs`.

use boop_wire::id::{AccountId, Digest, PairwiseId};
use boop_wire::ledger::Currency;

use super::*;
use crate::account::Account;

const NOW: u64 = 1_000;

/// A field, and what puts something else in it.
type Edit = (&'static str, fn(&mut Charge));

#[test]
fn a_payment_moves_money_once() {
    let order = Order::Pay(charge(30));

    let change = changed(decide(&order, NOW, None, funded(50)));

    assert_eq!(change.transfer.state, State::Posted { amount: 30 });
    assert_eq!(
        (
            change.sides.debit.available(),
            change.sides.credit.available()
        ),
        (20, 30)
    );
    let again = decide(&order, NOW, Some(&change.transfer), change.sides);
    assert_eq!(again, Ok(Step::Repeat));
}

#[test]
fn a_refused_payment_stays_refused_when_money_comes() {
    let order = Order::Pay(charge(51));

    let change = changed(decide(&order, NOW, None, funded(50)));

    assert_eq!(change.transfer.state, State::Refused);
    assert_eq!(change.sides, funded(50));
    assert_eq!(
        decide(&order, NOW, Some(&change.transfer), funded(99)),
        Ok(Step::Repeat)
    );
}

#[test]
fn another_body_under_the_same_id_is_a_conflict_that_names_the_field() {
    let first = changed(decide(&Order::Pay(charge(30)), NOW, None, funded(50))).transfer;
    let cases: [Edit; 8] = [
        ("vendor", |c| c.payment.vendor = "ven_2".parse().unwrap()),
        ("context", |c| c.payment.context = "ctx_2".parse().unwrap()),
        ("payer", |c| c.payment.payer = PairwiseId::new([9; 32])),
        ("payer", |c| c.account = AccountId::new([9; 32])),
        ("payee", |c| c.payment.payee = AccountId::new([9; 32])),
        ("amount", |c| c.payment.amount = 31),
        ("currency", |c| {
            c.payment.currency = Currency::new("USD").unwrap();
        }),
        ("outcome", |c| c.payment.outcome = Digest::new([9; 32])),
    ];

    for (field, change) in cases {
        let mut charge = charge(30);
        change(&mut charge);
        let refused = decide(&Order::Pay(charge), NOW, Some(&first), funded(50));
        assert_eq!(refused, Err(OrderError::Conflict { field }));
    }
    let credit = Order::Credit(credit(30));
    let refused = decide(&credit, NOW, Some(&first), funded(50));
    assert_eq!(refused, Err(OrderError::Conflict { field: "kind" }));
    let refused = decide(&hold(30, NOW + 1), NOW, Some(&first), funded(50));
    assert_eq!(
        refused,
        Err(OrderError::Conflict {
            field: "expires_at_ms"
        })
    );
}

#[test]
fn a_credit_comes_from_the_world_which_may_owe() {
    let change = changed(decide(
        &Order::Credit(credit(30)),
        NOW,
        None,
        Sides::default(),
    ));

    assert_eq!(change.sides.debit.posted(), -30);
    assert_eq!(change.sides.credit.posted(), 30);
    let conflict = decide(
        &Order::Credit(credit(31)),
        NOW,
        Some(&change.transfer),
        change.sides,
    );
    assert_eq!(conflict, Err(OrderError::Conflict { field: "amount" }));
}

#[test]
fn a_capture_takes_part_of_a_hold_and_releases_the_rest() {
    let held = changed(decide(&hold(30, NOW + 10), NOW, None, funded(50)));
    assert_eq!(held.sides.debit.available(), 20);

    let done = changed(decide(&take(10), NOW, Some(&held.transfer), held.sides));

    assert_eq!(done.transfer.state, State::Posted { amount: 10 });
    assert_eq!(
        (done.sides.debit.available(), done.sides.credit.available()),
        (40, 10)
    );
    assert_eq!(
        (
            done.sides.debit.debits_pending,
            done.sides.credit.credits_pending
        ),
        (0, 0)
    );
    let twice = decide(&take(10), NOW, Some(&done.transfer), done.sides);
    assert_eq!(twice, Ok(Step::Repeat));
    let more = decide(&take(11), NOW, Some(&done.transfer), done.sides);
    assert_eq!(more, Err(OrderError::Conflict { field: "amount" }));
}

#[test]
fn a_capture_beyond_the_hold_is_refused_with_what_is_held() {
    let held = changed(decide(&hold(30, NOW + 10), NOW, None, funded(50)));

    let refused = decide(&take(31), NOW, Some(&held.transfer), held.sides);

    assert_eq!(refused, Err(OrderError::ExceedsHold { held: 30 }));
    let nothing = decide(&take(0), NOW, Some(&held.transfer), held.sides);
    assert_eq!(nothing, Err(OrderError::Invalid { field: "amount" }));
}

#[test]
fn a_voided_hold_is_available_again_and_cannot_be_captured() {
    let held = changed(decide(&hold(30, NOW + 10), NOW, None, funded(50)));

    let voided = changed(decide(&give_up(), NOW, Some(&held.transfer), held.sides));

    assert_eq!(voided.sides, funded(50));
    let again = decide(&give_up(), NOW, Some(&voided.transfer), voided.sides);
    assert_eq!(again, Ok(Step::Repeat));
    let late = decide(&take(1), NOW, Some(&voided.transfer), voided.sides);
    assert_eq!(late, Err(OrderError::NotHeld(State::Voided)));
}

#[test]
fn a_hold_ends_at_its_time_whether_or_not_it_was_swept() {
    let held = changed(decide(&hold(30, NOW + 10), NOW, None, funded(50)));
    let early = expire(&held.transfer, NOW + 9, held.sides);
    assert_eq!(early, Err(OrderError::NotHeld(State::Held)));

    let expired = expire(&held.transfer, NOW + 10, held.sides).unwrap();

    assert_eq!(expired.transfer.state, State::Expired);
    assert_eq!(expired.sides, funded(50));
    for transfer in [&held.transfer, &expired.transfer] {
        for order in [take(1), give_up()] {
            let refused = decide(&order, NOW + 10, Some(transfer), held.sides);
            assert_eq!(refused, Err(OrderError::NotHeld(State::Expired)));
        }
    }
}

#[test]
fn a_hold_without_funds_is_refused_for_good() {
    let refused = changed(decide(&hold(51, NOW + 10), NOW, None, funded(50)));

    assert_eq!(refused.transfer.state, State::Refused);
    let capture = decide(&take(1), NOW, Some(&refused.transfer), funded(99));
    assert_eq!(capture, Err(OrderError::NotHeld(State::Refused)));
}

#[test]
fn there_is_nothing_to_capture_or_void_without_a_hold() {
    let paid = changed(decide(&Order::Pay(charge(30)), NOW, None, funded(50)));

    for existing in [None, Some(&paid.transfer)] {
        for order in [take(30), give_up()] {
            assert_eq!(
                decide(&order, NOW, existing, paid.sides),
                Err(OrderError::NoHold)
            );
        }
    }
}

#[test]
fn values_out_of_range_are_refused_by_name() {
    let world = world_account();
    let account = charge(1).account;
    let paid_to = |payee| {
        let mut charge = charge(1);
        charge.payment.payee = payee;
        Order::Pay(charge)
    };
    let of_world = Charge {
        account: world,
        ..charge(1)
    };
    let cases = [
        (Order::Pay(charge(0)), "amount"),
        (Order::Pay(charge(AMOUNT_MAX + 1)), "amount"),
        (Order::Pay(charge(u64::MAX)), "amount"),
        (paid_to(account), "payee"),
        (paid_to(world), "payee"),
        (Order::Pay(of_world), "payer"),
        (
            Order::Credit(Credit {
                account: world,
                ..credit(1)
            }),
            "payee",
        ),
        (hold(1, NOW), "expires_at_ms"),
        (hold(1, NOW - 1), "expires_at_ms"),
        (hold(1, NOW + HOLD_LIFE_MS_MAX + 1), "expires_at_ms"),
    ];

    for (order, field) in cases {
        let refused = decide(&order, NOW, None, funded(50));
        assert_eq!(refused, Err(OrderError::Invalid { field }), "{order:?}");
    }
}

#[test]
fn an_account_at_the_end_of_its_counters_takes_no_more() {
    let full = Account {
        credits_posted: i64::MAX,
        ..Account::default()
    };
    let sides = Sides {
        credit: full,
        ..funded(50)
    };

    let refused = decide(&Order::Pay(charge(1)), NOW, None, sides);

    assert_eq!(refused, Err(OrderError::Counter(CounterLimit)));
}

fn changed(step: Result<Step, OrderError>) -> Change {
    match step {
        Ok(Step::Change(change)) => *change,
        other => panic!("expected a change, got {other:?}"),
    }
}

fn funded(amount: i64) -> Sides {
    Sides {
        debit: Account {
            credits_posted: amount,
            ..Account::default()
        },
        ..Sides::default()
    }
}

fn charge(amount: u64) -> Charge {
    let payment = Payment {
        transaction: TransactionId::new([1; 32]),
        vendor: "ven_1".parse().unwrap(),
        context: "ctx_1".parse().unwrap(),
        payer: PairwiseId::new([5; 32]),
        payee: AccountId::new([3; 32]),
        amount,
        currency: Currency::new("EUR").unwrap(),
        outcome: Digest::new([4; 32]),
    };
    let account = AccountId::new([2; 32]);
    Charge { payment, account }
}

fn credit(amount: u64) -> Credit {
    let Charge { payment, account } = charge(amount);
    Credit {
        transaction: payment.transaction,
        account,
        amount,
        currency: payment.currency,
    }
}

fn hold(amount: u64, expires_at_ms: u64) -> Order {
    Order::Hold {
        charge: charge(amount),
        expires_at_ms,
    }
}

fn take(amount: u64) -> Order {
    Order::Capture {
        transaction: charge(1).payment.transaction,
        amount,
    }
}

fn give_up() -> Order {
    Order::Void {
        transaction: charge(1).payment.transaction,
    }
}

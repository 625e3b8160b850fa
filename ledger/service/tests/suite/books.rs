//! Money through requests: once, never more than there is, and always in the log.

use std::sync::atomic::Ordering;

use boop_service::authority::Asked;
use boop_service::transfer::State;
use boop_service::writer::Written;
use boop_wire::id::{Digest, TransactionId, VendorId};
use boop_wire::job::pairwise_id;
use boop_wire::ledger::{Detail, LedgerRequest, LedgerResponse, user_account, vendor_account};
use boop_wire::{Refusal, to_canonical};

use crate::support::{START_MS, asked, credit, folder, pay, pay_as, record, start, user, verified};

#[tokio::test]
async fn a_payment_is_answered_with_a_receipt_that_verifies() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 100)).await;

    let receipt = running.receipt(pay("ctx_1", user(1), 30)).await;

    assert_eq!(verified(&receipt).size, 2);
    let expected = asked("ctx_1", user(1), 30).payment;
    assert_eq!(receipt.opening.detail, Detail::Payment(expected));
    assert_eq!(
        (receipt.entry.time_ms, receipt.entry.simulated),
        (START_MS, true)
    );
    assert_eq!(running.balance(user(1)).await, (70, 70));
}

#[tokio::test]
async fn the_same_payment_again_gives_the_same_entry_and_moves_nothing() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 100)).await;
    let first = running.receipt(pay("ctx_1", user(1), 30)).await;
    running.receipt(record(1)).await;

    let again = running.receipt(pay("ctx_1", user(1), 30)).await;

    assert_eq!((again.index, &again.opening), (first.index, &first.opening));
    assert_eq!(verified(&again).size, 3);
    assert_eq!(running.balance(user(1)).await, (70, 70));
}

#[tokio::test]
async fn the_same_context_with_another_amount_is_a_conflict() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 100)).await;
    running.receipt(pay("ctx_1", user(1), 30)).await;

    assert_eq!(
        running.refusal(pay("ctx_1", user(1), 31)).await,
        Refusal::Conflict
    );
    assert_eq!(
        running.refusal(pay("ctx_1", user(2), 30)).await,
        Refusal::Conflict
    );
    assert_eq!(
        running.refusal(credit(1, user(1), 101)).await,
        Refusal::Conflict
    );
}

#[tokio::test]
async fn a_payment_without_funds_stays_refused_when_money_comes() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 29)).await;

    let refused = running.refusal(pay("ctx_1", user(1), 30)).await;
    running.receipt(credit(2, user(1), 100)).await;
    let again = running.refusal(pay("ctx_1", user(1), 30)).await;

    assert_eq!([refused, again], [Refusal::InsufficientFunds; 2]);
    assert_eq!(running.balance(user(1)).await, (129, 129));
    running.receipt(pay("ctx_2", user(1), 30)).await;
}

#[tokio::test]
async fn a_transaction_tells_whether_money_moved() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 30)).await;
    let paid = running.receipt(pay("ctx_1", user(1), 30)).await;
    running.refusal(pay("ctx_2", user(1), 1)).await;
    let ask = |context| LedgerRequest::Transaction {
        transaction: asked(context, user(1), 1).payment.transaction,
    };

    let done = running.ledger.handle(ask("ctx_1")).await;
    let refused = running.ledger.handle(ask("ctx_2")).await;

    assert_eq!(
        done,
        LedgerResponse::Transaction {
            success: true,
            receipt: Some(paid)
        }
    );
    assert_eq!(
        refused,
        LedgerResponse::Transaction {
            success: false,
            receipt: None
        }
    );
    assert_eq!(running.refusal(ask("ctx_3")).await, Refusal::NotFound);
}

#[tokio::test]
async fn a_history_has_an_accounts_entries_in_order_and_within_its_span() {
    let folder = folder();
    let running = start(folder.path()).await;
    for (step, number) in (1..=3).enumerate() {
        running
            .environment
            .now_ms
            .store(START_MS + step as u64, Ordering::Relaxed);
        running.receipt(credit(number, user(1), 10)).await;
        running.receipt(credit(number + 10, user(2), 10)).await;
    }
    let ask = |from_ms, to_ms| LedgerRequest::History {
        account: user_account(user(1)),
        from_ms,
        to_ms,
    };

    let all = receipts(running.ledger.handle(ask(0, u64::MAX)).await);
    let middle = receipts(running.ledger.handle(ask(START_MS + 1, START_MS + 2)).await);
    let none = receipts(running.ledger.handle(ask(u64::MAX, u64::MAX)).await);

    assert_eq!(
        all.iter().map(|receipt| receipt.index).collect::<Vec<_>>(),
        [0, 2, 4]
    );
    assert_eq!(middle, [all[1].clone()]);
    assert_eq!(none, []);
    all.iter().for_each(|receipt| drop(verified(receipt)));
}

#[tokio::test]
async fn a_history_has_at_most_a_hundred_entries_and_fits_its_message() {
    let folder = folder();
    let running = start(folder.path()).await;
    for number in 0..101 {
        running.receipt(credit(number, user(1), 10)).await;
    }
    let account = user_account(user(1));
    let ask = LedgerRequest::History {
        account,
        from_ms: 0,
        to_ms: u64::MAX,
    };

    let response = running.ledger.handle(ask).await;

    let bytes = boop_wire::to_canonical(&response).len();
    assert!(
        bytes < boop_wire::ledger::MESSAGE_BYTES_MAX / 2,
        "{bytes} bytes"
    );
    let receipts = receipts(response);
    assert_eq!(receipts.len(), 100);
    assert_eq!(receipts[99].index, 99);
}

#[tokio::test]
async fn an_event_is_recorded_once_and_another_detail_is_a_conflict() {
    let folder = folder();
    let running = start(folder.path()).await;
    let first = running.receipt(record(1)).await;
    let LedgerRequest::Record { id, .. } = record(1) else {
        panic!("a record")
    };
    let detail = Detail::Boot {
        binding: Digest::new([9; 32]),
    };

    let again = running.receipt(record(1)).await;
    let other = running.refusal(LedgerRequest::Record { id, detail }).await;

    assert_eq!(again, first);
    assert_eq!(other, Refusal::Conflict);
}

#[tokio::test]
async fn an_event_cannot_pass_for_a_payment() {
    let folder = folder();
    let running = start(folder.path()).await;
    let detail = Detail::Payment(asked("ctx_1", user(1), 30).payment);

    let refused = running
        .refusal(LedgerRequest::Record {
            id: Digest::new([1; 32]),
            detail,
        })
        .await;

    assert_eq!(refused, Refusal::Invalid);
}

#[tokio::test]
async fn a_payment_that_the_parties_did_not_agree_on_is_refused() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 100)).await;
    let mut asked = asked("ctx_1", user(1), 30);
    asked.outcome.signatures[2].0[0] ^= 1;

    let refused = running.refusal(pay_as(asked)).await;

    assert_eq!(refused, Refusal::BadSignature);
    assert_eq!(running.balance(user(1)).await, (100, 100));
}

#[tokio::test]
async fn a_payment_of_more_than_the_scanner_showed_is_refused() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 100)).await;
    let mut asked = asked("ctx_1", user(1), 30);
    asked.payment.amount = 31;

    let refused = running.refusal(pay_as(asked)).await;

    assert_eq!(refused, Refusal::Invalid);
    assert_eq!(running.balance(user(1)).await, (100, 100));
}

#[tokio::test]
async fn a_payment_by_another_user_than_the_outcome_names_is_refused() {
    let folder = folder();
    let running = start(folder.path()).await;
    for number in 1..=2 {
        running.receipt(credit(number, user(number), 100)).await;
    }
    let swapped = Asked {
        user: user(2),
        ..asked("ctx_1", user(1), 30)
    };

    let refused = running.refusal(pay_as(swapped)).await;

    assert_eq!(refused, Refusal::Invalid);
    for number in 1..=2 {
        assert_eq!(running.balance(user(number)).await, (100, 100));
    }
}

#[tokio::test]
async fn a_payment_names_its_payer_to_the_vendor_by_the_pairwise_id_alone() {
    let folder = folder();
    let running = start(folder.path()).await;
    let user = user(0xa7);
    running.receipt(credit(1, user, 100)).await;
    let paid = running.receipt(pay("ctx_1", user, 30)).await;
    let ask = |account| LedgerRequest::History {
        account,
        from_ms: 0,
        to_ms: u64::MAX,
    };
    let vendor: VendorId = "ven_1".parse().unwrap();

    let vendors = running.ledger.handle(ask(vendor_account(&vendor))).await;
    let own = receipts(running.ledger.handle(ask(user_account(user))).await);

    for bytes in [to_canonical(&paid), to_canonical(&vendors)] {
        let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(contains(pairwise_id(user, &vendor).as_bytes()));
        assert!(!contains(user.as_bytes()));
        assert!(!contains(user_account(user).as_bytes()));
    }
    assert_eq!(receipts(vendors), own[1..]);
    assert_eq!(own[1..], [paid]);
}

#[tokio::test]
async fn a_hold_is_captured_in_part_and_the_rest_is_available_again() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 100)).await;
    let asked = asked("ctx_1", user(1), 60);
    let (id, end_ms) = (asked.payment.transaction, START_MS + 10);

    let held = running.ledger.hold(asked, end_ms).await;
    assert_eq!(held, Ok(Written::Unposted(State::Held)));
    assert_eq!(running.balance(user(1)).await, (40, 100));
    assert_eq!(running.ledger.capture(id, 61).await, Err(Refusal::Invalid));
    let Ok(LedgerResponse::Recorded(receipt)) = running.ledger.capture(id, 25).await else {
        panic!("the capture is recorded")
    };

    let Detail::Payment(captured) = &receipt.opening.detail else {
        panic!("a payment")
    };
    assert_eq!(captured.amount, 25);
    verified(&receipt);
    assert_eq!(running.balance(user(1)).await, (75, 75));
    assert_eq!(running.ledger.void(id).await, Err(Refusal::Conflict));
    assert!(running.ledger.audit().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_hold_that_ended_binds_nothing_at_read_and_at_write() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 100)).await;
    let asked = asked("ctx_1", user(1), 60);
    let id = asked.payment.transaction;
    running.ledger.hold(asked, START_MS + 10).await.unwrap();
    assert_eq!(
        running.refusal(pay("ctx_2", user(1), 50)).await,
        Refusal::InsufficientFunds
    );

    running
        .environment
        .now_ms
        .store(START_MS + 10, Ordering::Relaxed);

    assert_eq!(running.balance(user(1)).await, (100, 100));
    running.receipt(pay("ctx_3", user(1), 50)).await;
    assert_eq!(running.ledger.capture(id, 60).await, Err(Refusal::Conflict));
    assert_eq!(running.balance(user(1)).await, (50, 50));
    assert!(running.ledger.audit().await.unwrap().is_sound());
}

#[tokio::test]
async fn there_is_nothing_to_capture_or_void_without_a_hold() {
    let folder = folder();
    let running = start(folder.path()).await;
    let unknown = TransactionId::new([9; 32]);

    assert_eq!(
        running.ledger.capture(unknown, 1).await,
        Err(Refusal::NotFound)
    );
    assert_eq!(running.ledger.void(unknown).await, Err(Refusal::NotFound));
}

#[tokio::test]
async fn a_thousand_payments_at_once_leave_the_right_balances() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 500)).await;
    let mut tasks = tokio::task::JoinSet::new();

    for number in 0..1_000 {
        let ledger = running.ledger.clone();
        let request = pay(&format!("ctx_{number}"), user(1), 1);
        tasks.spawn(async move { ledger.handle(request).await });
    }
    let (mut paid, mut refused) = (0, 0);
    while let Some(response) = tasks.join_next().await {
        match response.unwrap() {
            LedgerResponse::Recorded(receipt) => {
                verified(&receipt);
                paid += 1;
            }
            LedgerResponse::Refused(Refusal::InsufficientFunds) => refused += 1,
            other => panic!("unexpected {other:?}"),
        }
    }

    assert_eq!((paid, refused), (500, 500));
    assert_eq!(running.balance(user(1)).await, (0, 0));
    let vendor = vendor_account(&"ven_1".parse().unwrap());
    let currency = crate::support::euro();
    let balance = running
        .ledger
        .handle(LedgerRequest::Balance {
            account: vendor,
            currency,
        })
        .await;
    assert_eq!(
        balance,
        LedgerResponse::Balance {
            available: 500,
            posted: 500
        }
    );
    assert!(running.ledger.audit().await.unwrap().is_sound());
}

fn receipts(response: LedgerResponse) -> Vec<boop_wire::ledger::Receipt> {
    match response {
        LedgerResponse::History(receipts) => receipts,
        other => panic!("expected a history, got {other:?}"),
    }
}

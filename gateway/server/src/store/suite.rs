//! The contract of a store: what every implementation must show.

use std::collections::BTreeSet;
use std::sync::Arc;

use boop_bridge::{Page, StreamName};
use boop_wire::api::AuthResult;
use boop_wire::codec::plain_digest;
use boop_wire::id::TransactionId;
use boop_wire::{Digest, RequestId, UserId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    Answer, Closing, Holder, Opened, Post, Scanner, Session, Store, StoredContext, Vendor,
};
use crate::fixture::{agreed_on, context};

mod rest;

/// What [`keep`] wrote.
pub(crate) struct Kept {
    context: StoredContext,
}

/// Runs the whole contract on an empty store.
pub(crate) async fn run(store: &impl Store) {
    directory(store).await;
    users(store).await;
    contexts(store).await;
    closing(store).await;
    answers(store).await;
    streams(store).await;
    presence(store).await;
    rest::jobs(store).await;
    rest::attributes(store).await;
    rest::replays(store).await;
    rest::revocations(store).await;
}

/// Writes something of each kind.
pub(crate) async fn keep(store: &impl Store) -> Kept {
    directory(store).await;
    let context = stored("kept");
    assert_eq!(store.open_context(&context, &[]).await, Ok(Opened::Yes));
    Kept { context }
}

/// Checks that another life of the same store has it.
pub(crate) async fn check_kept(store: &impl Store, kept: &Kept) {
    let open = store.overdue_contexts(u64::from(u32::MAX), 2).await;
    assert_eq!(open, Ok(vec![kept.context.clone()]));
}

async fn directory(store: &impl Store) {
    let vendor = Vendor {
        id: "ven_1".parse().unwrap(),
        name: "Shop".into(),
        key: Digest::new([1; 32]),
    };
    store.add_vendor(&vendor).await.unwrap();
    let scanner = Scanner {
        id: "scn_1".parse().unwrap(),
        vendor: vendor.id.clone(),
        terminal: "till-1".parse().unwrap(),
        key: Digest::new([2; 32]),
    };

    assert_eq!(store.add_scanner(&scanner).await, Ok(true));
    let second = Scanner {
        id: "scn_2".parse().unwrap(),
        ..scanner.clone()
    };
    assert_eq!(store.add_scanner(&second).await, Ok(false));

    assert_eq!(store.vendor(&vendor.id).await, Ok(Some(vendor.clone())));
    assert_eq!(store.vendor(&"ven_2".parse().unwrap()).await, Ok(None));
    let of_key = store.vendor_of_key(&vendor.key).await;
    assert_eq!(of_key, Ok(Some(vendor.clone())));
    assert_eq!(store.vendor_of_key(&Digest::new([9; 32])).await, Ok(None));
    assert_eq!(store.scanner(&scanner.id).await, Ok(Some(scanner.clone())));
    let of_key = store.scanner_of_key(&scanner.key).await;
    assert_eq!(of_key, Ok(Some(scanner.clone())));
    assert_eq!(store.scanner_of_key(&vendor.key).await, Ok(None));
    let at = store.scanner_at(&vendor.id, &scanner.terminal).await;
    assert_eq!(at, Ok(Some(scanner.clone())));
    assert_eq!(
        store.terminals(&vendor.id, 2).await,
        Ok(vec![scanner.terminal])
    );
    assert_eq!(store.terminals(&vendor.id, 0).await, Ok(vec![]));
    let elsewhere = "till-2".parse().unwrap();
    assert_eq!(store.scanner_at(&vendor.id, &elsewhere).await, Ok(None));
}

async fn users(store: &impl Store) {
    let user = UserId::new([3; 16]);
    let session = Session {
        token: Digest::new([4; 32]),
        user,
        expires_at_ms: 77,
        used: false,
    };
    store.add_user(&session).await.unwrap();
    let agreed = agreed_on(&boop_wire::job::Subject::Enrol { user });
    assert_eq!(
        store.session(&session.token).await,
        Ok(Some(session.clone()))
    );
    assert_eq!(store.session(&Digest::new([5; 32])).await, Ok(None));
    assert_eq!(store.user(UserId::new([9; 16])).await, Ok(None));

    let kept = store.agree_user(user, &agreed).await;
    assert_eq!(kept, Ok(Some(agreed.clone())));
    let known = store.user(user).await.unwrap().unwrap();
    assert_eq!((known.enrolled, known.agreed), (false, Some(agreed)));

    let answer = answer(40, "enrolled");
    store.enrol_user(user, &answer, &[]).await.unwrap();
    assert!(store.user(user).await.unwrap().unwrap().enrolled);
    assert!(store.session(&session.token).await.unwrap().unwrap().used);
    assert_eq!(store.answer(answer.request).await, Ok(Some(answer)));
}

async fn contexts(store: &impl Store) {
    let first = stored("first");
    assert_eq!(store.open_context(&first, &[]).await, Ok(Opened::Yes));
    assert_eq!(store.open_context(&first, &[]).await, Ok(Opened::Exists));
    let second = stored("second");
    assert_eq!(
        store.open_context(&second, &[]).await,
        Ok(Opened::TerminalBusy)
    );

    let found = store.context(&first.body.vendor, &first.body.context).await;
    assert_eq!(found, Ok(Some(first.clone())));
    let found = store.context_of_transaction(&first.transaction).await;
    assert_eq!(found, Ok(Some(first.clone())));
    let found = store.context_of_job(first.job.unwrap()).await;
    assert_eq!(found, Ok(Some(first.clone())));
    assert_eq!(store.context_of_job(Uuid::nil()).await, Ok(None));
    let unknown = TransactionId::new([0; 32]);
    assert_eq!(store.context_of_transaction(&unknown).await, Ok(None));
    let end = first.body.expires_at_ms;
    assert_eq!(store.overdue_contexts(end, 9).await, Ok(vec![]));
    let overdue = store.overdue_contexts(end + 1, 9).await;
    assert_eq!(overdue, Ok(vec![first]));
    assert_eq!(store.overdue_contexts(end + 1, 0).await, Ok(vec![]));
}

async fn closing(store: &impl Store) {
    let first = stored("first");
    let subject = boop_wire::job::Subject::Identify(first.body.clone());
    let agreed = agreed_on(&subject);
    let kept = store.agree_context(&first.body, &agreed).await;
    assert_eq!(kept, Ok(Some(agreed.clone())));
    let mut later = agreed.clone();
    later.user = None;
    let kept = store.agree_context(&first.body, &later).await;
    assert_eq!(kept, Ok(Some(agreed.clone())), "the first agreement stays");
    let unsettled = store
        .close_context(&first.body, Closing::Unsettled, &result("late"), None, &[])
        .await;
    assert_eq!(unsettled, Ok(false), "what is agreed on is not lost");
    let answer = answer(41, "paid");
    let done = result("done");

    let closed = store
        .close_context(
            &first.body,
            Closing::Settled,
            &done,
            Some(&answer),
            &[post("closed")],
        )
        .await;
    assert_eq!(closed, Ok(true));
    let again = store
        .close_context(
            &first.body,
            Closing::Settled,
            &result("late"),
            Some(&self::answer(42, "late")),
            &[post("late")],
        )
        .await;

    assert_eq!(again, Ok(false));
    // What tells of a change is kept with it, or not at all.
    let page = store.read(&vendor_stream(), 0, usize::MAX).await.unwrap();
    assert_eq!(texts(&page), ["closed"]);
    assert_eq!(store.answer(RequestId::new([42; 16])).await, Ok(None));
    let kept = store.context(&first.body.vendor, &first.body.context).await;
    let kept = kept.unwrap().unwrap();
    assert_eq!(
        (kept.agreed.clone(), kept.result),
        (Some(agreed), Some(done))
    );
    let open = store.overdue_contexts(u64::from(u32::MAX), 9).await;
    assert_eq!(open, Ok(vec![]));
    let second = stored("second");
    assert_eq!(store.open_context(&second, &[]).await, Ok(Opened::Yes));
    let body = &second.body;
    let unsettled = store
        .close_context(body, Closing::Unsettled, &result("late"), None, &[])
        .await;
    assert_eq!(unsettled, Ok(true));
    let too_late = store.agree_context(body, &kept.agreed.unwrap()).await;
    assert_eq!(too_late, Ok(None), "what has ended takes no agreement");
}

async fn answers(store: &impl Store) {
    let first = answer(43, "first");
    store.put_answer(&first, &[]).await.unwrap();

    store.put_answer(&answer(43, "second"), &[]).await.unwrap();

    assert_eq!(store.answer(first.request).await, Ok(Some(first)));
}

async fn streams(store: &impl Store) {
    let name = StreamName::Scanner("scn_1".parse().unwrap());
    let post = |text: &str, at_ms| Post {
        stream: name.clone(),
        text: text.into(),
        at_ms,
    };
    let fresh = store.stream(&name).await.unwrap();
    assert_eq!((fresh.head, fresh.acknowledged), (0, 0));
    let empty = store.read(&name, 0, 100).await.unwrap();
    assert_eq!((empty.first, empty.messages.len()), (1, 0));

    let posts = [post("one", 10), post("two", 20), post("three", 30)];
    store.post(&posts).await.unwrap();
    let page = store.read(&name, 1, 100).await.unwrap();
    assert_eq!(page.first, 2);
    assert_eq!(texts(&page), ["two", "three"]);
    let bounded = store.read(&name, 0, 4).await.unwrap();
    assert_eq!(texts(&bounded), ["one"]);
    let least = store.read(&name, 0, 0).await.unwrap();
    assert_eq!(texts(&least), ["one"]);

    store.acknowledge(&[(name.clone(), 2)]).await.unwrap();
    store.acknowledge(&[(name.clone(), 1)]).await.unwrap();
    assert_eq!(store.stream(&name).await.unwrap().acknowledged, 2);
    store.acknowledge(&[(name.clone(), 9)]).await.unwrap();
    assert_eq!(store.stream(&name).await.unwrap().acknowledged, 3);

    assert!(store.streams_since(30).await.unwrap().contains(&name));
    assert_eq!(store.streams_since(31).await, Ok(vec![vendor_stream()]));
    assert_eq!(store.streams_since(u64::from(u32::MAX)).await, Ok(vec![]));

    assert_eq!(store.forget_messages(25).await, Ok(2));
    let page = store.read(&name, 0, 100).await.unwrap();
    assert_eq!((page.first, texts(&page)), (3, vec!["three"]));
    assert_eq!(store.forget_messages(31).await, Ok(1));
    let page = store.read(&name, 1, 100).await.unwrap();
    assert_eq!((page.first, page.messages.len()), (4, 0));

    store.begin_epoch().await.unwrap();
    assert_ne!(store.stream(&name).await.unwrap().epoch, fresh.epoch);
}

async fn presence(store: &impl Store) {
    let scanner = StreamName::Scanner("scn_1".parse().unwrap());
    let (one, other) = (Holder([1; 16]), Holder([2; 16]));
    assert_eq!(store.is_held(&scanner, 0).await, Ok(false));

    store.take_stream(&scanner, one, 100).await.unwrap();
    assert_eq!(store.is_held(&scanner, 99).await, Ok(true));
    assert_eq!(store.is_held(&scanner, 100).await, Ok(false));
    assert_eq!(store.keep_stream(&scanner, one, 200).await, Ok(true));
    assert_eq!(store.is_held(&scanner, 100).await, Ok(true));

    store.take_stream(&scanner, other, 200).await.unwrap();
    assert_eq!(store.keep_stream(&scanner, one, 300).await, Ok(false));
    store.leave_stream(&scanner, one).await.unwrap();
    assert_eq!(store.is_held(&scanner, 100).await, Ok(true));
    store.leave_stream(&scanner, other).await.unwrap();
    assert_eq!(store.is_held(&scanner, 100).await, Ok(false));
}

/// Writes from two connections at a time, to streams in either order and to one context.
pub(crate) async fn race<T: Store + 'static>(one: &T, other: &T) {
    const ROUNDS: u32 = 50;
    const TASKS: u32 = 4;
    directory(one).await;
    let context = stored("raced");
    assert_eq!(one.open_context(&context, &[]).await, Ok(Opened::Yes));
    let first = StreamName::Scanner("scn_1".parse().unwrap());
    let (tasks, mut closed) = (Arc::new(Barrier::new(2 * TASKS as usize)), 0);
    let mut writers = JoinSet::new();
    for task in 0..2 * TASKS {
        let store = if task % 2 == 0 { one } else { other }.clone();
        let (names, barrier) = ([first.clone(), vendor_stream()], Arc::clone(&tasks));
        let body = context.body.clone();
        writers.spawn(async move {
            barrier.wait().await;
            for round in 0..ROUNDS {
                let mut posts = names.clone().map(|stream| Post {
                    stream,
                    text: format!("{task}-{round}"),
                    at_ms: 1_000_000,
                });
                posts.rotate_left((task + round) as usize % 2);
                store.post(&posts).await.unwrap();
            }
            let done = result("done");
            let closed = store.close_context(&body, Closing::Unsettled, &done, None, &[]);
            closed.await.unwrap()
        });
    }
    while let Some(won) = writers.join_next().await {
        closed += u32::from(won.unwrap());
    }

    assert_eq!(closed, 1);
    for name in [first, vendor_stream()] {
        let (mut after, mut seen) = (0, BTreeSet::new());
        loop {
            let page = one.read(&name, after, usize::MAX).await.unwrap();
            assert_eq!(page.first, after + 1);
            let Some(last) = page.messages.last() else {
                break;
            };
            after = last.offset;
            seen.extend(page.messages.iter().map(|message| message.text.clone()));
        }
        let count = 2 * TASKS * ROUNDS;
        assert_eq!((after, seen.len()), (u64::from(count), count as usize));
    }
}

/// Returns tables with their columns, those of the migrations left out.
pub(crate) fn tables(rows: Vec<(String, String)>) -> BTreeSet<(String, String)> {
    let own = |(table, _): &(String, String)| !table.starts_with("_sqlx");
    rows.into_iter().filter(own).collect()
}

fn texts(page: &Page) -> Vec<&str> {
    let messages = page.messages.iter();
    messages.map(|message| message.text.as_str()).collect()
}

fn vendor_stream() -> StreamName {
    StreamName::Vendor("ven_1".parse().unwrap())
}

/// A message for a vendor's stream; it is never forgotten here.
fn post(text: &str) -> Post {
    Post {
        stream: vendor_stream(),
        text: text.into(),
        at_ms: 1_000_000,
    }
}

fn stored(name: &str) -> StoredContext {
    StoredContext {
        body: context(name),
        scanner: "scn_1".parse().unwrap(),
        asked: Digest::new([6; 32]),
        transaction: TransactionId::new(*plain_digest(name.as_bytes()).as_bytes()),
        job: Some(Uuid::from_bytes(
            plain_digest(name.as_bytes()).as_bytes()[..16]
                .try_into()
                .unwrap(),
        )),
        agreed: None,
        result: None,
    }
}

fn answer(number: u8, text: &str) -> Answer {
    Answer {
        request: RequestId::new([number; 16]),
        subject: Digest::new([8; 32]),
        text: text.into(),
    }
}

fn result(code: &str) -> AuthResult {
    AuthResult {
        code: Some(code.into()),
        ..AuthResult::refused(boop_wire::Refusal::Ambiguous)
    }
}

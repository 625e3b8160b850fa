//! A party that dies in the middle: nothing is half done, and a retry gets one answer.

use std::time::Duration;

use boop_sdk::{
    ConnectError, RequestError, ScannerClient, ScannerError, ScannerEvent, SplitCapture,
    VendorError,
};
use boop_wire::PartyIndex;
use boop_wire::Refusal;
use boop_wire::id::ContextId;
use boop_wire::job::{Capture, Subject};
use boop_world::visitor;
use tokio::time::{Instant, sleep};

use crate::bench::{Bench, SEED};
use crate::moments::Moment;
use crate::scanner::{Answer, split};
use crate::shop::{Customer, PRICE, Shop};

/// The gateway's deadline of five seconds, and what a busy machine may add.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(8);
/// Refusals that say: a party left, try again.
const RETRYABLE: [Refusal; 3] = [
    Refusal::PartyUnavailable,
    Refusal::DeadlineExceeded,
    Refusal::ProtocolAborted,
];
/// Times that a refused request is sent again once all parties serve.
const RETRIES_MAX: u32 = 20;
const ZERO: PartyIndex = PartyIndex::ALL[0];
const ONE: PartyIndex = PartyIndex::ALL[1];
const TWO: PartyIndex = PartyIndex::ALL[2];

#[tokio::test(flavor = "multi_thread")]
async fn a_party_killed_during_a_payment_costs_a_retry_and_the_price_once() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let mut cut_short = 0;

    for (party, moment) in [
        (ONE, Moment::Before),
        (ZERO, Moment::After(0)),
        (TWO, Moment::After(8)),
        (ONE, Moment::After(16)),
        (ZERO, Moment::After(24)),
        (TWO, Moment::After(36)),
    ] {
        cut_short += pay_through(&mut bench, &mut shop, &customer, party, moment).await;
    }

    assert!(
        cut_short >= 2,
        "the party died in time in {cut_short} cases"
    );
    shop.check_payment(&bench, &customer).await;
}

/// Pays while a party is killed; returns 1 if that cut the first attempt short.
async fn pay_through(
    bench: &mut Bench,
    shop: &mut Shop,
    customer: &Customer,
    party: PartyIndex,
    moment: Moment,
) -> u32 {
    let before = shop.balance(customer.user).await;
    let id = shop.ask().await;
    let context = shop.scanner.hear(&id).await;
    let split = split(&customer.visitor.probe, &Subject::Identify(context));
    let capture = split.seal(&bench.view().await).unwrap();

    let (starts, answer) = kill_around(bench, shop, party, moment, &Send::Pay(&id), &capture).await;
    let cut_short = !answer.success;
    if cut_short {
        assert_retryable(&answer, moment);
        let told = shop.no_result(&id).await;
        let VendorError::Refused(refused) = told else {
            panic!("{moment:?}: the vendor was told {told:?}");
        };
        assert!(refused.retry_allowed, "{moment:?}: {refused}");
    }

    bench.wait_recovered(party, starts).await;
    retry(bench, shop, &split, &Send::Pay(&id)).await;
    let result = shop.result(&id).await;
    assert!(
        result.result.success,
        "{moment:?}: {:?}",
        result.result.code
    );
    retry(bench, shop, &split, &Send::Pay(&id)).await;
    assert_eq!(
        shop.balance(customer.user).await,
        before - PRICE,
        "{moment:?}"
    );
    u32::from(cut_short)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_killed_during_an_enrolment_leaves_the_palm_at_all_three_once() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let mut customers = vec![shop.enrol(&bench, 0).await];
    let mut cut_short = 0;

    let moments = [
        (TWO, Moment::Before),
        (ONE, Moment::After(0)),
        (ZERO, Moment::After(10)),
        (TWO, Moment::After(20)),
        (ONE, Moment::After(30)),
        (ZERO, Moment::After(45)),
    ];
    for (person, (party, moment)) in (1..).zip(moments) {
        let (customer, cut) = enrol_through(&mut bench, &mut shop, person, party, moment).await;
        cut_short += cut;
        customers.push(customer);
        for party in PartyIndex::ALL {
            assert_eq!(bench.records(party), customers.len(), "{moment:?}");
        }
    }

    assert!(
        cut_short >= 2,
        "the party died in time in {cut_short} cases"
    );
    for customer in &customers {
        shop.check_payment(&bench, customer).await;
    }
}

/// Enrols a person while a party is killed.
async fn enrol_through(
    bench: &mut Bench,
    shop: &mut Shop,
    person: u64,
    party: PartyIndex,
    moment: Moment,
) -> (Customer, u32) {
    let visitor = visitor(SEED, person).unwrap();
    let (mut stream, registration) = shop.register(bench).await;
    let user = registration.user_id;
    let split = split(&visitor.enrolment, &Subject::Enrol { user });
    let capture = split.seal(&bench.view().await).unwrap();
    let send = Send::Enrol(user, &registration.session_token);

    let (starts, answer) = kill_around(bench, shop, party, moment, &send, &capture).await;
    if !answer.success {
        assert_retryable(&answer, moment);
    }

    bench.wait_recovered(party, starts).await;
    retry(bench, shop, &split, &send).await;
    let enrolled = stream.wait_enrolment(ANSWER_TIME_MAX).await.unwrap();
    shop.credit(user).await;
    let customer = Customer {
        visitor,
        user,
        receipt: enrolled.receipt,
    };
    (customer, u32::from(!answer.success))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_gave_up_for_now_finishes_the_same_request_later() {
    let mut bench = Bench::start().await;
    let mut shop = Shop::open(&bench).await;
    let customer = shop.enrol(&bench, 0).await;
    let before = shop.balance(customer.user).await;
    let (client, gateway) = (&bench.client, &bench.gateway);
    let scanner = ScannerClient::connect(client, gateway, &shop.scanner_login);
    let mut scanner = scanner.await.unwrap();
    let id = shop.ask().await;
    let context = loop {
        match scanner.next_event(ANSWER_TIME_MAX).await.unwrap() {
            ScannerEvent::Opened(context) if context.id == id => break context,
            _ => {}
        }
    };

    // With its host gone too, nobody starts the party again.
    bench.network.process("host-2").unwrap().kill();
    let refused = scanner.identify(&context, &customer.visitor.probe).await;
    let refused = match refused {
        Err(ScannerError::Refused(refused)) => refused,
        // After its first attempt the scanner asks who the parties are now.
        Err(ScannerError::Connect(ConnectError::Request(RequestError::Refused(refused)))) => {
            refused
        }
        other => panic!("without party 2 came {other:?}"),
    };
    assert!(refused.retry_allowed, "{refused}");
    assert!(RETRYABLE.contains(&refused.refusal().unwrap()), "{refused}");
    assert_eq!(shop.balance(customer.user).await, before);

    bench.network.start_host(TWO).unwrap();
    bench.network.wait_for_serving(TWO).unwrap();
    bench.wait_ready().await;
    let accepted = scanner.retry().await.unwrap();

    assert!(accepted.attempts >= 1);
    assert!(shop.result(&id).await.result.success);
    assert_eq!(shop.balance(customer.user).await, before - PRICE);
    assert_eq!(scanner.retry().await, Err(ScannerError::NothingPending));
}

/// What is sent, again and again.
enum Send<'a> {
    Pay(&'a ContextId),
    Enrol(boop_wire::UserId, &'a str),
}

impl Send<'_> {
    async fn send(&self, shop: &mut Shop, capture: &Capture) {
        match self {
            Self::Pay(context) => shop.scanner.send_capture(context, capture).await,
            Self::Enrol(user, token) => {
                shop.scanner.send_enrolment(*user, token, capture).await;
            }
        }
    }
}

/// Sends a capture with a party killed at a moment; returns how often that party had been
/// started, and the answer, which must come in time.
async fn kill_around(
    bench: &Bench,
    shop: &mut Shop,
    party: PartyIndex,
    moment: Moment,
    send: &Send<'_>,
    capture: &Capture,
) -> (u64, Answer) {
    let mut starts = None;
    if moment == Moment::Before {
        starts = Some(bench.kill_party(party));
    }
    let sent = Instant::now();
    send.send(shop, capture).await;
    moment.wait().await;
    let starts = starts.unwrap_or_else(|| bench.kill_party(party));
    let answer = shop.scanner.answer(capture.request).await;
    assert!(sent.elapsed() < ANSWER_TIME_MAX, "{moment:?}");
    (starts, answer)
}

fn assert_retryable(answer: &Answer, moment: Moment) {
    let code = answer.code.as_deref().unwrap_or_default();
    let codes = RETRYABLE.map(Refusal::code);
    assert!(codes.contains(&code), "{moment:?}: {code}");
    assert!(answer.retry_allowed, "{moment:?}: {code}");
}

/// Sends the same request, sealed anew, until it is answered for good; that must be a success.
async fn retry(bench: &Bench, shop: &mut Shop, split: &SplitCapture, send: &Send<'_>) {
    for _ in 0..RETRIES_MAX {
        let capture = split.seal(&bench.view().await).unwrap();
        send.send(shop, &capture).await;
        let answer = shop.scanner.answer(split.request()).await;
        if answer.success {
            assert_eq!(answer, Answer::GOOD);
            return;
        }
        assert_retryable(&answer, Moment::Before);
        sleep(Duration::from_millis(100)).await;
    }
    panic!("request {} never succeeds", split.request());
}

//! Calls as bytes: answered in order by number; what is no call ends the session.

use boop_service::rpc::serve_messages;
use boop_wire::codec::CodecError;
use boop_wire::ledger::{
    LedgerCall, LedgerReply, LedgerRequest, LedgerResponse, MESSAGE_BYTES_MAX,
};
use boop_wire::{from_canonical, to_canonical};
use tokio::sync::mpsc;

use crate::support::{folder, record, start, verified};

#[tokio::test]
async fn calls_are_answered_in_order_and_by_number() {
    let folder = folder();
    let running = start(folder.path()).await;
    let (calls, incoming) = mpsc::channel(8);
    let (outgoing, mut replies) = mpsc::channel(1);
    let serving = tokio::spawn(serve_messages(running.ledger.clone(), incoming, outgoing));

    let asking = tokio::spawn(async move {
        for number in 0..200 {
            calls.send(call(number)).await.unwrap();
        }
    });
    for number in 0..200 {
        let reply: LedgerReply = from_canonical(&replies.recv().await.unwrap()).unwrap();
        let LedgerResponse::Recorded(receipt) = reply.response else {
            panic!("{reply:?}")
        };
        verified(&receipt);
        let LedgerRequest::Record { detail, .. } = record(number) else {
            panic!("a record")
        };
        assert_eq!((reply.number, receipt.opening.detail), (number, detail));
    }

    asking.await.unwrap();
    assert_eq!(serving.await.unwrap(), Ok(()));
    assert_eq!(replies.recv().await, None);
    assert_eq!(running.ledger.log().size(), 200);
}

#[tokio::test]
async fn bytes_that_are_no_call_end_the_session_after_the_replies_before_them() {
    let folder = folder();
    let running = start(folder.path()).await;
    let long = vec![0; MESSAGE_BYTES_MAX + 1];
    let max = MESSAGE_BYTES_MAX;
    let cases = [
        (Vec::new(), CodecError::Malformed),
        (call(1)[1..].to_vec(), CodecError::Malformed),
        (to_canonical(&record(1)), CodecError::Malformed),
        ([&call(1)[..], &[0]].concat(), CodecError::NotCanonical),
        (long, CodecError::TooLong { max }),
    ];

    for (bytes, error) in cases {
        let (calls, incoming) = mpsc::channel(8);
        let (outgoing, mut replies) = mpsc::channel(8);
        for message in [call(1), bytes, call(2)] {
            calls.send(message).await.unwrap();
        }
        let served = serve_messages(running.ledger.clone(), incoming, outgoing).await;
        assert_eq!(served, Err(error));
        assert!(calls.is_closed());
        let reply: LedgerReply = from_canonical(&replies.recv().await.unwrap()).unwrap();
        assert_eq!((reply.number, replies.recv().await), (1, None));
    }
    assert_eq!(running.ledger.log().size(), 1);
}

fn call(number: u64) -> Vec<u8> {
    let request = record(number);
    to_canonical(&LedgerCall { number, request })
}

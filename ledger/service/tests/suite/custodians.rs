//! What custodians report: once for each lease, and by nobody else.

use boop_service::Ledger;
use boop_service::custodians::answer;
use boop_service::store::sqlite::SqliteStore;
use boop_wire::Refusal;
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::custody::{CustodyEvent, CustodyReport, SignedReport};
use boop_wire::id::{Digest, InstanceId, NetworkId, PartyIndex};
use boop_wire::ledger::{
    Detail, EntryKind, LedgerRequest, LedgerResponse, MESSAGE_BYTES_MAX, Receipt,
};
use boop_wire::publication::LogRequest;
use boop_wire::release::{Anchor, WrapMechanism};
use boop_wire::session::Signature;
use ed25519_dalek::{Signer as _, SigningKey};

use crate::network::{LedgerClaims, custodian, network};
use crate::support::{folder, start, verified};

#[tokio::test]
async fn each_kind_of_report_is_an_entry_that_is_proved_and_asked_again_the_same() {
    let folder = folder();
    let running = start(folder.path()).await;
    let events = [
        (released(1, 1), EntryKind::KeyRelease),
        (anchored(5, 1), EntryKind::Anchor),
        (destroyed(0, 1), EntryKind::KeyDestruction),
    ];

    for (event, kind) in events {
        let signed = signed(event);
        let receipt = recorded(&running.ledger, &signed).await;
        verified(&receipt);
        assert_eq!(receipt.entry.kind, kind);
        assert_eq!(receipt.opening.detail, Detail::Custody(signed.report));
        let again = recorded(&running.ledger, &signed).await;
        assert_eq!((again.index, again.entry), (receipt.index, receipt.entry));
    }

    assert_eq!(running.ledger.log().size(), 3);
    running.stop().await;
}

#[tokio::test]
async fn a_lease_a_version_and_an_end_that_were_another_once_are_in_conflict() {
    let folder = folder();
    let running = start(folder.path()).await;
    let twice = [
        (released(7, 1), released(7, 2)),
        (anchored(5, 1), anchored(5, 2)),
        (destroyed(0, 1), destroyed(0, 2)),
    ];

    for (first, second) in twice {
        recorded(&running.ledger, &signed(first)).await;
        let refused = running.ledger.report(&signed(second)).await;
        assert_eq!(refused, LedgerResponse::Refused(Refusal::Conflict));
    }

    assert_eq!(running.ledger.log().size(), 3);
    running.stop().await;
}

#[tokio::test]
async fn a_report_of_anybody_else_is_refused() {
    let folder = folder();
    let running = start(folder.path()).await;
    let right = signed(released(1, 1));
    let mut changed = right;
    changed.report.event = released(2, 1);
    let other = SigningKey::from_bytes(&[13; 32]);
    let mut network = right;
    network.report.network = NetworkId::new([1; 32]);

    let refusals = [
        (changed, Refusal::BadSignature),
        (by(&other, right.report), Refusal::BadSignature),
        (by(&custodian(), network.report), Refusal::WrongNetwork),
    ];
    for (report, refusal) in refusals {
        let refused = running.ledger.report(&report).await;
        assert_eq!(refused, LedgerResponse::Refused(refusal));
    }
    let by_gateway = LedgerRequest::Record {
        id: right.report.id(),
        detail: Detail::Custody(right.report),
    };
    assert_eq!(running.refusal(by_gateway).await, Refusal::Invalid);

    assert_eq!(running.ledger.log().size(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_frame_is_answered_with_one() {
    let folder = folder();
    let running = start(folder.path()).await;

    let report = to_canonical(&LogRequest::Report(signed(released(1, 1))));
    let recorded = ask(&running.ledger, &report).await;
    let malformed = ask(&running.ledger, b"hello").await;

    assert!(matches!(recorded, LedgerResponse::Recorded(_)));
    assert_eq!(malformed, LedgerResponse::Refused(Refusal::Malformed));
    running.stop().await;
}

async fn ask(ledger: &Ledger<SqliteStore>, frame: &[u8]) -> LedgerResponse {
    let (mut near, far) = tokio::io::duplex(MESSAGE_BYTES_MAX);
    boop_daemon::write_frame(&mut near, frame, MESSAGE_BYTES_MAX)
        .await
        .unwrap();
    answer(far, ledger).await.unwrap();
    let answered = boop_daemon::read_frame(&mut near, MESSAGE_BYTES_MAX);
    from_canonical_max(&answered.await.unwrap(), MESSAGE_BYTES_MAX).unwrap()
}

async fn recorded(ledger: &Ledger<SqliteStore>, signed: &SignedReport) -> Receipt {
    match ledger.report(signed).await {
        LedgerResponse::Recorded(receipt) => receipt,
        other => panic!("expected a receipt, got {other:?}"),
    }
}

fn signed(event: CustodyEvent) -> SignedReport {
    let trust = network().trust(&LedgerClaims::default());
    let report = CustodyReport {
        network: trust.manifest().network(),
        party: PartyIndex::ALL[1],
        event,
    };
    by(&custodian(), report)
}

fn by(key: &SigningKey, report: CustodyReport) -> SignedReport {
    let signature = Signature(key.sign(&report.signed_bytes()).to_bytes());
    SignedReport { report, signature }
}

fn released(lease: u64, instance: u8) -> CustodyEvent {
    CustodyEvent::Released {
        epoch: 0,
        lease,
        instance: InstanceId::new([instance; 16]),
        mechanism: WrapMechanism::Hpke,
    }
}

fn anchored(version: u64, root: u8) -> CustodyEvent {
    CustodyEvent::Anchored {
        epoch: 0,
        head: head(version, root),
    }
}

fn destroyed(epoch: u32, root: u8) -> CustodyEvent {
    CustodyEvent::Destroyed {
        epoch,
        next: head(9, root),
    }
}

fn head(version: u64, root: u8) -> Anchor {
    Anchor {
        version,
        root: Digest::new([root; 32]),
    }
}

//! Versions of the manifest: in the log once, by whom the version before asks, and before a ledger
//! serves under them.

use std::sync::atomic::Ordering;

use boop_channel::Trust;
use boop_service::custodians::answer;
use boop_service::publish::UnpublishedError;
use boop_wire::Refusal;
use boop_wire::codec::{from_canonical_max, to_canonical};
use boop_wire::ledger::{Detail, EntryKind, LedgerResponse, MESSAGE_BYTES_MAX, Receipt};
use boop_wire::manifest::{Manifest, SignedManifest};
use boop_wire::publication::{LogRequest, Publication};
use ed25519_dalek::SigningKey;

use crate::network::{LedgerClaims, approved, approver, network, operators};
use crate::support::{Running, START_MS, folder, start_unacquainted, verified};

/// How long a version waits that adds trust.
const DELAY_MS: u64 = 72 * 60 * 60 * 1000;

#[tokio::test]
async fn the_genesis_puts_itself_into_the_log_once() {
    let folder = folder();
    let trust = network().trust(&LedgerClaims::default());
    let running = start_unacquainted(folder.path(), trust.clone()).await;

    for _ in 0..2 {
        assert_eq!(running.ledger.check_published().await, Ok(()));
    }

    assert_eq!(running.ledger.log().size(), 1);
    let receipt = published(&running, &trust, 1).await;
    assert_eq!(receipt.entry.kind, EntryKind::Manifest);
    assert_eq!(publication(&receipt).manifest, trust.manifest().digest());
    running.stop().await;
}

#[tokio::test]
async fn the_version_that_follows_is_in_the_log_once_those_agree_whom_this_one_asks() {
    let folder = folder();
    let trust = network().trust(&LedgerClaims::default());
    let running = start_unacquainted(folder.path(), trust.clone()).await;
    let [alpha, beta, _, signer, reviewer] = operators();
    let next = |edit: fn(&mut Manifest), by: &[SigningKey]| approved(&followed(&trust, edit), by);
    let adds = |manifest: &mut Manifest| manifest.evidence_age_max_s += 1;

    let refusals = [
        (
            next(adds, &[alpha.clone(), beta.clone(), signer.clone()]),
            Refusal::BadSignature,
        ),
        (
            next(|manifest| manifest.version = 3, &operators()),
            Refusal::Invalid,
        ),
        (
            next(|manifest| manifest.previous = None, &operators()),
            Refusal::Malformed,
        ),
        (
            next(|manifest| manifest.created_ms = 0, &operators()),
            Refusal::Invalid,
        ),
    ];
    for (signed, refusal) in refusals {
        assert_eq!(
            asked(&running, signed).await,
            LedgerResponse::Refused(refusal)
        );
    }
    let right = next(adds, &[alpha, beta, signer, reviewer]);
    let LedgerResponse::Recorded(receipt) = asked(&running, right.clone()).await else {
        panic!("it is refused");
    };

    verified(&receipt);
    let expected = Publication {
        network: trust.manifest().network(),
        version: 2,
        manifest: right.digest(),
        from_ms: START_MS + DELAY_MS,
    };
    assert_eq!(publication(&receipt), expected);
    // Later, and with more approvals: it is the same manifest.
    running
        .environment
        .now_ms
        .store(START_MS + 5, Ordering::Relaxed);
    let again = asked(&running, next(adds, &operators())).await;
    assert_eq!(again, LedgerResponse::Recorded(receipt.clone()));
    assert_eq!(published(&running, &trust, 2).await, receipt);
    let other = next(|manifest| manifest.quality_min += 1, &operators());
    let conflict = LedgerResponse::Refused(Refusal::Conflict);
    assert_eq!(asked(&running, other).await, conflict);
    running.stop().await;
}

#[tokio::test]
async fn a_ledger_does_not_serve_under_a_version_that_is_not_in_its_log_or_waits() {
    let folder = folder();
    let first = network().trust(&LedgerClaims::default());
    let mut by = operators().to_vec();
    by.push(approver());
    let next = approved(
        &followed(&first, |manifest| manifest.evidence_age_max_s += 1),
        &by,
    );
    let second = network().trust_in(&next);

    let running = start_unacquainted(folder.path(), second.clone()).await;
    let unlogged = Err(UnpublishedError::Unlogged { version: 2 });
    assert_eq!(running.ledger.check_published().await, unlogged);
    let refused = LedgerResponse::Refused(Refusal::ManifestUnlogged);
    let asked_for = running
        .ledger
        .published(second.manifest().network(), 2)
        .await;
    assert_eq!(asked_for, refused);
    running.stop().await;

    let running = start_unacquainted(folder.path(), first).await;
    assert!(matches!(
        asked(&running, next).await,
        LedgerResponse::Recorded(_)
    ));
    running.stop().await;

    let running = start_unacquainted(folder.path(), second).await;
    let from_ms = START_MS + DELAY_MS;
    let clock = &running.environment.now_ms;
    clock.store(from_ms - 1, Ordering::Relaxed);
    let early = Err(UnpublishedError::TooEarly {
        version: 2,
        from_ms,
    });
    assert_eq!(running.ledger.check_published().await, early);
    clock.store(from_ms, Ordering::Relaxed);
    assert_eq!(running.ledger.check_published().await, Ok(()));
    running.stop().await;
}

/// The version after the one in force.
fn followed(before: &Trust, edit: fn(&mut Manifest)) -> Manifest {
    let head = before.manifest().head();
    let mut next = Manifest {
        version: head.version + 1,
        previous: Some(head.digest),
        network: Some(head.network),
        created_ms: head.created_ms + 1,
        ..before.manifest().manifest().clone()
    };
    edit(&mut next);
    next
}

/// Publishes over the port, as an operator does.
async fn asked(running: &Running, signed: SignedManifest) -> LedgerResponse {
    let (mut near, far) = tokio::io::duplex(MESSAGE_BYTES_MAX);
    let request = to_canonical(&LogRequest::Publish(signed));
    let written = boop_daemon::write_frame(&mut near, &request, MESSAGE_BYTES_MAX);
    written.await.unwrap();
    answer(far, &running.ledger).await.unwrap();
    let answered = boop_daemon::read_frame(&mut near, MESSAGE_BYTES_MAX);
    from_canonical_max(&answered.await.unwrap(), MESSAGE_BYTES_MAX).unwrap()
}

async fn published(running: &Running, trust: &Trust, version: u64) -> Receipt {
    let network = trust.manifest().network();
    match running.ledger.published(network, version).await {
        LedgerResponse::Recorded(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

fn publication(receipt: &Receipt) -> Publication {
    match receipt.opening.detail {
        Detail::Manifest(publication) => publication,
        ref other => panic!("{other:?}"),
    }
}

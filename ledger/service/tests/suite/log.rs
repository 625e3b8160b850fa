//! The log across restarts and crashes: it only grows, and a broken one is not served.

use boop_proof::key::KeyType;
use boop_proof::{Checkpoint, Hash, SignerKey, verify_consistency};
use boop_service::ledger::OpenError;
use boop_service::log::RebuildError;
use boop_service::store::Audit;
use boop_service::store::StoreError;
use boop_wire::ledger::{LedgerRequest, LedgerResponse, Receipt};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::{Running, credit, folder, log_key, log_signer, open, record, start};
use crate::support::{user, verified};

#[tokio::test]
async fn a_new_log_signs_its_empty_checkpoint() {
    let folder = folder();
    let running = start(folder.path()).await;

    let checkpoint = newest(&running).await;

    assert_eq!(
        (checkpoint.size, checkpoint.root),
        (0, boop_proof::EMPTY_ROOT)
    );
}

#[tokio::test]
async fn a_restarted_log_extends_the_one_before() {
    let folder = folder();
    let mut earlier = Vec::new();

    for round in 0..4 {
        let running = start(folder.path()).await;
        for number in 0..=round {
            let receipt = running.receipt(record(10 * round + number)).await;
            earlier.push(verified(&receipt));
        }
        all_extended(&running, &earlier).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_kill_at_any_moment() {
    let seed = 0x6b69_6c6c;
    println!("seed {seed:#x}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = folder();
    let mut answered: Vec<Receipt> = Vec::new();
    let mut checkpoints = Vec::new();

    for round in 0..12_u64 {
        let running = start(folder.path()).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..60 {
            let ledger = running.ledger.clone();
            tasks.spawn(async move { ledger.handle(record(1_000 * round + number)).await });
        }
        for _ in 0..random.next_u32() % 60 {
            let Some(response) = tasks.join_next().await else {
                break;
            };
            if let LedgerResponse::Recorded(receipt) = response.unwrap() {
                checkpoints.push(verified(&receipt));
                answered.push(receipt);
            }
        }
        tasks.shutdown().await;
        running.kill().await;
    }

    let running = start(folder.path()).await;
    assert!(answered.len() > 60, "{} answers", answered.len());
    all_extended(&running, &checkpoints).await;
    for receipt in answered {
        let now = running.ledger.leaf(receipt.index).await.unwrap();
        assert_eq!(now, Some(receipt.entry.leaf()));
    }
    assert!(running.ledger.audit().await.unwrap().is_sound());
}

#[tokio::test]
async fn time_in_the_log_does_not_go_back_over_a_restart() {
    let folder = folder();
    let running = start(folder.path()).await;
    let later = crate::support::START_MS + 5_000;
    running
        .environment
        .now_ms
        .store(later, std::sync::atomic::Ordering::Relaxed);
    running.receipt(record(1)).await;
    running.stop().await;

    let running = start(folder.path()).await;

    assert_eq!(running.receipt(record(2)).await.entry.time_ms, later);
}

#[tokio::test]
async fn a_log_under_another_key_is_not_served() {
    let folder = folder();
    start(folder.path()).await.stop().await;
    let name = log_key().name().clone();

    let refused = refused(
        folder.path(),
        SignerKey::from_seed(name, KeyType::Ed25519, &[1; 32]),
    );

    assert!(matches!(
        refused.await,
        OpenError::Log(RebuildError::Checkpoint(_))
    ));
}

#[tokio::test]
async fn a_log_that_lost_or_gained_an_entry_is_not_served() {
    let folder = three_entries().await;
    tamper(
        folder.path(),
        &[
            "DELETE FROM events",
            "DELETE FROM entries WHERE entry_index = 2",
        ],
    )
    .await;

    let lost = refused(folder.path(), log_signer()).await;

    assert_eq!(
        lost,
        OpenError::Log(RebuildError::Size {
            checkpoint: 3,
            entries: 2
        })
    );
    tamper(folder.path(), &["DELETE FROM checkpoint"]).await;
    let unsigned = refused(folder.path(), log_signer()).await;
    assert_eq!(
        unsigned,
        OpenError::Log(RebuildError::NoCheckpoint { entries: 2 })
    );
}

#[tokio::test]
async fn a_log_with_a_changed_leaf_is_not_served() {
    let folder = three_entries().await;
    tamper(
        folder.path(),
        &["UPDATE entries SET leaf = x'00' WHERE entry_index = 1"],
    )
    .await;

    let changed = refused(folder.path(), log_signer()).await;

    assert!(matches!(changed, OpenError::Log(RebuildError::Root { .. })));
}

#[tokio::test]
async fn a_log_with_a_gap_is_not_served() {
    let folder = three_entries().await;
    tamper(
        folder.path(),
        &[
            "DELETE FROM events",
            "UPDATE entries SET entry_index = 9 WHERE entry_index = 2",
        ],
    )
    .await;

    let gap = refused(folder.path(), log_signer()).await;

    assert_eq!(
        gap,
        OpenError::Log(RebuildError::Store(StoreError::Damaged("entries")))
    );
}

#[tokio::test]
async fn an_opening_that_is_not_the_one_committed_to_is_not_returned() {
    let folder = three_entries().await;
    let swap = "UPDATE entries SET opening = (SELECT opening FROM entries WHERE entry_index = 1) \
                WHERE entry_index = 0";
    tamper(folder.path(), &[swap]).await;

    let running = start(folder.path()).await;

    let expected = Err(StoreError::Damaged("entries"));
    assert_eq!(running.ledger.leaf(0).await, expected);
}

#[tokio::test]
async fn books_that_contradict_the_journal_are_not_served() {
    let folder = folder();
    let running = start(folder.path()).await;
    running.receipt(credit(1, user(1), 100)).await;
    running.stop().await;
    tamper(
        folder.path(),
        &["UPDATE accounts SET credits_posted = 101 WHERE world = 0"],
    )
    .await;

    let refused = refused(folder.path(), log_signer()).await;

    let unbalanced = vec![crate::support::euro()];
    let audit = Audit {
        unbalanced,
        journal_mismatches: 1,
        hold_mismatches: 0,
    };
    assert_eq!(refused, OpenError::Books(audit));
}

#[tokio::test]
async fn the_store_itself_refuses_to_change_an_entry_or_to_overdraw() {
    let folder = three_entries().await;
    let mut connection = connect(folder.path()).await;

    for (change, reason) in [
        ("UPDATE entries SET leaf = x'00'", "append-only"),
        ("DELETE FROM entries", "append-only"),
        (
            "INSERT INTO accounts VALUES (zeroblob(32), 'EUR', 0, 1, 0, 0, 0)",
            "CHECK constraint failed",
        ),
    ] {
        let error = sqlx::query(change)
            .execute(&mut connection)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

async fn newest(running: &Running) -> Checkpoint {
    let LedgerResponse::Checkpoint(note) = running.ledger.handle(LedgerRequest::Checkpoint).await
    else {
        panic!("a checkpoint")
    };
    Checkpoint::open(&note, &log_key()).unwrap()
}

/// Checks that the newest checkpoint extends each of the earlier ones.
async fn all_extended(running: &Running, earlier: &[Checkpoint]) {
    let now = newest(running).await;
    for old in earlier {
        let proof = running
            .ledger
            .log()
            .consistency(old.size, now.size)
            .unwrap();
        let proof: Vec<Hash> = proof;
        verify_consistency(old.size, now.size, &old.root, &now.root, &proof).unwrap();
    }
}

async fn three_entries() -> tempfile::TempDir {
    let folder = folder();
    let running = start(folder.path()).await;
    for number in 0..3 {
        running.receipt(record(number)).await;
    }
    running.stop().await;
    folder
}

async fn refused(folder: &std::path::Path, signer: SignerKey) -> OpenError {
    match open(folder, signer).await {
        Ok(_) => panic!("the ledger opened"),
        Err(error) => error,
    }
}

/// Changes rows as somebody could who has the file.
async fn tamper(folder: &std::path::Path, changes: &[&'static str]) {
    let mut connection = connect(folder).await;
    let guards = [
        "DROP TRIGGER IF EXISTS entries_are_not_changed",
        "DROP TRIGGER IF EXISTS entries_are_not_deleted",
    ];
    for change in guards.iter().chain(changes) {
        sqlx::query(*change).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

async fn connect(folder: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("ledger.sqlite"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

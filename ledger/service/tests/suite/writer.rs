//! The writer when something is missing: nothing half done is ever answered or kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use boop_proof::Checkpoint;
use boop_service::environment::{EntropyError, Environment};
use boop_service::log::Log;
use boop_service::store::sqlite::SqliteStore;
use boop_service::store::{LedgerStore as _, StoreError};
use boop_service::writer::{
    Command, CommandError, QUEUE_MAX, Writer, WriterHandle, WriterParts, Written,
};
use boop_wire::ledger::LedgerRequest;

use crate::support::{folder, log_key, log_signer, record};

/// Randomness that can be switched off.
struct Flaky {
    dry: AtomicBool,
}

impl Environment for Flaky {
    fn now_ms(&self) -> u64 {
        1
    }

    fn salt(&self) -> Result<[u8; 32], EntropyError> {
        if self.dry.load(Ordering::Relaxed) {
            Err(EntropyError)
        } else {
            Ok([5; 32])
        }
    }
}

#[tokio::test]
async fn a_group_that_fails_leaves_no_trace() {
    let folder = folder();
    let parts = parts(folder.path()).await;
    let running = tokio::spawn(parts.writer.run());
    entry(&parts.handle, 1).await.unwrap();
    let before = parts.log.checkpoint();

    parts.environment.dry.store(true, Ordering::Relaxed);
    let known = entry(&parts.handle, 1);
    let (known, failed) = tokio::join!(known, entry(&parts.handle, 2));
    parts.environment.dry.store(false, Ordering::Relaxed);

    // Both were one group: the known one fails with the other, and a repetition finds it.
    assert_eq!(failed, Err(CommandError::Entropy(EntropyError)));
    assert_eq!(known, Err(CommandError::Entropy(EntropyError)));
    assert_eq!(parts.log.checkpoint(), before);
    assert_eq!(index(entry(&parts.handle, 1).await), 0);
    assert_eq!(index(entry(&parts.handle, 2).await), 1);
    drop(parts.handle);
    running.await.unwrap().unwrap();
    let checkpoint = Checkpoint::open(&parts.log.checkpoint(), &log_key()).unwrap();
    let (rebuilt, _) = Log::rebuild(&parts.store, &log_signer()).await.unwrap();
    assert_eq!(checkpoint.size, 2);
    assert_eq!(rebuilt.checkpoint(), parts.log.checkpoint());
}

#[tokio::test]
async fn a_store_that_is_gone_is_an_error_to_everyone_who_waits() {
    let folder = folder();
    let parts = parts(folder.path()).await;
    tokio::spawn(parts.writer.run());
    parts.store.close().await;

    let refused = entry(&parts.handle, 1).await;

    assert!(matches!(
        refused,
        Err(CommandError::Store(StoreError::Database(_)))
    ));
}

#[tokio::test]
async fn a_full_queue_and_a_stopped_writer_are_said_so() {
    let folder = folder();
    let parts = parts(folder.path()).await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..QUEUE_MAX as u64 {
        let handle = parts.handle.clone();
        waiting.spawn(async move { entry(&handle, number).await });
    }
    while parts.handle.waiting() < QUEUE_MAX {
        tokio::task::yield_now().await;
    }

    assert_eq!(entry(&parts.handle, 1).await, Err(CommandError::Busy));
    drop(parts.writer);

    assert_eq!(entry(&parts.handle, 1).await, Err(CommandError::Stopped));
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap(), Err(CommandError::Stopped));
    }
}

#[tokio::test]
async fn a_queue_of_many_groups_is_carried_out_in_order() {
    let folder = folder();
    let parts = parts(folder.path()).await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..QUEUE_MAX as u64 {
        let handle = parts.handle.clone();
        waiting.spawn(async move { (number, index(entry(&handle, number).await)) });
    }
    while parts.handle.waiting() < QUEUE_MAX {
        tokio::task::yield_now().await;
    }

    tokio::spawn(parts.writer.run());

    while let Some(answer) = waiting.join_next().await {
        let (number, index) = answer.unwrap();
        assert_eq!(number, index);
    }
    let mut session = parts.store.read().await.unwrap();
    let leaves = boop_service::store::EntryStore::leaves(&mut session, 0, 2_000)
        .await
        .unwrap();
    assert_eq!(leaves.len(), QUEUE_MAX);
}

struct Parts {
    writer: Writer<SqliteStore>,
    handle: WriterHandle,
    store: SqliteStore,
    log: Arc<Log>,
    environment: Arc<Flaky>,
}

async fn parts(folder: &std::path::Path) -> Parts {
    let store = SqliteStore::open(&folder.join("ledger.sqlite"))
        .await
        .unwrap();
    let (log, time_ms) = Log::rebuild(&store, &log_signer()).await.unwrap();
    let (log, environment) = (
        Arc::new(log),
        Arc::new(Flaky {
            dry: AtomicBool::new(false),
        }),
    );
    let (writer, handle) = Writer::new(WriterParts {
        store: store.clone(),
        log: log.clone(),
        signer: log_signer(),
        environment: environment.clone(),
        simulated: true,
        time_ms,
    });
    Parts {
        writer,
        handle,
        store,
        log,
        environment,
    }
}

async fn entry(handle: &WriterHandle, number: u64) -> Result<Written, CommandError> {
    let LedgerRequest::Record { id, detail } = record(number) else {
        panic!("a record")
    };
    handle.write(Command::Record { id, detail }).await
}

fn index(written: Result<Written, CommandError>) -> u64 {
    match written {
        Ok(Written::Entry(stored)) => stored.index,
        other => panic!("expected an entry, got {other:?}"),
    }
}

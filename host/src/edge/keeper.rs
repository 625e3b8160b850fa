//! Answers the enclave's requests for blobs, one after the other.

use std::sync::Arc;

use boop_abi::{FromHost, Slot};
use tokio::sync::mpsc;

use crate::blobs::{BlobError, BlobStore};
use crate::edge::EdgeError;

/// What an enclave asks of the store.
#[derive(Debug)]
pub(crate) enum BlobRequest {
    Get(Slot),
    Put(Slot, Vec<u8>),
    Delete(Slot),
}

/// Serves requests until the edge closes; a file system that fails ends the edge, since there is
/// no way to promise what was asked.
pub(crate) async fn keep(
    store: Arc<BlobStore>,
    mut requests: mpsc::Receiver<BlobRequest>,
    to_enclave: mpsc::Sender<FromHost>,
) -> Result<(), EdgeError> {
    while let Some(request) = requests.recv().await {
        let store = Arc::clone(&store);
        let answer = tokio::task::spawn_blocking(move || perform(&store, request))
            .await
            .map_err(|_| EdgeError::Task)??;
        if to_enclave.send(answer).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn perform(store: &BlobStore, request: BlobRequest) -> Result<FromHost, BlobError> {
    match request {
        BlobRequest::Get(slot) => Ok(FromHost::Blob {
            slot,
            bytes: store.get(slot)?,
        }),
        BlobRequest::Put(slot, bytes) => {
            store.put(slot, &bytes)?;
            Ok(FromHost::BlobDone { slot })
        }
        BlobRequest::Delete(slot) => {
            store.delete(slot)?;
            Ok(FromHost::BlobDone { slot })
        }
    }
}

//! The public side: checkpoints, entries, proofs and tiles over plain HTTP, read-only.
//!
//! Everything it serves can be checked by whoever asks, so it needs no TLS of its own. It reads
//! the log and the leaves, which hold commitments; balances and openings have no way here.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_proof::tile::{Tile, TileKind};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::store::{LedgerStore, StoreError};

/// Requests served at a time.
pub const REQUESTS_MAX: usize = 128;
/// Longest time that one request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
const FRESH: &str = "no-cache";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[derive(Serialize)]
struct Health {
    status: &'static str,
    size: u64,
}

#[derive(Serialize)]
struct Consistency {
    from: u64,
    to: u64,
    proof: Vec<String>,
}

/// Returns the public routes over a ledger.
pub fn router<S: LedgerStore>(ledger: Ledger<S>) -> Router {
    let permits = Arc::new(Semaphore::new(REQUESTS_MAX));
    Router::new()
        .route("/checkpoint", get(checkpoint::<S>))
        .route("/key", get(key::<S>))
        .route("/entries/{index}", get(entry::<S>))
        .route("/proof/{index}", get(proof::<S>))
        .route("/consistency/{from}/{to}", get(consistency::<S>))
        .route("/tile/{*path}", get(tile::<S>))
        .route("/health", get(health::<S>))
        .fallback(|| async { Problem::NotFound })
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            bounded(Arc::clone(&permits), request, next)
        }))
        .with_state(ledger)
}

async fn checkpoint<S: LedgerStore>(State(ledger): State<Ledger<S>>) -> Response {
    answer(TEXT, FRESH, ledger.log().checkpoint())
}

async fn key<S: LedgerStore>(State(ledger): State<Ledger<S>>) -> Response {
    answer(TEXT, FRESH, format!("{}\n", ledger.log().key()))
}

async fn entry<S: LedgerStore>(
    State(ledger): State<Ledger<S>>,
    Path(index): Path<String>,
) -> Result<Response, Problem> {
    let leaf = ledger.leaf(number(&index)?).await.map_err(unread)?;
    Ok(answer(BYTES, FOR_EVER, leaf.ok_or(Problem::NoSuchEntry)?))
}

async fn proof<S: LedgerStore>(
    State(ledger): State<Ledger<S>>,
    Path(index): Path<String>,
) -> Result<Response, Problem> {
    let proof = ledger
        .log()
        .proof_text(number(&index)?)
        .map_err(|_| Problem::NoSuchEntry)?;
    Ok(answer(TEXT, FRESH, proof.text()))
}

async fn consistency<S: LedgerStore>(
    State(ledger): State<Ledger<S>>,
    Path((from, to)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (from, to) = (number(&from)?, number(&to)?);
    let proof = ledger
        .log()
        .consistency(from, to)
        .map_err(|_| Problem::NoSuchSizes)?;
    let proof = proof
        .iter()
        .map(|hash| STANDARD.encode(hash.as_bytes()))
        .collect();
    Ok((
        [(CACHE_CONTROL, FOR_EVER)],
        Json(Consistency { from, to, proof }),
    )
        .into_response())
}

/// Serves a tile (C2SP tlog-tiles): hashes back to back, or entries with 16-bit lengths.
async fn tile<S: LedgerStore>(
    State(ledger): State<Ledger<S>>,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let tile = Tile::parse(&format!("tile/{path}")).ok_or(Problem::NotFound)?;
    let start = tile.start().ok_or(Problem::NoSuchTile)?;
    let bytes = match tile.kind {
        TileKind::Hashes(level) => ledger.log().tile(level, start, tile.width),
        TileKind::Entries => {
            let leaves = ledger.leaves(start, tile.width).await.map_err(unread)?;
            leaves.map(|leaves| entry_bundle(&leaves)).transpose()?
        }
    };
    Ok(answer(BYTES, FOR_EVER, bytes.ok_or(Problem::NoSuchTile)?))
}

async fn health<S: LedgerStore>(State(ledger): State<Ledger<S>>) -> Response {
    let health = Health {
        status: "ok",
        size: ledger.log().size(),
    };
    ([(CACHE_CONTROL, FRESH)], Json(health)).into_response()
}

/// Serves a request if there is room for it, and not for longer than it may take.
async fn bounded(permits: Arc<Semaphore>, request: Request, next: Next) -> Response {
    let Ok(_permit) = permits.try_acquire() else {
        return Problem::Busy.into_response();
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::Timeout.into_response(),
    }
}

fn answer(kind: &'static str, cache: &'static str, body: impl Into<axum::body::Body>) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, cache)], body.into()).into_response()
}

/// Reads a number that has one spelling, so that each resource has one address.
fn number(text: &str) -> Result<u64, Problem> {
    let number: u64 = text.parse().map_err(|_| Problem::InvalidNumber)?;
    if number.to_string() == text {
        Ok(number)
    } else {
        Err(Problem::InvalidNumber)
    }
}

fn entry_bundle(leaves: &[Vec<u8>]) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        let length = u16::try_from(leaf.len()).map_err(|_| Problem::Internal)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(leaf);
    }
    Ok(bytes)
}

fn unread(error: StoreError) -> Problem {
    tracing::error!(%error, "entries could not be read");
    Problem::Internal
}

//! The public side: what it serves verifies, what it refuses has a code, accounts are not there.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boop_proof::{Checkpoint, Hash, ProofText, Tree, leaf_hash, verify_consistency};
use boop_service::http;
use boop_service::store::LedgerStore as _;
use boop_service::store::sqlite::READERS_MAX;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Running, credit, folder, log_key, record, start, user};

#[tokio::test]
async fn an_entry_is_proven_from_what_is_served() {
    let folder = folder();
    let running = five_entries(folder.path()).await;
    let router = http::router(running.ledger.clone());

    for index in 0..5 {
        let leaf = ok(&router, &format!("/entries/{index}")).await;
        let proof = text(&router, &format!("/proof/{index}")).await;
        let checkpoint = ProofText::parse(&proof)
            .unwrap()
            .verify(&leaf_hash(&leaf), &log_key());
        assert_eq!(checkpoint.unwrap().size, 5);
    }
}

#[tokio::test]
async fn growth_is_proven_from_what_is_served() {
    let folder = folder();
    let running = five_entries(folder.path()).await;
    let router = http::router(running.ledger.clone());
    let open = |note: &str| Checkpoint::open(note, &log_key()).unwrap();
    let old = open(&text(&router, "/checkpoint").await);
    running.receipt(record(9)).await;
    let new = open(&text(&router, "/checkpoint").await);

    let served: Value = serde_json::from_slice(&ok(&router, "/consistency/5/6").await).unwrap();

    assert_eq!(
        (served["from"].as_u64(), served["to"].as_u64()),
        (Some(5), Some(6))
    );
    let hash = |text: &Value| Hash::from_slice(&STANDARD.decode(text.as_str().unwrap()).unwrap());
    let proof: Option<Vec<Hash>> = served["proof"]
        .as_array()
        .unwrap()
        .iter()
        .map(hash)
        .collect();
    verify_consistency(old.size, new.size, &old.root, &new.root, &proof.unwrap()).unwrap();
}

#[tokio::test]
async fn tiles_hold_the_hashes_and_the_entries() {
    let folder = folder();
    let running = start(folder.path()).await;
    for number in 0..258 {
        running.receipt(record(number)).await;
    }
    let router = http::router(running.ledger.clone());

    let bundle = ok(&router, "/tile/entries/000").await;
    let (mut leaves, mut rest) = (Vec::new(), &bundle[..]);
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (leaf, after) = after.split_at(u16::from_be_bytes(*length).into());
        leaves.push(leaf_hash(leaf));
        rest = after;
    }
    let level_zero = ok(&router, "/tile/0/000").await;
    let partial = ok(&router, "/tile/0/001.p/2").await;
    let level_one = ok(&router, "/tile/1/000.p/1").await;

    let mut tree = Tree::new();
    for leaf in &leaves {
        tree.append(*leaf);
    }
    let hashes: Vec<u8> = leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect();
    assert_eq!((leaves.len(), level_zero), (256, hashes));
    assert_eq!(level_one, tree.root().as_bytes());
    for leaf in partial.chunks(32) {
        tree.append(Hash::from_slice(leaf).unwrap());
    }
    let checkpoint = Checkpoint::open(&text(&router, "/checkpoint").await, &log_key()).unwrap();
    assert_eq!(
        (tree.size(), tree.root()),
        (checkpoint.size, checkpoint.root)
    );
}

#[tokio::test]
async fn key_and_health_are_served() {
    let folder = folder();
    let running = five_entries(folder.path()).await;
    let router = http::router(running.ledger.clone());

    assert_eq!(text(&router, "/key").await, format!("{}\n", log_key()));
    let health: Value = serde_json::from_slice(&ok(&router, "/health").await).unwrap();
    assert_eq!(health, json!({ "status": "ok", "size": 5 }));
}

#[tokio::test]
async fn refusals_are_problems_with_stable_codes() {
    let folder = folder();
    let running = five_entries(folder.path()).await;
    let router = http::router(running.ledger.clone());
    let cases = [
        ("GET", "/entries/5", 404, "no-such-entry"),
        ("GET", "/proof/5", 404, "no-such-entry"),
        ("GET", "/entries/18446744073709551615", 404, "no-such-entry"),
        ("GET", "/entries/01", 400, "invalid-number"),
        ("GET", "/entries/-1", 400, "invalid-number"),
        ("GET", "/proof/18446744073709551616", 400, "invalid-number"),
        ("GET", "/consistency/0/5", 404, "no-such-sizes"),
        ("GET", "/consistency/5/6", 404, "no-such-sizes"),
        ("GET", "/consistency/5/4", 404, "no-such-sizes"),
        ("GET", "/consistency/x/4", 400, "invalid-number"),
        ("GET", "/tile/0/000", 404, "no-such-tile"),
        ("GET", "/tile/0/000.p/6", 404, "no-such-tile"),
        ("GET", "/tile/7/000.p/1", 404, "no-such-tile"),
        ("GET", "/tile/entries/000.p/6", 404, "no-such-tile"),
        ("GET", "/tile/0/000.p/256", 404, "not-found"),
        ("GET", "/tile/8/000.p/1", 404, "not-found"),
        ("POST", "/checkpoint", 405, "method-not-allowed"),
        ("GET", "/accounts", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
    ];

    for (method, path, status, code) in cases {
        let (got, kind, body) = call(&router, method, path).await;
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (got.as_u16(), problem["code"].as_str()),
            (status, Some(code)),
            "{path}"
        );
        assert_eq!(kind, "application/problem+json", "{path}");
        assert_eq!(problem["type"], format!("urn:boop:problem:{code}"));
    }
}

#[tokio::test]
async fn nothing_public_holds_an_opening() {
    let folder = folder();
    let running = start(folder.path()).await;
    let receipt = running.receipt(credit(1, user(1), 100)).await;
    let router = http::router(running.ledger.clone());

    for path in ["/entries/0", "/proof/0", "/checkpoint", "/health", "/key"] {
        let body = ok(&router, path).await;
        assert!(!contains(&body, &receipt.opening.salt), "{path}");
        assert!(!contains(&body, &[1; 32]), "{path}");
    }
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused_as_busy() {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    let folder = folder();
    let running = five_entries(folder.path()).await;
    let router = http::router(running.ledger.clone());
    let get = || Request::get("/entries/0").body(Body::empty()).unwrap();
    // With every connection of the store taken, a request that is begun stays under way.
    let mut taken = Vec::new();
    for _ in 0..READERS_MAX {
        taken.push(running.store.read().await.unwrap());
    }
    let mut waiting = Vec::new();
    for _ in 0..http::REQUESTS_MAX {
        let mut request = Box::pin(router.clone().oneshot(get()));
        poll_fn(|context| {
            assert!(request.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        waiting.push(request);
    }

    let refused = pin!(router.clone().oneshot(get())).await.unwrap();
    drop((waiting, taken));
    let served = router.oneshot(get()).await.unwrap();

    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(served.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let folder = folder();
    let running = five_entries(folder.path()).await;
    let router = http::router(running.ledger.clone());
    let mut taken = Vec::new();
    for _ in 0..READERS_MAX {
        taken.push(running.store.read().await.unwrap());
    }
    let get = Request::get("/entries/0").body(Body::empty()).unwrap();
    let request = tokio::spawn(router.oneshot(get));
    tokio::task::yield_now().await;

    tokio::time::pause();
    tokio::time::advance(http::REQUEST_TIMEOUT).await;

    let body = request
        .await
        .unwrap()
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["code"], "timeout");
}

async fn five_entries(folder: &std::path::Path) -> Running {
    let running = start(folder).await;
    for number in 0..5 {
        running.receipt(record(number)).await;
    }
    running
}

async fn call(router: &Router, method: &str, path: &str) -> (StatusCode, String, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let kind = response.headers()[header::CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    let status = response.status();
    (
        status,
        kind,
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
}

async fn ok(router: &Router, path: &str) -> Vec<u8> {
    let (status, _, body) = call(router, "GET", path).await;
    assert_eq!(status, StatusCode::OK, "{path}");
    body
}

async fn text(router: &Router, path: &str) -> String {
    String::from_utf8(ok(router, path).await).unwrap()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
